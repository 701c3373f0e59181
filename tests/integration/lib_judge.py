"""lib_judge.py - what outside witnesses noted against what the journal holds.

Pure: gets rows, gives problems. Called by test_kill, which also gives it evidence that was tampered
with, to show that each rule can find fault.
"""
import base64
import json


class Journal:
    """The exported journal, arranged for questions."""

    def __init__(self, lines):
        self.rows = {}       # seq -> ("event" or "case", id, change)
        self.wall_ms = {}    # seq -> when it happened
        self.events = {}     # reference -> [(seq, id, device)]
        self.presses = {}    # reference -> [(seq, case, device, count)]
        self.cases = {}      # case -> [(seq, change, device, by)]
        self.count = 0
        for line in lines:
            row = json.loads(line)
            self.count += 1
            self._take(int(row["seq"]), row["record"])

    def _take(self, seq, record):
        if "event" in record:
            event = record["event"]
            key = base64.b64decode(event["id"]).hex()
            self.rows[seq] = ("event", key, "")
            self.wall_ms[seq] = int(event.get("gatewayTimeMs", 0))
            self.events.setdefault(event.get("reference", ""), []).append((seq, key, event["device"]))
        elif "case" in record:
            change = record["case"]
            case = change["case"]
            key = base64.b64decode(case["id"]).hex()
            word = change.get("change", "")
            self.rows[seq] = ("case", key, word)
            self.wall_ms[seq] = int(change.get("atMs", 0))
            self.cases.setdefault(key, []).append((seq, word, case["device"], change.get("by", "")))
            if word in ("CHANGE_RAISED", "CHANGE_REPEATED"):
                self.presses.setdefault(case.get("reference", ""), []).append(
                    (seq, key, case["device"], case.get("count", 0)))

    def closed_after(self, case, seq):
        return any(at > seq and word == "CHANGE_CLOSED" for at, word, _, _ in self.cases.get(case, ()))


class Evidence:
    """All that is judged: the journal and the three notebooks."""

    def __init__(self, journal, devices, handset, bus):
        self.journal = journal
        self.sent = {row[2]: row for row in devices if row[0] == "sent"}
        self.acknowledged = {row[2]: row for row in devices if row[0] == "acknowledged"}
        self.refused = [row for row in devices if row[0] == "refused"]
        self.shown = [row for row in handset if row[0] == "shown"]
        self.done = [row for row in handset if row[0] == "done"]
        self.faults = [row for row in handset if row[0] == "fault"]
        self.on_bus = {(row[0], row[2], row[3]) for row in bus if row[0] in ("event", "case")}
        self.connections = connections(bus)


class Connection:
    """One connection of the listener: the rows that it heard, and when the connection was lost."""

    def __init__(self):
        self.first, self.last, self.lost_wall_ms = None, None, None


def connections(notes):
    rows = []
    for what, _, *rest in notes:
        if what == "link" and rest[0] == "up":
            rows.append(Connection())
        elif what == "link":
            rows[-1].lost_wall_ms = rest[1]
        else:
            seq = rest[0]
            rows[-1].first = seq if rows[-1].first is None else min(rows[-1].first, seq)
            rows[-1].last = seq if rows[-1].last is None else max(rows[-1].last, seq)
    return rows


def missing(e):
    """Acknowledged to a device, and not exactly once in the journal."""
    return [f"{ref}: {len(e.journal.events.get(ref, ()))} events" for ref in e.acknowledged
            if len(e.journal.events.get(ref, ())) != 1]


def unassigned(e):
    """In the journal, and not in exactly one case."""
    return [f"{ref}: {len(e.journal.presses.get(ref, ()))} cases" for ref in e.journal.events
            if len(e.journal.presses.get(ref, ())) != 1]


def doubled(e):
    """A second case for a device whose first is still open, or for a message that had one."""
    problems, steps = [], []
    for case, changes in e.journal.cases.items():
        if sum(word == "CHANGE_RAISED" for _, word, _, _ in changes) > 1:
            problems.append(f"case {case} was raised twice")
        for seq, word, device, _ in changes:
            if word in ("CHANGE_RAISED", "CHANGE_CLOSED"):
                steps.append((seq, word, device, case))
    is_open = {}
    for seq, word, device, case in sorted(steps):
        if word == "CHANGE_CLOSED":
            is_open.pop(device, None)
        elif device in is_open:
            problems.append(f"row {seq}: {device} has a second open case {case}")
        else:
            is_open[device] = case
    for ref, presses in e.journal.presses.items():
        if len({case for _, case, _, _ in presses}) > 1:
            problems.append(f"{ref} made {len(presses)} cases")
    return problems


def wrong_device(e):
    """An alarm that the journal gives to another device than the one that raised it."""
    return [f"{ref}: of device {row[3]}, journalled for {event[2]}"
            for ref, row in e.sent.items() for event in e.journal.events.get(ref, ())
            if event[2] != f"trygg-{row[3]}"]


def forgotten_acts(e):
    """A person was told ok, and the journal does not know that they did it."""
    words = {"accept": "CHANGE_ACCEPTED", "close": "CHANGE_CLOSED"}
    return [f"{verb} of {case}" for _, _, verb, case, staff in e.done
            if not any(word == words[verb] and by == staff
                       for _, word, _, by in e.journal.cases.get(case, ()))]


def unshown(e):
    """Acknowledged to a device, and no handset was ever shown a case that covers it. A press that came
    while the carer was already closing the case counts as shown when the case was shown before."""
    highest, references = {}, {}
    for _, _, _, _, case, _, reference, count, *_ in e.shown:
        highest[case] = max(highest.get(case, 0), count)
        references.setdefault(case, set()).add(reference)
    problems = []
    for ref in e.acknowledged:
        for seq, case, _, count in e.journal.presses.get(ref, ()):
            is_covered = ref in references.get(case, ()) or highest.get(case, 0) >= count
            was_closing = case in highest and e.journal.closed_after(case, seq)
            if not is_covered and not was_closing:
                problems.append(f"{ref}: case {case} press {count}")
    return problems


def shown_not_journalled(e):
    """A handset was shown something that the journal does not hold."""
    problems = []
    for _, _, seq, change, case, *_ in e.shown:
        if case not in e.journal.cases:
            problems.append(f"case {case}")
        elif change and e.journal.rows.get(seq) != ("case", case, change):
            problems.append(f"row {seq}: {change} of {case}")
    return problems


def not_on_bus(e):
    """Rows for the bus that the listener never heard, as (seq, id)."""
    return [(seq, key) for seq, (kind, key, _) in e.journal.rows.items()
            if (kind, seq, key) not in e.on_bus]


def died_with_a_broker(e):
    """The broker owns no disk: what it had confirmed and not yet passed on dies with it. Such rows lie
    between the last one of a connection and the first one of the next, and happened before the first of
    the two was lost. What happened while no broker lived must come from the next."""
    excused, heard = set(), [one for one in e.connections if one.first is not None]
    for before, after in zip(heard, heard[1:]):
        excused.update(seq for seq in range(before.last + 1, after.first)
                       if e.journal.wall_ms.get(seq, 0) <= before.lost_wall_ms)
    return excused


def lost_on_bus(e):
    excused = died_with_a_broker(e)
    return [row for row in not_on_bus(e) if row[0] not in excused]


def bus_not_journalled(e):
    """The listener heard something that the journal does not hold."""
    return [f"row {seq}: {kind} {key}" for kind, seq, key in e.on_bus
            if e.journal.rows.get(seq, ("", "", ""))[:2] != (kind, key)]


def left_open(e):
    """Cases that the carer never saw to its end."""
    return [case for case in e.journal.cases if not e.journal.closed_after(case, 0)]


def shown_after_ms(e):
    """How long after its acknowledgement each alarm was first on a handset (negative: before it)."""
    first = {}
    for _, at, _, _, case, _, reference, *_ in e.shown:
        first.setdefault((case, reference), at)
    gaps = []
    for ref, row in e.acknowledged.items():
        for _, case, _, _ in e.journal.presses.get(ref, ()):
            if (case, ref) in first:
                gaps.append(first[case, ref] - row[1])
    return gaps
