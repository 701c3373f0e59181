/* keep.js - the little that outlives a reload, and the server's time.
 *
 * Kept are language, theme, the reserve number, whether one is on duty and when the gateway was last
 * heard: nothing about residents. Storage may be forbidden; then only this page remembers. */

const PREFIX = 'samlarm.';
const SAMPLES_MAX = 10;
const memory = new Map();

export function keep(name, value) {
    memory.set(name, value);
    try {
        localStorage.setItem(PREFIX + name, value);
    } catch {
        /* forbidden or full: see above */
    }
}

export function kept(name) {
    try {
        return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
    } catch {
        return memory.get(name) ?? null;
    }
}

export function keptFlag(name) {
    return kept(name) === 'yes';
}

/* Server time from the monotonic clock of the page. Of the last ten words the one that was least
 * delayed counts: the largest difference. */
export function createClock() {
    let offsets = [];
    const offset = () => (offsets.length ? Math.max(...offsets) : Date.now() - performance.now());
    return {
        hear(serverMs) {
            if (serverMs > 0) {
                offsets = [...offsets, serverMs - performance.now()].slice(-SAMPLES_MAX);
            }
        },
        reset() {
            offsets = [];
        },
        isSet: () => offsets.length > 0,
        now: () => performance.now() + offset(),
        at: (monoMs) => monoMs + offset(),
    };
}
