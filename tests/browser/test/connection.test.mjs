/* connection.test.mjs - lost, repaired, and nothing missed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAFF, until } from '../mock.mjs';
import { onDuty, withBrowser } from './set_up.mjs';

const scene = withBrowser();
const lost = '#lost:not([hidden])';

test('a lost connection covers the page within seconds and is repaired with nothing missed', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const first = mock.raise({}, { placeLabel: 'Rum 1' });
        await carer.waitForAlarm({ place: 'Rum 1' });
        mock.isUp = false;
        mock.cut();
        await carer.page.waitForSelector(lost, { timeout: 8000 });
        const text = await carer.text('#lost');
        assert.match(text, /Ej ansluten sedan \d\d:\d\d – använd reservrutin/);
        assert.match(text, /0910-73 70 00/);
        assert.match(text, /Fall Rum 1/);
        assert.equal(await carer.ringing(), 'lost');
        await carer.page.keyboard.press('Escape');
        assert.equal(await carer.page.locator(lost).count(), 1, 'cannot be dismissed');
        assert.equal(await carer.page.evaluate(() => document.getElementById('page').inert), true);
        mock.change({ ...first, mine: false }, { state: 'CASE_STATE_CLOSED' });
        mock.raise({}, { placeLabel: 'Rum 2' });
        mock.isUp = true;
        await carer.page.waitForSelector('#lost', { state: 'hidden', timeout: 9000 });
        await carer.waitForAlarm({ place: 'Rum 2' });
        assert.equal(await carer.page.locator('.card, .row').count(), 1);
        const hello = mock.hellos.at(-1);
        assert.equal(hello.epoch, 'e1');
        assert.equal(hello.seq, String(Number(first.seq)));
    }));

test('a gateway that is silent behind an open socket counts as lost', () =>
    scene({ mock: { answer: (m) => (m.ready ? null : undefined) } }, async (mock, carer) => {
        await onDuty(carer);
        mock.isBeating = false;
        const silent = Date.now();
        await carer.page.waitForSelector(lost, { timeout: 5000 });
        assert.ok(Date.now() - silent < 4000);
    }));

test('it comes back after a clean close and after a restart', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    for (const code of [1000, 4007]) {
        const before = mock.hellos.length;
        mock.sockets.forEach((socket) => socket.close(code));
        await until(() => mock.hellos.length === before + 1, `hello after ${code}`);
    }
    assert.equal(await carer.page.locator(lost).count(), 0);
}));

test('a heartbeat that knows more than the page makes it close with 4006 and come back', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        mock.isBeating = false;
        const sockets = new Set(mock.sockets);
        mock.sockets.clear();
        mock.raise({}, { placeLabel: 'Rum 7' }); /* kept, and told to nobody */
        sockets.forEach((socket) => mock.sockets.add(socket));
        mock.heartbeat();
        await carer.waitForAlarm({ place: 'Rum 7' });
        await until(() => mock.closes.includes(4006), 'close code 4006');
        mock.isBeating = true;
    }));

test('a heartbeat that never agrees does not make the page reconnect for ever', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        mock.isBeating = false;
        const before = mock.hellos.length;
        for (let i = 0; i < 80; i++) {
            mock.heartbeat({ open: 99 });
            await carer.page.waitForTimeout(50);
        }
        assert.equal(mock.hellos.length, before + 1);
    }));

test('an older word about a case does not undo a newer one', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const shown = mock.raise();
    mock.change({ ...shown, mine: false }, { state: 'CASE_STATE_ACCEPTED', owner: STAFF });
    await carer.page.waitForSelector('.card[data-phase=own]');
    mock.say({ case: shown });
    await carer.page.waitForTimeout(200);
    assert.equal(await carer.page.locator('.card[data-phase=own]').count(), 1);
}));

test('a verb without an answer is sent again with the same id, across the connection', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const shown = mock.raise();
        await carer.waitForAlarm();
        mock.answer = (m) => (m.accept ? null : undefined);
        await carer.page.click('#dock [data-action=accept]');
        await until(() => mock.verbs('accept').length === 1, 'accept');
        mock.cut();
        await until(() => mock.verbs('accept').length === 2, 'accept again');
        mock.answer = null;
        const [one, two] = mock.verbs('accept');
        assert.equal(one.id, two.id);
        assert.deepEqual(one.accept, two.accept);
        mock.say({ result: { id: one.id, ok: true } });
        mock.change({ ...shown, mine: false }, { state: 'CASE_STATE_ACCEPTED', owner: STAFF });
        await carer.page.waitForSelector('.card[data-phase=own]');
        mock.cut();
        await until(() => mock.sockets.size === 1, 'back');
        await carer.page.waitForTimeout(300);
        assert.equal(mock.verbs('accept').length, 2, 'answered: not sent again');
    }));

test('a verb survives a reload of the page', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise();
    await carer.waitForAlarm();
    mock.answer = (m) => (m.decline ? null : undefined);
    await carer.decline('busy');
    await until(() => mock.verbs('decline').length === 1, 'decline');
    await carer.page.reload();
    await until(() => mock.verbs('decline').length === 2, 'decline after the reload');
    assert.equal(mock.verbs('decline')[0].id, mock.verbs('decline')[1].id);
}));

test('heartbeats go to the gateway as often as it asked', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const before = mock.verbs('heartbeat').length;
    await carer.page.waitForTimeout(3200);
    const count = mock.verbs('heartbeat').length - before;
    assert.ok(count >= 2 && count <= 4, `${count} in 3.2 s`);
}));

test('the browser\'s word that it is offline is tested at once, not believed', () =>
    scene({ mock: { heartbeatMs: 15000 } }, async (mock, carer) => {
        await onDuty(carer);
        const before = mock.verbs('ready').length;
        await carer.page.evaluate(() => dispatchEvent(new Event('offline')));
        await until(() => mock.verbs('ready').length > before, 'probe', 1000);
        await carer.page.waitForTimeout(300);
        assert.equal(mock.hellos.length, 1, 'the gateway answered: no new connection');
        mock.answer = () => null;
        await carer.page.evaluate(() => dispatchEvent(new Event('offline')));
        await until(() => mock.hellos.length === 2, 'no answer: a new connection', 5000);
    }));

test('without a network the page still opens and shows the reserve number', () =>
    scene({ carer: { options: { serviceWorkers: 'allow' } } }, async (mock, carer) => {
        await onDuty(carer);
        await carer.page.evaluate(() => navigator.serviceWorker.ready);
        mock.isUp = false;
        mock.cut();
        await carer.page.reload();
        await carer.page.waitForSelector(lost, { timeout: 15000 });
        assert.match(await carer.text('#lost'), /0910-73 70 00/);
        mock.isUp = true;
        await carer.page.waitForSelector('#lost', { state: 'hidden', timeout: 9000 });
        await carer.page.waitForSelector('html[data-view=duty]');
    }));

test('many alarms at once do not make the page say more than it may', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        await carer.page.waitForTimeout(1000);
        const began = mock.received.length;
        for (let i = 0; i < 12; i++) {
            mock.raise({}, { placeLabel: `Rum ${i}` });
        }
        await until(() => mock.verbs('receipt').length === 36, 'all receipts', 9000);
        const at = mock.received.slice(began).map((m) => m.at);
        const most = Math.max(...at.map((t) => at.filter((u) => u >= t && u < t + 1000).length));
        assert.ok(most <= 20, `${most} messages in a second`);
    }));

test('faults that everybody is told stand on the page', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.warnings = ['Larmcentralen svarar inte.'];
    await carer.page.waitForSelector('.banner.warn');
    assert.equal(await carer.text('.banner.warn'), 'Larmcentralen svarar inte.');
}));
