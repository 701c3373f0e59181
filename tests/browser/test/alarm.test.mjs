/* alarm.test.mjs - an alarm seen, heard, taken, declined, handed over and closed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAFF, until } from '../mock.mjs';
import { onDuty, withBrowser } from './set_up.mjs';

const scene = withBrowser();
const card = '.card';

test('an alarm is shown and heard within a second, and the receipts come in order', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const began = Date.now();
        const shown = mock.raise({ count: 2 });
        await carer.waitForAlarm({ place: 'Rum 12' });
        await until(() => mock.stages(shown.case.id).length === 3, 'three receipts', 1000);
        assert.ok(Date.now() - began < 1000, `took ${Date.now() - began} ms`);
        assert.deepEqual(mock.stages(shown.case.id),
            ['OFFER_STAGE_RECEIVED', 'OFFER_STAGE_DISPLAYED', 'OFFER_STAGE_SOUNDED']);
        const text = await carer.text(card);
        for (const part of ['LIV', 'FALL', 'Rum 12', 'Björken\u00a0· Särskilt boende', 'Tryckt 2 gånger',
            'Du och Sara är kallade', 'Går till Eken om 0:4']) {
            assert.ok(text.includes(part), `${part} in ${text}`);
        }
        assert.equal(await carer.ringing(), 'life');
        assert.ok(await carer.loudness() > 0.1, 'it sounds');
        assert.equal(await carer.text('#say'), 'Liv. Fall. Rum 12. Björken.');
    }));

test('a new offer of a case that rings already gets its receipts anew', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const offers = [{ staff: STAFF, stage: 'OFFER_STAGE_QUEUED' }];
        const shown = mock.raise({ offers });
        await until(() => mock.stages(shown.case.id).length === 3, 'three receipts');
        mock.change({ ...shown, change: 'CHANGE_ESCALATED' });
        mock.change({ ...shown, change: 'CHANGE_OFFERED' }, { step: 1 });
        await until(() => mock.stages(shown.case.id).length === 6, 'three more');
    }));

test('one\'s own call for help is shown without a button to take it', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise({ kind: 'KIND_STAFF_ASSIST', device: `staff/${STAFF}` }, { mine: false });
    await carer.page.waitForSelector('.card[data-phase=open]');
    assert.match(await carer.text('.card .who'), /Du har bett om hjälp · Sara är kallad/);
    assert.equal(await carer.page.locator('#dock [data-action=accept]').count(), 0);
}));

test('without sound there is no receipt for sound', () => scene({}, async (mock, carer) => {
    await carer.logIn();
    mock.onDuty = true;
    await carer.page.reload();
    await carer.page.waitForSelector('html[data-view=duty]');
    const shown = mock.raise();
    await carer.waitForAlarm();
    await until(() => mock.stages(shown.case.id).length === 2, 'two receipts');
    await carer.page.waitForTimeout(400);
    assert.deepEqual(mock.stages(shown.case.id), ['OFFER_STAGE_RECEIVED', 'OFFER_STAGE_DISPLAYED']);
}));

test('the age counts on the server\'s clock', () => scene({ mock: { clockMs: 1e12 } }, async (mock, carer) => {
    await onDuty(carer);
    mock.raise({ raisedMs: String(mock.now() - 72000) });
    await carer.waitForAlarm();
    await until(async () => (await carer.text('.card .age')) === '1:14', 'age 1:14');
}));

test('take, on site, close: nothing is green before the gateway said yes', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        let shown = mock.raise();
        await carer.waitForAlarm();
        mock.answer = (m) => (m.accept ? null : undefined);
        await carer.page.click('#dock [data-action=accept]');
        await until(async () => (await carer.text('#dock .sending')) === 'Skickar…', 'sending');
        assert.equal(await carer.page.locator('.card[data-phase=own]').count(), 0);
        await until(async () => (await carer.ringing()) === '', 'silent at once', 1000);
        const { id } = await until(() => mock.verbs('accept')[0], 'accept');
        mock.answer = null;
        mock.say({ result: { id, ok: true } });
        shown = mock.change({ ...shown, mine: false, ownerName: 'Anna Lind' },
            { state: 'CASE_STATE_ACCEPTED', owner: STAFF });
        await carer.page.waitForSelector('.card[data-phase=own]');
        assert.match(await carer.text(card), /TAGET/);
        assert.match(await carer.text(card), /Du är på väg/);
        mock.answer = (m) => {
            if (m.onSite) {
                shown = mock.change(shown, { state: 'CASE_STATE_ON_SITE' });
            }
            if (m.close) {
                shown = mock.change(shown, { state: 'CASE_STATE_CLOSED', reason: m.close.reason });
            }
        };
        await carer.onSite();
        await carer.close('false_alarm');
        await carer.page.waitForSelector(card, { state: 'detached' });
        assert.deepEqual(mock.verbs('onSite')[0].onSite, { case: shown.case.id });
        assert.deepEqual(mock.verbs('close')[0].close, { case: shown.case.id, reason: 'false_alarm' });
        assert.match(await carer.text('.recent'), /Fall Rum 12[\s\S]*Anna Lind · Falsklarm/);
    }));

test('decline needs a second tap with a reason, and then it is quiet', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const shown = mock.raise();
    await carer.waitForAlarm();
    await carer.page.click('#dock [data-action=ask-decline]');
    assert.equal(mock.verbs('decline').length, 0);
    await carer.page.click('#dock [data-action=decline][data-reason=far]');
    await until(() => mock.verbs('decline').length === 1, 'decline');
    assert.deepEqual(mock.verbs('decline')[0].decline, { case: shown.case.id, reason: 'far' });
    await until(async () => /Du kan ej/.test(await carer.text(card)), 'declined');
    assert.equal(await carer.ringing(), '');
    assert.equal(await carer.page.locator('#dock [data-action=accept]').count(), 1, 'may still come');
}));

test('taken by a colleague: grey, named, silent at once, gone after thirty seconds', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const shown = mock.raise();
        await carer.waitForAlarm();
        assert.ok(await carer.loudness() > 0.1);
        mock.change({ ...shown, mine: false, ownerName: 'Sara' },
            { state: 'CASE_STATE_ACCEPTED', owner: '1002', changedMs: undefined });
        await carer.page.waitForSelector('.card[data-phase=taken]', { timeout: 1000 });
        assert.equal(await carer.ringing(), '');
        await carer.page.waitForTimeout(100);
        assert.equal(await carer.loudness(500), 0);
        assert.match(await carer.text(card), /Sara kommer/);
        assert.equal(await carer.page.locator('#dock [data-action=accept]').count(), 0);
    }));

test('a lost race is answered with the winner\'s name', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const shown = mock.raise();
    await carer.waitForAlarm();
    mock.answer = (m) => (m.accept
        ? { ok: false, error: 'taken', sentence: 'Redan taget.', winner: 'Sara' } : undefined);
    await carer.page.click('#dock [data-action=accept]');
    await until(async () => /Sara hann före dig\./.test(await carer.text(card)), 'winner');
    assert.equal(await carer.page.locator('.card[data-phase=own]').count(), 0);
    mock.change({ ...shown, mine: false, ownerName: 'Sara' },
        { state: 'CASE_STATE_ACCEPTED', owner: '1002' });
    await carer.page.waitForSelector('.card[data-phase=taken]');
}));

test('a refused accept rings again', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise();
    await carer.waitForAlarm();
    mock.answer = (m) => (m.accept ? { ok: false, error: 'busy', sentence: 'Försök igen.' } : undefined);
    await carer.page.click('#dock [data-action=accept]');
    await until(async () => /Försök igen\./.test(await carer.text(card)), 'sentence');
    assert.equal(await carer.ringing(), 'life');
}));

test('hand over offers the colleagues on duty and sends whom', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const shown = mock.raise({ state: 'CASE_STATE_ACCEPTED', owner: STAFF }, { mine: false });
    await carer.page.waitForSelector('.card[data-phase=own]');
    await carer.handOver('1002');
    await until(() => mock.verbs('handOver').length === 1, 'hand over');
    assert.deepEqual(mock.verbs('handOver')[0].handOver, { case: shown.case.id, to: '1002' });
}));

test('several alarms: by class, then age; the others are rows that open', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const at = (s) => ({ raisedMs: String(mock.now() - s * 1000) });
    mock.raise({ class: 'CLASS_SERVICE', kind: 'KIND_SERVICE', ...at(90) }, { placeLabel: 'Rum 3' });
    mock.raise({ class: 'CLASS_URGENT', kind: 'KIND_HELP', ...at(10) }, { placeLabel: 'Rum 4' });
    mock.raise({ class: 'CLASS_URGENT', kind: 'KIND_DOOR', ...at(60) }, { placeLabel: 'Entré' });
    await until(async () => (await carer.page.locator('.row').count()) === 2, 'two rows');
    assert.equal(await carer.text('.card .place'), 'Entré');
    const rows = await carer.page.locator('.row-place').allInnerTexts();
    assert.deepEqual(rows, ['Rum 4', 'Rum 3']);
    assert.equal(await carer.ringing(), 'urgent');
    await carer.openRow('Rum 3');
    assert.equal(await carer.text('.card .place'), 'Rum 3');
    mock.raise({}, { placeLabel: 'Rum 9' });
    await until(async () => (await carer.text('.card .place')) === 'Rum 9', 'life comes first');
    assert.equal(await carer.ringing(), 'life');
}));

test('a technical alarm is shown and does not ring', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise({ class: 'CLASS_TECHNICAL', kind: 'KIND_BATTERY_LOW' });
    await carer.waitForAlarm();
    assert.match(await carer.text(card), /TEKNIK[\s\S]*SVAGT BATTERI/);
    assert.equal(await carer.ringing(), '');
}));

test('an alarm of unknown class rings as life', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise({ class: undefined, kind: undefined });
    await carer.waitForAlarm();
    assert.match(await carer.text(card), /OKÄNT LARM/);
    assert.equal(await carer.ringing(), 'life');
}));

test('test, unknown device, not recorded and the centre are said in words', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        const shown = mock.raise({ test: true, deviceUnknown: true, notRecorded: true, centre: 'lc' });
        await carer.waitForAlarm();
        const text = await carer.text(card);
        for (const part of ['Provlarm', 'Okänt larmdon', 'Kunde inte sparas', 'Larmcentralen är kallad']) {
            assert.ok(text.includes(part), part);
        }
        mock.change(shown, { state: 'CASE_STATE_AT_CENTRE', centreAccepted: true });
        await carer.page.waitForSelector('.card[data-phase=centre]');
        assert.match(await carer.text(card), /Hos larmcentralen/);
        assert.equal(await carer.ringing(), '');
    }));

test('what a vendor or a list wrote is text, never markup', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const evil = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>';
    mock.raise({ text: evil }, { placeLabel: evil, unitLabel: evil, others: [evil], nextLabel: evil });
    await carer.waitForAlarm();
    assert.equal(await carer.text('.card .place'), evil);
    assert.equal(await carer.page.locator('#main img, #main script').count(), 0);
    assert.equal(await carer.page.evaluate(() => window.broken), undefined);
}));

test('a message between finger down and finger up takes no tap away', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const shown = mock.raise();
    await carer.waitForAlarm();
    const box = await carer.page.locator('#dock [data-action=accept]').boundingBox();
    await carer.page.waitForTimeout(400);
    await carer.page.mouse.move(box.x + 20, box.y + 20);
    await carer.page.mouse.down();
    mock.change({ ...shown, others: ['Sara', 'Kim'] });
    await until(async () => /Sara och Kim/.test(await carer.text(card)), 'the change is painted');
    await carer.page.mouse.up();
    await until(() => mock.verbs('accept').length === 1, 'accept');
}));

test('a tap meant for one alarm never takes the one that slid under the thumb', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        mock.raise({ class: 'CLASS_SERVICE', kind: 'KIND_SERVICE' }, { placeLabel: 'Rum 3' });
        await carer.waitForAlarm({ place: 'Rum 3' });
        const box = await carer.page.locator('#dock [data-action=accept]').boundingBox();
        await carer.page.waitForTimeout(400);
        await carer.page.mouse.move(box.x + 20, box.y + 20);
        await carer.page.mouse.down();
        mock.raise({}, { placeLabel: 'Rum 9' });
        await carer.waitForAlarm({ place: 'Rum 9' });
        await carer.page.mouse.up();
        await carer.page.mouse.down();
        await carer.page.mouse.up();
        await carer.page.waitForTimeout(200);
        assert.equal(mock.verbs('accept').length, 0);
    }));

test('the keyboard alone takes an alarm', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise();
    await carer.waitForAlarm();
    await carer.page.waitForTimeout(400);
    for (let i = 0; i < 20; i++) {
        await carer.page.keyboard.press('Tab');
        if (await carer.page.evaluate(() => document.activeElement.dataset.action) === 'accept') {
            break;
        }
    }
    await carer.page.keyboard.press('Enter');
    await until(() => mock.verbs('accept').length === 1, 'accept');
}));

test('the call for help needs a hold or two presses, and is sent once', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    const button = carer.page.locator('#dock [data-action=assist]');
    await button.click();
    await carer.page.waitForTimeout(1700);
    assert.equal(mock.verbs('assist').length, 0, 'one press is nothing');
    await button.dblclick();
    await until(() => mock.verbs('assist').length === 1, 'assist');
    await until(async () => /HJÄLP ÄR KALLAD/.test(await button.innerText()), 'said so');
    await button.dblclick();
    await carer.page.waitForTimeout(200);
    assert.equal(mock.verbs('assist').length, 1);
}));

test('holding the call for help for a second sends it', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    await carer.page.hover('#dock [data-action=assist]');
    await carer.page.mouse.down();
    await until(() => mock.verbs('assist').length === 1, 'assist while held', 2000);
    await carer.page.mouse.up();
}));
