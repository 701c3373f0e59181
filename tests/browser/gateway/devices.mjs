/* devices.mjs - what stands at the other end of the gateway's ports: SIPp with a SCAIP alarm, and a
 * nurse-call panel that is nothing but a TCP socket and bytes from the fixtures. */

import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../mock.mjs';
import { ROOT } from './house.mjs';

/* ---- SCAIP by SIPp ---- */

const sipMessage = ({ cid, ref, dty = '0004', stc = '0010' }) => `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a pendant hub presses">
  <send retrans="500"><![CDATA[
MESSAGE sip:alarm@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:${cid}@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:alarm@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Content-Type: application/scaip+xml
Content-Length: [len]

<mrq><ref>${ref}</ref><cid>${cid}</cid><dty>${dty}</dty><mty>ME</mty><stc>${stc}</stc><crd>gsm:</crd></mrq>
]]></send>
  <recv response="100" optional="true"/>
  <recv response="200" timeout="15000">
    <action>
      <ereg regexp="&lt;ref&gt;${ref}&lt;/ref&gt;.*&lt;snu&gt;0+&lt;/snu&gt;" search_in="body" check_it="true" assign_to="1"/>
    </action>
  </recv>
  <Reference variables="1"/>
</scenario>
`;

/* Presses once; true when SIPp got its 200 with "snu 0". `way`: u1 for UDP, t1 for TCP. */
export async function sippPress(house, { way = 'u1', ...alarm }) {
    const file = join(house.work, `press-${alarm.ref}.xml`);
    await writeFile(file, sipMessage(alarm));
    const child = spawn('sipp', [`127.0.0.1:${house.ports.sip}`, '-i', '127.0.0.1', '-sf', file, '-t', way,
        '-m', '1', '-nostdin', '-timeout', '20s', '-timeout_error'], { cwd: house.work, stdio: 'ignore' });
    const status = await new Promise((done) => child.once('exit', done));
    return status === 0;
}

/* ---- ESPA 4.4.4 ---- */

/* The lines of a recorded conversation of one direction (`<` to the gateway), as bytes. */
export async function fixtureBytes(name, direction) {
    const text = await readFile(join(ROOT, 'tests/fixtures/espa444', `${name}.case`), 'utf8');
    return text.split('\n').filter((line) => line.startsWith(`${direction}  hex `))
        .map((line) => Buffer.from(line.slice(7).replaceAll(' ', ''), 'hex'));
}

const SOH = 1, ETX = 3, EOT = 4, ENQ = 5, ACK = 6;

export class Panel {
    constructor(port) {
        this.came = Buffer.alloc(0);
        this.socket = connect(port, '127.0.0.1');
        this.socket.on('data', (bytes) => { this.came = Buffer.concat([this.came, bytes]); });
        this.socket.on('error', () => {});
    }

    send(bytes) {
        this.came = Buffer.alloc(0);
        this.socket.write(bytes);
    }

    /* Sends and waits until something came that `isWhole`; gives it. */
    async ask(bytes, isWhole, what) {
        this.send(bytes);
        await until(() => isWhole(this.came), what, 5000);
        return this.came;
    }

    /* The panel is control station: self-poll, select 2, the block, EOT. Gives the answer to the block. */
    async call(block) {
        this.send(Buffer.from([0x31, ENQ]));
        await this.ask(Buffer.from([0x32, ENQ]), (b) => b.includes(ACK), 'ACK to the selection');
        const answer = await this.ask(block, (b) => b.length > 0, 'an answer to the call block');
        this.send(Buffer.from([EOT]));
        return Buffer.from(answer);
    }

    /* Polls station 2 once: its block, acknowledged, or null when it has nothing to say. */
    async poll() {
        const first = await this.ask(Buffer.from([0x32, ENQ]), (b) => b.includes(EOT) || b.includes(ENQ),
            'an answer to the poll');
        if (first.includes(EOT)) {
            return null;
        }
        const isWhole = (b) => b.includes(SOH) && b.indexOf(ETX) >= 0 && b.length > b.indexOf(ETX) + 1;
        const came = Buffer.from(await this.ask(Buffer.from([ACK]), isWhole, 'a status block'));
        await this.ask(Buffer.from([ACK]), (b) => b.includes(EOT), 'EOT after the block');
        this.send(Buffer.from([EOT]));
        return came.subarray(came.indexOf(SOH));
    }

    /* Polls until that very block comes; gives all that came on the way. */
    async pollUntil(block, what) {
        const seen = [];
        await until(async () => {
            const one = await this.poll();
            one && seen.push(one.toString('hex'));
            return seen.at(-1) === block.toString('hex');
        }, what, 6000).catch((error) => {
            throw new Error(`${error.message}; came: ${seen.join(' | ')}`);
        });
        return seen;
    }

    close() {
        this.socket.destroy();
    }
}
