/* journey.test.mjs - one alarm from a real device to a closed case: SIPp and a nurse call on one side, a
 * carer in a browser on the other, a listener on the bus between them, and the journal afterwards. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../mock.mjs';
import { fixtureBytes, Panel, sippPress } from './devices.mjs';
import { decode, openHouse, quickPlan } from './house.mjs';

const NORTH = 'hemtjanst-norr';
let house = null;

before(async () => {
    house = await openHouse({
        plans: quickPlan([['team', 60], ['centre trygghetscentralen', 60]]),
        change: (text) => text.replace('reply: message', 'reply: body'),
    });
});
after(() => house?.close());

for (const [way, transport, cid, device, label] of [
    ['u1', 'UDP', '4690101', 'trygg-norr-01', 'Videgatan 3, lgh 1002'],
    ['t1', 'TCP', '4690102', 'trygg-norr-02', 'Älvstigen 5, lgh 1103'],
]) {
    test(`a SCAIP alarm of SIPp over ${transport} is heard, taken, reached and closed, and the bus carried it`,
        async () => {
            const began = house.bus.length;
            const carer = await house.carer('1014', NORTH);
            assert.ok(await sippPress(house, { cid, ref: `a${cid}`, way }), 'SIPp has its 200 with snu 0');
            const alarm = await carer.waitForAlarm({ place: label });
            const text = await carer.text('.card');
            for (const part of ['BRÅDSKANDE', 'LARM', label, 'Hemtjänst Norr', 'Ordinärt boende',
                'Bara du är kallad']) {
                assert.ok(text.includes(part), `${part} in ${text}`);
            }
            assert.equal(await carer.ringing(), 'urgent');
            assert.ok(await carer.loudness(1500) > 0.1, 'it sounds');
            await soundIsInJournal(alarm.id);
            await carer.take();
            await carer.onSite();
            await carer.close('done');
            await carer.page.waitForSelector('.quiet-page');
            assert.match(await carer.text('.recent'), new RegExp(`${label}[\\s\\S]*Åtgärdat`));
            await busCarried(alarm.id, began, { cid, device, label });
            await house.goHome(carer);
        });
}

async function soundIsInJournal(caseId) {
    await until(async () => (await house.journal()).some(({ record }) => record.receipt?.case === caseId
        && record.receipt.staff === '1014' && record.receipt.stage === 'OFFER_STAGE_SOUNDED'),
    'the receipt "sounded" is in the journal', 5000);
}

async function busCarried(caseId, began, { cid, device, label }) {
    await until(async () => (await house.changes(caseId)).includes('CLOSED'), 'CLOSED on the bus', 5000);
    const rows = await house.busOf(caseId);
    assert.deepEqual(await house.changes(caseId), ['RAISED', 'OFFERED', 'ACCEPTED', 'ON_SITE', 'CLOSED']);
    const seqs = rows.map((row) => Number(/^seq: (\d+)/m.exec(row.text)[1]));
    assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b), 'numbers of the journal rise');
    assert.ok(rows.every((row) => row.topic.startsWith(`samlarm/1/bjorkala/case/${NORTH}/`)));
    const closed = rows.at(-1).text;
    assert.match(closed, /^by: "1014"/m);
    assert.match(closed, /^reason: "done"/m);
    const events = house.bus.slice(began).filter((row) => row.topic.includes('/event/'));
    assert.equal(events.length, 1, 'one event');
    assert.match(events[0].topic, new RegExp(`^samlarm/1/bjorkala/event/ordinary/${NORTH}/`));
    const event = await decode('Event', events[0].payload);
    for (const field of ['kind: KIND_HELP', 'form: FORM_ORDINARY', `device: "${device}"`, 'dialect: "scaip"',
        `reference: "a${cid}"`, 'raw_type: "application/scaip+xml"']) {
        assert.ok(event.includes(field), `${field} in ${event}`);
    }
    assert.match(event, /^place: "[a-z0-9]{10}"/m, 'the place is a pseudonym');
    assert.ok(!event.includes(label.split(',')[0]), 'no address on the bus');
}

test('an ESPA 4.4.4 call, byte for byte, gets ACK; the panel hears acknowledged and then ended', async () => {
    const carer = await house.carer('1001', 'eken');
    const panel = new Panel(house.ports.espa);
    const calls = await fixtureBytes('control-station-polls', '<');
    const call = calls.find((bytes) => bytes[0] === 1);
    const acknowledged = (await fixtureBytes('control-station-polls', '>')).find((bytes) => bytes[0] === 1);
    assert.deepEqual([...await panel.call(call)], [6], 'ACK and nothing else');
    const alarm = await carer.waitForAlarm({ place: 'Rum 7' });
    assert.match(alarm.text, /RUM 7 LARM/);
    assert.match(alarm.text, /Särskilt boende/);
    await carer.take();
    await panel.pollUntil(acknowledged, 'call status 6');
    await carer.onSite();
    await carer.close('done');
    const ended = Buffer.from(acknowledged);
    ended[ended.indexOf(Buffer.from([0x37, 0x1f])) + 2] ^= 0x36 ^ 0x35;
    ended[ended.length - 1] ^= 0x36 ^ 0x35; /* and its block check */
    await panel.pollUntil(ended, 'call status 5');
    assert.equal(await panel.poll(), null, 'nothing more to say');
    assert.deepEqual(await house.changes(alarm.id), ['RAISED', 'OFFERED', 'ACCEPTED', 'ON_SITE', 'CLOSED']);
    panel.close();
    await house.goHome(carer);
});

test('the specification\'s own call, whose address nobody has registered, is shown and marked', async () => {
    const carer = await house.carer('1014', NORTH);
    const panel = new Panel(house.ports.espa);
    const call = (await fixtureBytes('session-control-station-call', '<')).find((bytes) => bytes[0] === 1);
    assert.deepEqual([...await panel.call(call)], [6]);
    const alarm = await carer.waitForAlarm({ place: 'Okänt larmdon' });
    assert.match(alarm.text, /Okänt larmdon – kontrollera platsen/);
    await carer.take();
    await carer.onSite();
    await carer.close('other_care');
    await carer.page.waitForSelector('.quiet-page');
    panel.close();
    await house.goHome(carer);
});
