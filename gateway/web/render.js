/* render.js - what the handheld shows, as a function of what is known. Drawn in one column.
 *
 *   state line      connection · unit · server time
 *   main            banners, the first alarm as a card, others as rows; or the quiet page
 *   dock            what the thumb does, always in the lower third; below it the call for help
 *
 * app.js gives a model and puts the trees into the page. Never keeps state, never listens. */

import { h } from './dom.js';
import { cards, className, handOverChoices } from './state.js';
import { clock, deviceText, joinNames, LANGUAGES, span, TEXT } from './text.js';

const SHAPES = {
    life: ['M8 1h8l7 7v8l-7 7H8l-7-7V8z', '!!!'],
    urgent: ['M12 1 23.5 22.5H.5z', '!!'],
    service: ['M12 1a11 11 0 1 0 0 22 11 11 0 0 0 0-22z', '!'],
    technical: ['M15 1a7.5 7.5 0 0 0-7 10L1 18v5h5l7-7A7.5 7.5 0 0 0 23 7.500l-4.5 3.5-3.5-3.500L18.5 2A7.5 7.5 0 0 0 15 1z', ''],
    taken: ['M2 13 9 20 22 5', ''],
};
const SHAPE_TEXT = { life: ['16', '9'], urgent: ['20', '10'], service: ['18', '16'] };

export const DECLINE_REASONS = { busy: 'declineBusy', far: 'declineFar', other: 'declineOther' };
export const CLOSE_REASONS = {
    done: 'closeDone', false_alarm: 'closeFalse', not_needed: 'closeNotNeeded',
    other_care: 'closeOtherCare', forwarded: 'closeForwarded',
};
const HANDSET = {
    HANDSET_SHOWN_READY: 'handsetReady', HANDSET_SHOWN_DEGRADED: 'handsetDegraded',
    HANDSET_SHOWN_SILENT: 'handsetSilent',
};

function shape(name) {
    const [d, marks] = SHAPES[name];
    const at = SHAPE_TEXT[name];
    return h('svg', { viewBox: '0 0 24 24', class: 'shape', 'data-shape': name, 'aria-hidden': 'true' },
        h('path', { d }),
        at && h('text', { x: '12', y: at[0], 'font-size': at[1], 'text-anchor': 'middle' }, marks));
}

/* The word and the shape of a case: its class, or that it is taken. */
function badge(t, card) {
    const isTaken = card.phase === 'own' || card.phase === 'taken' || card.phase === 'closed';
    return [
        isTaken && h('span', { class: 'badge taken' }, shape('taken'),
            h('span', null, t(card.phase === 'closed' ? 'closed' : 'takenWord'))),
        h('span', { class: 'badge' }, shape(className(card.entry.shown)),
            h('span', null, t(className(card.entry.shown)))),
    ];
}

function button(action, label, props = {}) {
    return h('button', { type: 'button', 'data-action': action, key: action, ...props }, label);
}

const kindOf = (m, shown) => m.t(shown.case.kind ?? 'KIND_UNKNOWN');
const placeOf = (m, shown) => shown.placeLabel || shown.case.place || shown.case.device
    || m.t('placeUnknown');
const unitOf = (shown) => shown.unitLabel || shown.case.unit || '';
const ageOf = (m, shown) => span(m.now - Number(shown.case.raisedMs ?? m.now));

/* ---- state line ---- */

export function stateLine(m) {
    if (m.view === 'login') {
        return [];
    }
    const word = { on: 'connected', trying: 'connecting', off: 'notConnected' }[m.link];
    const unit = m.state.units.find((u) => u.unit === m.state.me?.unit)?.name ?? m.state.me?.unit;
    return [
        h('span', { class: 'link', 'data-link': m.link }, h('span', { class: 'dot' }), m.t(word)),
        h('span', { class: 'line-unit' }, m.view === 'duty' || m.view === 'start' ? unit : ''),
        h('time', { class: 'line-time' }, m.hasTime ? clock(m.now) : ''),
    ];
}

/* ---- log in, start of the shift ---- */

function loginView(m) {
    return [
        h('h1', { class: 'brand' }, 'Samlarm'),
        m.ui.loginNotice && h('p', { class: 'banner alarm', role: 'alert' }, m.ui.loginNotice),
        h('form', { 'data-form': 'login', key: 'login', class: 'form', novalidate: true },
            h('label', { for: 'staff' }, m.t('staffNumber')),
            h('input', {
                id: 'staff', name: 'staff', inputmode: 'numeric', autocomplete: 'username',
                autocapitalize: 'none', spellcheck: 'false', maxlength: '40', required: true,
                'aria-describedby': 'login-error',
            }),
            h('label', { for: 'pin' }, m.t('pin')),
            h('input', {
                id: 'pin', name: 'pin', type: 'password', inputmode: 'numeric',
                autocomplete: 'current-password', maxlength: '40', required: true,
                'aria-describedby': 'login-error',
            }),
            h('p', { id: 'login-error', class: 'error', role: 'alert' }, m.ui.loginError),
            h('button', { type: 'submit', class: 'primary', disabled: m.ui.isLoggingIn },
                m.t(m.ui.isLoggingIn ? 'loggingIn' : 'logIn'))),
        reserveLine(m),
        settings(m),
    ];
}

/* Before the first word from the gateway: blank at first, plain words when none comes. */
function bootView(m) {
    return [
        h('h1', { class: 'brand' }, 'Samlarm'),
        m.link === 'off' && h('p', { class: 'banner alarm', role: 'alert' }, m.t('loginUnreachable')),
        m.link === 'off' && reserveLine(m),
    ];
}

function reserveLine(m) {
    return m.reservePhone && h('p', { class: 'quiet', key: 'reserve' }, `${m.t('reserveCall')}: `,
        h('a', { href: `tel:${m.reservePhone.replace(/[^+\d]/g, '')}` }, m.reservePhone));
}

function startView(m) {
    return [
        h('h1', null, m.t('hello', { name: m.state.me.name })),
        notices(m, 'duty'),
        h('div', { class: 'form' },
            m.state.units.length > 0 && h('label', { for: 'unit' }, m.t('unit')),
            m.state.units.length > 0 && h('select', { id: 'unit', key: 'unit', initial: m.state.me.unit },
                m.state.units.map((u) => h('option', { value: u.unit, key: u.unit }, u.name || u.unit))),
            button('start-shift', m.t(m.isPending('duty') ? 'sending' : 'startShift'),
                { class: 'primary', disabled: Boolean(m.isPending('duty')) }),
            h('p', { class: 'quiet' }, m.t('startShiftHelp'))),
        button('log-out', m.t('logOut'), { class: 'plain' }),
        settings(m),
    ];
}

function replacedView(m) {
    return [
        h('h1', { class: 'brand' }, 'Samlarm'),
        h('p', { class: 'banner alarm', role: 'alert' }, m.t('replaced')),
        button('use-this', m.t('useThisOne'), { class: 'primary' }),
        button('log-out', m.t('logOut'), { class: 'plain' }),
    ];
}

/* One of a few, as a row of buttons. */
function choice(m, action, label, options, current) {
    return h('div', { class: 'choice', role: 'group', 'aria-label': label },
        options.map(([value, word, language]) => h('button', {
            type: 'button', 'data-action': action, 'data-value': value, key: value,
            'aria-pressed': String(value === current), lang: language,
        }, word)));
}

function settings(m) {
    return h('footer', { class: 'settings', key: 'settings' },
        choice(m, 'language', m.t('language'),
            LANGUAGES.map((l) => [l, TEXT[l].languageName, l]), m.language),
        choice(m, 'theme', m.t('theme'),
            [['auto', m.t('themeAuto')], ['dark', m.t('themeDark')], ['light', m.t('themeLight')]],
            m.theme));
}

/* ---- on duty ---- */

function banners(m) {
    return [
        m.needsSound && !m.ui.soundCheck && h('button', {
            type: 'button', class: 'banner alarm', 'data-action': 'sound-on', key: 'sound-off',
        }, m.t('soundOffBanner')),
        m.ui.soundCheck && soundCheck(m),
        notices(m, ''),
    ];
}

function warnings(m) {
    return m.state.warnings.map((w) =>
        h('p', { class: 'banner warn', role: 'status', key: `w${w}` }, w));
}

function soundCheck(m) {
    const isAsking = m.ui.soundCheck === 'ask';
    return h('section', { class: 'panel', key: 'sound-check', 'aria-live': 'polite' },
        h('h2', null, isAsking ? m.t('heardAsk') : m.t('heardNo')),
        h('div', { class: 'pair' }, isAsking
            ? [button('heard-no', m.t('no')), button('heard-yes', m.t('yes'), { class: 'primary' })]
            : [button('sound-on', m.t('playAgain'), { class: 'primary' })]));
}

function noticesOf(m, about) {
    return m.ui.notices.filter((n) => n.about === about);
}

function notices(m, about) {
    return noticesOf(m, about)
        .map((n) => h('p', { class: 'notice', role: 'status', key: `n${n.text}` }, n.text));
}

/* Is it this person's own call for help? */
function isCalledBy(m, card) {
    return card.entry.shown.case.device === `staff/${m.state.me.staff}`;
}

function whoLine(m, card) {
    const { shown } = card.entry;
    const c = shown.case;
    const name = shown.ownerName;
    if (card.phase === 'own') {
        return m.t(c.state === 'CASE_STATE_ON_SITE' ? 'youAreThere' : 'youAreComing');
    }
    if (card.phase === 'taken') {
        const isThere = c.state === 'CASE_STATE_ON_SITE' && name;
        return name ? m.t(isThere ? 'thereNow' : 'takenBy', { name }) : m.t('takenBySomeone');
    }
    if (card.phase === 'closed') {
        const by = shown.byName || name;
        return by ? m.t('closedBy', { name: by }) : m.t('closed');
    }
    if (card.phase === 'centre') {
        return m.t('atCentre');
    }
    const others = shown.others ?? [];
    const names = joinNames(m.t, others);
    if (card.phase === 'ringing' && name) {
        return m.t('handedToYou', { name });
    }
    if (card.phase === 'ringing') {
        return others.length ? m.t('youAnd', { names }) : m.t('onlyYou');
    }
    const called = others.length === 0 ? m.t('nobodyCalled')
        : m.t(others.length === 1 ? 'otherCalled' : 'othersCalled', { names });
    if (isCalledBy(m, card)) {
        return `${m.t('youAsked')} · ${called}`;
    }
    return card.phase === 'declined' ? `${m.t('youDeclined')} · ${called}` : called;
}

function nextLine(m, card) {
    const { shown } = card.entry;
    const isWaiting = ['ringing', 'open', 'declined'].includes(card.phase) && !shown.ownerName;
    if (!isWaiting || !shown.nextLabel) {
        return '';
    }
    const left = Number(shown.nextMs ?? 0) - m.now;
    return left > 0 ? m.t('nextIn', { next: shown.nextLabel, time: span(left + 999) })
        : m.t('nextNow', { next: shown.nextLabel });
}

function marks(m, card) {
    const c = card.entry.shown.case;
    const isCentreCalled = c.centre && ['ringing', 'open', 'declined'].includes(card.phase);
    return [
        c.test && 'test', c.deviceUnknown && 'deviceUnknown', c.notRecorded && 'notRecorded',
        c.restored && 'restored', isCentreCalled && 'centreCalled',
    ].filter(Boolean).map((key) => h('p', { class: 'mark', key }, m.t(key)));
}

function fullCard(m, card) {
    const { shown } = card.entry;
    const c = shown.case;
    const next = nextLine(m, card);
    return h('article', {
        class: 'card', key: card.id, 'data-case': card.id, 'data-phase': card.phase,
        'data-class': className(shown),
    },
    h('header', { class: 'card-head' },
        h('div', { class: 'badges' }, badge(m.t, card)),
        h('time', { class: 'age' }, ageOf(m, shown)),
        h('p', { class: 'kind' }, kindOf(m, shown))),
    h('div', { class: 'card-body' },
        h('h1', { class: 'place' }, placeOf(m, shown)),
        h('p', { class: 'where' }, `${unitOf(shown)}\u00a0· ${m.t(c.form ?? 'FORM_UNKNOWN')}`),
        c.text && h('p', { class: 'device-text' }, deviceText(m.language, c.text)),
        Number(c.count ?? 1) > 1 && h('p', { class: 'count' }, m.t('pressed', { n: c.count })),
        h('p', { class: 'who' }, whoLine(m, card)),
        next && h('p', { class: 'next' }, next),
        marks(m, card),
        notices(m, card.id)));
}

function row(m, card) {
    const { shown } = card.entry;
    return h('li', { key: card.id },
        h('button', {
            type: 'button', class: 'row', 'data-action': 'open', 'data-case': card.id,
            'data-phase': card.phase, 'data-class': className(shown),
        },
        h('span', { class: 'badges' }, badge(m.t, card)),
        h('time', { class: 'age' }, ageOf(m, shown)),
        h('span', { class: 'row-text' },
            h('strong', null, kindOf(m, shown)), ' ', h('span', { class: 'row-place' }, placeOf(m, shown)),
            h('small', null, `${unitOf(shown)}\u00a0· ${whoLine(m, card)}`)),
        noticesOf(m, card.id).map((n) => h('span', { class: 'notice', key: `n${n.text}` }, n.text))));
}

function dutyView(m) {
    const [first, ...rest] = m.cards;
    return [
        banners(m),
        first ? null : warnings(m),
        first ? fullCard(m, first) : quietView(m),
        rest.length > 0 && h('section', { class: 'rows', key: 'rows' },
            h('h2', null, m.t('moreAlarms')), h('ul', null, rest.map((card) => row(m, card)))),
        first && warnings(m), /* below: a fault of the system never hides a person's need */
        first && h('p', { class: 'readiness', key: 'ready-line' }, readiness(m)),
        endShift(m),
        settings(m),
    ];
}

function quietView(m) {
    const others = m.state.people.filter((p) => p.staff !== m.state.me.staff);
    const unit = m.state.units.find((u) => u.unit === m.state.me.unit)?.name ?? m.state.me.unit;
    return h('div', { class: 'quiet-page', key: 'quiet' },
        h('h1', null, unit),
        h('p', { class: 'calm' }, shape('taken'), m.t('noAlarms')),
        h('p', { class: 'readiness' }, readiness(m)),
        h('section', null, h('h2', null, m.t('onDutyNow')),
            others.length === 0 ? h('p', { class: 'quiet' }, m.t('onDutyNobody'))
                : h('ul', { class: 'people' }, others.map((p) => h('li', { key: p.staff },
                    h('span', null, p.name || p.staff),
                    h('span', { class: 'quiet' }, HANDSET[p.handset] ? m.t(HANDSET[p.handset]) : ''))))),
        h('section', null, h('h2', null, m.t('recent')),
            m.state.recent.length === 0 ? h('p', { class: 'quiet' }, m.t('recentNone'))
                : h('ul', { class: 'recent' }, m.state.recent.map((shown) => recentLine(m, shown)))));
}

function recentLine(m, shown) {
    const c = shown.case;
    const reason = CLOSE_REASONS[c.reason] ? m.t(CLOSE_REASONS[c.reason]) : c.reason;
    return h('li', { key: c.id },
        h('time', null, clock(Number(c.raisedMs ?? 0))),
        h('span', null, h('strong', null, kindOf(m, shown)), ` ${placeOf(m, shown)}`,
            h('small', null, [shown.ownerName, reason].filter(Boolean).join(' · '))));
}

function readiness(m) {
    return [
        m.t(m.needsSound ? 'soundOff' : 'soundOn'),
        m.t(m.isAwake ? 'screenAwake' : 'screenMaySleep'),
        m.battery >= 0 ? m.t('battery', { n: m.battery }) : '',
    ].filter(Boolean).join(' · ');
}

function endShift(m) {
    if (!m.ui.isEnding) {
        return button('end-shift', m.t('endShift'), { class: 'plain' });
    }
    const own = m.cards.filter((card) => card.phase === 'own').length;
    return h('section', { class: 'panel', key: 'ending' },
        own > 0 && h('p', { class: 'mark' }, m.t('endShiftOwn', { n: own })),
        h('h2', null, m.t('endShiftAsk')),
        notices(m, 'duty'),
        h('div', { class: 'pair' },
            button('end-no', m.t('no')),
            button('end-yes', m.t(m.isPending('duty') ? 'sending' : 'yesEnd'),
                { class: 'primary', disabled: Boolean(m.isPending('duty')) })));
}

export function mainView(m) {
    const views = {
        boot: bootView, login: loginView, start: startView, replaced: replacedView, duty: dutyView,
    };
    return views[m.view](m).flat(Infinity)
        .filter(Boolean);
}

/* ---- the dock: what the thumb does about the first card ---- */

function chips(m, card, verb, reasons) {
    return Object.entries(reasons).map(([reason, key]) => button(verb, m.t(key),
        { 'data-case': card.id, 'data-reason': reason, key: reason, class: 'chip' }));
}

function panel(m, card, question, choices) {
    return h('div', { class: 'reasons', key: `${card.id}/${m.ui.panel.verb}` },
        h('p', { class: 'question' }, question),
        h('div', { class: 'chips' }, choices,
            button('back', m.t('back'), { class: 'chip back' })));
}

function actions(m, card) {
    const of = (verb) => ({ 'data-case': card.id, key: `${card.id}/${verb}` });
    const { shown } = card.entry;
    if (card.phase === 'taken' || card.phase === 'closed'
        || (card.phase !== 'own' && isCalledBy(m, card))) {
        return null;
    }
    if (m.isPending(card.id)) {
        return h('div', { class: 'pair', key: `${card.id}/sending` },
            h('p', { class: 'sending', role: 'status' }, m.t('sending')));
    }
    if (m.ui.panel?.id === card.id) {
        if (m.ui.panel.verb === 'decline') {
            return panel(m, card, m.t('why'), chips(m, card, 'decline', DECLINE_REASONS));
        }
        if (m.ui.panel.verb === 'close') {
            return panel(m, card, m.t('howEnded'), chips(m, card, 'close', CLOSE_REASONS));
        }
        const people = handOverChoices(shown);
        return panel(m, card, m.t(people.length ? 'handOverTo' : 'handOverNobody'),
            people.map((p) => button('hand-over', p.name,
                { 'data-case': card.id, 'data-to': p.staff, key: p.staff, class: 'chip' })));
    }
    const key = `${card.id}/${card.phase}/${shown.case.state}`;
    if (card.phase === 'own') {
        const isThere = shown.case.state === 'CASE_STATE_ON_SITE';
        return h('div', { class: 'pair', key },
            button('ask-hand-over', m.t('handOver'), of('ask-hand-over')),
            isThere ? button('ask-close', m.t('close'), { ...of('ask-close'), class: 'primary' })
                : button('on-site', m.t('onSite'), { ...of('on-site'), class: 'primary' }));
    }
    return h('div', { class: 'pair', key },
        card.phase === 'ringing' && button('ask-decline', m.t('cannot'), of('ask-decline')),
        button('accept', m.t('coming'), { ...of('accept'), class: 'primary' }));
}

export function dockView(m) {
    if (m.view !== 'duty') {
        return [];
    }
    const first = m.cards[0];
    const help = m.isPending('assist') ? 'sending' : m.ui.assist;
    const word = { sending: 'assistSending', sent: 'assistSent' }[help] ?? 'assist';
    return [
        first && actions(m, first),
        button('assist', [h('span', null, m.t(word)),
            word === 'assist' && h('small', null, m.t('assistHow'))],
        { class: 'assist', 'data-assist': help || 'ready', 'aria-live': 'polite' }),
    ].filter(Boolean);
}

/* ---- not connected: covers everything and cannot be dismissed ---- */

export function lostView(m) {
    const open = m.cards.filter((card) => !['taken', 'closed'].includes(card.phase)).slice(0, 3);
    return [
        h('h1', { id: 'lost-title' }, m.t('lostSince', { time: clock(m.lostSince) })),
        h('p', { class: 'phone-label' }, m.t(m.reservePhone ? 'reserveCall' : 'reserveUnknown')),
        m.reservePhone && h('a', {
            class: 'phone', href: `tel:${m.reservePhone.replace(/[^+\d]/g, '')}`,
        }, m.reservePhone),
        open.length > 0 && h('section', null, h('h2', null, m.t('lostOpen')),
            h('ul', null, open.map((card) => h('li', { key: card.id },
                h('strong', null, kindOf(m, card.entry.shown)), ' ',
                placeOf(m, card.entry.shown), ' · ', unitOf(card.entry.shown))))),
        m.hasUnsaid && h('p', null, m.t('lostUnsent')),
        h('p', { class: 'lost-help' }, m.t('lostHelp')),
    ].filter(Boolean);
}

/* The cards in the order of the page: what the carer opened by hand comes first. */
export function orderedCards(state, serverNow, opened) {
    const list = cards(state, serverNow);
    const at = list.findIndex((card) => card.id === opened);
    if (at > 0) {
        list.unshift(...list.splice(at, 1));
    }
    return list;
}

/* What a screen reader says, once, when an alarm begins. */
export function announcement(m, card) {
    const { shown } = card.entry;
    return m.t('announce', {
        class: m.t(className(shown)), kind: kindOf(m, shown), place: placeOf(m, shown),
        unit: unitOf(shown),
    });
}

export function pageTitle(m) {
    const ringing = m.cards.find((card) => card.phase === 'ringing');
    return ringing ? `${kindOf(m, ringing.entry.shown)} · ${placeOf(m, ringing.entry.shown)}` : 'Samlarm';
}
