/* connection.js - one websocket that keeps coming back, and the proof that the other end lives.
 *
 * app.js starts it and hears of messages. A connection counts by the last word from the gateway, never
 * by what the socket says of itself. It comes back after every close but two: the same person logged
 * in elsewhere (4005), and a session that is over (401 on a new ticket).
 * Never looks inside a message beyond which one it is, and never touches the document. */

const BACKOFF_MS = [300, 700, 1500, 3000, 5000];
const JITTER = 0.3;
const ANSWER_MS = 5000; /* a ticket and a welcome must each come within this */
const PROBE_MS = 3000;
const CLOSE_REPLACED = 4005;
export const CLOSE_GAP = 4006;
/* The gateway closes who says more than twenty messages a second: at most this at once, and a second. */
const BUDGET = 9;

/* `link`: url, ticket() -> Promise<string|null>, hello(ticket) -> message, probe() -> message,
 * onMessage(message), onChange(), onLoggedOut(), onReplaced(). */
export function createConnection(link) {
    let socket = null;
    let isRunning = false;
    let isWelcome = false;
    let attempt = 0;
    let generation = 0; /* an answer to an earlier attempt is nobody's */
    let retryTimer = 0;
    let answerTimer = 0;
    let probeTimer = 0;
    let budget = BUDGET;
    let budgetAt = performance.now();
    let heardAt = null; /* performance.now() of the last word */

    function drop(code, reason) {
        const old = socket;
        generation += 1;
        socket = null;
        isWelcome = false;
        clearTimeout(answerTimer);
        clearTimeout(probeTimer);
        probeTimer = 0;
        if (old) {
            /* onclose of our own close can be late or never come: we do not wait for it. */
            old.onopen = old.onmessage = old.onclose = old.onerror = null;
            old.close(code, reason);
        }
    }

    function later() {
        if (!isRunning) {
            return;
        }
        const base = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
        attempt += 1;
        clearTimeout(retryTimer);
        retryTimer = setTimeout(connect, base * (1 + JITTER * (2 * Math.random() - 1)));
        link.onChange();
    }

    function fail(code, reason) {
        drop(code, reason);
        later();
    }

    async function connect() {
        clearTimeout(retryTimer);
        drop();
        const mine = generation;
        const isStale = () => mine !== generation || !isRunning;
        let ticket;
        try {
            ticket = await link.ticket();
        } catch {
            if (!isStale()) {
                later();
            }
            return;
        }
        if (isStale()) {
            return;
        }
        if (ticket === null) {
            isRunning = false;
            link.onLoggedOut();
            return;
        }
        open(ticket);
    }

    function open(ticket) {
        socket = new WebSocket(link.url, 'samlarm.v1');
        answerTimer = setTimeout(() => fail(), ANSWER_MS);
        socket.onopen = () => socket.send(JSON.stringify(link.hello(ticket)));
        socket.onmessage = (event) => hear(event.data);
        socket.onclose = (event) => {
            if (event.code === CLOSE_REPLACED) {
                isRunning = false;
                drop();
                link.onReplaced();
            } else {
                fail();
            }
        };
    }

    function hear(data) {
        heardAt = performance.now();
        clearTimeout(probeTimer);
        probeTimer = 0;
        let message;
        try {
            message = JSON.parse(data);
        } catch {
            fail(4002, 'not JSON');
            return;
        }
        if (message.welcome) {
            isWelcome = true;
            attempt = 0;
            clearTimeout(answerTimer);
        }
        link.onMessage(message);
        link.onChange();
    }

    function spend() {
        const now = performance.now();
        budget = Math.min(BUDGET, budget + BUDGET * (now - budgetAt) / 1000);
        budgetAt = now;
        if (budget < 1) {
            return false;
        }
        budget -= 1;
        return true;
    }

    return {
        start() {
            isRunning = true;
            attempt = 0;
            connect();
        },
        stop() {
            isRunning = false;
            clearTimeout(retryTimer);
            drop(1000, 'bye');
        },
        /* True when it was handed to a socket that had its welcome; false: say it again later. */
        send(message) {
            if (!isWelcome || socket?.readyState !== WebSocket.OPEN || !spend()) {
                return false;
            }
            socket.send(JSON.stringify(message));
            return true;
        },
        /* Comes back for a new snapshot. */
        resync(code, reason) {
            attempt = 0;
            drop(code, reason);
            connect();
        },
        /* The world may have changed (network, page shown again): do not wait for the timer. */
        wake() {
            if (isRunning && !socket) {
                attempt = 0;
                connect();
            } else {
                this.probe();
            }
        },
        /* Asks for any word at all; without one in time the socket is taken for dead. */
        probe() {
            if (probeTimer === 0 && this.send(link.probe())) {
                probeTimer = setTimeout(() => {
                    probeTimer = 0;
                    attempt = 0;
                    fail();
                }, PROBE_MS);
            }
        },
        isWelcome: () => isWelcome,
        isRunning: () => isRunning,
        heardAt: () => heardAt,
    };
}
