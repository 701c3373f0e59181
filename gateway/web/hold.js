/* hold.js - a button that asks for intent: held for a second, or pressed twice. Keyboards press twice,
 * or hold Enter, which repeats. Calls `act`, which may be called again and must not mind. */

const HOLD_MS = 1000;
const DOUBLE_MS = 1500;

export function watchHold(selector, act) {
    let timer = 0;
    let pressedAt = -Infinity;
    const isOurs = (event) => event.target.closest?.(selector);

    document.addEventListener('pointerdown', (event) => {
        if (isOurs(event)) {
            timer = setTimeout(act, HOLD_MS);
        }
    });
    for (const name of ['pointerup', 'pointercancel']) {
        addEventListener(name, () => clearTimeout(timer), true);
    }
    document.addEventListener('contextmenu', (event) => {
        if (isOurs(event)) {
            event.preventDefault(); /* a long press on a phone asks for it */
        }
    });
    document.addEventListener('click', (event) => {
        if (isOurs(event)) {
            const now = performance.now();
            if (now - pressedAt < DOUBLE_MS) {
                act();
            }
            pressedAt = now;
        }
    });
}
