/* e2e.mjs - a carer's hands and eyes, against any gateway by its address: the mock of these tests or
 * the real one. The words are looked up in the page's own texts, so that both languages work.
 *
 *   const carer = await newCarer({ base, staff, pin });
 *   await carer.logIn(); await carer.goOnDuty('bjorken');
 *   const alarm = await carer.waitForAlarm({ place: 'Rum 12' });
 *   await carer.take(); await carer.onSite(); await carer.close('done'); await carer.leave(); */

import { chromium } from 'playwright-core';
import { tell } from '../../gateway/web/text.js';

const ARGUMENTS = [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS,
    });
}

export async function newCarer({
    base, staff, pin, browser = null, language = 'sv', theme = 'auto', width = 360, height = 740,
    options = {},
}) {
    const own = browser ?? await launch();
    const context = await own.newContext({
        viewport: { width, height }, hasTouch: true, reducedMotion: 'reduce',
        timezoneId: 'Europe/Stockholm',
        serviceWorkers: 'block', ...options,
    });
    await context.addInitScript(([l, t]) => {
        localStorage.getItem('samlarm.language') ?? localStorage.setItem('samlarm.language', l);
        localStorage.getItem('samlarm.theme') ?? localStorage.setItem('samlarm.theme', t);
    }, [language, theme]);
    const page = await context.newPage();
    const carer = new Carer({ base, staff, pin, page, t: tell(language) });
    carer.leave = async () => {
        await context.close();
        if (!browser) {
            await own.close();
        }
    };
    page.on('pageerror', (error) => carer.errors.push(String(error)));
    page.on('console', (line) => {
        if (line.type() === 'error' && !/Failed to load resource|WebSocket connection|ERR_EMPTY_RESPONSE/.test(line.text())) {
            carer.errors.push(line.text());
        }
    });
    return carer;
}

class Carer {
    constructor(fields) {
        Object.assign(this, fields);
        this.errors = []; /* what the page complained of: a test asks for none */
    }

    async open() {
        await this.page.goto(this.base);
        await this.page.waitForSelector('html:not([data-view=boot])');
    }

    async logIn() {
        await this.open();
        if (await this.page.locator('#staff').count()) {
            await this.page.fill('#staff', this.staff);
            await this.page.fill('#pin', this.pin);
            await this.page.click('form button[type=submit]');
        }
        await this.page.waitForSelector('html[data-view=start], html[data-view=duty]');
    }

    /* Presses "Börja passet" and says that the tone was heard. Who is on duty already, from an earlier
     * life of the page, only mends the sound. */
    async goOnDuty(unit = null) {
        if (await this.page.locator('html[data-view=duty]').count()) {
            await this.page.click('[data-action=sound-on]');
        } else {
            if (unit) {
                await this.page.selectOption('#unit', unit);
            }
            await this.page.click('[data-action=start-shift]');
            await this.page.waitForSelector('html[data-view=duty]');
        }
        await this.page.click('[data-action=heard-yes]');
    }

    /* The first card, when it rings and is what was asked for. */
    async waitForAlarm({ place = null, kind = null, timeout = 10000 } = {}) {
        const card = this.page.locator('.card[data-phase=ringing]', {
            hasText: place ?? (kind ? this.t(kind) : /./),
        }).first();
        await card.waitFor({ timeout });
        return {
            id: await card.getAttribute('data-case'),
            cls: await card.getAttribute('data-class'),
            place: await card.locator('.place').innerText(),
            kind: await card.locator('.kind').innerText(),
            text: await card.innerText(),
        };
    }

    /* Opens a case that stands as a row below. */
    async openRow(place) {
        await this.page.locator('.row', { hasText: place }).first().click();
    }

    /* Takes the first card. When another alarm waits, what was taken becomes a row: it is opened. */
    async take() {
        const accept = this.page.locator('#dock [data-action=accept]');
        const own = `[data-case="${await accept.getAttribute('data-case')}"][data-phase=own]`;
        await accept.click();
        await this.page.waitForSelector(own);
        if (await this.page.locator(`.row${own}`).count()) {
            await this.page.click(`.row${own}`);
        }
        await this.page.waitForSelector(`.card${own}`);
    }

    async decline(reason = 'busy') {
        await this.page.click('#dock [data-action=ask-decline]');
        await this.page.click(`#dock [data-action=decline][data-reason=${reason}]`);
    }

    async onSite() {
        await this.page.click('#dock [data-action=on-site]');
        await this.page.waitForSelector('#dock [data-action=ask-close]');
    }

    async handOver(staff) {
        await this.page.click('#dock [data-action=ask-hand-over]');
        await this.page.click(`#dock [data-action=hand-over][data-to="${staff}"]`);
    }

    async close(reason = 'done') {
        await this.page.click('#dock [data-action=ask-close]');
        await this.page.click(`#dock [data-action=close][data-reason=${reason}]`);
        await this.page.waitForSelector('#dock .reasons', { state: 'detached' });
    }

    /* "life", "urgent", "service", "lost" or "". */
    ringing() {
        return this.page.evaluate(() => document.documentElement.dataset.ringing);
    }

    /* Peak of what goes to the loudspeaker over `ms`. */
    loudness(ms = 700) {
        return this.page.evaluate(async (span) => {
            const { sound } = await import('/app.js');
            let peak = 0;
            for (const end = performance.now() + span; performance.now() < end;) {
                peak = Math.max(peak, sound.level());
                await new Promise((done) => setTimeout(done, 10));
            }
            return peak;
        }, ms);
    }

    text(selector) {
        return this.page.locator(selector).first().innerText();
    }
}
