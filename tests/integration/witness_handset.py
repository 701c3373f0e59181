#!/usr/bin/python3
"""witness_handset.py - carers' handhelds that note what they were shown and what they were told is done.

    witness_handset.py NOTEBOOK WEB_PORT <LOGINS

The first line of standard input holds "staff pin" of each carer. Each logs in once, goes on duty in the
unit of the staff list, and then takes and closes every case that is shown, so that the devices can alarm
anew; each connects again for ever with the cookie of the one login. Says "up" when all are on duty; ends
with its standard input.

Notes: ["shown", ms, seq, change, id, device, reference, count, state, staff]   change "": in a snapshot
       ["done", ms, "accept" or "close", id, staff]       the gateway said ok
       ["not_done", ms, verb, id, error, staff]           ["link", ms, "up" or "down", staff]
       ["fault", ms, what, staff]                         something a carer must never meet
"""
import asyncio
import base64
import heapq
import http.client
import json
import sys

import websockets

import lib_witness as witness

LOOK_S, HELP_S = 0.15, 0.1   # from shown to accepted, from accepted to closed
MESSAGES_A_SECOND, BURST = 18, 20     # the gateway sends away who says more than 20 a second
AGAIN_S = 0.02
HEARTBEAT_S = 2.0
OPEN_STATES = ("CASE_STATE_RAISED", "CASE_STATE_OFFERED", "CASE_STATE_AT_CENTRE")


class Handset:
    def __init__(self, notebook, port, staff):
        self.notebook, self.port, self.staff = notebook, port, staff
        self.cookie = ""
        self.number = 0
        self.is_on_duty = False
        self.forget()

    def forget(self):
        """A new connection: what was asked for is asked for again, from what the snapshot shows."""
        self.asked = {}      # message id -> (verb, case)
        self.planned = {}    # case -> verb that is to come
        self.due = []        # (when, verb, case)
        self.displayed = set()
        self.allowance, self.allowed_at = BURST, 0.0

    def note(self, what, *rest):
        self.notebook.note(what, witness.now_ms(), *rest, self.staff)

    # --- HTTP ---

    def post(self, path, body):
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            talk.request("POST", path, body=json.dumps(body), headers={
                "Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}",
                "Cookie": self.cookie})
            answer = talk.getresponse()
            cookie = answer.getheader("Set-Cookie")
            if cookie:
                self.cookie = cookie.split(";")[0]
            return answer.status, answer.read()
        finally:
            talk.close()

    def log_in(self, pin):
        status, body = self.post("/login", {"staff": self.staff, "pin": pin, "language": "en"})
        if status != 200:
            raise SystemExit(f"the login was refused with status {status}: {body.decode()}")
        return json.loads(body)["ticket"]

    def ticket(self):
        status, body = self.post("/ticket", {})
        if status == 401:
            self.note("fault", "the login did not survive")
        return json.loads(body)["ticket"] if status == 200 else None

    # --- messages out ---

    async def send(self, socket, what, content, case=None):
        self.number += 1
        self.allowance -= 1
        self.asked[f"w{self.number}"] = (what, case)
        await socket.send(json.dumps({"id": f"w{self.number}", what: content}))

    def may_send(self, now):
        self.allowance = min(BURST, self.allowance + (now - self.allowed_at) * MESSAGES_A_SECOND)
        self.allowed_at = now
        return self.allowance >= 1

    async def act(self, socket, now):
        while self.due and self.due[0][0] <= now and self.may_send(now):
            _, verb, case = heapq.heappop(self.due)
            if verb == "receipt":
                await self.send(socket, verb, {"case": case, "stage": "OFFER_STAGE_DISPLAYED"}, case)
            elif self.planned.get(case) == verb:      # else the case went on without us
                reason = {"reason": "done"} if verb == "close" else {}
                await self.send(socket, verb, {"case": case, **reason}, case)

    def later(self, verb, case, after_s):
        heapq.heappush(self.due, (asyncio.get_running_loop().time() + after_s, verb, case))

    def plan(self, verb, case, after_s):
        if self.planned.get(case) != verb:
            self.planned[case] = verb
            self.later(verb, case, after_s)

    def next_act(self, now):
        """When act has something to do."""
        if not self.due:
            return now + HEARTBEAT_S
        return max(self.due[0][0], now if self.may_send(now) else now + 0.02)

    # --- messages in ---

    def shown(self, shown, is_snapshot):
        case = shown["case"]
        state = case.get("state", "")
        self.note("shown", int(shown.get("seq", 0)),
                           "" if is_snapshot else shown.get("change", ""),
                           base64.b64decode(case["id"]).hex(), case.get("device", ""),
                           case.get("reference", ""), case.get("count", 0), state)
        if case.get("notRecorded"):
            self.note("fault", "a case was marked as not recorded")
        if case["id"] not in self.displayed and state in OPEN_STATES:
            self.displayed.add(case["id"])
            self.later("receipt", case["id"], 0.0)
        if state in OPEN_STATES:
            self.plan("accept", case["id"], LOOK_S)
        elif state in ("CASE_STATE_ACCEPTED", "CASE_STATE_ON_SITE"):
            self.plan("close", case["id"], HELP_S)
        else:
            self.planned.pop(case["id"], None)

    def result(self, result):
        verb, case = self.asked.pop(result.get("id", ""), (None, None))
        if verb == "duty" and result.get("ok"):
            self.is_on_duty = True
        if verb not in ("accept", "close"):
            return
        hex_id = base64.b64decode(case).hex()
        if result.get("ok"):
            self.note("done", verb, hex_id)
        else:
            self.note("not_done", verb, hex_id, result.get("error", ""))
            self.planned.pop(case, None)

    def heard(self, message):
        """False: what we know does not fit what the gateway says; look again from the beginning."""
        if "snapshot" in message:
            for shown in message["snapshot"].get("cases", []):
                self.shown(shown, True)
        elif "case" in message:
            self.shown(message["case"], False)
        elif "result" in message:
            self.result(message["result"])
        elif "heartbeat" in message:
            return not message["heartbeat"].get("open") or bool(self.planned)
        return True

    # --- one connection ---

    async def talk(self, ticket):
        origin = f"http://127.0.0.1:{self.port}"
        async with websockets.connect(
                f"ws://127.0.0.1:{self.port}/ws", subprotocols=["samlarm.v1"], origin=origin,
                extra_headers={"Cookie": self.cookie}, compression=None, ping_interval=None,
                open_timeout=3, close_timeout=0.1, max_size=1 << 20) as socket:
            self.forget()
            await self.send(socket, "hello",
                            {"ticket": ticket, "epoch": "", "seq": "0", "language": "en"})
            await self.send(socket, "ready",
                            {"visible": True, "sound": True, "battery": 80, "gapMs": 0})
            await self.send(socket, "duty", {"on": True, "unit": ""})
            self.note("link", "up")
            loop = asyncio.get_running_loop()
            beat = loop.time() + HEARTBEAT_S
            receiving = asyncio.ensure_future(socket.recv())
            is_whole = True
            try:
                while is_whole:
                    wait_s = max(0.0, min(beat, self.next_act(loop.time())) - loop.time())
                    await asyncio.wait({receiving}, timeout=wait_s)
                    if receiving.done():
                        text = receiving.result()
                        receiving = asyncio.ensure_future(socket.recv())
                        is_whole = self.heard(json.loads(text))
                    await self.act(socket, loop.time())
                    if loop.time() >= beat:
                        beat = loop.time() + HEARTBEAT_S
                        await self.send(socket, "heartbeat", {})
            finally:
                receiving.cancel()

    async def run(self, ticket):
        while True:
            try:
                if ticket is None:
                    ticket = self.ticket()
                if ticket is not None:
                    await self.talk(ticket)
            except websockets.exceptions.ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code >= 4000:
                    self.note("fault", f"sent away: {closed.rcvd.code} {closed.rcvd.reason}")
            except (OSError, asyncio.TimeoutError, http.client.HTTPException,
                    websockets.exceptions.WebSocketException):
                pass
            if ticket is not None:
                self.note("link", "down")
            ticket = None
            await asyncio.sleep(AGAIN_S)


async def work(notebook, port, logins):
    team = [Handset(notebook, port, staff) for staff in logins]
    tickets = [one.log_in(logins[one.staff]) for one in team]
    running = [asyncio.create_task(one.run(ticket)) for one, ticket in zip(team, tickets)]
    while not all(one.is_on_duty for one in team):
        await asyncio.sleep(0.01)
    witness.say("up")
    await asyncio.gather(*running)


async def main():
    path, port = sys.argv[1:3]
    words = sys.stdin.readline().split()
    notebook = witness.Notebook(path)
    running = asyncio.create_task(work(notebook, int(port), dict(zip(words[::2], words[1::2]))))
    listening = asyncio.create_task(witness.words(lambda word: None))
    done, _ = await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
    notebook.close()
    for task in done:
        task.result()        # a fault of the witness itself must be seen


asyncio.run(main())
