/* scaip_alarm.c - what a SCAIP message means, and how a case is said in SCAIP: tables in both
 * directions.
 *
 * Called by adapters/scaip.c. Never answers, never drops: what the tables do not know stays
 * readable in the text, and an alarm from an unknown device type is an alarm.
 */
#include "adapters/scaip_alarm.h"

#include <string.h>

/* What a status says by itself, whoever says it: faults and their end. */
struct status_row {
    int from;
    int to;
    enum kind kind;
    bool is_over;
};

static const struct status_row technical[] = {
    {14, 14, KIND_BATTERY_LOW, false},   /* battery failure */
    {15, 15, KIND_BATTERY_LOW, true},    /* battery ok */
    {16, 16, KIND_BATTERY_LOW, false},   /* battery low */
    {23, 27, KIND_LINK_LOST, false},     /* IP, mobile, telephone, primary, redundant link lost */
    {32, 40, KIND_DEVICE_FAULT, false},  /* error 1-9 */
    {42, 42, KIND_DEVICE_FAULT, false},  /* failure */
    {43, 45, KIND_RADIO_FAULT, false},   /* frequency drift */
    {52, 52, KIND_RADIO_FAULT, false},   /* jammed */
    {65, 68, KIND_DEVICE_FAULT, false},  /* maintenance needed, urgent, malfunction, memory full */
    {73, 73, KIND_DEVICE_SILENT, false}, /* offline */
    {75, 75, KIND_DEVICE_SILENT, true},  /* online */
    {78, 78, KIND_DEVICE_FAULT, false},  /* out of service */
    {85, 85, KIND_MAINS_LOST, false},     {86, 86, KIND_MAINS_LOST, true},
    {95, 95, KIND_RADIO_FAULT, false},    /* interference */
    {105, 105, KIND_DEVICE_FAULT, false}, /* trouble */
    {112, 116, KIND_LINK_LOST, true},     /* the same links back */
    {122, 123, KIND_RADIO_FAULT, false},  /* interference, radio test missing */
    {124, 124, KIND_RADIO_FAULT, true},   /* radio test back */
    {125, 125, KIND_TAMPER, false},
};

/* What a status adds where the device type says little. */
static const struct status_row spoken[] = {
    {81, 82, KIND_MEDICINE, false},       /* pill not taken, pill reminder */
    {100, 101, KIND_HAZARD, false},       /* too hot, too cold */
    {106, 107, KIND_THREAT, false},       /* trespass, unauthorised access */
    {110, 110, KIND_STAFF_ASSIST, false}, /* assistance wanted */
    {126, 126, KIND_FIRE, false},         /* fast temperature rise */
};

struct type_row {
    int dty;
    enum kind kind;
};

static const struct type_row types[] = {
    {3, KIND_HELP},                                   /* personal trigger */
    {4, KIND_HELP},                                   /* fixed trigger */
    {5, KIND_FALL},          {6, KIND_THREAT},        /* personal attack */
    {7, KIND_HELP},                                   /* panic button */
    {10, KIND_INACTIVITY},                            /* activity sensor */
    {11, KIND_MEDICINE},                              /* pill dispenser */
    {12, KIND_BED_EXIT},     {13, KIND_BED_EXIT},     /* mat */
    {14, KIND_DOOR},         {15, KIND_DOOR},         /* wandering */
    {16, KIND_SERVICE},                               /* enuresis */
    {17, KIND_SEIZURE},      {18, KIND_INACTIVITY},   /* occupancy */
    {19, KIND_HELP},                                  /* heart rate */
    {20, KIND_HAZARD},                                /* environment */
    {21, KIND_HAZARD},                                /* gas */
    {23, KIND_FIRE},                                  /* smoke */
    {24, KIND_HAZARD},                                /* heating */
    {25, KIND_FIRE},                                  /* heat */
    {26, KIND_HAZARD},                                /* carbon monoxide */
    {27, KIND_THREAT},                                /* bogus caller */
    {28, KIND_THREAT},                                /* intruder */
    {29, KIND_DOOR},                                  /* boundary */
    {30, KIND_FALL},                                  /* man down */
    {31, KIND_DEVICE_FAULT},                          /* system monitor */
    {32, KIND_LINK_LOST},                             /* link monitor */
    {33, KIND_HAZARD},                                /* flood */
    {34, KIND_HAZARD},                                /* bath */
    {36, KIND_DOOR},                                  /* perimeter */
    {37, KIND_FIRE},                                  /* sprinkler */
    {38, KIND_TAMPER},       {39, KIND_DEVICE_FAULT}, /* printer */
    {40, KIND_DEVICE_FAULT},                          /* router */
    {41, KIND_MAINS_LOST},                            /* power supply */
    {43, KIND_DOOR},                                  /* access control */
    {44, KIND_BED_EXIT},                              /* chair */
    {46, KIND_HELP},                                  /* lift alarm */
    {47, KIND_FIRE},                                  /* fire alarm system */
};

enum {
    STC_AUTOMATIC_ALARM = 9,
    STC_MANUAL_ALARM = 10,
    STC_CANCEL = 19,
    STC_TEST_PRIMARY = 102,
    STC_TEST_REDUNDANT = 103,
    DTY_BED = 12,
    DTY_DOOR = 14
};

static const struct status_row *find_status(const struct status_row *rows, size_t count, int stc)
{
    for (size_t i = 0; i < count; i++) {
        if (stc >= rows[i].from && stc <= rows[i].to) {
            return &rows[i];
        }
    }
    return NULL;
}

static const struct status_row *find_technical(int stc)
{
    return find_status(technical, sizeof technical / sizeof technical[0], stc);
}

/* An omitted status is 10, a manual alarm; one that is no number is -1. */
static int status_of(const struct scaip_message *message)
{
    bool is_omitted = scaip_value(message, SCAIP_stc).len == 0;
    return is_omitted ? STC_MANUAL_ALARM : scaip_code(message, SCAIP_stc);
}

static enum kind kind_of(int dty, int stc)
{
    const struct status_row *row = find_technical(stc);
    if (row != NULL) {
        return row->kind;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].dty == dty) {
            return types[i].kind;
        }
    }
    row = find_status(spoken, sizeof spoken / sizeof spoken[0], stc);
    if (row != NULL) {
        return row->kind;
    }
    /* local units, controllers, and whatever else can hold a button */
    bool is_help = stc == STC_MANUAL_ALARM || stc == STC_AUTOMATIC_ALARM || stc == STC_CANCEL ||
                   stc == STC_TEST_PRIMARY || stc == STC_TEST_REDUNDANT;
    return is_help ? KIND_HELP : KIND_UNKNOWN;
}

/* Statuses that end what the same device began. */
static bool is_end(int dty, int stc)
{
    switch (stc) {
    case 70: /* normal */
    case 91: /* re-established */
    case 92: /* automatic reset */
    case 93: /* manual reset */
    case 94: /* restoral */
    case 97: /* ended */
        return true;
    case 21: /* closed */
        return dty == DTY_DOOR;
    case 117: /* lying in bed */
        return dty == DTY_BED;
    default:
        break;
    }
    const struct status_row *row = find_technical(stc);
    return row != NULL && row->is_over;
}

/* Statuses that tell of people at work, not of a need: presence and check-out. */
static bool is_news(int stc)
{
    return stc == 87 || stc == 88 || stc == 111 || stc == 121;
}

static enum phase phase_of(const struct scaip_message *message, int dty, int stc)
{
    enum scaip_mty mty = scaip_mty_of(message);
    if (stc == STC_CANCEL) {
        return PHASE_CANCELLED;
    }
    if (mty == SCAIP_RE || is_end(dty, stc)) {
        return PHASE_RESTORED;
    }
    return mty == SCAIP_IN || is_news(stc) ? PHASE_UPDATED : PHASE_RAISED;
}

/* Copies a value; control characters become blanks, and `/` becomes `_` where it would look like a
 * part of the address. */
static void put_clean(struct buf *out, struct slice value, bool is_address)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        if (c < ' ' || c == 0x7f) {
            c = ' ';
        } else if (c == 0xc2 && i + 1 < value.len && value.at[i + 1] < 0xa0) {
            i++; /* C1 control characters, two bytes in UTF-8 */
            c = ' ';
        }
        bool is_bad = is_address && (c == '/' || c == ' ');
        buf_put_u8(out, is_bad ? (uint8_t)'_' : c);
    }
}

static bool is_only_zeros(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] != '0') {
            return false;
        }
    }
    return true;
}

void scaip_put_device(const struct scaip_message *message, char ret_device[DEVICE_ROOM])
{
    uint8_t bytes[SCAIP_TEXT_MAX * 2 + 2];
    struct buf b = buf_of(bytes, sizeof bytes);
    struct slice did = scaip_value(message, SCAIP_did);
    put_clean(&b, scaip_value(message, SCAIP_cid), true);
    if (!is_only_zeros(did)) {
        buf_put_str(&b, "/");
        put_clean(&b, did, true);
    }
    (void)slice_text(buf_slice(&b), ret_device, DEVICE_ROOM);
}

static void put_separator(struct buf *b)
{
    if (b->len > 0) {
        buf_put_str(b, ", ");
    }
}

/* "personal trigger", or "device type 0042" where there is no word, or the value as it came. */
static void put_code(struct buf *b, const struct scaip_message *message, enum scaip_tag tag,
                     unsigned width, const char *(*text_of)(int))
{
    struct slice value = scaip_value(message, tag);
    if (value.len == 0) {
        return;
    }
    int code = scaip_code(message, tag);
    const char *text = code < 0 ? NULL : text_of(code);
    put_separator(b);
    if (text != NULL) {
        buf_put_str(b, text);
        return;
    }
    buf_put_str(b, scaip_tag_text(tag));
    buf_put_str(b, " ");
    if (code >= 0) {
        buf_put_padded(b, (uint64_t)code, width);
    } else {
        put_clean(b, value, false);
    }
}

static void put_text(struct buf *b, const struct scaip_message *message, enum scaip_tag tag)
{
    struct slice value = scaip_value(message, tag);
    if (value.len > 0) {
        put_separator(b);
        put_clean(b, value, false);
    }
}

static void fill_text(const struct scaip_message *message, char ret_text[TEXT_ROOM])
{
    uint8_t bytes[SCAIP_TEXT_MAX * 8 + 256];
    struct buf b = buf_of(bytes, sizeof bytes);
    put_code(&b, message, SCAIP_dty, 4, scaip_device_type_text);
    put_code(&b, message, SCAIP_stc, 4, scaip_status_text);
    if (scaip_code(message, SCAIP_lco) != 0) { /* 000 says that the place is not known */
        put_code(&b, message, SCAIP_lco, 3, scaip_location_text);
    }
    if (scaip_value(message, SCAIP_lva).len > 0) {
        buf_put_str(&b, " ");
        put_clean(&b, scaip_value(message, SCAIP_lva), false);
    }
    put_code(&b, message, SCAIP_dco, 3, scaip_component_text);
    put_text(&b, message, SCAIP_lte);
    put_text(&b, message, SCAIP_dte);
    put_text(&b, message, SCAIP_stt);
    put_text(&b, message, SCAIP_ite);
    (void)slice_text(buf_slice(&b), ret_text, TEXT_ROOM);
}

/* `tim` may end in a zone of two digits ("+02"), which ISO 8601 allows and clock_parse need not
 * know. */
static int64_t device_time(struct slice tim)
{
    uint8_t bytes[SCAIP_TEXT_MAX + 4];
    struct buf b = buf_of(bytes, sizeof bytes);
    int64_t wall_ms = 0;
    buf_put_slice(&b, tim);
    bool is_short = tim.len > 3 && (tim.at[tim.len - 3] == '+' || tim.at[tim.len - 3] == '-');
    if (is_short) {
        buf_put_str(&b, ":00");
    }
    return clock_parse(buf_slice(&b), &wall_ms) == ERR_OK ? wall_ms : 0;
}

void scaip_fill_alarm(const struct scaip_message *message, struct alarm *alarm)
{
    int dty = scaip_code(message, SCAIP_dty);
    int stc = status_of(message);
    alarm->kind = kind_of(dty, stc);
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = phase_of(message, dty, stc);
    alarm->is_test = stc == STC_TEST_PRIMARY || stc == STC_TEST_REDUNDANT;
    scaip_put_device(message, alarm->device);
    uint8_t bytes[SCAIP_TEXT_MAX];
    struct buf reference = buf_of(bytes, sizeof bytes);
    put_clean(&reference, scaip_value(message, SCAIP_ref), false);
    (void)slice_text(buf_slice(&reference), alarm->reference, sizeof alarm->reference);
    fill_text(message, alarm->text);
    struct slice tim = scaip_value(message, SCAIP_tim);
    alarm->device_ms = device_time(tim);
    alarm->is_clock_suspect = tim.len > 0 && alarm->device_ms == 0;
}

/* How we say a kind to a centre: device type and status. Our own receiver reads back the same kind,
 * except that a service call is a fixed trigger with its name in the text. */
struct outward_row {
    enum kind kind;
    unsigned dty;
    unsigned stc;
};

static const struct outward_row outward[] = {
    {KIND_HELP, 3, 10},          {KIND_FALL, 5, 9},          {KIND_DOOR, 14, 9},
    {KIND_BED_EXIT, 12, 9},      {KIND_INACTIVITY, 10, 9},   {KIND_SEIZURE, 17, 9},
    {KIND_STAFF_ASSIST, 2, 110}, {KIND_THREAT, 6, 10},       {KIND_FIRE, 23, 9},
    {KIND_HAZARD, 20, 9},        {KIND_SERVICE, 4, 10},      {KIND_MEDICINE, 11, 81},
    {KIND_DEVICE_SILENT, 2, 73}, {KIND_BATTERY_LOW, 2, 16},  {KIND_MAINS_LOST, 2, 85},
    {KIND_TAMPER, 38, 125},      {KIND_RADIO_FAULT, 50, 95}, {KIND_DEVICE_FAULT, 2, 67},
    {KIND_LINK_LOST, 2, 26},
};

static struct outward_row outward_of(enum kind kind)
{
    for (size_t i = 0; i < sizeof outward / sizeof outward[0]; i++) {
        if (outward[i].kind == kind) {
            return outward[i];
        }
    }
    return (struct outward_row){kind, 2, STC_MANUAL_ALARM}; /* unknown is treated as the worst */
}

/* At most 32 characters, as `dte`, `stt` and `lte` may have. */
static struct slice keep_short(struct buf *memory, const char *text)
{
    struct slice all = slice_str(text);
    size_t len = 0;
    for (size_t characters = 0; len < all.len; len++) {
        bool begins = (all.at[len] & 0xc0) != 0x80;
        characters += begins ? 1 : 0;
        if (characters > 32) {
            break;
        }
    }
    size_t from = memory->len;
    put_clean(memory, slice_of(all.at, len), false);
    return slice_of(memory->at + from, memory->len - from);
}

static struct slice keep_code(struct buf *memory, unsigned code, unsigned width)
{
    size_t from = memory->len;
    buf_put_padded(memory, code, width);
    return slice_of(memory->at + from, memory->len - from);
}

void scaip_fill_request(const struct case_value *c, struct slice ref, struct slice cid,
                        const char *place, uint8_t memory[SCAIP_CASE_TEXTS],
                        struct scaip_message *message)
{
    struct outward_row row = outward_of(c->kind);
    struct buf b = buf_of(memory, SCAIP_CASE_TEXTS);
    memset(message, 0, sizeof *message);
    message->root = SCAIP_MRQ;
    scaip_set(message, SCAIP_ref, ref);
    scaip_set(message, SCAIP_mty, slice_str("ME"));
    scaip_set(message, SCAIP_cid, cid);
    scaip_set(message, SCAIP_dty, keep_code(&b, row.dty, 4));
    scaip_set(message, SCAIP_stc, keep_code(&b, c->is_test ? STC_TEST_PRIMARY : row.stc, 4));
    scaip_set(message, SCAIP_crd, slice_str("no-voice:"));
    scaip_set(message, SCAIP_stt, keep_short(&b, kind_label(c->kind, true)));
    if (place != NULL && place[0] != '\0') {
        scaip_set(message, SCAIP_lte, keep_short(&b, place));
    }
}
