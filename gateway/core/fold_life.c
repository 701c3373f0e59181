/* fold_life.c - what journalled facts say about devices: heard, silent, tested, and for how long.
 *
 * Called by ledger_apply. Never decides, never allocates; a heartbeat costs a lookup and a heap.
 */
#include "core/fold.h"

#include <string.h>

static void watch_for(struct ledger *ledger, size_t device, int64_t ms, struct now now)
{
    if (ms > 0 && ledger->is_watching && !ledger->lives[device].is_silent) {
        heap_set(&ledger->watch, (uint32_t)device, now.mono_ms + ms);
    }
}

/* Its clock begins anew. */
static void heard(struct ledger *ledger, size_t device, struct now now)
{
    struct life *life = &ledger->lives[device];
    life->heard_mono_ms = now.mono_ms;
    life->is_heard = ledger->is_watching;
    watch_for(ledger, device, supervision_limit_ms(&ledger->directory->devices[device], life), now);
}

/* The same, and the journal knows it. */
static void signed_in(struct ledger *ledger, size_t device, int64_t wall_ms, struct now now)
{
    ledger->lives[device].sign_ms = wall_ms;
    ledger->lives[device].listened_ms = ledger->listened_ms;
    heard(ledger, device, now);
}

void ledger_heard(struct ledger *ledger, const char *device_id, struct now now)
{
    const struct device *device = directory_device(ledger->directory, device_id);
    if (device != NULL) {
        heard(ledger, (size_t)(device - ledger->directory->devices), now);
    }
}

/* What silence_reference has written; a case of its own when it names none. */
static void read_silence(const struct alarm *event, struct life *life)
{
    uint64_t ms = 0;
    size_t len = 0;
    struct slice joined = slice_str(event->reference);
    struct slice rest = slice_cut(&joined, ' ');
    (void)slice_cut(&rest, '@');
    life->silent_ms = slice_u64(rest, INT64_MAX, &ms) == ERR_OK ? (int64_t)ms : 0;
    memcpy(life->silent_case, event->id.at, CASE_ID_REF);
    if (joined.len > 0) {
        (void)!hex_decode(joined, life->silent_case, CASE_ID_REF, &len);
    }
}

uint32_t tests_in_minute(const struct tests *tests, int64_t wall_ms)
{
    int64_t age_ms = wall_ms - tests->since_ms;
    return age_ms < 0 || age_ms >= TEST_MINUTE_MS ? 0 : tests->count;
}

static void count_test(struct tests *tests, int64_t wall_ms)
{
    if (tests_in_minute(tests, wall_ms) == 0) {
        *tests = (struct tests){.since_ms = wall_ms};
    }
    tests->count++;
}

/* We say that it is silent, or that it is not any more. */
static void apply_silence(struct ledger *ledger, size_t at, const struct alarm *event,
                          struct now now)
{
    struct life *life = &ledger->lives[at];
    life->is_silent = event->phase == PHASE_RAISED;
    read_silence(event, life);
    if (life->is_silent) {
        heap_remove(&ledger->watch, (uint32_t)at);
    } else {
        signed_in(ledger, at, event->gateway_ms, now);
    }
}

void fold_event(struct ledger *ledger, const struct alarm *event, struct now now)
{
    idring_add(&ledger->ids, &event->id);
    size_t at = fold_device(ledger, event);
    if (event->is_test) {
        count_test(at == SIZE_MAX ? &ledger->strangers : &ledger->lives[at].tests,
                   event->gateway_ms);
    }
    if (at == SIZE_MAX) {
        return;
    }
    struct life *life = &ledger->lives[at];
    life->sequence = event->sequence > life->sequence ? event->sequence : life->sequence;
    life->promised_ms = event->interval_ms > 0 ? event->interval_ms : life->promised_ms;
    if (!fold_is_ours(event->dialect)) {
        if (event->kind != KIND_DEVICE_SILENT && event->kind != KIND_LINK_LOST) {
            signed_in(ledger, at, event->gateway_ms, now);
        } /* it speaks; those two are said about it by somebody else */
    } else if (event->kind == KIND_DEVICE_SILENT) {
        apply_silence(ledger, at, event, now);
    }
}

void fold_seen(struct ledger *ledger, const struct seen *seen, struct now now)
{
    const struct device *device = directory_device(ledger->directory, seen->device);
    if (device != NULL) {
        size_t at = (size_t)(device - ledger->directory->devices);
        struct life *life = &ledger->lives[at];
        life->seen_ms = seen->at_ms;
        life->sequence = seen->sequence > life->sequence ? seen->sequence : life->sequence;
        if (device->supervision_ms == 0 && seen->expected_ms > 0) {
            life->promised_ms = seen->expected_ms;
        }
        signed_in(ledger, at, seen->at_ms, now);
    }
}

void fold_trial(struct ledger *ledger, const struct trial *trial, struct now now)
{
    const struct device *device = directory_device(ledger->directory, trial->device);
    if (device == NULL) {
        return;
    }
    uint32_t at = (uint32_t)(device - ledger->directory->devices);
    ledger->lives[at].trial = *trial;
    if (trial->state == TRIAL_ASKED) {
        heap_set(&ledger->trials, at,
                 mono_of(trial->at_ms + trial->within_ms, trial->within_ms, now));
    } else {
        heap_remove(&ledger->trials, at);
    }
}

/* A new life: nobody is blamed for the time in which we did not listen, so every device has one interval
 * again, and it has no more than that. But whoever has not been heard for two intervals in which we did
 * listen, over however many lives, has none to lose, so that a gateway which is restarted every day sees
 * a device die that speaks once a day. The journal is behind by an hour and an interval at most. */
void fold_started(struct ledger *ledger, struct now now)
{
    ledger->is_watching = true;
    for (size_t i = 0; i < ledger->directory->device_count; i++) {
        struct life *life = &ledger->lives[i];
        int64_t limit_ms = supervision_limit_ms(&ledger->directory->devices[i], life);
        int64_t grace_ms = sooner(limit_ms, START_GRACE_MS);
        int64_t left_ms = limit_ms;
        if (life->sign_ms > 0) {
            int64_t unheard_ms = ledger->listened_ms - life->listened_ms;
            left_ms = sooner(limit_ms, 2 * limit_ms + SEEN_EVERY_MS - unheard_ms);
        }
        life->heard_mono_ms = now.mono_ms;
        life->is_heard = false;
        watch_for(ledger, i, left_ms < grace_ms ? grace_ms : left_ms, now);
    }
}

/* Between two records of one life we have listened; of a longer pause an hour counts, so that a jump of
 * the wall clock is not taken for it. */
void fold_listened(struct ledger *ledger, const struct record *record)
{
    int64_t at_ms = record_at_ms(record);
    int64_t span_ms = at_ms - ledger->record_ms;
    if (record->type != RECORD_STARTED && ledger->record_ms > 0 && span_ms > 0) {
        ledger->listened_ms += sooner(span_ms, SEEN_EVERY_MS);
    }
    ledger->record_ms = at_ms > 0 ? at_ms : ledger->record_ms;
}
