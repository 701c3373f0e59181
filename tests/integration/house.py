"""house.py - a whole house for a test: broker, gateway, handhelds, devices, on private loopback ports.

Used by the tests in this folder. Standard library only, and Debian's mosquitto-clients and protoc. Every
wait has an end; what was started is ended by its own process id.
"""
import atexit
import base64
import collections
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
failures = 0


def ok(sentence, is_good=True, why=""):
    """Prints one line; the last of a test calls `done`."""
    global failures
    print(("ok - " if is_good else "not ok - ") + sentence, flush=True)
    if not is_good:
        failures += 1
        for line in str(why)[:1500].splitlines():
            print("    " + line, flush=True)
    return is_good


def figure(text):
    print("# " + text, flush=True)


def done():
    sys.exit(1 if failures else 0)


def wait_for(what, within_s=5.0, every_s=0.02):
    """Calls `what` until it answers with something true; the last answer."""
    end = time.monotonic() + within_s
    while True:
        answer = what()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(every_s)


# Below the range that the kernel deals out by itself: a port found free there would be somebody's outgoing
# connection before the house binds it. Never the same twice, since houses are built side by side.
own_ports = iter(range(12000 + os.getpid() * 64 % 16000, 32700))
own_ports_lock = threading.Lock()


def free_port():
    """A port of loopback that is free for TCP and for UDP."""
    with own_ports_lock:
        for port in own_ports:
            try:
                with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                    tcp.bind(("127.0.0.1", port))
                    udp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port is left")


def tmp():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="samlarm-house-", dir=os.environ.get("SAMLARM_WORK")))
    atexit.register(shutil.rmtree, folder, True)
    return folder


HANG = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static void hang(void) { while (access(getenv("HANG_WHILE"), F_OK) == 0) usleep(20000); }
int fsync(int fd) { hang(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { hang(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


def hanging_disk():
    """(environment, file): a gateway begun so waits in fsync while the file exists."""
    work = tmp()
    (work / "hang.c").write_text(HANG)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", work / "hang.so", work / "hang.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(work / "hang.so"), "HANG_WHILE": str(work / "flag")}, work / "flag"


def quick_plan(*steps, on_site_s=0):
    """One plan for everything: steps are `("team", 30)`."""
    rows = "".join(f"      - {{ask: {ask}, within_s: {within}}}\n" for ask, within in steps)
    return ("plans:\n  - plan: alla\n    match: {form: [special, ordinary, support, family]}\n"
            f"    on_site_within_s: {on_site_s}\n    steps:\n{rows}")


class House:
    def __init__(self, build, tools=None, plans=None, change=None, state=None, acl=None, env=None, logins=(),
                 has_contacts=False):
        self.build = pathlib.Path(build)
        self.tools = pathlib.Path(tools or build)
        self.work = tmp()
        self.state = pathlib.Path(state) if state else self.work / "state"
        self.config = self.work / "config"
        self.env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="print_stacktrace=1",
                        **(env or {}))
        shutil.copytree(ROOT / "config" / "demo", self.config)
        self.web, self.mqtt, self.sip, self.espa, self.centre1, self.centre2 = (
            free_port() for _ in range(6))
        self.espax, self.dc09, self.gps, self.modbus = (free_port() for _ in range(4))
        text = (self.config / "samlarm.yaml").read_text()
        for old, new in (("8080", self.web), ("1883", self.mqtt), ("5060", self.sip), ("4001", self.espa),
                         ("5070", self.centre1), ("5071", self.centre2), ("2023", self.espax),
                         ("12300", self.dc09), ("7700", self.gps), ("5020", self.modbus)):
            text = re.sub(r"(?<=[: ])" + old + r"\b", str(new), text)
        if not has_contacts:  # nobody would answer there, and its silence is an alarm
            text = text.replace("    modbus: {count", "    active: no\n    modbus: {count")
        (self.config / "samlarm.yaml").write_text(change(text) if change else text)
        if plans:
            (self.config / "plans.yaml").write_text(plans)
        self.broker_dir = self.work / "broker"
        self.broker_dir.mkdir()
        self.passwords = {}
        self.processes = {}
        self.acl = acl
        self.logins = logins  # of devices and programs, beside the usual ones
        atexit.register(self.end)

    # --- the broker -------------------------------------------------------------------------------

    def broker_begin(self):
        if self.lives("broker"):
            return True
        if not self.passwords:
            (self.broker_dir / "passwords").touch(mode=0o600)
            for user in ("gateway", "listener", "centre", "second", *self.logins):
                self.passwords[user] = secrets.token_urlsafe(12)
                subprocess.run(["mosquitto_passwd", "-b", self.broker_dir / "passwords", user,
                                self.passwords[user]], check=True, capture_output=True)
            self.state.mkdir(exist_ok=True)
            (self.state / "bus-password").write_text(self.passwords["gateway"] + "\n")
            self.write_acl(self.acl or (lambda text: text))
            text = (ROOT / "config" / "broker" / "mosquitto.conf.in").read_text()
            text = text.replace("@STATE@", str(self.broker_dir)).replace("@PORT@", str(self.mqtt))
            (self.broker_dir / "mosquitto.conf").write_text(text)
        self.begin("broker", ["mosquitto", "-c", self.broker_dir / "mosquitto.conf"])
        return wait_for(lambda: self.answers(self.mqtt))

    def write_acl(self, change):
        text = (ROOT / "config" / "broker" / "acl.in").read_text()
        second = text[text.index("user listener"):].split("\n\n")[0].replace("listener", "second")
        (self.broker_dir / "acl").write_text(change(text) + "\n" + second + "\n")

    # --- the gateway ------------------------------------------------------------------------------

    def enrol(self, *staff):
        run = subprocess.run([self.tools / "samlarm", "staff", "enrol", "--config", self.config, "--state",
                              self.state, *staff], check=True, capture_output=True, text=True)
        return dict(line.split()[:2] for line in run.stdout.splitlines())

    def gateway_begin(self, env=None):
        self.begin("gateway", [self.build / "samlarmd", "--config", self.config, "--state", self.state,
                               "--pages", ROOT / "gateway" / "web"], env)
        return wait_for(lambda: self.answers(self.web) or not self.lives("gateway"), 10)

    def begin(self, name, command, env=None):
        log = open(self.work / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, env=dict(self.env, **(env or {})))
        log.close()
        return self.processes[name]

    def lives(self, name):
        return name in self.processes and self.processes[name].poll() is None

    def stop(self, name, number=signal.SIGTERM):
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "did not end within 10 s"

    def end(self):
        for name in list(self.processes)[::-1]:
            self.stop(name)

    def ends_well(self):
        """Says that the gateway has lived to its end, and that the sanitizers had nothing to say."""
        status = self.stop("gateway")
        text = self.log()
        bad = [line for line in text.splitlines() if "Sanitizer" in line or "runtime error" in line]
        return ok("the gateway lived through it and ended by itself when asked", status == 0 and not bad,
                  f"status {status}\n" + "\n".join(bad or text.splitlines()[-15:]))

    @staticmethod
    def answers(port):
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    # --- looking on -------------------------------------------------------------------------------

    def stub(self, name, *options):
        return Stub(self.tools, name, *options)

    def log(self, name="gateway"):
        path = self.work / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, text)"""
        link = http.client.HTTPConnection("127.0.0.1", self.web, timeout=10)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
        finally:
            link.close()

    def metrics(self):
        found = collections.Counter()
        for line in self.ask("GET", "/metrics")[2].splitlines():
            if not line.startswith("#") and " " in line:
                name, value = line.rsplit(" ", 1)
                found[name.removeprefix("samlarm_")] = int(float(value))
        return found

    def open_cases(self):
        return json.loads(self.ask("GET", "/healthz")[2])["open"]

    def verify(self):
        run = subprocess.run([self.tools / "samlarm", "journal", "verify", "--state", self.state],
                             capture_output=True, text=True)
        return run.returncode == 0, run.stdout + run.stderr

    # --- people -----------------------------------------------------------------------------------

    def login(self, staff, pin):
        """(status, cookie, ticket)"""
        status, headers, text = self.ask("POST", "/login", json.dumps({"staff": staff, "pin": pin}),
                                         {"Content-Type": "application/json"})
        cookie = (headers["Set-Cookie"] or "").split(";")[0]
        return status, cookie, json.loads(text or "{}").get("ticket", "")

    def handheld(self, staff, pin, unit=None, language="en"):
        status, cookie, ticket = self.login(staff, pin)
        assert status == 200, f"login of {staff}: {status}"
        handheld = Handheld(self.web, cookie)
        handheld.say(hello={"ticket": ticket, "language": language})
        assert handheld.wait(lambda: handheld.snapshot), f"{staff} got no snapshot"
        if unit:
            handheld.say(ready={"visible": True, "sound": True, "battery": 90, "gapMs": 20})
            handheld.say(id="duty", duty={"on": True, "unit": unit})
            assert handheld.wait(lambda: handheld.results.get("duty")), f"{staff}: no answer to duty"
            handheld.say(ready={"visible": True, "sound": True, "battery": 90, "gapMs": 20})
        return handheld


# --- websocket ----------------------------------------------------------------------------------------


class Handheld:
    """A carer's handset: reads on its own thread, gives signs of life, keeps what it was shown."""

    def __init__(self, port, cookie="", origin=None, protocol="samlarm.v1"):
        self.snapshot, self.welcome, self.warnings = None, None, []
        self.cases, self.changes, self.results = {}, [], {}
        self.close_code, self.status = None, None
        self.lock = threading.Lock()
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        host = f"127.0.0.1:{port}"
        self.socket.sendall((f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             f"Sec-WebSocket-Version: 13\r\nOrigin: {origin or 'http://' + host}\r\n"
                             f"Sec-WebSocket-Protocol: {protocol}\r\n"
                             + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n").encode())
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            more = self.socket.recv(4096)
            if not more:
                break
            self.bytes += more
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        self.status = int((head.split(b" ") + [b"0", b"0"])[1] or 0)
        if self.status == 101:
            threading.Thread(target=self.read, daemon=True).start()

    def frame(self, kind, data):
        mask = secrets.token_bytes(4)
        size = len(data)
        head = bytes([0x80 | kind])
        head += (bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size)
                 if size < 65536 else bytes([0x80 | 127]) + struct.pack(">Q", size))
        try:
            with self.lock:
                self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
        except OSError:
            pass

    def say(self, **message):
        self.frame(1, json.dumps(message).encode())

    def take(self, count):
        while len(self.bytes) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.bytes += more
        head, self.bytes = self.bytes[:count], self.bytes[count:]
        return head

    def read(self):
        self.socket.settimeout(None)
        whole = b""
        try:
            while True:
                first, size = self.take(2)
                if size == 126:
                    size = struct.unpack(">H", self.take(2))[0]
                elif size == 127:
                    size = struct.unpack(">Q", self.take(8))[0]
                data = self.take(size)
                kind = first & 15
                if kind == 9:
                    self.frame(10, data)
                elif kind == 8:
                    self.close_code = struct.unpack(">H", data[:2])[0] if len(data) > 1 else 1005
                    self.frame(8, data[:2])
                elif kind in (0, 1):
                    whole += data
                    if first & 0x80:
                        self.heard(json.loads(whole))
                        whole = b""
        except (EOFError, OSError):
            self.close_code = self.close_code or 1006

    def heard(self, message):
        if "welcome" in message:
            self.welcome = message["welcome"]
        elif "snapshot" in message:
            self.snapshot = message["snapshot"]
            self.warnings = self.snapshot.get("warnings", [])
            self.cases = {shown["case"]["id"]: shown for shown in self.snapshot.get("cases", [])}
        elif "case" in message:
            shown = message["case"]
            self.changes.append(shown)
            self.cases[shown["case"]["id"]] = shown
        elif "heartbeat" in message:
            self.warnings = message["heartbeat"].get("warnings", [])
            self.say(heartbeat={})
        elif "result" in message:
            self.results[message["result"].get("id", "")] = message["result"]

    @staticmethod
    def wait(what, within_s=5.0):
        return wait_for(what, within_s)

    def do(self, verb, case, within_s=5.0, **more):
        """Says a verb and waits for its result; {} when none came."""
        word = secrets.token_hex(4)
        self.say(id=word, **{verb: {"case": case, **more}})
        return self.wait(lambda: self.results.get(word), within_s) or {}

    def close(self):
        self.frame(8, struct.pack(">H", 1000))
        self.socket.close()


# --- devices ------------------------------------------------------------------------------------------


def mrq(cid, ref, **more):
    fields = {"ref": ref, "cid": cid, "dty": "0004", "mty": "ME", "stc": "0010", "crd": "gsm:", **more}
    return "<mrq>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if v is not None) + "</mrq>"


class Sip:
    """One SIP user agent on UDP or TCP: sends MESSAGE, answers 200, keeps what came."""

    def __init__(self, port, is_tcp=False, number=0):
        self.port, self.is_tcp = port, is_tcp
        self.socket = socket.socket(type=socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", number))
        if is_tcp:
            self.socket.connect(("127.0.0.1", port))
        self.number = self.socket.getsockname()[1]
        self.came, self.rest = [], b""
        self.is_closed = False
        threading.Thread(target=self.read, daemon=True).start()

    def send(self, data):
        if self.is_tcp:
            self.socket.sendall(data)
        else:
            self.socket.sendto(data, ("127.0.0.1", self.port))

    def message(self, body, user="4690101", kind="application/scaip+xml", call=None):
        call = call or secrets.token_hex(8)
        way = "TCP" if self.is_tcp else "UDP"
        data = body if isinstance(body, bytes) else body.encode()
        self.send((f"MESSAGE sip:alarm@127.0.0.1:{self.port} SIP/2.0\r\n"
                   f"Via: SIP/2.0/{way} 127.0.0.1:{self.number};branch=z9hG4bK{call}\r\n"
                   f"Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag={call[:6]}\r\n"
                   f"To: <sip:alarm@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 MESSAGE\r\n"
                   f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data)
        return call

    def read(self):
        try:
            while True:
                if not self.is_tcp:
                    self.got(self.socket.recvfrom(65535)[0])
                    continue
                more = self.socket.recv(65536)
                if not more:
                    break
                self.rest += more
                while b"\r\n\r\n" in self.rest:
                    head, _, tail = self.rest.partition(b"\r\n\r\n")
                    size = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
                    size = int(size[1]) if size else 0
                    if len(tail) < size:
                        break
                    self.rest = tail[size:]
                    self.got(head + b"\r\n\r\n" + tail[:size])
        except OSError:
            pass
        self.is_closed = True

    def got(self, data):
        self.came.append(data)
        if data.startswith(b"MESSAGE "):
            self.send(answer_200(data))

    def status(self, call, within_s=3.0):
        """The final status of an own request; 0: silence."""
        def final():
            for data in list(self.came):
                if data.startswith(b"SIP/2.0 ") and call.encode() in data and data[8:9] != b"1":
                    return int(data[8:11])
            return 0
        return wait_for(final, within_s)

    def snu(self, ref, within_s=3.0):
        """What the mrs for this ref says; None: none came."""
        def found():
            for data in list(self.came):
                if f"<ref>{ref}</ref>".encode() in data:
                    number = re.search(rb"<snu>\s*(\d+)", data)
                    return [int(number[1])] if number else None
            return None
        answer = wait_for(found, within_s)
        return answer[0] if answer else None

    def close(self):
        self.socket.close()


def answer_200(data, body="", kind="application/scaip+xml", status="200 OK"):
    lines = data.split(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in lines if line.lower().startswith((b"via:", b"from:", b"to:", b"call-id:",
                                                               b"cseq:"))]
    kept = [line + b";tag=house" if line.lower().startswith(b"to:") and b"tag=" not in line else line
            for line in kept]
    more = f"Content-Type: {kind}\r\n" if body else ""
    return (f"SIP/2.0 {status}\r\n".encode() + b"\r\n".join(kept) +
            f"\r\n{more}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode())


class Espa:
    """A nurse-call exchange (control station) on the serial server's socket."""

    ENQ, ACK, NAK, EOT = b"\x05", b"\x06", b"\x15", b"\x04"

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.settimeout(2)

    def send(self, data):
        self.socket.sendall(data)

    def byte(self, within_s=2.0):
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(1)
        except OSError:
            return b""

    def drain(self, within_s=0.2):
        self.socket.settimeout(within_s)
        got = b""
        try:
            while more := self.socket.recv(256):
                got += more
        except OSError:
            pass
        return got

    @staticmethod
    def block(address, text="", kind=3, is_good=True):
        body = (b"1\x02" + b"1\x1f" + address.encode() + b"\x1e2\x1f" + text.encode("latin-1", "replace") +
                b"\x1e3\x1f" + str(kind).encode() + b"\x03")
        check = 0
        for value in body:
            check ^= value
        return b"\x01" + body + bytes([(check ^ (0 if is_good else 1)) & 0x7F])

    def select(self):
        self.send(b"1\x052\x05")
        return self.byte()

    def call(self, address, text="", **more):
        """The answer to one call: ACK, NAK or nothing."""
        self.drain(0.02)
        if self.select() != self.ACK:
            return b""
        self.send(self.block(address, text, **more))
        answer = self.byte(3.0)
        if answer not in (self.ACK, self.NAK, b""):
            answer = self.byte(1.0)  # a reason stands before the NAK
        self.send(self.EOT)
        return answer

    def close(self):
        self.socket.close()


# --- the bus ------------------------------------------------------------------------------------------


class Stub:
    """A simulated device of firmware-stubs; `lines` are what it has said."""

    def __init__(self, tools, name, *options):
        self.lines = []
        self.process = subprocess.Popen([tools / f"stub-{name}", *map(str, options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        atexit.register(self.end)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def tell(self, *commands):
        for command in commands:
            self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def says(self, pattern, within_s=8.0, times=1):
        return wait_for(lambda: [line for line in list(self.lines) if re.search(pattern, line)][times - 1:], within_s)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(5)


class Listener:
    """mosquitto_sub on some topics; `rows` are (topic, payload)."""

    def __init__(self, house, *topics, user="listener", extra=()):
        words = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(house.mqtt), "-V", "5", "-q", "1", "-u", user,
                 "-P", house.passwords[user], "-F", "%t %x", *extra]
        for topic in topics:
            words += ["-t", topic]
        self.rows = []
        self.process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        atexit.register(self.close)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            try:
                self.rows.append((topic, bytes.fromhex(payload)))
            except ValueError:
                pass

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(5)


def decode(message, payload):
    """(is_good, text) from protoc and the schema in proto/, as anybody outside would."""
    run = subprocess.run(["protoc", f"--decode=samlarm.v1.{message}", "-I", ROOT / "proto",
                          "samlarm/v1/alarm.proto"], input=payload, capture_output=True)
    return run.returncode == 0, run.stdout.decode(errors="replace") + run.stderr.decode(errors="replace")


def request(house, topic, user="centre", payload=b"", within_s=3, count=1):
    """Request and response over the bus; a list of the payloads that came. `house.bus` must listen to
    answer/#: each login is one client, so that who asks cannot listen at the same time."""
    base = "samlarm/1/bjorkala/"
    answer = f"{base}answer/{user}/{secrets.token_hex(4)}"
    words = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(house.mqtt), "-u", user, "-P",
             house.passwords[user], "-V", "5", "-q", "1", "-t", base + "command/" + topic, "-D", "publish",
             "response-topic", answer]
    run = subprocess.run([*words, "-s" if payload else "-n"], input=payload, capture_output=True,
                         timeout=within_s + 5)
    if run.returncode != 0:
        return []
    return wait_for(lambda: [p for t, p in list(house.bus.rows) if t == answer][count - 1:] and
                    [p for t, p in list(house.bus.rows) if t == answer], within_s) or []
