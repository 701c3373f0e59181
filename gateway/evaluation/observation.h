/* observation.h - what was seen, by whom, when, of which device: all that judges look at.
 *
 * Where observations come from is settled here, for the whole bench:
 *   the gateway's journal  - what reached the wire and what became of it. EVENT, CASE, SEEN, ANSWERED,
 *                            FAULT and STARTED come from its records by observation_from_record,
 *                            carry the row's number and are never made by anybody else. The journal is
 *                            chained and signed, so each of them can be proved.
 *   the bench's stimuli    - what was done to the device and when: PRESS, HOLD, RELEASE, LINK_CUT,
 *                            LINK_RESTORED, RUN_BEGIN, RUN_END, and DUPLICATE when the bench's own
 *                            proxy saw a frame twice. Stamped at the moment *before* the stimulus
 *                            leaves (RELEASE, LINK_RESTORED, RUN_END: after it took effect).
 *   the tester             - the same stimuli done by hand, and NOTE.
 * Judges believe the journal before the tester: a stimulus says when a clock began, never that
 * something arrived.
 *
 * A list of observations is in the order of happening (observation_merge). Its file, one JSON
 * object a line (observation_put), is the evidence; its BLAKE2b hash stands in the signed report.
 *
 * Two clocks: wall_ms always; mono_ms only together with `clock`, the name of the process life or
 * of the machine's start that the monotonic clock belongs to. A duration is taken from mono_ms
 * when both ends have the same `clock`, else from wall_ms.
 */
#pragma once

#include "alarm/record.h"

enum observed {
    OBSERVED_NOTHING,
    OBSERVED_RUN_BEGIN,     /* .text the requirement's id */
    OBSERVED_RUN_END,       /* .text the same; missing when the tester stopped */
    OBSERVED_PRESS,         /* .device .number from 1 */
    OBSERVED_HOLD,          /* .device: from now on answers are kept from it */
    OBSERVED_RELEASE,       /* .device: answers reach it again */
    OBSERVED_LINK_CUT,      /* .device .number */
    OBSERVED_LINK_RESTORED, /* .device .number */
    OBSERVED_NOTE,          /* .text */
    OBSERVED_EVENT,         /* .device .reference .kind .phase .id */
    OBSERVED_CASE,          /* .device .reference (newest) .kind .change .id of the case */
    OBSERVED_SEEN,          /* .device .reference .number expected_ms */
    OBSERVED_ANSWERED, /* .id of the event .is_positive; one for each reception that was answered */
    OBSERVED_DUPLICATE, /* .device .reference: the same frame came again */
    OBSERVED_FAULT,     /* .text "word about" .is_positive: it is over */
    OBSERVED_STARTED,   /* .text version: the gateway started anew */
    OBSERVED_COUNT
};

enum witness { WITNESS_GATEWAY, WITNESS_BENCH, WITNESS_TESTER, WITNESS_COUNT };

enum { CLOCK_ROOM = 24, OBSERVATION_LINE_MAX = 1024, OBSERVATION_ARENA = 2048 };

struct observation {
    enum observed what;
    enum witness by;
    int64_t wall_ms;
    int64_t mono_ms;
    char clock[CLOCK_ROOM]; /* "": mono_ms is not known */
    char device[DEVICE_ROOM];
    char reference[REFERENCE_ROOM];
    enum kind kind;
    enum phase phase;
    enum change change;
    struct alarm_id id;
    uint64_t seq;    /* row of the journal, 0: not from there */
    uint64_t number; /* of the press or cut */
    bool is_positive;
    bool is_test; /* EVENT, CASE: the device marked it as a test */
    char text[TEXT_ROOM];
};

/* ERR_NOT_MINE: a record that no judge asks for (receipts, duty, handsets). Nothing of the alarm's
 * text is taken over: evidence leaves the house. */
enum err observation_from_record(const struct record *record, struct observation *ret) MUST_USE;

/* A stimulus of the bench or the tester. `device`, `text` may be NULL; long texts are cut. */
struct observation observation_stimulus(enum observed what, enum witness by, struct now now,
                                        const char *clock, const char *device, uint64_t number,
                                        const char *text);

/* One line of JSON, keys sorted, absent ones left out, with the line's end. ERR_FULL: no room. */
enum err observation_put(const struct observation *observation, struct buf *out) MUST_USE;

/* One line (without its end), strictly: unknown keys, words and witnesses that do not go with the kind,
 * texts that are too long: all refused. `arena` (OBSERVATION_ARENA) is free again afterwards. */
struct verdict observation_parse(struct slice line, struct arena *arena,
                                 struct observation *ret) MUST_USE;

/* Two lists, each in order, into one (room for both). At the same millisecond what begins something
 * goes before the journal's rows, and what ends something after them. */
void observation_merge(const struct observation *stimuli, size_t stimulus_count,
                       const struct observation *rows, size_t row_count,
                       struct observation *ret_all);

/* From a to b in ms, by the rule of the two clocks above. */
int64_t observation_span_ms(const struct observation *a, const struct observation *b);

/* A stable lower-case word: "press", "link_cut". */
const char *observed_word(enum observed what);
const char *witness_word(enum witness by);
