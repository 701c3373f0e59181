/* login.test.mjs - getting in, starting and ending a shift, and the sound. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PIN, STAFF, until } from '../mock.mjs';
import { onDuty, withBrowser } from './set_up.mjs';

const scene = withBrowser();

test('a wrong PIN is told in plain words and lets one try again', () => scene({}, async (mock, carer) => {
    await carer.open();
    await carer.page.fill('#staff', STAFF);
    await carer.page.fill('#pin', '0000');
    await carer.page.keyboard.press('Enter');
    await until(async () => (await carer.text('#login-error')) === 'Fel nummer eller PIN-kod.', 'error');
    await carer.page.fill('#pin', PIN);
    await carer.page.keyboard.press('Enter');
    await carer.page.waitForSelector('html[data-view=start]');
    assert.equal(mock.hellos[0].ticket, 't1');
    assert.equal(mock.hellos[0].language, 'sv');
}));

test('an empty form is not sent', () => scene({}, async (mock, carer) => {
    await carer.open();
    await carer.page.click('button[type=submit]');
    await until(async () => (await carer.text('#login-error')).length > 0, 'error');
    assert.equal(mock.posts.filter((p) => p.path === '/login').length, 0);
}));

test('a gateway that does not answer is told in plain words', () => scene({}, async (mock, carer) => {
    await carer.open();
    await carer.page.fill('#staff', STAFF);
    await carer.page.fill('#pin', PIN);
    mock.isUp = false;
    await carer.page.click('button[type=submit]');
    await until(async () => /svarar inte/.test(await carer.text('#login-error')), 'error');
}));

test('going on duty sends the chosen unit, plays the tone and reports sound only when heard', () =>
    scene({}, async (mock, carer) => {
        await carer.logIn();
        assert.ok(mock.verbs('ready').every((m) => m.ready.sound === false));
        await carer.page.selectOption('#unit', 'eken');
        await carer.page.click('[data-action=start-shift]');
        await until(() => mock.verbs('duty')[0], 'duty');
        assert.deepEqual(mock.verbs('duty')[0].duty, { on: true, unit: 'eken' });
        assert.ok(await carer.loudness() > 0.1, 'the tone is played');
        assert.ok(mock.verbs('ready').every((m) => m.ready.sound === false), 'not heard yet');
        await carer.page.click('[data-action=heard-yes]');
        const ready = await until(() => mock.verbs('ready').find((m) => m.ready.sound), 'ready.sound');
        assert.equal(ready.ready.visible, true);
        assert.equal(typeof ready.ready.battery, 'number');
        assert.match(await carer.text('.readiness'), /Ljud på · .*batteri \d+\s%/);
    }));

test('who did not hear gets help and a red banner until it is heard', () => scene({}, async (mock, carer) => {
    await carer.logIn();
    await carer.page.click('[data-action=start-shift]');
    await carer.page.click('[data-action=heard-no]');
    await carer.page.click('.panel [data-action=sound-on]');
    await carer.page.click('[data-action=heard-yes]');
    await until(() => mock.verbs('ready').at(-1).ready.sound, 'sound reported');
    assert.equal(await carer.page.locator('.banner.alarm').count(), 0);
}));

test('a reload in the middle of a shift shows that the sound is off, and a tap mends it', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        await until(() => mock.verbs('ready').at(-1).ready.sound, 'sound on');
        await carer.page.reload();
        await carer.page.waitForSelector('html[data-view=duty]');
        assert.equal(await carer.text('.banner.alarm'), 'Ljudet är av – tryck här');
        await until(() => mock.verbs('ready').at(-1).ready.sound === false, 'sound off reported');
        await carer.page.click('.banner.alarm');
        await carer.page.click('[data-action=heard-yes]');
        await until(() => mock.verbs('ready').at(-1).ready.sound, 'sound on again');
    }));

test('ending the shift asks first, then says so and lets one log out', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    await carer.page.click('[data-action=end-shift]');
    assert.equal(mock.verbs('duty').length, 1);
    await carer.page.click('[data-action=end-yes]');
    await carer.page.waitForSelector('html[data-view=start]');
    assert.equal(mock.verbs('duty')[1].duty.on, false);
    await carer.page.click('[data-action=log-out]');
    await carer.page.waitForSelector('html[data-view=login]');
    await until(() => mock.posts.some((p) => p.path === '/logout'), 'logout');
}));

test('a session that ended during a shift is told loudly at the log-in', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.hasSession = false;
    mock.cut();
    await carer.page.waitForSelector('html[data-view=login]');
    assert.match(await carer.text('.banner.alarm'), /Du är utloggad och får inga larm/);
}));

test('the same person logged in elsewhere stops this handset from fighting back', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const before = mock.hellos.length;
        mock.sockets.forEach((socket) => socket.close(4005, 'replaced'));
        await carer.page.waitForSelector('html[data-view=replaced]');
        await carer.page.waitForTimeout(1200);
        assert.equal(mock.hellos.length, before);
        await carer.page.click('[data-action=use-this]');
        await carer.page.waitForSelector('html[data-view=duty]');
    }));
