#!/usr/bin/python3
"""witness_device.py - many SCAIP devices over UDP that note which of their alarms were acknowledged.

    witness_device.py NOTEBOOK BODY_PORT MESSAGE_PORT DEVICES RATE SEED

Raises RATE alarms a second, each with a number of its own, and repeats each until it has its positive
answer: snu 0, in the body of the 200, or in a MESSAGE of the gateway. A bare 200 is no answer. One in
ten repeats once more although it was answered, as a device does that lost the answer; one in twenty
presses again at once with a new number. "stop" on standard input ends the raising; the witness says
"quiet" when everything is acknowledged, and ends with its input.

Notes: ["sent", ms, ref, device]  ["acknowledged", ms, ref, device]  ["refused", ms, ref, device, what]
"""
import asyncio
import random
import re
import sys

import lib_witness as witness
from lib_town import controller

REPEAT_S = (0.5, 1.0, 2.0)   # SIP's own repetitions of one transaction; then a new one each second
LOST_ANSWER_SHARE = 0.1
SECOND_PRESS_SHARE = 0.05
MESSAGE_SHARE_OF = 8         # every eighth device is answered by a MESSAGE
TYPE = "application/scaip+xml"


class Alarm:
    def __init__(self, ref, device):
        self.ref, self.device = ref, device
        self.tries = 0
        self.transaction = 0
        self.is_acknowledged = False
        self.due = 0.0


class Line(asyncio.DatagramProtocol):
    """The devices of one port of the gateway, on one socket."""

    def __init__(self, devices, port, by_message):
        self.devices, self.port, self.by_message = devices, port, by_message

    def connection_made(self, transport):
        self.transport = transport
        self.own = transport.get_extra_info("sockname")[1]

    def error_received(self, exc):
        pass                 # nobody listens just now: the repetition will

    def datagram_received(self, data, addr):
        text = data.decode("utf-8", "replace")
        head, _, body = text.partition("\r\n\r\n")
        if text.startswith("MESSAGE "):
            self.transport.sendto(self._ok_to(head), addr)
            self.devices.answered(body)
        elif text.startswith("SIP/2.0 200"):
            if not self.by_message:
                self.devices.answered(body)
        elif text.startswith("SIP/2.0 ") and not text.startswith("SIP/2.0 1"):
            self.devices.turned_away(head)

    @staticmethod
    def _ok_to(head):
        kept = [line for line in head.split("\r\n")[1:]
                if line.lower().startswith(("via:", "from:", "to:", "call-id:", "cseq:"))]
        return ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n").encode()

    def send(self, alarm):
        cid = controller(alarm.device)
        body = (f"<mrq><ref>{alarm.ref}</ref><mty>ME</mty><cid>{cid}</cid><dty>0003</dty>"
                f"<stc>0010</stc><crd>no-voice:</crd></mrq>")
        self.transport.sendto((
            f"MESSAGE sip:samlarm@127.0.0.1:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.own};branch=z9hG4bK-{alarm.ref}-{alarm.transaction}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{cid}@127.0.0.1:{self.own}>;tag={alarm.ref}\r\n"
            f"To: <sip:samlarm@127.0.0.1>\r\nCall-ID: {alarm.ref}-{alarm.transaction}@127.0.0.1\r\n"
            f"CSeq: {alarm.transaction + 1} MESSAGE\r\nContact: <sip:{cid}@127.0.0.1:{self.own}>\r\n"
            f"Content-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode(),
            ("127.0.0.1", self.port))


class Devices:
    def __init__(self, notebook, count, rate, seed):
        self.notebook, self.count, self.rate = notebook, count, rate
        self.random = random.Random(seed)
        self.alarms = {}
        self.waiting = {}    # not acknowledged, or to be repeated although it is
        self.lines = []
        self.number = 0
        self.next_device = 0
        self.is_raising = True

    def line_of(self, device):
        return self.lines[1 if device % MESSAGE_SHARE_OF == 0 else 0]

    def raise_one(self, now):
        if self.random.random() >= SECOND_PRESS_SHARE:
            self.next_device = (self.next_device + 1) % self.count
        self.number += 1
        alarm = Alarm(f"k{self.number:07d}", self.next_device)
        self.alarms[alarm.ref] = self.waiting[alarm.ref] = alarm
        self.notebook.note("sent", witness.now_ms(), alarm.ref, alarm.device)
        self.send(alarm, now)

    def send(self, alarm, now):
        self.line_of(alarm.device).send(alarm)
        is_old = alarm.tries >= len(REPEAT_S)
        alarm.due = now + (1.0 if is_old else REPEAT_S[alarm.tries])
        alarm.transaction += is_old
        alarm.tries += 1

    def answered(self, body):
        ref = re.search(r"<ref>([^<]*)</ref>", body)
        snu = re.search(r"<snu>([^<]*)</snu>", body)
        alarm = self.alarms.get(ref.group(1)) if ref else None
        if alarm is None or snu is None:
            return
        if int(snu.group(1)) != 0:
            self.notebook.note("refused", witness.now_ms(), alarm.ref, alarm.device, snu.group(1))
            return
        if alarm.is_acknowledged:
            return
        alarm.is_acknowledged = True
        self.notebook.note("acknowledged", witness.now_ms(), alarm.ref, alarm.device)
        if self.random.random() < LOST_ANSWER_SHARE:
            alarm.transaction += 1
            alarm.due = asyncio.get_running_loop().time() + self.random.uniform(0.0, 3.0)
        else:
            del self.waiting[alarm.ref]

    def turned_away(self, head):
        ref = re.search(r"branch=z9hG4bK-(k\d+)-", head)
        if ref:
            self.notebook.note("refused", witness.now_ms(), ref.group(1), -1, head[:11])

    def repeat(self, now):
        for alarm in list(self.waiting.values()):
            if alarm.due > now:
                continue
            if alarm.is_acknowledged:
                self.line_of(alarm.device).send(alarm)
                del self.waiting[alarm.ref]
            else:
                self.send(alarm, now)

    async def run(self):
        loop = asyncio.get_running_loop()
        began = loop.time()
        is_quiet = False
        while True:
            now = loop.time()
            while self.is_raising and self.number < (now - began) * self.rate:
                self.raise_one(now)
            self.repeat(now)
            if not self.is_raising and not self.waiting and not is_quiet:
                is_quiet = True
                witness.say("quiet")
            await asyncio.sleep(0.005)


async def main():
    path, body_port, message_port, count, rate, seed = sys.argv[1:7]
    notebook = witness.Notebook(path)
    devices = Devices(notebook, int(count), float(rate), int(seed))
    loop = asyncio.get_running_loop()
    for port, by_message in ((int(body_port), False), (int(message_port), True)):
        _, line = await loop.create_datagram_endpoint(
            lambda port=port, by_message=by_message: Line(devices, port, by_message),
            local_addr=("127.0.0.1", 0))
        devices.lines.append(line)

    def on_word(word):
        devices.is_raising = devices.is_raising and word != "stop"

    running = asyncio.create_task(devices.run())
    listening = asyncio.create_task(witness.words(on_word))
    done, _ = await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
    notebook.close()
    for task in done:
        task.result()        # a fault of the witness itself must be seen


asyncio.run(main())
