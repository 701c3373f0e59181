/* mock.mjs - a stand-in gateway for the page's tests: the real pages over HTTP with the real security
 * headers, and a websocket that says what a test tells it to say. It decides nothing by itself beyond
 * log-in, welcome, snapshot, heartbeat and "ok" to every verb; a test takes any of these over. */

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { faultsOf } from './proto.mjs';

const PAGES = fileURLToPath(new URL('../../gateway/web/', import.meta.url));
const TYPES = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css',
    '.svg': 'image/svg+xml', '.json': 'application/json',
};
const HEADERS = {
    'Content-Security-Policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer',
};

export const STAFF = '1001';
export const PIN = '482915';

let lastId = 0;
const freshId = () => Buffer.from(`case-${String(++lastId).padStart(11, '0')}`).toString('base64');

export class Mock {
    constructor() {
        this.received = [];  /* every message of the client, in order, with `at` */
        this.sockets = new Set();
        this.faults = [];    /* messages of either side that the proto does not know */
        this.hellos = [];
        this.posts = [];
        this.closes = [];
        this.cases = new Map();
        this.recent = [];
        this.seq = 100;
        this.epoch = 'e1';
        this.heartbeatMs = 1000;
        this.clockMs = null;      /* fixed wall time at start, or the real one */
        this.isBeating = true;
        this.isUp = true;         /* false: HTTP is refused and sockets are cut */
        this.hasSession = false;
        this.onDuty = false;
        this.answer = null;       /* (message) => result | null, before the default */
        this.warnings = [];
        this.name = 'Anna Lind';
        this.unit = 'bjorken';
        this.units = [
            { unit: 'bjorken', name: 'Björken', form: 'FORM_SPECIAL' },
            { unit: 'eken', name: 'Eken', form: 'FORM_SPECIAL' },
            { unit: 'centrum', name: 'Hemtjänst Centrum', form: 'FORM_ORDINARY' },
        ];
        this.people = [
            { staff: STAFF, name: 'Anna Lind', unit: 'bjorken', handset: 'HANDSET_SHOWN_READY' },
            { staff: '1002', name: 'Sara Ek', unit: 'bjorken', handset: 'HANDSET_SHOWN_READY' },
            { staff: '1003', name: 'Kim Dahl', unit: 'bjorken', handset: 'HANDSET_SHOWN_DEGRADED' },
        ];
    }

    async start() {
        this.startedMs = Date.now();
        this.http = createServer((request, response) => this.#serve(request, response));
        this.ws = new WebSocketServer({
            server: this.http, path: '/ws',
            handleProtocols: (set) => (set.has('samlarm.v1') ? 'samlarm.v1' : false),
        });
        this.ws.on('connection', (socket) => this.#open(socket));
        await new Promise((done) => this.http.listen(0, '127.0.0.1', done));
        this.url = `http://127.0.0.1:${this.http.address().port}`;
        this.beat = setInterval(() => this.isBeating && this.heartbeat(), this.heartbeatMs);
        return this;
    }

    async stop() {
        clearInterval(this.beat);
        this.ws.clients.forEach((socket) => socket.terminate());
        this.http.closeAllConnections();
        await new Promise((done) => this.http.close(done));
    }

    now() {
        return this.clockMs === null ? Date.now() : this.clockMs + (Date.now() - this.startedMs);
    }

    async #serve(request, response) {
        const reply = (status, body, extra = {}) => {
            response.writeHead(status, { ...HEADERS, 'Content-Type': 'application/json', ...extra });
            response.end(JSON.stringify(body));
        };
        if (!this.isUp) {
            request.socket.destroy();
            return;
        }
        if (request.method === 'POST') {
            let text = '';
            for await (const part of request) {
                text += part;
            }
            const body = JSON.parse(text || '{}');
            this.posts.push({ path: request.url, body });
            if (request.url === '/login' && body.staff === STAFF && body.pin === PIN) {
                this.hasSession = true;
                reply(200, { ticket: 't1' }, { 'Set-Cookie': 's=1; HttpOnly; SameSite=Strict' });
            } else if (request.url === '/login') {
                reply(401, { sentence: body.language === 'en' ? 'Wrong number or PIN.'
                    : 'Fel nummer eller PIN-kod.' });
            } else if (request.url === '/ticket') {
                reply(this.hasSession ? 200 : 401, this.hasSession ? { ticket: 't2' } : {});
            } else if (request.url === '/logout') {
                this.hasSession = false;
                reply(200, {});
            } else {
                reply(404, {});
            }
            return;
        }
        const path = request.url === '/' ? 'index.html' : normalize(request.url.slice(1));
        try {
            const bytes = await readFile(join(PAGES, path.split('?')[0]));
            response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[extname(path)] ?? 'text/plain' });
            response.end(bytes);
        } catch {
            response.writeHead(404, HEADERS);
            response.end();
        }
    }

    #open(socket) {
        if (!this.isUp) {
            socket.terminate();
            return;
        }
        socket.on('message', (data) => this.#hear(socket, JSON.parse(data)));
        socket.on('close', (code) => {
            this.sockets.delete(socket);
            this.closes.push(code);
        });
        socket.on('error', () => {});
    }

    #hear(socket, message) {
        this.faults.push(...faultsOf('FromClient', message));
        this.received.push({ ...message, at: Date.now() });
        if (message.hello) {
            this.hellos.push(message.hello);
            this.sockets.add(socket);
            this.#say(socket, { welcome: this.welcome() });
            this.#say(socket, { snapshot: this.snapshot() });
            return;
        }
        if (!message.id) {
            return;
        }
        const own = this.answer?.(message);
        if (own === null) {
            return; /* the test wants silence */
        }
        if (message.duty && !own) {
            this.onDuty = message.duty.on === true;
            this.unit = message.duty.unit || this.unit;
        }
        this.#say(socket, { result: { id: message.id, ok: true, ...own } });
        if (message.duty && !own) {
            this.#say(socket, { snapshot: this.snapshot() });
        }
    }

    welcome() {
        return {
            epoch: this.epoch, seq: String(this.seq), staff: STAFF, name: this.name, unit: this.unit,
            onDuty: this.onDuty, heartbeatMs: this.heartbeatMs, serverTimeMs: String(this.now()),
            reservePhone: '0910-73 70 00', municipality: 'demo', units: this.units,
        };
    }

    snapshot() {
        return {
            seq: String(this.seq), cases: [...this.cases.values()], recent: this.recent,
            onDuty: this.people, warnings: this.warnings,
        };
    }

    heartbeat(extra = {}) {
        this.say({ heartbeat: {
            serverTimeMs: String(this.now()), seq: String(this.seq), open: this.cases.size,
            warnings: this.warnings, ...extra,
        } });
    }

    #say(socket, message) {
        const text = JSON.stringify(message);
        this.faults.push(...faultsOf('ToClient', JSON.parse(text)));
        socket.send(text);
    }

    say(message) {
        this.sockets.forEach((socket) => this.#say(socket, message));
    }

    /* A new case, offered to the one who is logged in; `of` changes its fields, `shown` what is round it. */
    raise(of = {}, shown = {}) {
        const id = freshId();
        return this.change({
            case: {
                id, kind: 'KIND_FALL', class: 'CLASS_LIFE', form: 'FORM_SPECIAL', unit: this.unit,
                place: 'p12', device: 'd1', state: 'CASE_STATE_OFFERED', raisedMs: String(this.now()),
                changedMs: String(this.now()), count: 1, ...of,
            },
            placeLabel: 'Rum 12', unitLabel: 'Björken', mine: true, others: ['Sara'],
            nextLabel: 'Eken', nextMs: String(this.now() + 48000), change: 'CHANGE_OFFERED',
            handOverTo: ['1002 Sara Ek', '1003 Kim Dahl'], ...shown,
        });
    }

    /* Keeps the case as it is now and tells everybody who is connected. */
    change(shown, of = {}) {
        this.seq += 1;
        const next = {
            ...shown, seq: String(this.seq),
            case: { ...shown.case, changedMs: String(this.now()), ...of },
        };
        if (next.case.state === 'CASE_STATE_CLOSED') {
            this.cases.delete(next.case.id);
        } else {
            this.cases.set(next.case.id, next);
        }
        this.say({ case: next });
        return next;
    }

    /* Verbs of one sort that came, e.g. verbs('accept'). */
    verbs(name) {
        return this.received.filter((message) => message[name]);
    }

    stages(id) {
        return this.verbs('receipt').filter((m) => m.receipt.case === id).map((m) => m.receipt.stage);
    }

    cut() {
        this.ws.clients.forEach((socket) => socket.terminate());
    }
}

/* Waits until `check` gives something true; fails with `what` after `ms`. */
export async function until(check, what, ms = 4000) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await check();
        if (value) {
            return value;
        }
        if (Date.now() > end) {
            throw new Error(`never happened within ${ms} ms: ${what}`);
        }
        await new Promise((done) => setTimeout(done, 20));
    }
}
