/* colleagues.test.mjs - two carers at one gateway: who takes it, who is told, and who gets it afterwards. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../mock.mjs';
import { sippPress } from './devices.mjs';
import { openHouse, quickPlan } from './house.mjs';
import { picture } from './picture.mjs';

const NORTH = 'hemtjanst-norr';
const ELSA = '1014';
const KERSTIN = '1015';
let house = null;
let elsa = null;
let kerstin = null;

before(async () => {
    house = await openHouse({
        plans: quickPlan([['team', 60], ['centre trygghetscentralen', 60]]),
        change: (text) => text.replace('reply: message', 'reply: body'),
    });
    elsa = await house.carer(ELSA, NORTH);
    kerstin = await house.carer(KERSTIN, NORTH);
});
after(async () => {
    await house?.goHome(elsa, kerstin).finally(() => house.close());
});

async function press(cid, ref, more = {}) {
    assert.ok(await sippPress(house, { cid, ref, ...more }), 'SIPp has its yes');
}

/* On site, closed. At the colleague's the card stays a while, grey; a new alarm goes before it. */
async function finish(carer, id) {
    await carer.onSite();
    await carer.close('done');
    await carer.page.waitForSelector(`[data-case="${id}"]`, { state: 'detached' });
}

/* The card of this case, in this phase. */
const card = (id, phase) => `.card[data-case="${id}"][data-phase=${phase}]`;

test('one takes it: the other\'s sound stops within a second, and the page says who comes', async () => {
    const reach = elsa.page.locator('.people li', { hasText: 'Kerstin Älvlund' });
    await until(async () => /nås$/.test((await reach.innerText()).trim()), 'she can be reached');
    await picture(elsa, 'idle');
    await press('4690101', 'k1', { dty: '0005', stc: '0009' });
    const [{ id }] = await Promise.all([elsa.waitForAlarm(), kerstin.waitForAlarm()]);
    assert.match(await elsa.text('.card'), /FALL[\s\S]*Du och Kerstin Älvlund är kallade/);
    assert.ok(await kerstin.loudness(1500) > 0.1, 'it sounds at both');
    await picture(elsa, 'alarm');
    await elsa.take();
    const taken = Date.now();
    await until(async () => (await kerstin.ringing()) === '', 'quiet', 1000);
    assert.ok(Date.now() - taken < 1000);
    await kerstin.page.waitForTimeout(100); /* the tone fades */
    assert.equal(await kerstin.loudness(500), 0);
    await kerstin.page.waitForSelector('.card[data-phase=taken]');
    assert.match(await kerstin.text('.card'), /Elsa Norrback kommer/);
    await picture(kerstin, 'taken');
    await elsa.onSite();
    await until(async () => /Elsa Norrback är på plats/.test(await kerstin.text('#main')), 'there');
    await elsa.close('done');
    await until(async () => /Avslutat av Elsa Norrback/.test(await kerstin.text('#main')), 'closed');
    await elsa.page.waitForSelector(`[data-case="${id}"]`, { state: 'detached' });
});

test('both press at the same moment: one has it, the other is told who was first', async () => {
    await press('4690102', 'k2');
    const [{ id }] = await Promise.all([elsa.waitForAlarm(), kerstin.waitForAlarm()]);
    await elsa.page.waitForTimeout(400); /* what has just come under the thumb takes no tap */
    const gateway = house.processes.get('gateway');
    gateway.kill('SIGSTOP'); /* so that both have pressed before either is answered */
    await Promise.all([elsa, kerstin].map((one) => one.page.click('#dock [data-action=accept]')));
    await elsa.page.waitForTimeout(300);
    gateway.kill('SIGCONT');
    const has = (one) => one.page.locator(card(id, 'own')).count();
    await until(async () => (await has(elsa)) + (await has(kerstin)) === 1, 'one has it');
    const [winner, loser, name] = await has(elsa) ? [elsa, kerstin, 'Elsa Norrback']
        : [kerstin, elsa, 'Kerstin Älvlund'];
    await until(async () => (await loser.text('#main')).includes(`${name} hann före dig.`), 'told who');
    await finish(winner, id);
});

test('handed over: the colleague is asked, takes it, and the first sees that', async () => {
    await press('4690103', 'k3');
    const { id } = await elsa.waitForAlarm();
    await elsa.take();
    await kerstin.page.waitForSelector(card(id, 'taken'));
    await elsa.handOver(KERSTIN);
    const asked = await kerstin.waitForAlarm();
    assert.equal(asked.id, id);
    assert.match(asked.text, /Elsa Norrback vill lämna över till dig/);
    assert.equal(await elsa.page.locator(card(id, 'own')).count(), 1, 'hers until it is taken');
    assert.notEqual(await kerstin.ringing(), '', 'being asked is heard');
    await kerstin.take();
    await elsa.page.waitForSelector(card(id, 'taken'));
    assert.match(await elsa.text('.card'), /Kerstin Älvlund kommer/);
    await finish(kerstin, id);
    const wanted = ['RAISED', 'OFFERED', 'ACCEPTED', 'HANDED_OVER', 'ACCEPTED', 'ON_SITE', 'CLOSED'];
    await until(async () => (await house.changes(id)).length >= wanted.length, 'all of it on the bus');
    assert.deepEqual(await house.changes(id), wanted);
});

test('a second press is no second case: it is counted and becomes graver', async () => {
    await press('4690104', 'k4');
    const first = await elsa.waitForAlarm();
    assert.equal(first.cls, 'urgent');
    await press('4690104', 'k5');
    await until(async () => /Tryckt 2 gånger/.test(await elsa.text('.card')), 'counted');
    const second = await elsa.waitForAlarm();
    assert.equal(second.id, first.id);
    assert.equal(second.cls, 'life');
    assert.equal(await elsa.page.locator('[data-phase=ringing]').count(), 1);
    await elsa.take();
    await finish(elsa, first.id);
});
