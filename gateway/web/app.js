/* app.js - the handheld: joins connection, outbox, state, sound and page. The only place that knows all.
 *
 * A message comes in, state changes, the page is painted, the sound follows the page, receipts follow
 * both. A tap becomes a verb in the outbox, and nothing turns green before the gateway has answered. */

import { CLOSE_GAP, createConnection } from './connection.js';
import { createDevice } from './device.js';
import { patch } from './dom.js';
import { watchHold } from './hold.js';
import { createClock, keep, kept, keptFlag } from './keep.js';
import { createOutbox, makeId } from './outbox.js';
import {
    announcement, dockView, lostView, mainView, orderedCards, pageTitle, stateLine,
} from './render.js';
import { createSession } from './session.js';
import { createSound } from './sound.js';
import {
    applyCase, applySnapshot, applyWelcome, className, createState, isOfferedAnew, openCount,
    sweep,
} from './state.js';
import { LANGUAGES, tell } from './text.js';

const LOST_MS = 5000;
const BEATS_MISSED = 1.5;
const BEAT_OFFERED_MS = 5000;
const READY_MS = 30000;
const SETTLE_MS = 350;   /* what has just come under the thumb takes no tap */
const NOTICE_MS = 10000;
const DOUBT_MS = 2000;
const RESYNC_MIN_MS = 5000;
const RESYNC_MAX_MS = 300000;

const element = (id) => document.getElementById(id);
const state = createState();
const clock = createClock();
const session = createSession();
const outbox = createOutbox({
    load: () => kept('outbox'), save: (text) => keep('outbox', text), wallNow: () => Date.now(),
});
export const sound = createSound(() => paint());
const ui = {
    view: 'boot', loginError: '', loginNotice: '', isLoggingIn: false, soundCheck: '', hasHeard: false,
    opened: '', panel: null, notices: [], assist: '', assistUntil: 0, isEnding: false,
    dockKey: '', settleUntil: 0,
};
const receipts = new Map(); /* case id -> Set of stages sent, while it rings */
const said = new Set();     /* case ids announced */
let language = LANGUAGES.includes(kept('language')) ? kept('language') : 'sv';
let theme = kept('theme') ?? 'auto';
let heartbeatMs = 15000;
let beatAt = 0;
let readyAt = 0;
let lastReady = '';
let offSince = performance.now();
const resync = {
    at: -Infinity, waitMs: RESYNC_MIN_MS, hasSnapshot: false, toldOpen: 0, doubtSince: null,
};

const device = createDevice({
    onTick: tick,
    onChange: () => { reportReady(); paint(); },
    onWake: () => { connection.wake(); paint(); },
    onOffline: () => connection.probe(),
});

const connection = createConnection({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`,
    ticket: session.ticket,
    hello: (fresh) => ({
        id: makeId(),
        hello: { ticket: fresh, epoch: state.epoch, seq: String(state.seq), language },
    }),
    probe: () => ({ id: makeId(), ready: readyReport(0) }),
    onMessage: hear,
    onChange: linkChanged,
    onLoggedOut: loggedOut,
    onReplaced: () => { ui.view = 'replaced'; paint(); },
});

/* ---- log in and out ---- */

async function logIn(form) {
    const t = tell(language);
    const staff = form.elements.staff.value.trim();
    const pin = form.elements.pin.value;
    if (!staff || !pin) {
        ui.loginError = t('loginEmpty');
        paint();
        return;
    }
    ui.isLoggingIn = true;
    ui.loginError = '';
    paint();
    const refusal = await session.logIn(staff, pin, language);
    if (refusal) {
        ui.loginError = refusal.sentence || t(refusal.key);
    } else {
        ui.loginNotice = '';
        connection.start();
    }
    ui.isLoggingIn = false;
    paint();
}

function loggedOut() {
    ui.loginNotice = keptFlag('duty') ? tell(language)('loggedOutOnDuty') : '';
    if (state.me) {
        state.me.onDuty = false;
    }
    leaveDuty();
    ui.view = 'login';
    paint();
}

async function logOut() {
    connection.stop();
    outbox.clear();
    Object.assign(state, createState());
    leaveDuty();
    ui.view = 'login';
    paint();
    await session.logOut();
}

function leaveDuty() {
    keep('duty', '');
    device.keepAwake(false);
    Object.assign(ui, { hasHeard: false, soundCheck: '', isEnding: false, panel: null, opened: '' });
}

function enterDuty() {
    keep('duty', 'yes');
    ui.view = 'duty';
    device.keepAwake(true);
}

/* ---- what the gateway says ---- */

function hear(message) {
    if (message.welcome) {
        hearWelcome(message.welcome);
    } else if (message.snapshot) {
        const isNews = applySnapshot(state, message.snapshot, clock.now());
        /* A resynchronisation that brought nothing must not be repeated at every beat. */
        resync.waitMs = isNews ? RESYNC_MIN_MS : Math.min(resync.waitMs * 2, RESYNC_MAX_MS);
        resync.hasSnapshot = true;
    } else if (message.case?.case) {
        if (isOfferedAnew(message.case, state.me)) {
            receipts.delete(message.case.case.id);
        }
        applyCase(state, message.case, clock.now());
    } else if (message.heartbeat) {
        hearHeartbeat(message.heartbeat);
    } else if (message.result) {
        hearResult(message.result);
    }
    keep('heard', String(Date.now()));
    paint();
}

function hearWelcome(welcome) {
    applyWelcome(state, welcome);
    clock.reset();
    clock.hear(Number(welcome.serverTimeMs));
    heartbeatMs = welcome.heartbeatMs || 15000;
    keep('reservePhone', state.reservePhone);
    outbox.belongTo(state.me.staff);
    if (state.me.onDuty) {
        enterDuty();
    } else {
        leaveDuty();
        ui.view = 'start';
    }
    lastReady = '';
    reportReady();
    outbox.flush((m) => connection.send(m), true);
}

function hearHeartbeat(heartbeat) {
    clock.hear(Number(heartbeat.serverTimeMs));
    state.warnings = heartbeat.warnings ?? [];
    resync.toldOpen = Number(heartbeat.open ?? 0);
    const isAgreed = resync.toldOpen === openCount(state);
    resync.doubtSince = isAgreed ? null : resync.doubtSince ?? performance.now();
}

/* The gateway counts other cases than this page holds: something was missed. (Its numbers prove
 * nothing: they count the whole journal.) A change may be on its way to the disk, so doubt must last. */
function resolveDoubt(now) {
    if (resync.doubtSince === null || resync.toldOpen === openCount(state)) {
        resync.doubtSince = null;
    } else if (connection.isWelcome() && now - resync.doubtSince > DOUBT_MS
        && now - resync.at > resync.waitMs) {
        comeBack(CLOSE_GAP, 'something was missed');
    }
}

function comeBack(code, reason) {
    resync.at = performance.now();
    resync.doubtSince = null;
    connection.resync(code, reason);
}

function hearResult(result) {
    const entry = outbox.settle(result.id);
    if (!entry || entry.verb === 'receipt') {
        return;
    }
    if (entry.verb === 'duty') {
        dutyAnswered(entry, result);
    } else if (entry.verb === 'assist') {
        ui.assist = result.ok ? 'sent' : '';
        ui.assistUntil = performance.now() + 30000;
    } else if (result.ok && state.cases.has(entry.about)) {
        state.cases.get(entry.about).answered = entry.verb;
    }
    if (!result.ok) {
        const t = tell(language);
        notice(entry.about, result.winner ? t('lostRace', { name: result.winner })
            : result.sentence || t('refused'));
    }
}

function dutyAnswered(entry, result) {
    if (!result.ok || !state.me) {
        return;
    }
    state.me.onDuty = entry.fields.on;
    if (entry.fields.on) {
        state.me.unit = entry.fields.unit || state.me.unit;
        enterDuty();
        /* What concerns this person is another set now. A gateway that sends it at once is heard. */
        resync.hasSnapshot = false;
        setTimeout(() => {
            if (!resync.hasSnapshot && connection.isWelcome()) {
                comeBack(1000, 'duty');
            }
        }, 1000);
    } else {
        leaveDuty();
        ui.view = 'start';
    }
}

function notice(about, text) {
    ui.notices.push({ about: state.cases.has(about) || about === 'duty' ? about : '', text,
        until: performance.now() + NOTICE_MS });
}

/* ---- what the carer says ---- */

function sayVerb(verb, fields, about) {
    outbox.add(verb, fields, about);
    outbox.flush((m) => connection.send(m), false);
    ui.panel = null;
    paint();
}

function sayAssist() {
    if (!outbox.pending('assist') && !ui.assist) {
        sayVerb('assist', { text: '' }, 'assist');
    }
}

const ACTIONS = {
    'language': (data) => {
        language = data.value;
        keep('language', language);
        if (connection.isWelcome()) {
            comeBack(1000, 'language');
        }
    },
    'theme': (data) => { theme = data.value; keep('theme', theme); },
    'start-shift': () => {
        const unit = element('unit')?.value || state.me.unit;
        askHeard();
        sayVerb('duty', { on: true, unit }, 'duty');
    },
    'sound-on': () => (ui.hasHeard ? sound.unlock().then(paint) : askHeard()),
    'heard-yes': () => heardAnswered(true, ''),
    'heard-no': () => heardAnswered(false, 'no'),
    'end-shift': () => { ui.isEnding = true; },
    'end-no': () => { ui.isEnding = false; },
    'end-yes': () => sayVerb('duty', { on: false, unit: state.me.unit }, 'duty'),
    'log-out': logOut,
    'use-this': () => { ui.view = 'boot'; connection.start(); },
    'open': (data) => { ui.opened = data.case; ui.panel = null; scrollTo(0, 0); },
    'accept': (data) => sayVerb('accept', { case: data.case }, data.case),
    'ask-decline': (data) => { ui.panel = { id: data.case, verb: 'decline' }; },
    'ask-close': (data) => { ui.panel = { id: data.case, verb: 'close' }; },
    'ask-hand-over': (data) => { ui.panel = { id: data.case, verb: 'handOver' }; },
    'back': () => { ui.panel = null; },
    'decline': (data) => sayVerb('decline', { case: data.case, reason: data.reason }, data.case),
    'on-site': (data) => sayVerb('onSite', { case: data.case }, data.case),
    'hand-over': (data) => sayVerb('handOver', { case: data.case, to: data.to }, data.case),
    'close': (data) => sayVerb('close', { case: data.case, reason: data.reason }, data.case),
};

async function askHeard() {
    ui.soundCheck = 'ask';
    try {
        await sound.unlock();
        sound.startTrial();
    } catch {
        ui.soundCheck = 'no';
    }
    paint();
}

function heardAnswered(hasHeard, soundCheck) {
    sound.endTrial();
    Object.assign(ui, { hasHeard, soundCheck });
    reportReady();
}

document.addEventListener('click', (event) => {
    const target = event.target.closest?.('[data-action]');
    const isSettling = element('dock').contains(target) && performance.now() < ui.settleUntil
        && target.dataset.action !== 'assist';
    if (target && !isSettling && ACTIONS[target.dataset.action]) {
        ACTIONS[target.dataset.action](target.dataset);
        paint();
    }
});

document.addEventListener('submit', (event) => {
    event.preventDefault();
    logIn(event.target);
});

/* ---- what the handset tells of itself ---- */

function readyReport(gapMs) {
    return {
        visible: device.isVisible(), sound: ui.hasHeard && sound.isRunning(),
        battery: device.battery(), gapMs,
    };
}

function reportReady() {
    const report = readyReport(0);
    const word = JSON.stringify(report);
    const isDue = performance.now() - readyAt >= READY_MS;
    if ((isDue || word !== lastReady) && connection.isWelcome()) {
        const gapMs = device.gap();
        if (connection.send({ id: makeId(), ready: { ...report, gapMs } })) {
            readyAt = performance.now();
            lastReady = word;
            device.forgetGap();
        }
    }
}

function sendReceipt(id, stage) {
    const sent = receipts.get(id) ?? new Set();
    receipts.set(id, sent);
    if (!sent.has(stage)) {
        sent.add(stage);
        outbox.add('receipt', { case: id, stage: `OFFER_STAGE_${stage}` });
        outbox.flush((m) => connection.send(m), false);
    }
}

/* Received when it is here, displayed when it has been painted on a page that can be seen, sounded
 * when its tone has begun. */
function giveReceipts(model, ringKey, ringRank) {
    const ringing = model.cards.filter((card) => card.phase === 'ringing');
    for (const id of receipts.keys()) {
        if (!ringing.some((card) => card.id === id)) {
            receipts.delete(id);
            said.delete(id);
        }
    }
    ringing.forEach((card) => sendReceipt(card.id, 'RECEIVED'));
    const isAllSeen = ringing.every((card) => receipts.get(card.id).has('DISPLAYED'));
    if (!isAllSeen && device.isVisible() && !model.isLost) {
        requestAnimationFrame(() => requestAnimationFrame(() => {
            const isSeen = device.isVisible() && element('lost').hidden;
            const seen = isSeen ? ringing.filter((card) =>
                document.querySelector(`[data-case="${CSS.escape(card.id)}"]`)) : [];
            seen.forEach((card) => sendReceipt(card.id, 'DISPLAYED'));
            sounded(ringing, ringKey, ringRank);
        }));
    } else {
        sounded(ringing, ringKey, ringRank);
    }
}

function sounded(ringing, ringKey, ringRank) {
    if (ringKey && sound.isSounding(ringKey)) {
        ringing.filter((card) => card.rank === ringRank)
            .forEach((card) => sendReceipt(card.id, 'SOUNDED'));
    }
}

/* ---- painting ---- */

function beatMs(list) {
    const hasOffer = list.some((card) => card.phase === 'ringing');
    return hasOffer ? Math.min(BEAT_OFFERED_MS, heartbeatMs) : heartbeatMs;
}

function linkChanged() {
    if (connection.isWelcome()) {
        offSince = null;
    } else if (offSince === null) {
        offSince = performance.now();
    }
    paint();
}

/* 'on' needs a word from the gateway within one and a half beats. */
function linkState(list) {
    const now = performance.now();
    if (connection.isWelcome()) {
        return now - connection.heardAt() > beatMs(list) * BEATS_MISSED ? 'off' : 'on';
    }
    return now - (offSince ?? now) > LOST_MS ? 'off' : 'trying';
}

function makeModel() {
    const now = clock.now();
    const list = state.me ? orderedCards(state, now, ui.opened) : [];
    const link = linkState(list);
    const isOnDuty = keptFlag('duty') && ui.view !== 'login' && ui.view !== 'replaced';
    return {
        t: tell(language), language, theme, state, ui, now, link, cards: list, view: ui.view,
        hasTime: clock.isSet(), needsSound: !(sound.isRunning() && ui.hasHeard),
        isAwake: device.isAwake(), battery: device.battery(),
        reservePhone: state.reservePhone || kept('reservePhone') || '',
        isPending: (about) => outbox.pending(about), hasUnsaid: outbox.hasUnsaid(),
        isLost: isOnDuty && link === 'off',
        lostSince: clock.isSet() && connection.heardAt() !== null ? clock.at(connection.heardAt())
            : Number(kept('heard') ?? Date.now()),
    };
}

let isPainting = false;

function paint() {
    if (isPainting) {
        return;
    }
    isPainting = true;
    try {
        paintAll();
    } finally {
        isPainting = false;
    }
}

function paintAll() {
    const model = makeModel();
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = shownTheme(model);
    document.documentElement.dataset.view = ui.view;
    document.title = pageTitle(model);
    patch(element('line'), stateLine(model).filter(Boolean));
    patch(element('main'), mainView(model));
    paintDock(model);
    paintLost(model);
    const [ringName, ringKey, ringRank] = whatRings(model);
    sound.ring(ringName, ringKey);
    document.documentElement.dataset.ringing = sound.ringing();
    announce(model);
    giveReceipts(model, ringKey, ringRank);
}

function paintLost(model) {
    const lost = element('lost');
    const isNew = model.isLost && lost.hidden;
    lost.hidden = !model.isLost;
    element('page').inert = model.isLost;
    patch(lost, model.isLost ? lostView(model) : []);
    if (isNew) {
        lost.focus();
    }
}

function paintDock(model) {
    const view = dockView(model);
    const key = view.length > 1 ? view[0].props.key : '';
    if (key !== ui.dockKey) {
        ui.dockKey = key;
        ui.settleUntil = performance.now() + SETTLE_MS;
        setTimeout(paint, SETTLE_MS + 10);
    }
    element('dock').classList.toggle('settling', performance.now() < ui.settleUntil);
    patch(element('dock'), view);
}

function shownTheme(model) {
    if (theme !== 'auto') {
        return theme;
    }
    const hour = new Date(model.hasTime ? model.now : Date.now()).getHours();
    const isNight = hour >= 21 || hour < 6;
    return isNight || matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/* [tone, key, rank]: the most pressing class that waits for this person. Being cut off sounds too: a
 * handset in a pocket that cannot be reached leaves people unprotected. */
function whatRings(model) {
    if (model.isLost) {
        return ['lost', 'lost', 0];
    }
    const isWaiting = (card) => card.phase === 'ringing' && card.rank < 4
        && !outbox.pending(card.id) && !card.entry.answered;
    const waiting = ui.view === 'duty' ? model.cards.filter(isWaiting) : [];
    if (waiting.length === 0) {
        return ['', '', 0];
    }
    const rank = Math.min(...waiting.map((card) => card.rank));
    const top = waiting.filter((card) => card.rank === rank);
    const key = top.map((card) => `${card.id}${card.entry.shown.case.count ?? 1}`).sort().join();
    return [className(top[0].entry.shown), key, rank];
}

function announce(model) {
    const fresh = model.cards.find((card) => card.phase === 'ringing' && !said.has(card.id));
    if (fresh) {
        said.add(fresh.id);
        element('say').textContent = announcement(model, fresh);
        if (fresh.id !== ui.opened && !ui.panel) {
            ui.opened = ''; /* a new alarm goes where it belongs unless a choice is being made */
            setTimeout(paint, 0);
        }
    }
}

/* ---- every second ---- */

function tick() {
    const now = performance.now();
    const model = makeModel();
    const beat = beatMs(model.cards);
    if (now - beatAt >= beat - 100 && connection.send({ heartbeat: {} })) {
        beatAt = now;
    }
    if (connection.isWelcome() && now - connection.heardAt() > beat * 1.1) {
        connection.probe();
    }
    resolveDoubt(now);
    reportReady();
    outbox.flush((m) => connection.send(m), false);
    for (const entry of outbox.expire()) {
        if (entry.verb !== 'receipt') {
            notice(entry.about, tell(language)('expired'));
        }
    }
    ui.notices = ui.notices.filter((n) => n.until > now);
    if (ui.assist === 'sent' && now > ui.assistUntil) {
        ui.assist = '';
    }
    sweep(state, clock.now());
    paint();
}

watchHold('[data-action=assist]', sayAssist);
paint();
connection.start();
navigator.serviceWorker?.register('sw.js').catch(() => {
    /* Forbidden or not a secure origin: the page then needs the network to open. */
});
