/* slow_disk.test.mjs - journal first: while the disk takes 700 ms for each sync, neither the device nor a
 * handset hears of an alarm before it is on disk, and the gateway goes on answering everybody else. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../mock.mjs';
import { openHouse, quickPlan, run } from './house.mjs';

const DISK_MS = 700;
const NORTH = 'hemtjanst-norr';
let house = null;
let device = null;
let slow = '';

before(async () => {
    const folder = process.env.SAMLARM_WORK ?? tmpdir();
    const shim = join(folder, `slow_disk-${process.pid}.so`);
    slow = join(folder, `slow_disk-${process.pid}.on`);
    await run('cc', ['-shared', '-fPIC', '-o', shim,
        fileURLToPath(new URL('slow_disk.c', import.meta.url)), '-ldl']);
    house = await openHouse({
        plans: quickPlan([['team', 60], ['centre trygghetscentralen', 60]]),
        change: (text) => text.replace('reply: message', 'reply: body'),
        env: { LD_PRELOAD: shim, SLOW_DISK: slow },
    });
    await rm(shim);
    device = new Device(house.ports.sip);
    await device.open();
});
after(async () => {
    device?.close();
    await rm(slow, { force: true });
    await house?.close();
});

/* A SIP device on UDP that notes when its answers come. */
class Device {
    constructor(port) {
        this.port = port;
        this.answers = new Map(); /* call id -> {at, text} of the final answer */
        this.calls = 0;
        this.socket = createSocket('udp4');
        this.socket.on('message', (bytes) => {
            const text = String(bytes);
            const call = /^Call-ID: (\S+)/mi.exec(text)?.[1];
            if (/^SIP\/2\.0 [2-6]/.test(text) && !this.answers.has(call)) {
                this.answers.set(call, { at: performance.now(), text });
            }
        });
    }

    open() {
        return new Promise((done) => this.socket.bind(0, '127.0.0.1', done));
    }

    close() {
        this.socket.close();
    }

    /* Sends one request; gives how long the final answer took, and its text. */
    async ask(method, body = '') {
        const call = `slow-${++this.calls}`;
        const { port } = this.socket.address();
        this.socket.send(`${method} sip:alarm@127.0.0.1 SIP/2.0\r\n`
            + `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${call}\r\nMax-Forwards: 70\r\n`
            + `From: <sip:4690103@127.0.0.1>;tag=${call}\r\nTo: <sip:alarm@127.0.0.1>\r\n`
            + `Call-ID: ${call}\r\nCSeq: 1 ${method}\r\n`
            + `${body && 'Content-Type: application/scaip+xml\r\n'}Content-Length: ${body.length}\r\n\r\n${body}`,
        this.port, '127.0.0.1');
        const began = performance.now();
        const answer = await until(() => this.answers.get(call), `an answer to ${method}`, 8000);
        return { ms: answer.at - began, at: answer.at, text: answer.text };
    }

    press(ref) {
        return this.ask('MESSAGE', `<mrq><ref>${ref}</ref><cid>4690103</cid><dty>0004</dty><mty>ME</mty>`
            + '<stc>0010</stc><crd>gsm:</crd></mrq>');
    }
}

/* When, on this process's clock, an alarm was on the page. */
async function shownAt(carer) {
    await carer.page.waitForSelector('.card', { timeout: 8000 });
    return performance.now();
}

async function finish(carer) {
    await carer.take();
    await carer.onSite();
    await carer.close('done');
    await carer.page.waitForSelector('.quiet-page');
}

test('the sender has its yes and the handset its alarm only when the journal has it; the rest does not wait',
    async () => {
        const carer = await house.carer('1014', NORTH);
        const quick = await device.press('quick');
        assert.match(quick.text, /<snu>0+<\/snu>/);
        assert.ok(quick.ms < DISK_MS / 2, `with an idle disk ${quick.ms} ms`);
        await shownAt(carer);
        await finish(carer);

        await writeFile(slow, '');
        const began = performance.now();
        const [answered, shown, asked] = await Promise.all([
            device.press('slow'), shownAt(carer), device.ask('OPTIONS'),
        ]);
        assert.match(answered.text, /^SIP\/2\.0 200[\s\S]*<snu>0+<\/snu>/);
        assert.ok(answered.ms >= DISK_MS, `the yes came after ${answered.ms} ms`);
        assert.ok(shown - began >= DISK_MS, `shown after ${shown - began} ms`);
        assert.match(asked.text, /^SIP\/2\.0 200/);
        assert.ok(asked.ms < DISK_MS / 2, `OPTIONS waited ${asked.ms} ms for the disk`);
        await rm(slow);
        await finish(carer);
        await house.goHome(carer);
    });
