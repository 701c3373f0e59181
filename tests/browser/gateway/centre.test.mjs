/* centre.test.mjs - nobody is on duty: the alarm goes to the alarm centre by itself, and whoever logs in
 * is told where it is; when no centre answers, everybody who looks is told that too. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../mock.mjs';
import { sippPress } from './devices.mjs';
import { BUILD, openHouse, quickPlan } from './house.mjs';

const NORTH = 'hemtjanst-norr';
const houses = [];
after(() => Promise.all(houses.map((house) => house.close())));

async function emptyHouse() {
    const house = await openHouse({
        plans: quickPlan([['team', 2], ['centre trygghetscentralen', 60]]),
        change: (text) => text.replace('reply: message', 'reply: body')
            .replace('answer_within_s: 10', 'answer_within_s: 1'),
    });
    houses.push(house);
    return house;
}

async function caseOnBus(house, change, within) {
    await until(async () => {
        const rows = house.bus.filter((row) => row.topic.includes('/case/'));
        const id = rows[0] && Buffer.from(rows[0].topic.split('/').at(-1), 'hex').toString('base64');
        return id && (await house.changes(id)).includes(change);
    }, `${change} on the bus`, within);
}

test('with everybody off duty the alarm is at the centre, and a carer who logs in sees that', async () => {
    const house = await emptyHouse();
    house.begin('centre', join(BUILD, 'stub-centre'),
        ['--listen', `127.0.0.1:${house.ports.centre}`, '--answer', 'message']);
    assert.ok(await sippPress(house, { cid: '4690104', ref: 'c1', way: 'u1' }));
    await caseOnBus(house, 'CENTRE_ACCEPTED', 6000);
    assert.match(await house.log('centre'), /case ref=\S+ .*mty=ME/);
    const carer = await house.carer('1014', NORTH);
    const card = carer.page.locator('.card[data-phase=centre]');
    await card.waitFor({ timeout: 5000 });
    assert.match(await card.innerText(), /Hos larmcentralen/);
    assert.equal(await carer.ringing(), '', 'somebody has it: it does not ring');
    await house.goHome(carer);
});

test('with no centre answering, a carer who logs in is told so in words and can take the alarm', async () => {
    const house = await emptyHouse();
    assert.ok(await sippPress(house, { cid: '4690105', ref: 'c2', way: 'u1' }));
    await caseOnBus(house, 'CENTRE_FAILED', 8000);
    const carer = await house.carer('1015', NORTH);
    await carer.page.waitForSelector('.card', { timeout: 5000 });
    await carer.page.locator('.banner.warn', { hasText: 'Larmcentralen svarar inte' })
        .waitFor({ timeout: 12000 });
    await carer.take();
    await carer.onSite();
    await carer.close('done');
    await carer.page.waitForSelector('.quiet-page');
    await house.goHome(carer);
});
