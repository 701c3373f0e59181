/* template.c - a dialect to copy: the smallest adapter that does everything an adapter must.
 *
 * Copy it to acme_pendant.c, add ADAPTER(acme_pendant) to adapters.def in alphabetical order, write
 * tests/fixtures/acme_pendant/button-press.case, and draw the message here, one letter per field.
 * It is compiled so that it stays true; it is in no registry. What is special to a vendor stays in
 * its file.
 *
 *   D D D D SP K K K K SP N LF      D device  K word for the kind  N number of the message
 *   OK SP N LF                      our answer, only when the alarm is stored
 *   NO SP N LF                      it is not: the pendant shall try again
 */
#include "adapters/adapter.h"

enum { LINE_MAX_LEN = 128, PENDING_MAX = 8, NUMBER_ROOM = 12 };

/* 1. Options: what the configuration may say. The index is the place in the table. */
enum option { OPTION_SILENT };

static const struct adapter_option options[] = {
    {"silent", OPTION_BOOL, 0, 0, NULL, "false",
     "true: never answer, for pendants without a receiver."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* 2. The session: everything that must be remembered between two calls, with a ceiling on each
 * list. */
struct pending {
    uint32_t tag; /* 0: free */
    char number[NUMBER_ROOM];
};

struct session {
    bool is_silent;
    uint32_t tag;
    struct pending pending[PENDING_MAX];
};

static enum err template_open(void *session, const struct adapter_options *o, bool is_dialling,
                              struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)is_dialling;
    (void)now;
    (void)out;
    s->is_silent = option_bool(o, OPTION_SILENT);
    return ERR_OK;
}

static void answer(const struct session *s, const char *word, const char *number,
                   struct outbox *out)
{
    if (s->is_silent) {
        return;
    }
    uint8_t bytes[32];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put_str(&b, word);
    buf_put_str(&b, " ");
    buf_put_str(&b, number);
    buf_put_str(&b, "\n");
    out_send(out, buf_slice(&b));
}

static struct pending *free_pending(struct session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

/* 3. One whole line: the alarm goes into the outbox, what its answer needs into the session. */
static enum err take_line(struct session *s, const struct adapter_input *in, struct slice line,
                          struct now now, struct outbox *out)
{
    struct slice rest = slice_trim(line);
    struct slice raw = rest;
    struct slice device = slice_cut(&rest, ' ');
    struct slice word = slice_cut(&rest, ' ');
    enum kind kind = KIND_UNKNOWN;
    if (device.len == 0 || rest.len == 0 || rest.len >= NUMBER_ROOM) {
        return ERR_SYNTAX;
    }
    if (kind_from_word(word, &kind) != ERR_OK) {
        out_note(out, "unknown_kind", "the pendant uses a word that is not in our table");
    }
    struct pending *p = free_pending(s);
    struct alarm *alarm = p == NULL ? NULL : out_raise(out, now, s->tag + 1);
    if (alarm == NULL) {
        return ERR_FULL;
    }
    s->tag++;
    p->tag = s->tag;
    (void)slice_text(rest, p->number, sizeof p->number);
    alarm->kind = kind; /* unknown is raised too: an alarm is never dropped */
    alarm->class_ = kind_class(kind);
    alarm->phase = PHASE_RAISED;
    (void)slice_text(device, alarm->device, sizeof alarm->device);
    (void)slice_text(rest, alarm->reference, sizeof alarm->reference);
    (void)slice_text(slice_str("template"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    out_keep_raw(out, alarm, raw, "text/plain");
    return ERR_OK;
}

/* 4. Bytes came: cut one message off, say how many bytes it took. Half a message is ERR_MORE. */
static struct verdict template_input(void *session, const struct adapter_input *in, struct now now,
                                     struct outbox *out)
{
    for (size_t i = 0; i < in->bytes.len && i < LINE_MAX_LEN; i++) {
        if (in->bytes.at[i] == '\n') {
            out->consumed = i + 1;
            enum err err = take_line(session, in, slice_of(in->bytes.at, i), now, out);
            return verdict_at(err, i + 1);
        }
    }
    if (in->bytes.len >= LINE_MAX_LEN) {
        out->consumed = LINE_MAX_LEN;
        return verdict_at(ERR_NOT_MINE, LINE_MAX_LEN);
    }
    return verdict_at(ERR_MORE, in->bytes.len);
}

/* 5. The journal has spoken: now, and not before, the device may hear yes. */
static void template_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                            struct outbox *out)
{
    struct session *s = session;
    (void)now;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag != 0 && s->pending[i].tag == receipt->tag) {
            answer(s, receipt->result == ERR_OK ? "OK" : "NO", s->pending[i].number, out);
            s->pending[i].tag = 0;
            return;
        }
    }
}

extern const struct adapter adapter_template; /* a registered adapter is declared by registry.c */

/* 6. The table: what the rest of the house knows of the dialect. */
const struct adapter adapter_template = {
    .name = "template",
    .title = "A dialect to copy",
    .transports = TRANSPORT_TCP,
    .session_size = sizeof(struct session),
    .input_max = LINE_MAX_LEN,
    .options = options,
    .open = template_open,
    .input = template_input,
    .stored = template_stored,
};
