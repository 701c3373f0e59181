/* contacts.c - dry contacts: relays of fire panels, lifts and doors on the inputs of a Modbus module.
 *
 * The turn calls it through `adapter_contacts` at the end. io/modbus.c polls the module; what comes is one
 * byte an input, 0 or 1, and no bytes when the module does not answer. What an input means says `kind` of
 * its row in devices.csv; its key there is PORT/NUMBER, of the module itself PORT.
 *
 *     1 0 0 ... 0     input 1 closed        debounce passed: OUT_RAISE device PORT/1
 *     0 0 0 ... 0     and open again        OUT_RAISE restored
 *     (nothing)       no answer             OUT_RAISE link lost, device PORT; later restored
 *
 * The first reading of a life is no change: an input that is active is told as news of a case that may be
 * open already, an idle one as its end, and so is the module's own line. So a restart of the gateway makes
 * no second case of a fire that still burns, and misses no end. Idle inputs that devices.csv does not name
 * are nobody's and say nothing; active ones are shown all the same.
 */
#include "adapters/adapter.h"

enum { INPUTS_MAX = 256, RETRY_MS = 5000, WAKE_MS = 1000 };

enum option { OPTION_DEBOUNCE_MS, OPTION_IDLE_CLOSED, OPTION_SILENT_S };

static const struct adapter_option options[] = {
    {"debounce_ms", OPTION_NUMBER, 0, 10000, NULL, "100",
     "An input counts as changed when it has been so for so long."},
    {"idle_closed", OPTION_TEXT, 0, 200, NULL, "",
     "Numbers of inputs that are closed (1) when all is well, e.g. 1 4: a cut wire is then an "
     "alarm."},
    {"silent_s", OPTION_NUMBER, 1, 3600, NULL, "10",
     "A module without an answer for so long is a technical alarm."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

struct input_state {
    bool is_known;  /* read since the session began */
    bool is_active; /* as told */
    bool is_idle_closed;
    bool was_told;           /* anything of it, in this life */
    int64_t changed_mono_ms; /* since when it reads otherwise than told; 0: it does not */
    int64_t again_mono_ms;   /* not before: the journal refused it */
};

struct session {
    int64_t debounce_ms;
    int64_t silent_ms;
    int64_t heard_mono_ms; /* last answer, or the begin of the session */
    int64_t alive_mono_ms; /* last sign of life that was told */
    bool is_silent;
    bool is_link_known;    /* heard or missed since the session began */
    int64_t again_mono_ms; /* its silence is not told before: the journal refused it */
    char port[WORD_ROOM];
    uint64_t changes; /* a part of the reference, with the wall time */
    struct input_state inputs[INPUTS_MAX];
};

static enum err contacts_open(void *session, const struct adapter_options *o, bool is_dialling,
                              struct now now, struct outbox *out)
{
    struct session *s = session;
    struct slice list = option_text(o, OPTION_IDLE_CLOSED);
    (void)is_dialling;
    s->debounce_ms = option_number(o, OPTION_DEBOUNCE_MS);
    s->silent_ms = option_number(o, OPTION_SILENT_S) * 1000;
    s->heard_mono_ms = now.mono_ms;
    while (list.len > 0) {
        struct slice word = slice_cut(&list, ' ');
        uint64_t number = 0;
        if (word.len == 0) {
            continue;
        }
        if (slice_u64(word, INPUTS_MAX, &number) != ERR_OK || number == 0) {
            out_note(out, "bad_option",
                     "`idle_closed` is numbers from 1 to 256 with blanks between");
            return ERR_RANGE;
        }
        s->inputs[number - 1].is_idle_closed = true;
    }
    out_wake(out, now.mono_ms + s->silent_ms);
    return ERR_OK;
}

/* `number` 0: the module itself. */
static void tell(struct session *s, size_t number, enum kind kind, enum phase phase, struct now now,
                 struct outbox *out)
{
    struct alarm *alarm = out_raise(out, now, (uint32_t)number + 1);
    if (alarm == NULL) {
        return;
    }
    struct buf device = buf_of(alarm->device, sizeof alarm->device);
    struct buf reference = buf_of(alarm->reference, sizeof alarm->reference);
    struct buf code = buf_of(alarm->code, sizeof alarm->code);
    buf_put_str(&device, s->port);
    if (number > 0) {
        buf_put_u8(&device, '/');
        buf_put_u64(&device, number);
        buf_put_str(&code, "input ");
        buf_put_u64(&code, number);
    }
    buf_put_i64(&reference, now.wall_ms);
    buf_put_u8(&reference, '/');
    buf_put_u64(&reference, ++s->changes);
    (void)buf_cstr(&device);
    (void)buf_cstr(&reference);
    (void)buf_cstr(&code);
    alarm->kind = kind;
    alarm->class_ = kind_class(kind);
    alarm->phase = phase;
    (void)slice_text(slice_str("contacts"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(s->port), alarm->port, sizeof alarm->port);
}

/* What an idle input says when the life begins concerns only those who are in the list. */
static bool is_listed(const struct adapter_input *in, size_t number)
{
    struct adapter_device device;
    char key[WORD_ROOM + 8];
    struct buf b = buf_of(key, sizeof key);
    buf_put_str(&b, in->port);
    buf_put_u8(&b, '/');
    buf_put_u64(&b, number);
    return input_device(in, "contacts", buf_cstr(&b), &device);
}

/* At most so many in one reading as the outbox holds; the others follow with the next. */
static bool has_room(const struct outbox *out)
{
    return out->alarm_count + 2 < OUTBOX_ALARMS_MAX;
}

static void look(struct session *s, const struct adapter_input *in, size_t i, struct now now,
                 struct outbox *out)
{
    struct input_state *input = &s->inputs[i];
    bool is_active = (in->bytes.at[i] != 0) != input->is_idle_closed;
    if (input->is_known && is_active == input->is_active) {
        input->changed_mono_ms = 0;
        return;
    }
    if (input->changed_mono_ms == 0) {
        input->changed_mono_ms = now.mono_ms;
    }
    if (now.mono_ms - input->changed_mono_ms < s->debounce_ms ||
        now.mono_ms < input->again_mono_ms || !has_room(out)) {
        return;
    }
    enum phase begin = input->is_known ? PHASE_RAISED : PHASE_UPDATED;
    if (input->was_told || is_active || is_listed(in, i + 1)) {
        input->was_told = true;
        tell(s, i + 1, KIND_HELP, is_active ? begin : PHASE_RESTORED, now, out);
    }
    input->is_known = true;
    input->is_active = is_active;
    input->changed_mono_ms = 0;
}

/* Twice in the time that counts as silence is enough. No promise of the next: its silence is ours to tell. */
static void tell_alive(struct session *s, struct now now, struct outbox *out)
{
    bool is_due = s->alive_mono_ms == 0 || now.mono_ms - s->alive_mono_ms >= s->silent_ms / 2;
    struct alarm *alive = is_due ? out_alive(out, now, 0) : NULL;
    if (alive != NULL) {
        s->alive_mono_ms = now.mono_ms;
        (void)slice_text(slice_str(s->port), alive->device, sizeof alive->device);
        (void)slice_text(slice_str("contacts"), alive->dialect, sizeof alive->dialect);
        (void)slice_text(slice_str(s->port), alive->port, sizeof alive->port);
    }
}

static void hear_nothing(struct session *s, struct now now, struct outbox *out)
{
    if (!s->is_silent && now.mono_ms - s->heard_mono_ms >= s->silent_ms &&
        now.mono_ms >= s->again_mono_ms) {
        tell(s, 0, KIND_LINK_LOST, s->is_link_known ? PHASE_RAISED : PHASE_UPDATED, now, out);
        s->is_silent = true;
        s->is_link_known = true;
    }
}

/* Whoever polls may hang itself, in DNS for one: silence counts without its word too. */
static void contacts_tick(void *session, struct now now, struct outbox *out)
{
    struct session *s = session;
    int64_t due_mono_ms = s->heard_mono_ms + s->silent_ms;
    if (s->port[0] != '\0') {
        hear_nothing(s, now, out);
    }
    out_wake(out, due_mono_ms > now.mono_ms ? due_mono_ms : now.mono_ms + WAKE_MS);
}

static struct verdict contacts_input(void *session, const struct adapter_input *in, struct now now,
                                     struct outbox *out)
{
    struct session *s = session;
    out->consumed = in->bytes.len;
    if (in->bytes.len > INPUTS_MAX) {
        return verdict_at(ERR_RANGE, INPUTS_MAX);
    }
    (void)slice_text(slice_str(in->port), s->port, sizeof s->port);
    if (in->bytes.len == 0) {
        hear_nothing(s, now, out);
        return verdict_at(ERR_OK, 0);
    }
    s->heard_mono_ms = now.mono_ms;
    if ((s->is_silent || !s->is_link_known) && now.mono_ms >= s->again_mono_ms) {
        s->is_silent = false;
        s->is_link_known = true;
        tell(s, 0, KIND_LINK_LOST, PHASE_RESTORED, now, out);
    }
    tell_alive(s, now, out);
    for (size_t i = 0; i < in->bytes.len; i++) {
        look(s, in, i, now, out);
    }
    return verdict_at(ERR_OK, in->bytes.len);
}

/* What the journal refused was shown to people; nobody repeats it, so a reading soon tells it again. */
static void contacts_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                            struct outbox *out)
{
    struct session *s = session;
    (void)out;
    if (receipt->result == ERR_OK || receipt->tag == 0 || receipt->tag > INPUTS_MAX + 1) {
        return;
    }
    if (receipt->tag == 1) {
        s->is_silent = false;
        s->is_link_known = false;
        s->again_mono_ms = now.mono_ms + RETRY_MS;
    } else {
        s->inputs[receipt->tag - 2].is_known = false;
        s->inputs[receipt->tag - 2].again_mono_ms = now.mono_ms + RETRY_MS;
    }
}

const struct adapter adapter_contacts = {
    .name = "contacts",
    .title = "Dry contacts: relays on a Modbus TCP module",
    .transports = TRANSPORT_MODBUS,
    .session_size = sizeof(struct session),
    .input_max = INPUTS_MAX,
    .options = options,
    .open = contacts_open,
    .input = contacts_input,
    .tick = contacts_tick,
    .stored = contacts_stored,
};
