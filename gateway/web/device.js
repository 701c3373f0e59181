/* device.js - what this handset can truly do now: is it seen, awake, charged, and does its clock run.
 *
 * app.js asks it for the `ready` report and is called once a second. Never talks to the gateway. */

export function createDevice({ onTick, onChange, onWake, onOffline }) {
    let lock = null;
    let wantsLock = false;
    let battery = null;
    let lastTick = performance.now();
    let gapMs = 0;

    function tick() {
        const now = performance.now();
        gapMs = Math.max(gapMs, now - lastTick);
        lastTick = now;
        onTick();
    }

    async function holdAwake() {
        if (!wantsLock || lock || document.visibilityState !== 'visible' || !navigator.wakeLock) {
            return;
        }
        try {
            lock = await navigator.wakeLock.request('screen');
            lock.onrelease = () => {
                lock = null;
                onChange();
            };
            onChange();
        } catch {
            lock = null; /* battery saver or policy: the readiness line says so */
        }
    }

    async function watchBattery() {
        try {
            battery = await navigator.getBattery?.();
        } catch {
            battery = null;
        }
        if (battery) {
            battery.onlevelchange = onChange;
            onChange();
        }
    }

    function woken() {
        holdAwake();
        onWake();
    }

    try {
        new Worker('tick.js').onmessage = tick;
    } catch {
        setInterval(tick, 1000);
    }
    watchBattery();
    document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'visible') {
            woken();
        }
        onChange();
    });
    document.addEventListener('resume', woken);
    addEventListener('pageshow', woken);
    addEventListener('focus', woken);
    addEventListener('online', woken);
    addEventListener('offline', onOffline);

    return {
        keepAwake(wants) {
            wantsLock = wants;
            if (wants) {
                holdAwake();
            } else {
                lock?.release();
            }
        },
        isAwake: () => lock !== null,
        isVisible: () => document.visibilityState === 'visible',
        battery: () => (battery ? Math.round(battery.level * 100) : -1),
        /* Largest gap between two ticks since it was last forgotten. */
        gap: () => Math.round(gapMs),
        forgetGap() {
            gapMs = 0;
        },
    };
}
