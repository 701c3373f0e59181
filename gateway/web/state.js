/* state.js - what the gateway has told this handheld, and what follows from it for the eye and ear.
 *
 * app.js feeds it messages of samlarm.v1; render.js and app.js read it. A snapshot replaces all, a case
 * replaces one case: the newest word about a case is the whole truth about it.
 * Never touches the document, the network or a clock: times are passed in. */

const CLASS_RANK = { CLASS_LIFE: 1, CLASS_UNKNOWN: 1, CLASS_URGENT: 2, CLASS_SERVICE: 3, CLASS_TECHNICAL: 4 };
const CLASS_WORD = { 1: 'life', 2: 'urgent', 3: 'service', 4: 'technical' };
const RECENT_MAX = 5;
export const LEAVE_MS = 30000; /* a case that a colleague took stays this long */

export function createState() {
    return {
        epoch: '', seq: 0, me: null, units: [], municipality: '', reservePhone: '',
        cases: new Map(), recent: [], people: [], warnings: [],
    };
}

/* 1 life ... 4 technical. An alarm whose class nobody knows is treated as life. */
export function classRank(shown) {
    return CLASS_RANK[shown.case.class ?? 'CLASS_UNKNOWN'] ?? 1;
}

export function className(shown) {
    return CLASS_WORD[classRank(shown)];
}

export function applyWelcome(state, welcome) {
    if (welcome.epoch !== state.epoch) {
        state.seq = 0;
    }
    state.epoch = welcome.epoch ?? '';
    state.me = {
        staff: welcome.staff ?? '', name: welcome.name ?? '', unit: welcome.unit ?? '',
        onDuty: welcome.onDuty === true,
    };
    state.units = welcome.units ?? [];
    state.municipality = welcome.municipality ?? '';
    state.reservePhone = welcome.reservePhone ?? '';
}

/* Returns whether it told anything that was not known: the measure of a resynchronisation. */
export function applySnapshot(state, snapshot, serverNow) {
    const before = state.cases;
    let isNews = false;
    state.cases = new Map();
    for (const shown of (snapshot.cases ?? []).filter((each) => each.case)) {
        const known = before.get(shown.case.id);
        isNews = isNews || !known || known.shown.case.changedMs !== shown.case.changedMs;
        put(state, shown, known, serverNow);
    }
    for (const [id, entry] of before) {
        if (!state.cases.has(id) && !isClosed(entry.shown)) {
            isNews = true;
        }
    }
    state.recent = (snapshot.recent ?? []).filter((each) => each.case).slice(0, RECENT_MAX);
    state.people = snapshot.onDuty ?? [];
    state.warnings = snapshot.warnings ?? [];
    state.seq = Math.max(state.seq, Number(snapshot.seq ?? 0));
    return isNews;
}

/* Returns the entry, or null when something newer about the case is known already. A change that could
 * not be recorded has no number: it is the newest. */
export function applyCase(state, shown, serverNow) {
    const seq = Number(shown.seq ?? 0);
    const known = state.cases.get(shown.case.id);
    state.seq = Math.max(state.seq, seq);
    if (known && seq > 0 && Number(known.shown.seq ?? 0) > seq) {
        return null;
    }
    const entry = put(state, shown, known, serverNow);
    if (isClosed(shown)) {
        state.recent = [shown, ...state.recent.filter((r) => r.case.id !== shown.case.id)];
        state.recent.length = Math.min(state.recent.length, RECENT_MAX);
    }
    return entry;
}

function put(state, shown, known, serverNow) {
    const entry = { shown, wasRinging: known?.wasRinging ?? false, leaveAt: null, answered: '' };
    const phase = phaseOf(entry, state.me);
    entry.wasRinging = entry.wasRinging || phase === 'ringing';
    if (phase === 'taken' || phase === 'closed') {
        const since = Number(shown.case.changedMs ?? 0) || serverNow;
        entry.leaveAt = known?.leaveAt ?? Math.min(serverNow, since) + LEAVE_MS;
        if (phase === 'closed' && known && phaseOf(known, state.me) === 'own') {
            entry.leaveAt = serverNow; /* who closed it knows */
        }
    }
    state.cases.set(shown.case.id, entry);
    return entry;
}

function isClosed(shown) {
    return shown.case.state === 'CASE_STATE_CLOSED';
}

/* What a case is to this person now:
 *   ringing  offered to me, I have not answered      own     I have it (also while I hand it over)
 *   declined I said no                               taken   a colleague has it
 *   centre   the alarm centre has it                 closed
 *   open     open in my unit, others are called                                             */
export function phaseOf(entry, me) {
    const c = entry.shown.case;
    const offer = (c.offers ?? []).find((o) => o.staff === me?.staff);
    if (isClosed(entry.shown)) {
        return 'closed';
    }
    if (c.state === 'CASE_STATE_ACCEPTED' || c.state === 'CASE_STATE_ON_SITE') {
        const isHandedToMe = entry.shown.mine && entry.answered !== 'decline';
        return c.owner === me?.staff ? 'own' : isHandedToMe ? 'ringing' : 'taken';
    }
    if (c.state === 'CASE_STATE_AT_CENTRE' || c.centreAccepted) {
        return 'centre';
    }
    if (entry.answered === 'decline' || offer?.stage === 'OFFER_STAGE_DECLINED') {
        return 'declined';
    }
    return entry.shown.mine ? 'ringing' : 'open';
}

/* A new offer to this person, perhaps of a case that rang already: its receipts are wanted anew. */
export function isOfferedAnew(shown, me) {
    const offer = (shown.case.offers ?? []).find((o) => o.staff === me?.staff);
    const isOffering = shown.change === 'CHANGE_OFFERED' || shown.change === 'CHANGE_REOPENED';
    return isOffering
        && (offer?.stage === 'OFFER_STAGE_QUEUED' || offer?.stage === 'OFFER_STAGE_SENT');
}

const GROUP = { ringing: 0, own: 0, taken: 1, closed: 1, open: 2, declined: 2, centre: 2 };

/* The cases to show, most pressing first: mine by class, then what needs an answer, then age. */
export function cards(state, serverNow) {
    const list = [];
    for (const entry of state.cases.values()) {
        const phase = phaseOf(entry, state.me);
        const isLeaving = phase === 'taken' || phase === 'closed';
        const isGone = isLeaving && (serverNow >= entry.leaveAt || !entry.wasRinging);
        if (!isGone) {
            list.push({ id: entry.shown.case.id, entry, phase, rank: classRank(entry.shown) });
        }
    }
    return list.sort(comparePressing);
}

function comparePressing(a, b) {
    const changed = (card) => Number(card.entry.shown.case.changedMs ?? 0);
    return GROUP[a.phase] - GROUP[b.phase]
        || (GROUP[a.phase] === 1 ? changed(b) - changed(a) : 0) /* of what is over, the newest */
        || a.rank - b.rank
        || Number(b.phase === 'ringing') - Number(a.phase === 'ringing')
        || Number(a.entry.shown.case.raisedMs ?? 0) - Number(b.entry.shown.case.raisedMs ?? 0);
}

/* Forget what has left the page, so that a long shift does not grow. */
export function sweep(state, serverNow) {
    for (const [id, entry] of state.cases) {
        if (isClosed(entry.shown) && serverNow >= entry.leaveAt) {
            state.cases.delete(id);
        }
    }
}

/* The number that the heartbeat's `open` must equal. */
export function openCount(state) {
    return [...state.cases.values()].filter((entry) => !isClosed(entry.shown)).length;
}

/* "7 Sara Ek" -> { staff: "7", name: "Sara Ek" } */
export function handOverChoices(shown) {
    return (shown.handOverTo ?? []).map((line) => {
        const cut = line.indexOf(' ');
        return cut < 0 ? { staff: line, name: line }
            : { staff: line.slice(0, cut), name: line.slice(cut + 1) };
    });
}
