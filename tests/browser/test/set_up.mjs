/* set_up.mjs - one browser for a test file, and for each test a gateway of its own. */

import { after, before } from 'node:test';
import { launch, newCarer } from '../e2e.mjs';
import { Mock, PIN, STAFF } from '../mock.mjs';

export function withBrowser() {
    const shared = { browser: null };
    before(async () => { shared.browser = await launch(); });
    after(() => shared.browser?.close());

    /* A fresh gateway and a carer in front of it. Fails the test when the page complained. */
    return async function scene(options, play) {
        const mock = new Mock();
        Object.assign(mock, options.mock);
        await mock.start();
        const carer = await newCarer({
            base: mock.url, staff: STAFF, pin: PIN, browser: shared.browser, ...options.carer,
        });
        try {
            await play(mock, carer);
            if (carer.errors.length > 0) {
                throw new Error(`the page complained: ${carer.errors.join(' | ')}`);
            }
            if (mock.faults.length > 0) {
                throw new Error(`not as in client.proto: ${mock.faults.join(' | ')}`);
            }
        } finally {
            await carer.leave();
            await mock.stop();
        }
    };
}

/* On duty, tone heard. */
export async function onDuty(carer) {
    await carer.logIn();
    await carer.goOnDuty();
}
