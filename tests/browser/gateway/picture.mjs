/* picture.mjs - the README's pictures of the handheld, made by the tests of the real gateway when SHOTS
 * names a folder: handheld-idle.png, handheld-alarm.png, handheld-taken.png, handheld-lost.png. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

export async function picture(carer, name) {
    if (process.env.SHOTS) {
        await mkdir(process.env.SHOTS, { recursive: true });
        await carer.page.screenshot({ path: join(process.env.SHOTS, `handheld-${name}.png`) });
    }
}
