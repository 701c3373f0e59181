/* scaip.h - SCAIP (SS 91100, TS 50134-9): `mrq` and `mrs`, XML <-> struct, and the code tables.
 *
 * Called by the scaip adapter (both directions), the pendant and centre stubs, the bench and the
 * fuzzers. Never touches SIP, keeps state or interprets an alarm. XML is expat's work, inside these
 * ceilings: no DOCTYPE, so no entities; one bounded document in one call; all memory from the
 * caller's arena.
 */
#pragma once

#include "base/bytes.h"

enum {
    SCAIP_BODY_MAX = 65536,   /* bytes of a document */
    SCAIP_DEPTH_MAX = 16,     /* elements inside one another */
    SCAIP_ELEMENTS_MAX = 512, /* elements in a document */
    SCAIP_ARENA = 320 * 1024, /* what the largest document may take; a usual one takes 20 KiB */
    SCAIP_TEXT_MAX =
        256, /* bytes of a value, after trimming; the longest field has 128 characters */
    SCAIP_CALLERS_MAX = 4, /* `crd` and `tnu` elements kept */
    SCAIP_UNKNOWN_MAX = 64 /* bytes of the list of unknown elements */
};

#define SCAIP_TYPE "application/scaip+xml"

/* What stands at the root of the document. */
enum scaip_root {
    SCAIP_NO_ROOT,
    SCAIP_MRQ,     /* a request */
    SCAIP_MRS,     /* an answer */
    SCAIP_NOWIP,   /* <ATM>: BS 8521-2, another protocol */
    SCAIP_SCAIP,   /* <scaip>: seen in one receiver, never conformant */
    SCAIP_SCAIPPA, /* the old draft: long names, namespace http://www.hi.se/2012/XScapXML */
    SCAIP_OTHER
};

/* Every leaf of mrq and mrs. All values are trimmed UTF-8, empty when the element is missing or
 * empty
 * (`has` tells which). FIELD(tag, full name). */
#define SCAIP_FIELDS(FIELD)                                                                        \
    FIELD(ref, "reference")                                                                        \
    FIELD(ver, "version")                                                                          \
    FIELD(sco, "system-config")                                                                    \
    FIELD(cha, "call-handling")                                                                    \
    FIELD(mty, "message-type")                                                                     \
    FIELD(hbo, "heartbeat-options")                                                                \
    FIELD(cid, "controller-id")                                                                    \
    FIELD(dty, "device-type")                                                                      \
    FIELD(did, "device-id")                                                                        \
    FIELD(dco, "device-component")                                                                 \
    FIELD(dte, "device-text")                                                                      \
    FIELD(crd, "caller-id")                                                                        \
    FIELD(stc, "status-code")                                                                      \
    FIELD(stt, "status-text")                                                                      \
    FIELD(pri, "priority")                                                                         \
    FIELD(lco, "location-code")                                                                    \
    FIELD(lva, "location-value")                                                                   \
    FIELD(geo, "wgs-pos")                                                                          \
    FIELD(tim, "time-stamp")                                                                       \
    FIELD(gga, "gga-pos")                                                                          \
    FIELD(lte, "location-text")                                                                    \
    FIELD(ico, "info-code")                                                                        \
    FIELD(ite, "info-text")                                                                        \
    FIELD(ame, "additional-message")                                                               \
    FIELD(mreq, "media-request")                                                                   \
    FIELD(snu, "status-number")                                                                    \
    FIELD(ste, "status-text")                                                                      \
    FIELD(cve, "common-version")                                                                   \
    FIELD(mre, "media-reply")                                                                      \
    FIELD(cre, "callhandling-reply")                                                               \
    FIELD(tnu, "transferred-number")                                                               \
    FIELD(hbi, "heartbeat-interval")

enum scaip_tag {
#define FIELD(tag, name) SCAIP_##tag,
    SCAIP_FIELDS(FIELD)
#undef FIELD
        SCAIP_TAG_COUNT
};

/* Zeroed, it is an empty message: set `root` and values, and encode it. */
struct scaip_message {
    enum scaip_root root;
    struct slice values[SCAIP_TAG_COUNT]; /* in the arena (parsed) or the caller's (to encode) */
    bool has[SCAIP_TAG_COUNT];
    struct slice
        callers[SCAIP_CALLERS_MAX]; /* crd of a request: all of them, the first is values[] too */
    size_t caller_count;
    bool had_cut;     /* a value was longer than SCAIP_TEXT_MAX and is kept cut */
    bool had_blanks;  /* a value had blanks round it: tolerated, worth a note */
    bool had_repeats; /* an element that may stand once stood twice: the first counts */
    char unknown[SCAIP_UNKNOWN_MAX]; /* names of unknown elements, with blanks between; tolerated */
};

/* Parses one whole document. Even after an error *ret_message holds what was read until then, so
 * that an answer can carry the `ref`; its slices live as long as the arena. OK: root is SCAIP_MRQ
 * or SCAIP_MRS. NOT_MINE: well-formed, another root (see root). SYNTAX: not well-formed at byte
 * `at`. UNSUPPORTED: DOCTYPE or an encoding that we do not read. FULL: a ceiling. `ret_why` gets a
 * plain English sentence, never NULL. */
struct verdict scaip_parse(struct slice body, struct arena *arena,
                           struct scaip_message *ret_message, const char **ret_why) MUST_USE;

static inline struct slice scaip_value(const struct scaip_message *message, enum scaip_tag tag)
{
    return message->values[tag];
}
/* To build a message for encoding. */
void scaip_set(struct scaip_message *message, enum scaip_tag tag, struct slice value);
/* A value as a number: "2", "02" and "0002" are the same. -1: absent or no number. */
int scaip_code(const struct scaip_message *message, enum scaip_tag tag);

/* Writes the elements that are set, in the order of SCAIP_FIELDS, geo, tim and gga inside lge,
 * without XML declaration or blanks; all callers. ERR_FULL when it does not fit, ERR_RANGE without
 * a root, ERR_SYNTAX when a value is not UTF-8 or holds what XML cannot carry. */
enum err scaip_encode(const struct scaip_message *message, struct buf *out) MUST_USE;

/* Code tables: English words, NULL for a number without a meaning that we know. */
const char *scaip_device_type_text(int dty);
const char *scaip_component_text(int dco);
const char *scaip_status_text(int stc);
const char *scaip_location_text(int lco);
const char *scaip_answer_text(int snu);
const char *scaip_media_text(int mre);
const char *scaip_call_text(int cre);
const char *scaip_system_text(int sco);
const char *scaip_tag_name(enum scaip_tag tag);    /* "ref" */
const char *scaip_tag_text(enum scaip_tag tag);    /* "reference" */
const char *scaip_root_text(enum scaip_root root); /* "a NOW-IP message (BS 8521-2), not SCAIP" */

/* Message types (mty). An omitted one is ME. */
enum scaip_mty { SCAIP_ME, SCAIP_RE, SCAIP_IN, SCAIP_PI, SCAIP_MTY_OTHER };
enum scaip_mty scaip_mty_of(const struct scaip_message *message);

/* Answers (snu). */
enum scaip_snu {
    SCAIP_ACCEPTED = 0,
    SCAIP_TOO_LONG = 1,
    SCAIP_WRONG_FORMAT = 2,
    SCAIP_WRONG_CONTENT = 3,
    SCAIP_HOLD = 4,
    SCAIP_NOT_TREATED = 5,
    SCAIP_BUSY = 6,
    SCAIP_MISSING_ELEMENT = 7,
    SCAIP_UNDEFINED_ERROR = 99
};

/* The media of a caller address: "sip:alarm@x" -> SCAIP_SIP and "alarm@x". */
enum scaip_media {
    SCAIP_NO_VOICE,
    SCAIP_GSM,
    SCAIP_SIP,
    SCAIP_SIP_PP,
    SCAIP_TEL,
    SCAIP_MEDIA_OTHER
};
enum scaip_media scaip_media_of(struct slice caller, struct slice *ret_address);
