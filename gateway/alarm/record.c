/* record.c - words for records, cases and offers. Pure. */
#include "alarm/record.h"

#define WORD(table, count, number) ((number) < (count) ? (table)[number] : (table)[0])

const char *record_type_word(enum record_type type)
{
    static const char *const words[RECORD_TYPE_COUNT] = {"none",    "event",    "case", "receipt",
                                                         "duty",    "handset",  "seen", "fault",
                                                         "started", "answered", "trial"};
    return WORD(words, RECORD_TYPE_COUNT, type);
}

const char *change_word(enum change change)
{
    static const char *const words[CHANGE_COUNT] = {
        "unknown",         "raised",        "repeated", "updated",     "offered",  "declined",
        "escalated",       "accepted",      "on_site",  "handed_over", "reopened", "centre_offered",
        "centre_accepted", "centre_failed", "restored", "closed"};
    return WORD(words, CHANGE_COUNT, change);
}

const char *case_state_word(enum case_state state)
{
    static const char *const words[CASE_STATE_COUNT] = {
        "unknown", "raised", "offered", "accepted", "on_site", "at_centre", "closed"};
    return WORD(words, CASE_STATE_COUNT, state);
}

const char *offer_stage_word(enum offer_stage stage)
{
    static const char *const words[OFFER_STAGE_COUNT] = {
        "unknown", "queued",   "sent",     "received",   "displayed",
        "sounded", "accepted", "declined", "superseded", "expired"};
    return WORD(words, OFFER_STAGE_COUNT, stage);
}

const char *handset_state_word(enum handset_state state)
{
    static const char *const words[HANDSET_STATE_COUNT] = {"unknown", "off", "silent", "degraded",
                                                           "ready"};
    return WORD(words, HANDSET_STATE_COUNT, state);
}

const char *trial_state_word(enum trial_state state)
{
    static const char *const words[TRIAL_STATE_COUNT] = {"unknown", "asked", "heard", "failed"};
    return WORD(words, TRIAL_STATE_COUNT, state);
}

int64_t record_at_ms(const struct record *record)
{
    switch (record->type) {
    case RECORD_EVENT:
        return record->event.gateway_ms;
    case RECORD_CASE:
        return record->case_.at_ms;
    case RECORD_RECEIPT:
        return record->receipt.at_ms;
    case RECORD_DUTY:
        return record->duty.at_ms;
    case RECORD_HANDSET:
        return record->handset.at_ms;
    case RECORD_SEEN:
        return record->seen.at_ms;
    case RECORD_FAULT:
        return record->fault.at_ms;
    case RECORD_STARTED:
        return record->started.at_ms;
    case RECORD_ANSWERED:
        return record->answered.at_ms;
    case RECORD_TRIAL:
        return record->trial.at_ms;
    case RECORD_NONE:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}
