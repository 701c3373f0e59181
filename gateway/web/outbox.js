/* outbox.js - what the carer has said and the gateway has not yet answered.
 *
 * app.js puts verbs in; they are sent again with the same id after every reconnection, and every few
 * seconds while connected, until a result with that id comes. It survives a reload, belongs to one
 * person, and holds case ids and verbs only, never a name or a place. Repeating an id is harmless. */

const ENTRIES_MAX = 200;
const AGAIN_MS = 4000;
/* How long a verb may still be worth saying. A call for help has no such limit. */
const LIFE_MS = { assist: 12 * 3600e3, receipt: 120e3 };
const LIFE_OTHER_MS = 600e3;

export function makeId() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/* `load` gives the text that `save` was given last, perhaps in an earlier life of the page. */
export function createOutbox({ load, save, wallNow }) {
    let staff = '';
    let entries = [];

    function write() {
        save(JSON.stringify({ staff, entries }));
    }

    function read() {
        try {
            const kept = JSON.parse(load() || '{}');
            return kept.staff === staff && Array.isArray(kept.entries) ? kept.entries : [];
        } catch {
            return [];
        }
    }

    return {
        /* Whose verbs these are. Another person's are dropped: they must not answer in this name. */
        belongTo(newStaff) {
            if (newStaff !== staff) {
                staff = newStaff;
                entries = read();
                write();
            }
        },
        add(verb, fields, about = '') {
            const entry = { id: makeId(), verb, fields, about, at: wallNow(), sentAt: 0 };
            entries.push(entry);
            if (entries.length > ENTRIES_MAX) {
                const oldest = entries.findIndex((e) => e.verb === 'receipt');
                entries.splice(Math.max(0, oldest), 1);
            }
            write();
            return entry;
        },
        /* Gives every entry that is due to `send`; `isFresh` means a new connection: all are due. */
        flush(send, isFresh) {
            const isReceipt = (entry) => entry.verb === 'receipt';
            const inTurn = [...entries.filter((e) => !isReceipt(e)), ...entries.filter(isReceipt)];
            if (isFresh) {
                entries.forEach((entry) => { entry.sentAt = 0; });
            }
            for (const entry of inTurn) {
                if (entry.sentAt === 0
                    || (entry.verb !== 'receipt' && wallNow() - entry.sentAt > AGAIN_MS)) {
                    if (!send({ id: entry.id, [entry.verb]: entry.fields })) {
                        return;
                    }
                    entry.sentAt = wallNow();
                }
            }
        },
        /* The entry that a result answers, or null. */
        settle(id) {
            const entry = entries.find((e) => e.id === id) ?? null;
            if (entry) {
                entries = entries.filter((e) => e !== entry);
                write();
            }
            return entry;
        },
        /* Takes out and returns what is too old to be said. */
        expire() {
            const isOld = (e) => wallNow() - e.at > (LIFE_MS[e.verb] ?? LIFE_OTHER_MS);
            const old = entries.filter(isOld);
            if (old.length > 0) {
                entries = entries.filter((e) => !isOld(e));
                write();
            }
            return old;
        },
        /* The newest unanswered verb about a case (or of a kind, when there is no case). */
        pending(about) {
            return entries.findLast((e) => e.about === about && e.verb !== 'receipt') ?? null;
        },
        hasUnsaid() {
            return entries.some((e) => e.verb !== 'receipt');
        },
        clear() {
            entries = [];
            write();
        },
    };
}
