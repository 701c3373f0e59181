/* sim_silence.c - who is silent, by the records alone, against what the ledger and its cases say. */
#include "sim_silence.h"

#include <stdlib.h>
#include <string.h>

enum { TESTS_A_MINUTE = 12 };

static struct told *told_of(struct silence *s, const char *device)
{
    const struct directory *d = &s->town->directory;
    const struct device *found = directory_device(d, device);
    return found == NULL ? NULL : &s->told[found - d->devices];
}

static int64_t interval_of(const struct silence *s, size_t at)
{
    int64_t configured = s->town->devices[at].supervision_ms;
    return configured > 0 ? configured : s->told[at].interval_ms;
}

void silence_began(struct silence *s, const struct town *town, struct now now)
{
    s->has_unheard = s->began_mono_ms > 0;
    s->town = town;
    s->began_mono_ms = now.mono_ms;
    for (size_t i = 0; i < TOWN_DEVICES; i++) {
        s->told[i].heard_mono_ms = now.mono_ms; /* an interval at most from here */
    }
}

void silence_heard(struct silence *s, const char *device, int64_t interval_ms, struct now now)
{
    struct told *told = told_of(s, device);
    if (told != NULL) {
        told->heard_mono_ms = now.mono_ms;
        told->interval_ms = interval_ms > 0 ? interval_ms : told->interval_ms;
    }
}

static void read_ref(const struct alarm *event, uint8_t ret_ref[8])
{
    size_t len = 0;
    struct slice rest = slice_str(event->reference);
    (void)slice_cut(&rest, ' ');
    memcpy(ret_ref, event->id.at, 8);
    if (rest.len > 0 && hex_decode(rest, ret_ref, 8, &len) != ERR_OK) {
        abort();
    }
}

static size_t members(const struct silence *s, const uint8_t *ref)
{
    size_t count = 0;
    for (size_t i = 0; i < TOWN_DEVICES; i++) {
        count += s->told[i].is_silent && memcmp(s->told[i].ref, ref, 8) == 0;
    }
    return count;
}

static void take_event(struct silence *s, const struct alarm *event)
{
    struct told *told = told_of(s, event->device);
    if (event->is_test && told != NULL) {
        bool is_new = event->gateway_ms - told->minute_ms >= 60000;
        told->minute_ms = is_new ? event->gateway_ms : told->minute_ms;
        told->tests = is_new ? 1 : told->tests + 1;
        if (told->tests > TESTS_A_MINUTE) {
            s->broken = "more tests of one device than a minute may hold";
        }
    }
    if (event->kind != KIND_DEVICE_SILENT || strcmp(event->dialect, "gateway") != 0) {
        return;
    }
    if (told == NULL || told->is_silent == (event->phase == PHASE_RAISED)) {
        s->broken = "a silence that begins twice, or ends without having begun";
        return;
    }
    uint8_t ref[8];
    read_ref(event, ref);
    told->is_silent = event->phase == PHASE_RAISED;
    if (!told->is_silent) {
        s->broken =
            memcmp(ref, told->ref, 8) != 0 ? "a silence that ends in another case" : s->broken;
        return;
    }
    int64_t unheard_ms = s->now.mono_ms - told->heard_mono_ms;
    bool is_patient = s->has_unheard && told->heard_mono_ms == s->began_mono_ms;
    if (!is_patient && unheard_ms < interval_of(s, (size_t)(told - s->told))) {
        s->broken = "a device that speaks was called silent";
    }
    memcpy(told->ref, ref, 8);
    s->silences++;
    s->joins += memcmp(ref, event->id.at, 8) != 0;
}

static void take_case(struct silence *s, const struct ledger *ledger,
                      const struct case_change *change)
{
    const struct case_value *c = &change->case_;
    const struct case_value *before = ledger_case(ledger, &c->id);
    bool is_site = c->kind == KIND_DEVICE_SILENT && strcmp(c->dialect, "gateway") == 0;
    if (!is_site) {
        return;
    }
    if (change->change == CHANGE_CLOSED && strcmp(c->reason, "restored") == 0 &&
        members(s, c->id.at) > 0) {
        s->broken = "the case of a silence was closed while somebody in it is silent";
    }
    if (before != NULL && strcmp(change->reason, "joined") == 0 &&
        strcmp(before->owner, c->owner) != 0) {
        s->broken = "who has a case lost it because its list grew";
    }
    if (before != NULL && strcmp(change->reason, "unprotected") == 0) {
        s->reopened++;
        s->broken = c->class_ != CLASS_URGENT ? "opened again for nothing" : s->broken;
    }
}

void silence_record(struct silence *s, const struct ledger *ledger, const struct record *record,
                    struct now now)
{
    s->now = now;
    if (record->type == RECORD_EVENT) {
        take_event(s, &record->event);
    } else if (record->type == RECORD_CASE) {
        take_case(s, ledger, &record->case_);
    } else if (record->type == RECORD_TRIAL) {
        s->trials += record->trial.state == TRIAL_HEARD || record->trial.state == TRIAL_FAILED;
    }
}

static bool look_at_site(void *context, const struct case_value *c)
{
    struct silence *s = context;
    if (c->kind != KIND_DEVICE_SILENT || strcmp(c->dialect, "gateway") != 0) {
        return true;
    }
    uint64_t count = members(s, c->id.at);
    uint64_t said = 1;
    struct slice text = slice_str(c->text);
    if (text.len > 0 && slice_u64(slice_cut(&text, ':'), TOWN_DEVICES, &said) != ERR_OK) {
        s->broken = "a list that cannot be read";
    } else if (count == 0 || said != count) {
        s->broken = "a list that does not say who is silent";
    }
    for (size_t i = 0; i < TOWN_DEVICES; i++) {
        const struct place *place = &s->town->places[s->town->devices[i].place];
        if (s->told[i].is_silent && memcmp(s->told[i].ref, c->id.at, 8) == 0 &&
            strcmp(s->town->units[place->unit].id, c->unit) != 0) {
            s->broken = "a silence in the case of another unit";
        }
    }
    s->largest = count > s->largest ? count : s->largest;
    return s->broken == NULL;
}

void silence_look(struct silence *s, const struct ledger *ledger, struct now now, bool is_full)
{
    ledger_each_open(ledger, look_at_site, s);
    for (size_t i = 0; i < TOWN_DEVICES && s->broken == NULL; i++) {
        struct device_life life = ledger_device(ledger, i, now);
        int64_t interval_ms = interval_of(s, i);
        int64_t unheard_ms = now.mono_ms - s->told[i].heard_mono_ms;
        bool is_late = life.trial->state == TRIAL_ASKED &&
                       now.wall_ms > life.trial->at_ms + life.trial->within_ms + 1000;
        if (life.is_silent != s->told[i].is_silent) {
            s->broken = "the ledger and the journal do not agree who is silent";
        } else if (life.within_ms != interval_ms) {
            s->broken = "a promise was lost";
        } else if (!is_full && interval_ms > 0 && !life.is_silent &&
                   unheard_ms > interval_ms + interval_ms / 10) {
            s->broken = "a silence was not told within the interval and a tenth";
        } else if (!is_full && is_late) {
            s->broken = "a test that was asked for never ended";
        }
    }
}
