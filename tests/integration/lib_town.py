"""lib_town.py - the municipality of test_kill: many SCAIP devices, carers enough to answer them all.

A house (house.py) with a configuration of its own, and a clock on how soon it is ready. Its plan is long:
what happens to a case happens because a person does it, or because of a fault.
"""
import http.client
import os
import signal
import socket
import subprocess
import time

import house

CARERS = 24        # each serves a unit of their own: a handheld may send 20 messages a second
POLL_S = 0.002

SAMLARM_YAML = """\
municipality: provby
name: Provby
language: en
reserve_phone: 0999-00 00 00
unknown_unit: grupp-0
web:
  address: 127.0.0.1:{town.web}
bus:
  host: 127.0.0.1
  port: {town.mqtt}
  user: gateway
  password_file: bus-password
ports:
  - port: by-body
    dialect: scaip
    listen: 127.0.0.1:{town.by_body}
    transport: [udp]
    options: {{reply: body}}
  - port: by-message
    dialect: scaip
    listen: 127.0.0.1:{town.by_message}
    transport: [udp]
    options: {{reply: message}}
centres:
  - centre: centralen
    port: bus
    manned: yes
    answer_within_s: 120
timings: {{idle_s: 5, open_s: 2, silent_idle_s: 300, silent_open_s: 120, repeat_window_s: 300}}
"""


def controller(device):
    """The cid of a device, by its number."""
    return str(7000000 + device)


def options_request(port, own, number):
    return (f"OPTIONS sip:samlarm@127.0.0.1:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-ready-{own}-{number}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:ready@127.0.0.1>;tag=r{number}\r\n"
            f"To: <sip:samlarm@127.0.0.1>\r\nCall-ID: ready-{own}-{number}@127.0.0.1\r\n"
            f"CSeq: {number} OPTIONS\r\nContent-Length: 0\r\n\r\n").encode()


class Town(house.House):
    def __init__(self, build, devices):
        super().__init__(build)
        self.devices = devices
        self.by_body, self.by_message = self.sip, self.espa
        rows = range(devices)
        for name, text in (
                ("samlarm.yaml", SAMLARM_YAML.format(town=self)),
                ("plans.yaml", house.quick_plan(("team", 3600), ("centre centralen", 3600))),
                ("units.yaml", "units:\n" + "".join(
                    f"  - {{unit: grupp-{i}, name: Grupp {i}, form: ordinary}}\n" for i in range(CARERS))),
                ("staff.csv", "staff,name,unit,role\n" + "".join(
                    f"{1000 + i},Vittne {i},grupp-{i},carer\n" for i in range(CARERS))),
                ("places.csv", "place,unit,label\n" + "".join(
                    f"hem-{i},grupp-{i % CARERS},Provgatan {i}\n" for i in rows)),
                ("devices.csv", "device,dialect,key,place,vendor,supervision_s,on_reset,record,kind\n"
                 + "".join(f"trygg-{i},scaip,{controller(i)},hem-{i},Prov,0,mark,,\n" for i in rows))):
            (self.config / name).write_text(text, encoding="utf-8")
        for name in ("keys.csv", "codes.csv"):  # of the demo's devices
            (self.config / name).unlink()

    # --- lives ---

    def kill(self, name):
        self.stop(name, signal.SIGKILL)

    def start_gateway(self):
        """Does not wait; the time at which it began, for wait_ready."""
        began_ns = time.monotonic_ns()
        self.begin("gateway", [self.build / "samlarmd", "--config", self.config, "--state", self.state,
                               "--pages", house.ROOT / "gateway" / "web"])
        return began_ns

    def wait_ready(self, began_ns, limit_s=30.0):
        """Milliseconds from `began_ns` until devices and people are answered: OPTIONS on both SIP
        ports and /healthz. Raises when the gateway ended by itself or never answers."""
        give_up = time.monotonic() + limit_s
        for port in (self.by_body, self.by_message):
            self._wait_options(port, give_up)
        while self._health_status() != 200:
            self._still_there(give_up)
            time.sleep(POLL_S)
        return (time.monotonic_ns() - began_ns) / 1e6

    def _still_there(self, give_up):
        if not self.lives("gateway"):
            raise RuntimeError("the gateway ended by itself:\n" + self.log()[-2000:])
        if time.monotonic() > give_up:
            raise RuntimeError("the gateway does not answer:\n" + self.log()[-2000:])

    def _wait_options(self, port, give_up):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect(("127.0.0.1", port))
            one.settimeout(POLL_S)
            own, number = one.getsockname()[1], 0
            while True:
                number += 1
                try:
                    one.send(options_request(port, own, number))
                    if one.recv(4096).startswith(b"SIP/2.0 200"):
                        return
                except OSError:
                    time.sleep(POLL_S)       # nobody listens yet
                self._still_there(give_up)

    def _health_status(self):
        try:
            return self.ask("GET", "/healthz")[0]
        except (OSError, http.client.HTTPException):
            return 0

    # --- afterwards ---

    def settled(self):
        """(open cases, rows that the bus has not yet)"""
        found = self.metrics()
        return found["open_cases"], found["bus_behind_rows"]

    def export(self):
        """Path of the stopped gateway's journal as JSON lines, exit status, what was said about it."""
        path = self.work / "journal.lines"
        with open(path, "w", encoding="utf-8") as out:
            ran = subprocess.run([self.tools / "samlarm", "journal", "export", "--state", self.state],
                                 stdout=out, stderr=subprocess.PIPE, text=True)
        return path, ran.returncode, ran.stderr.strip()

    def keep(self, folder):
        """Notebooks, logs and the exported journal, for somebody to look at."""
        os.makedirs(folder, exist_ok=True)
        for path in self.work.iterdir():
            if path.is_file():
                (house.pathlib.Path(folder) / path.name).write_bytes(path.read_bytes())
