/* look.test.mjs - languages, widths, contrast, targets, and the pictures. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { LANGUAGES, span, TEXT } from '../../../gateway/web/text.js';
import { until } from '../mock.mjs';
import { onDuty, withBrowser } from './set_up.mjs';

const scene = withBrowser();
const EVENING = Date.parse('2026-11-22T20:04:00Z'); /* 21:04 in Stockholm */
const CLASSES = ['CLASS_LIFE', 'CLASS_URGENT', 'CLASS_SERVICE', 'CLASS_TECHNICAL'];

test('both languages say the same things', () => {
    const values = (words) => Object.fromEntries(Object.entries(words)
        .map(([key, word]) => [key, (word.match(/\{\w+\}/g) ?? []).sort().join()]));
    assert.deepEqual(values(TEXT.en), values(TEXT.sv));
    assert.ok(Object.values(TEXT.en).every((word) => word.length > 0));
});

test('spans of time are written for people', () => {
    assert.deepEqual([0, 12000, 72000, 3600000, 5025000, 172800000].map(span),
        ['0:00', '0:12', '1:12', '1:00:00', '1:23:45', '2 d']);
});

test('the language can be changed, is kept, and the gateway is told', () => scene({}, async (mock, carer) => {
    await onDuty(carer);
    mock.raise();
    await carer.waitForAlarm();
    await carer.page.click('[data-action=language][data-value=en]');
    await until(async () => (await carer.text('#dock [data-action=accept]')) === 'I AM COMING', 'English');
    assert.equal(await carer.page.evaluate(() => document.documentElement.lang), 'en');
    await until(() => mock.hellos.at(-1).language === 'en', 'hello in English');
    await carer.page.reload();
    await until(async () => /You and Sara are called/.test(await carer.text('.card')), 'kept');
}));

test('it is dark by itself after nine in the evening, and by the switch', () =>
    scene({ mock: { clockMs: EVENING } }, async (mock, carer) => {
        const theme = () => carer.page.evaluate(() => document.documentElement.dataset.theme);
        await onDuty(carer);
        assert.equal(await theme(), 'dark');
        await carer.page.click('[data-action=theme][data-value=light]');
        assert.equal(await theme(), 'light');
    }));

/* Everything that can be said about an alarm at once, in the longest words. */
function crowd(mock) {
    mock.warnings = ['Larmcentralen Västerbotten svarar inte sedan 21:01.'];
    mock.raise({ kind: 'KIND_LINK_LOST', class: 'CLASS_URGENT', count: 12, test: true,
        deviceUnknown: true, notRecorded: true, restored: true, centre: 'lc',
        form: 'FORM_FAMILY', text: 'Personlarmsenhetsöverföringsfel' },
    { placeLabel: 'Gemensamhetslokalen Västerbottensgatan 12 B', unitLabel: 'Hemtjänst Centrum Norra',
        others: ['Sara Ek', 'Kim Dahl', 'Alexandra Björklund-Nordström'] });
    mock.raise({ class: 'CLASS_SERVICE', kind: 'KIND_SERVICE' }, { placeLabel: 'Rum 3' });
    mock.raise({ class: 'CLASS_TECHNICAL', kind: 'KIND_DEVICE_FAULT' }, { placeLabel: 'Hjälpmedelsförrådet' });
}

const sideways = (carer) => carer.page.evaluate(() => {
    const wide = [...document.querySelectorAll('body *:not(.heard-only)')].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.right > innerWidth + 1 || each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
            && getComputedStyle(each).overflowX !== 'visible';
    });
    const page = document.scrollingElement;
    return { over: page.scrollWidth - page.clientWidth, wide: wide.map((e) => e.className || e.tagName) };
});

for (const [name, rootSize] of [['320 px wide', '100%'], ['320 px and text at 200 %', '200%']]) {
    test(`nothing scrolls sideways at ${name}`, () =>
        scene({ carer: { width: 320, height: 640 } }, async (mock, carer) => {
            const check = async (what) => {
                await carer.page.evaluate((size) => { document.documentElement.style.fontSize = size; }, rootSize);
                assert.deepEqual(await sideways(carer), { over: 0, wide: [] }, what);
            };
            await carer.open();
            await check('log-in');
            await carer.logIn();
            await check('start');
            await carer.goOnDuty();
            await check('idle');
            crowd(mock);
            await until(async () => (await carer.page.locator('.row').count()) === 2, 'rows');
            await check('alarms');
            await carer.page.click('#dock [data-action=ask-decline]');
            await check('reasons');
            mock.isUp = false;
            mock.cut();
            await carer.page.waitForSelector('#lost:not([hidden])', { timeout: 9000 });
            await check('lost');
        }));
}

test('take and decline are at least 64 px, 16 px apart, in the lower third', () =>
    scene({}, async (mock, carer) => {
        await onDuty(carer);
        mock.raise();
        await carer.waitForAlarm();
        for (const [width, height] of [[360, 740], [320, 640]]) {
            await carer.page.setViewportSize({ width, height });
            const no = await carer.page.locator('#dock [data-action=ask-decline]').boundingBox();
            const yes = await carer.page.locator('#dock [data-action=accept]').boundingBox();
            assert.ok(no.height >= 64 && yes.height >= 64 && no.width >= 64);
            assert.ok(yes.x - (no.x + no.width) >= 16 || yes.y - (no.y + no.height) >= 16);
            assert.ok(yes.y >= height * 2 / 3 - 1, `${yes.y} of ${height}`);
            assert.ok(yes.y + yes.height <= height);
        }
    }));

/* Contrast of every text on the page against what is painted behind it. */
const contrasts = (carer) => carer.page.evaluate(() => {
    const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const light = (rgb) => {
        const [r, g, b] = rgb.slice(0, 3).map((v) => {
            const c = v / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) {
                return colour;
            }
        }
        return [255, 255, 255];
    };
    const ratio = (one, two) => {
        const [a, b] = [light(one), light(two)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const texts = [...document.querySelectorAll('#page *')].filter((node) => node.checkVisibility()
        && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
    return texts.map((node) => {
        const isShape = node.closest('svg');
        const ground = isShape ? parse(getComputedStyle(isShape.querySelector('path')).fill) : behind(node);
        const ink = parse(isShape ? getComputedStyle(node).fill : getComputedStyle(node).color);
        return {
            text: node.textContent.slice(0, 30), ratio: ratio(ink, ground),
            isStrong: Boolean(node.closest('.place, .badge:not(.taken)')) && !node.closest('svg'),
            isGrey: Boolean(node.closest('[data-phase=taken]')),
        };
    });
});

for (const theme of ['light', 'dark']) {
    test(`every text reads at 4.5:1, class and place at 7:1 (${theme})`, () =>
        scene({ carer: { theme } }, async (mock, carer) => {
            await onDuty(carer);
            const check = async (what) => {
                for (const { text, ratio, isStrong, isGrey } of await contrasts(carer)) {
                    const least = isStrong && !isGrey ? 7 : 4.5;
                    assert.ok(ratio >= least, `${what}: "${text}" ${ratio.toFixed(2)} < ${least}`);
                }
            };
            await check('idle');
            for (const one of CLASSES) {
                let shown = mock.raise({ class: one, count: 2, test: true });
                await carer.waitForAlarm();
                await carer.page.waitForTimeout(50);
                await check(one);
                shown = mock.change({ ...shown, mine: false }, { state: 'CASE_STATE_OFFERED' });
                await carer.page.waitForSelector('.card[data-phase=open]');
                await check(`${one} open`);
                shown = mock.change({ ...shown, ownerName: 'Sara' },
                    { state: 'CASE_STATE_ACCEPTED', owner: '1002' });
                await carer.page.waitForSelector('.card[data-phase=taken]');
                await check(`${one} taken`);
                shown = mock.change(shown, { owner: '1001' });
                await carer.page.waitForSelector('.card[data-phase=own]');
                await check(`${one} own`);
                mock.change(shown, { state: 'CASE_STATE_CLOSED' });
                mock.cut();
                await carer.page.waitForSelector('.quiet-page');
            }
        }));
}

const SHOTS = process.env.SHOTS ?? ''; /* without it the views are walked through and not kept */

async function picture(carer, name) {
    if (SHOTS) {
        await mkdir(SHOTS, { recursive: true });
        await carer.page.waitForTimeout(450);
        await carer.page.screenshot({ path: join(SHOTS, `${name}.png`) });
    } else {
        assert.deepEqual(await sideways(carer), { over: 0, wide: [] }, name);
    }
}

for (const language of LANGUAGES) {
    for (const theme of ['light', 'dark']) {
        test(`every view in ${language}, ${theme}`, () => scene(
            { mock: { clockMs: EVENING }, carer: { language, theme } },
            async (mock, carer) => {
                const shoot = (name) => picture(carer, `${name}-${language}-${theme}`);
                mock.recent = past(mock);
                await carer.open();
                await shoot('login');
                await onDuty(carer);
                await shoot('idle');
                let shown = mock.raise({ count: 2, raisedMs: String(mock.now() - 12000) });
                await carer.waitForAlarm();
                await shoot('alarm');
                await carer.page.click('#dock [data-action=ask-decline]');
                await shoot('decline');
                await carer.page.click('#dock [data-action=back]');
                shown = mock.change({ ...shown, mine: false, ownerName: 'Sara' },
                    { state: 'CASE_STATE_ACCEPTED', owner: '1002' });
                await carer.page.waitForSelector('.card[data-phase=taken]');
                await shoot('taken');
                shown = mock.change(shown, { owner: '1001' });
                await carer.page.waitForSelector('.card[data-phase=own]');
                await shoot('own');
                mock.raise({ kind: 'KIND_HELP', class: 'CLASS_URGENT', form: 'FORM_ORDINARY' },
                    { placeLabel: 'Storgatan 14 B', unitLabel: 'Hemtjänst Centrum' });
                mock.raise({ kind: 'KIND_SERVICE', class: 'CLASS_SERVICE' }, { placeLabel: 'Rum 3' });
                mock.change(shown, { state: 'CASE_STATE_CLOSED' });
                await until(async () => (await carer.text('.card .place')) === 'Storgatan 14 B', 'rows');
                await shoot('several');
                await carer.page.setViewportSize({ width: 320, height: 640 });
                await shoot('small');
                await carer.page.setViewportSize({ width: 360, height: 740 });
                if (SHOTS) {
                    mock.isUp = false;
                    mock.cut();
                    await carer.page.waitForSelector('#lost:not([hidden])', { timeout: 9000 });
                    await shoot('lost');
                }
            }));
    }
}

function past(mock) {
    const line = (minutes, kind, place, owner, reason, n) => ({
        case: { id: `past000${n}`, kind, class: 'CLASS_URGENT', state: 'CASE_STATE_CLOSED', reason,
            raisedMs: String(mock.now() - minutes * 60000) },
        placeLabel: place, unitLabel: 'Björken', ownerName: owner,
    });
    return [
        line(18, 'KIND_HELP', 'Rum 7', 'Sara', 'done', 1),
        line(41, 'KIND_DOOR', 'Entré', 'Anna', 'false_alarm', 2),
        line(66, 'KIND_SERVICE', 'Rum 3', 'Kim', 'done', 3),
        line(95, 'KIND_BED_EXIT', 'Rum 12', 'Sara', 'not_needed', 4),
        line(140, 'KIND_HELP', 'Rum 1', 'Anna', 'other_care', 5),
    ];
}
