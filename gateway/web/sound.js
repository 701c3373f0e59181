/* sound.js - the tones and the vibration, made in code so that no file can be missing.
 *
 * app.js says which class rings; a new key begins the rhythm anew. Tones are laid on the audio clock a
 * minute ahead, because a hidden page's timers come late. Rhythms follow the custom of medical alarms
 * (3+2 pulses twice, 3 pulses, 1 pulse); conformity with IEC 60601-1-8 is not claimed. */

/* Pulse starts in seconds, pulse length, round every n seconds, pitch, first and last loudness. */
const RHYTHM = {
    life: {
        starts: [0, 0.3, 0.6, 1.2, 1.5, 2.4, 2.7, 3.0, 3.6, 3.9],
        pulse: 0.18, every: 10, pitch: 880, gain: [0.45, 1], rounds: 4,
    },
    urgent: { starts: [0, 0.35, 0.7], pulse: 0.22, every: 25, pitch: 659, gain: [0.5, 0.8], rounds: 3 },
    service: { starts: [0], pulse: 0.3, every: 30, pitch: 523, gain: [0.5, 0.5], rounds: 1 },
    lost: { starts: [0, 0.5], pulse: 0.4, every: 30, pitch: 330, gain: [0.6, 0.9], rounds: 3 },
};
const AHEAD_S = 65;
const EDGE_S = 0.01; /* so that a pulse does not click */

/* Browsers refuse, loudly, before the first touch of the page. */
function vibrate(pattern) {
    if (navigator.userActivation?.hasBeenActive ?? true) {
        navigator.vibrate?.(pattern);
    }
}

export function createSound(onChange) {
    let context = null;
    let meter = null;
    let trial = null;
    let voice = null; /* what rings: { key, rhythm, oscillators, gate, next, round, timers } */

    function unlock() {
        if (!context) {
            context = new AudioContext();
            meter = context.createAnalyser();
            meter.connect(context.destination);
            context.onstatechange = onChange;
        }
        return context.resume();
    }

    function begin(key, rhythm) {
        const gate = context.createGain();
        gate.gain.value = 0;
        gate.connect(meter);
        const oscillators = [[1, 0.6], [2, 0.25], [3, 0.15]].map(([overtone, share]) => {
            const level = context.createGain();
            const oscillator = context.createOscillator();
            oscillator.frequency.value = rhythm.pitch * overtone;
            level.gain.value = share;
            oscillator.connect(level).connect(gate);
            oscillator.start();
            return oscillator;
        });
        return { key, rhythm, oscillators, gate, next: context.currentTime + 0.02, round: 0, timer: 0 };
    }

    /* Lays the rounds of the coming minute on the audio clock. */
    function lay(v, rounds = Infinity) {
        const { starts, pulse, every, gain } = v.rhythm;
        while (v.next < context.currentTime + AHEAD_S && v.round < rounds) {
            const share = Math.min(1, v.round / Math.max(1, v.rhythm.rounds - 1));
            const loud = gain[0] + (gain[1] - gain[0]) * share;
            for (const start of starts) {
                const at = v.next + start;
                v.gate.gain.setValueAtTime(0, at);
                v.gate.gain.linearRampToValueAtTime(loud, at + EDGE_S);
                v.gate.gain.setValueAtTime(loud, at + pulse);
                v.gate.gain.linearRampToValueAtTime(0, at + pulse + EDGE_S);
            }
            v.next += every;
            v.round += 1;
        }
    }

    function shake(rhythm) {
        const pattern = rhythm.starts.flatMap((start, i) => {
            const length = rhythm.pulse * 1000;
            const following = rhythm.starts[i + 1];
            return following === undefined ? [length] : [length, (following - start) * 1000 - length];
        });
        vibrate(pattern.map(Math.round));
    }

    function mute(v) {
        if (v?.gate) {
            v.gate.gain.cancelScheduledValues(0);
            v.gate.disconnect();
            v.oscillators.forEach((o) => o.stop());
        }
    }

    function silence() {
        if (voice) {
            clearInterval(voice.timer);
            clearInterval(voice.shakeTimer);
            vibrate(0);
            mute(voice);
            voice = null;
        }
    }

    function endTrial() {
        mute(trial);
        trial = null;
    }

    return {
        unlock,
        isRunning: () => context?.state === 'running',
        /* What rings, as "life", "urgent", "service", "lost", or "". */
        ringing: () => (voice ? voice.name : ''),
        /* Did the tone of this key truly start? */
        isSounding: (key) => context?.state === 'running' && voice?.key === key && Boolean(voice.gate),
        /* Peak of what leaves for the loudspeaker now: the measure of the tests. */
        level() {
            const wave = new Float32Array(meter?.fftSize ?? 0);
            meter?.getFloatTimeDomainData(wave);
            return wave.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0);
        },
        /* Rings for the class, from the start when the key is new; name "" is silence. */
        ring(name, key) {
            const rhythm = RHYTHM[name];
            const isSame = voice && rhythm && voice.key === key && voice.name === name;
            if (isSame && (voice.gate || context?.state !== 'running')) {
                return;
            }
            silence();
            if (!rhythm) {
                return;
            }
            endTrial();
            voice = context?.state === 'running' ? begin(key, rhythm) : { key, rhythm };
            voice.name = name;
            shake(rhythm);
            voice.shakeTimer = setInterval(() => shake(rhythm), rhythm.every * 1000);
            if (voice.gate) {
                const v = voice;
                lay(v);
                v.timer = setInterval(() => lay(v), 5000);
            }
        },
        /* One round of the class-1 tone, for the question "did you hear it?". */
        startTrial() {
            endTrial();
            trial = begin('trial', RHYTHM.life);
            lay(trial, 1);
            shake(RHYTHM.life);
        },
        endTrial,
    };
}
