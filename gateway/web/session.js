/* session.js - the three things said over HTTP: log in, a ticket for the websocket, log out.
 *
 * app.js and connection.js ask. The session itself is a cookie that no script can read. */

const ANSWER_MS = 5000;

async function post(path, body) {
    return fetch(path, {
        method: 'POST', credentials: 'same-origin', cache: 'no-store', body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json' }, signal: AbortSignal.timeout(ANSWER_MS),
    });
}

export function createSession() {
    let first = null; /* the ticket that came with the log-in, good for one connection */

    return {
        /* Gives null, or the key of a sentence and the gateway's own sentence if it said one. */
        async logIn(staff, pin, language) {
            try {
                const answer = await post('/login', { staff, pin, language });
                const told = await answer.json().catch(() => ({}));
                if (answer.ok) {
                    first = told.ticket;
                    return null;
                }
                const key = { 401: 'loginWrong', 429: 'loginTooMany' }[answer.status];
                return { key: key ?? 'loginUnreachable', sentence: told.sentence };
            } catch {
                return { key: 'loginUnreachable' };
            }
        },
        /* Gives null when the session is over; throws when the gateway cannot say. */
        async ticket() {
            if (first !== null) {
                const mine = first;
                first = null;
                return mine;
            }
            const answer = await post('/ticket', {});
            if (answer.status === 401) {
                return null;
            }
            if (!answer.ok) {
                throw new Error(`ticket: ${answer.status}`);
            }
            return (await answer.json()).ticket;
        },
        async logOut() {
            first = null;
            try {
                await post('/logout', {});
            } catch {
                /* The gateway is away: the cookie dies with its session. */
            }
        },
    };
}
