/* house.mjs - a whole house for a test: a broker and the gateway on a copy of the demo municipality with
 * ports of its own, a listener on the bus, and browsers of carers. Ends what it started by process id.
 *
 *   const house = await openHouse({ plans: quickPlan([['team', 30], ['centre trygghetscentralen', 60]]) });
 *   const carer = await house.carer('1014', 'hemtjanst-norr');
 *   await house.close(); */

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { closeSync, openSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launch, newCarer } from '../e2e.mjs';
import { until } from '../mock.mjs';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const BUILD = process.env.SAMLARM_BUILD ?? join(ROOT, 'build/release');
export const run = promisify(execFile);

/* Below the range that the kernel deals out by itself, and never the same twice: a port that was free a
   moment ago must not become somebody's outgoing connection before the house binds it. 64 for each process,
   since two test files that run side by side have neighbouring process ids. */
let lastPort = 12000 + process.pid * 64 % 16000;

/* A port that is free for TCP and for UDP. */
async function freePort() {
    const port = ++lastPort;
    const tcp = createServer();
    const udp = createSocket('udp4');
    const isFree = await Promise.all([
        new Promise((done) => tcp.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true))),
        new Promise((done) => udp.once('error', () => done(false)).bind(port, '127.0.0.1', () => done(true))),
    ]);
    isFree[0] && await new Promise((done) => tcp.close(done));
    isFree[1] && udp.close();
    return isFree.every(Boolean) ? port : freePort();
}

const answers = (port) => new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); done(true); });
    socket.once('error', () => done(false));
});

/* One plan for every form: the same at every hour of the day the tests are run. */
export function quickPlan(steps) {
    const rows = steps.map(([ask, withinS]) => `      - {ask: ${ask}, within_s: ${withinS}}\n`).join('');
    return 'plans:\n  - plan: alla\n    match: {form: [special, ordinary, support, family]}\n'
        + `    on_site_within_s: 600\n    steps:\n${rows}`;
}

export async function openHouse(options = {}) {
    const house = new House();
    try {
        await house.open(options);
    } catch (error) {
        console.error(await house.log('gateway'));
        await house.close();
        throw error;
    }
    return house;
}

class House {
    constructor() {
        this.processes = new Map(); /* name -> child */
        this.carers = [];
        this.pins = new Map();
        this.bus = [];              /* {topic, payload} in the order in which they came */
    }

    async open({ plans, change = (text) => text, env = {} }) {
        this.work = await mkdtemp(join(process.env.SAMLARM_WORK ?? tmpdir(), 'samlarm-browser-'));
        this.state = join(this.work, 'state');
        this.config = join(this.work, 'config');
        this.env = env;
        await cp(join(ROOT, 'config/demo'), this.config, { recursive: true });
        await this.#choosePorts(change);
        if (plans) {
            await writeFile(join(this.config, 'plans.yaml'), plans);
        }
        const [browser] = await Promise.all([launch(), this.#openBroker()]);
        this.browser = browser;
        await this.openGateway();
        await this.#listen();
    }

    async #choosePorts(change) {
        this.ports = {};
        let text = await readFile(join(this.config, 'samlarm.yaml'), 'utf8');
        const defaults = { web: 8080, mqtt: 1883, sip: 5060, espa: 4001, centre: 5070, second: 5071,
            espax: 2023, dc09: 12300, gps: 7700, modbus: 5020 };
        for (const [name, old] of Object.entries(defaults)) {
            this.ports[name] = await freePort();
            text = text.replace(new RegExp(`(?<=[: ])${old}\\b`, 'g'), this.ports[name]);
        }
        /* Nobody would answer there, and its silence is an alarm. */
        text = text.replace('    modbus: {count', '    active: no\n    modbus: {count');
        await writeFile(join(this.config, 'samlarm.yaml'), change(text));
        this.base = `http://127.0.0.1:${this.ports.web}`;
    }

    async #openBroker() {
        const folder = this.work;
        const passwords = join(folder, 'passwords');
        await writeFile(passwords, '', { mode: 0o600 });
        await run('mkdir', ['-p', '-m', '700', this.state]);
        this.password = randomBytes(12).toString('hex');
        for (const user of ['gateway', 'listener', 'centre']) {
            await run('mosquitto_passwd', ['-b', passwords, user, this.password]);
        }
        await writeFile(join(this.state, 'bus-password'), `${this.password}\n`);
        await cp(join(ROOT, 'config/broker/acl.in'), join(folder, 'acl'));
        const conf = await readFile(join(ROOT, 'config/broker/mosquitto.conf.in'), 'utf8');
        await writeFile(join(folder, 'mosquitto.conf'),
            conf.replaceAll('@STATE@', folder).replaceAll('@PORT@', this.ports.mqtt));
        this.begin('broker', 'mosquitto', ['-c', join(folder, 'mosquitto.conf')]);
        await until(() => answers(this.ports.mqtt), 'the broker answers', 8000);
    }

    async openGateway() {
        const gateway = this.begin('gateway', join(BUILD, 'samlarmd'), ['--config', this.config,
            '--state', this.state, '--pages', join(ROOT, 'gateway/web')], this.env);
        await until(async () => {
            if (gateway.exitCode !== null) {
                throw new Error(`the gateway did not start:\n${await this.log('gateway')}`);
            }
            return answers(this.ports.web);
        }, 'the gateway answers', 8000);
    }

    begin(name, command, args, env = {}) {
        const log = openSync(join(this.work, `${name}.log`), 'a');
        const child = spawn(command, args, {
            stdio: ['ignore', log, log], env: { ...process.env, ...env },
        });
        closeSync(log);
        this.processes.set(name, child);
        return child;
    }

    async end(name, signal = 'SIGTERM') {
        const child = this.processes.get(name);
        this.processes.delete(name);
        if (!child || child.exitCode !== null || child.signalCode !== null) {
            return;
        }
        const ended = new Promise((done) => child.once('exit', done));
        child.kill(signal);
        const late = setTimeout(() => child.kill('SIGKILL'), 8000);
        await ended;
        clearTimeout(late);
    }

    async close() {
        for (const carer of this.carers) {
            await carer.leave().catch(() => {});
        }
        await this.browser?.close();
        for (const name of [...this.processes.keys()].reverse()) {
            await this.end(name);
        }
        await rm(this.work, { recursive: true, force: true });
    }

    async log(name) {
        return readFile(join(this.work, `${name}.log`), 'utf8').catch(() => '');
    }

    /* ---- people ---- */

    /* A page with a carer in front of it who has a PIN and is logged in; on duty when a unit is given. */
    async carer(staff, unit = null, options = {}) {
        if (!this.pins.has(staff)) {
            const { stdout } = await run(join(BUILD, 'samlarm'),
                ['staff', 'enrol', '--config', this.config, '--state', this.state, staff]);
            this.pins.set(staff, stdout.trim().split(/\s+/)[1]);
        }
        const carer = await newCarer({
            base: this.base, staff, pin: this.pins.get(staff), browser: this.browser, ...options,
        });
        this.carers.push(carer);
        await carer.logIn();
        if (unit) {
            await carer.goOnDuty(unit);
        }
        return carer;
    }

    /* The shift is over and the page closed, so that the next test begins with nobody. */
    async goHome(...carers) {
        for (const carer of carers) {
            await carer.page.click('[data-action=end-shift]');
            await carer.page.click('[data-action=end-yes]');
            await carer.page.waitForSelector('html[data-view=start]');
            await carer.leave();
            this.carers.splice(this.carers.indexOf(carer), 1);
            if (carer.errors.length > 0) {
                throw new Error(`the page complained: ${carer.errors.join(' | ')}`);
            }
        }
    }

    /* ---- looking on ---- */

    async #listen() {
        /* Line by line: into a pipe it would be written by the block. */
        const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', this.ports.mqtt, '-V', '5',
            '-u', 'listener', '-P', this.password, '-q', '1', '-F', '%t %x', '-d',
            '-t', 'samlarm/1/bjorkala/event/#', '-t', 'samlarm/1/bjorkala/case/#'],
        { stdio: ['ignore', 'pipe', 'ignore'] });
        this.processes.set('listener', child);
        let rest = '';
        let isListening = false;
        child.stdout.setEncoding('utf8').on('data', (text) => {
            const lines = (rest + text).split('\n');
            rest = lines.pop();
            isListening ||= lines.some((line) => /SUBACK|^Subscribed/.test(line));
            this.bus.push(...lines.map((line) => line.match(/^(samlarm\/\S+) ([0-9a-f]*)$/i)).filter(Boolean)
                .map(([, topic, hex]) => ({ topic, payload: Buffer.from(hex, 'hex') })));
        });
        await until(() => isListening, 'the broker lets the listener listen', 8000);
    }

    /* What the bus carried about a case, in words of proto/samlarm/v1/alarm.proto, in order. */
    async busOf(caseId) {
        const hex = Buffer.from(caseId, 'base64').toString('hex');
        const rows = this.bus.filter((row) => row.topic.includes('/case/') && row.topic.endsWith(hex));
        return Promise.all(rows.map(async (row) => ({ ...row, text: await decode('CaseChange', row.payload) })));
    }

    async changes(caseId) {
        return (await this.busOf(caseId)).map((row) => /^change: CHANGE_(\w+)/m.exec(row.text)[1]);
    }

    /* Every record of the journal, as the running gateway copies it. */
    async journal() {
        const { stdout } = await run(join(BUILD, 'samlarm'),
            ['journal', 'export', '--state', this.state], { maxBuffer: 64 << 20 });
        return stdout.trim().split('\n').map((line) => JSON.parse(line));
    }
}

/* A payload in protoc's text form; says nothing of our own code. */
export function decode(message, payload) {
    return new Promise((done, fail) => {
        const child = execFile('protoc', ['-I', join(ROOT, 'proto'), `--decode=samlarm.v1.${message}`,
            'samlarm/v1/alarm.proto'], (error, stdout) => (error ? fail(error) : done(stdout)));
        child.stdin.end(payload);
    });
}
