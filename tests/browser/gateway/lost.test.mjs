/* lost.test.mjs - the gateway is killed or away while a page shows an alarm: the page says so, comes back
 * by itself without a new log-in, and the alarm is still there to be taken. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sippPress } from './devices.mjs';
import { openHouse, quickPlan } from './house.mjs';
import { picture } from './picture.mjs';

const NORTH = 'hemtjanst-norr';
const lost = '#lost:not([hidden])';
let house = null;
let carer = null;

before(async () => {
    house = await openHouse({
        plans: quickPlan([['team', 60], ['centre trygghetscentralen', 60]]),
        change: (text) => text.replace('reply: message', 'reply: body'),
    });
    carer = await house.carer('1016', NORTH);
});
after(() => house?.close());

const isLoggedIn = () => carer.page.locator('html[data-view=duty]').count();

async function finish() {
    await carer.onSite();
    await carer.close('done');
    await carer.page.waitForSelector('.quiet-page');
}

test('kill -9 while an alarm is shown: the page is back within seconds, and the alarm can be taken', async () => {
    assert.ok(await sippPress(house, { cid: '4690106', ref: 'l1' }));
    const before_ = await carer.waitForAlarm();
    await house.end('gateway', 'SIGKILL');
    await carer.page.waitForSelector('[data-link=trying]', { timeout: 3000 });
    await house.openGateway();
    await carer.page.waitForSelector('[data-link=on]', { timeout: 6000 });
    assert.equal(await carer.page.locator(lost).count(), 0);
    assert.equal(await isLoggedIn(), 1, 'no new log-in');
    const after_ = await carer.waitForAlarm();
    assert.equal(after_.id, before_.id);
    assert.equal(await carer.page.locator('.card, .row').count(), 1, 'still one alarm');
    await carer.take();
    await finish();
});

test('the gateway is away for eight seconds: the reserve number covers the page until it is back', async () => {
    assert.ok(await sippPress(house, { cid: '4690107', ref: 'l2', dty: '0005', stc: '0009' }));
    const alarm = await carer.waitForAlarm();
    await house.end('gateway');
    const began = Date.now();
    await carer.page.waitForSelector(lost, { timeout: 8000 });
    const text = await carer.text('#lost');
    assert.match(text, /Ej ansluten sedan \d\d:\d\d – använd reservrutin/);
    assert.match(text, /0999-12 34 56/);
    assert.match(text, /Fall/);
    await picture(carer, 'lost');
    await carer.page.waitForTimeout(Math.max(0, 8000 - (Date.now() - began)));
    await house.openGateway();
    await carer.page.waitForSelector('#lost', { state: 'hidden', timeout: 9000 });
    assert.equal(await isLoggedIn(), 1);
    assert.equal((await carer.waitForAlarm()).id, alarm.id);
    await carer.take();
    await finish();
    await house.goHome(carer);
});
