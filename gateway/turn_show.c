/* turn_show.c - what one person is shown: labels for pseudonyms, why you, who else, what next and when.
 *
 * Pure reading of ledger and directory into one canonical JSON frame in turn->message; only the time
 * comes from the loop. Sub-file of the door, called by turn_web.c.
 */
#include "turn_parts.h"

#include <string.h>

#include "alarm/json.h"
#include "alarm/message.h"
#include "samlarm/v1/client.pb-c.h"

enum { OTHERS_MAX = 8, TO_MAX = 24, UNITS_MAX = 256, DUTY_MAX = 200, LABEL_LONG = 160 };

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text); /* protobuf-c's fields are not const */
}

static struct slice frame(struct turn *turn, const Samlarm__V1__ToClient *to)
{
    struct buf out = buf_of(turn->message, sizeof turn->message);
    enum err err = json_put(&to->base, &out);
    if (err != ERR_OK) {
        log_event(LOG_ERROR, "web.frame_too_large", "why", err_name(err), NULL);
        return (struct slice){0};
    }
    return buf_slice(&out);
}

static const char *name_of(const struct turn *turn, const char *staff)
{
    const struct staff *found = directory_staff(turn->directory, staff);
    return found != NULL ? found->name : staff;
}

static const char *unit_name(const struct turn *turn, const char *id)
{
    const struct unit *unit = directory_unit(turn->directory, id);
    return unit != NULL ? unit->name : id;
}

static const struct staff *self(const struct turn *turn, const struct handheld *handheld)
{
    return &turn->directory->staff[handheld->staff];
}

static bool is_waiting(const struct offer *offer)
{
    return offer->stage >= OFFER_QUEUED && offer->stage <= OFFER_SOUNDED;
}

/* --- one case ------------------------------------------------------------------------------------- */

struct shown {
    Samlarm__V1__CaseShown message;
    struct case_message inner;
    char *others[OTHERS_MAX];
    char *to[TO_MAX];
    char to_room[TO_MAX][STAFF_ROOM + LABEL_ROOM];
    char place[LABEL_LONG];
    char next[LABEL_LONG];
};

static void show_place(const struct turn *turn, const struct case_value *c, bool is_swedish,
                       struct shown *out)
{
    const struct place *place = directory_place(turn->directory, c->place);
    struct buf label = buf_of(out->place, sizeof out->place - 1);
    if (place != NULL) {
        buf_put_str(&label, place->label);
    } else if (c->is_device_unknown) {
        buf_put_str(&label, is_swedish ? "Okänt larmdon " : "Unknown device ");
        buf_put_str(&label, c->device);
    } else {
        buf_put_str(&label, unit_name(turn, c->unit));
    }
    buf_cstr(&label);
    out->message.place_label = out->place;
}

static void put_whom(const struct turn *turn, const struct step *step, bool is_swedish,
                     struct buf *out)
{
    switch (step->whom) {
    case WHOM_TEAM:
        buf_put_str(out, is_swedish ? "laget i tjänst" : "the team on duty");
        break;
    case WHOM_UNIT:
        buf_put_str(out, turn->directory->units[step->unit].name);
        break;
    case WHOM_ROLE:
        buf_put_str(out, step->role);
        break;
    case WHOM_PERSON:
        buf_put_str(out, name_of(turn, step->staff));
        break;
    case WHOM_ALL:
        buf_put_str(out, is_swedish ? "alla i tjänst" : "everybody on duty");
        break;
    case WHOM_CENTRE:
        buf_put_str(out, turn->directory->centres[step->centre].name);
        break;
    }
}

static void show_next(const struct turn *turn, const struct case_value *c, bool is_swedish,
                      struct shown *out)
{
    const struct plan *plan = plan_find(turn->directory, c->plan);
    struct buf label = buf_of(out->next, sizeof out->next - 1);
    bool has_next = plan != NULL && c->deadline_ms != 0 && c->step + 1 < plan->step_count;
    if (has_next) {
        put_whom(turn, &plan->steps[c->step + 1], is_swedish, &label);
        out->message.next_ms = c->deadline_ms;
    }
    buf_cstr(&label);
    out->message.next_label = out->next;
}

static void show_people(const struct turn *turn, const struct case_value *c, const char *me,
                        struct shown *out)
{
    size_t others = 0;
    out->message.mine = strcmp(c->owner, me) == 0;
    for (size_t i = 0; i < c->offer_count; i++) {
        bool is_me = strcmp(c->offers[i].staff, me) == 0;
        if (is_me && is_waiting(&c->offers[i])) {
            out->message.mine = true;
        } else if (!is_me && is_waiting(&c->offers[i]) && others < OTHERS_MAX) {
            out->others[others++] = text_of(name_of(turn, c->offers[i].staff));
        }
    }
    out->message.others = out->others;
    out->message.n_others = others;
    out->message.owner_name = text_of(c->owner[0] == '\0' ? "" : name_of(turn, c->owner));
}

static bool is_reachable(const struct staff_value *value)
{
    return value->is_on_duty &&
           (value->handset == HANDSET_READY || value->handset == HANDSET_DEGRADED);
}

static void show_hand_over(const struct turn *turn, const struct case_value *c, const char *me,
                           struct shown *out)
{
    const struct directory *directory = turn->directory;
    size_t count_ = 0;
    if (strcmp(c->owner, me) != 0) {
        return;
    }
    for (size_t i = 0; i < directory->staff_count && count_ < TO_MAX; i++) {
        const struct staff *staff = &directory->staff[i];
        if (strcmp(staff->id, me) == 0 || !is_reachable(ledger_staff(turn->ledger, i))) {
            continue;
        }
        struct buf row = buf_of(out->to_room[count_], sizeof out->to_room[count_] - 1);
        buf_put_str(&row, staff->id);
        buf_put_u8(&row, ' ');
        buf_put_str(&row, staff->name);
        buf_cstr(&row);
        out->to[count_] = out->to_room[count_];
        count_++;
    }
    out->message.hand_over_to = out->to;
    out->message.n_hand_over_to = count_;
}

static void fill(const struct turn *turn, const struct handheld *handheld,
                 const struct case_value *c, struct shown *out)
{
    const char *me = self(turn, handheld)->id;
    samlarm__v1__case_shown__init(&out->message);
    case_message_fill(c, &out->inner);
    out->inner.message.not_recorded =
        turn->journal_why[0] != '\0' && (c->is_not_recorded || c->changed_ms > turn->recorded_ms);
    out->message.case_ = &out->inner.message;
    out->message.unit_label = text_of(unit_name(turn, c->unit));
    show_place(turn, c, handheld->is_swedish, out);
    show_next(turn, c, handheld->is_swedish, out);
    show_people(turn, c, me, out);
    show_hand_over(turn, c, me, out);
}

struct slice show_case(struct turn *turn, const struct handheld *handheld,
                       const struct case_change *change, uint64_t seq)
{
    static struct shown shown; /* the loop's thread alone comes here; too large for the stack */
    fill(turn, handheld, &change->case_, &shown);
    shown.inner.message.not_recorded = change->case_.is_not_recorded;
    shown.message.change = (Samlarm__V1__Change)change->change;
    shown.message.by_name = text_of(name_of(turn, change->by));
    shown.message.seq = seq;
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_CASE;
    to.case_ = &shown.message;
    return frame(turn, &to);
}

/* --- all of it ------------------------------------------------------------------------------------ */

struct warnings {
    char *at[WARNINGS_MAX];
    size_t count;
};

static const char *fault_sentence(const char *what, bool is_swedish)
{
    static const char *const rows[][3] = {
        {"journal_refuses",
         "Loggen kan inte skriva: larm visas men registreras inte. Ring driften.",
         "The log cannot be written: alarms are shown but not recorded. Call operations."},
        {"bus_down",
         "Larmbussen är nere: larm kommer hit, men inte till andra mottagare på bussen.",
         "The bus is down: alarms reach you, but not other listeners on the bus."},
        {"bus_refused", "Larmbussen nekar oss: felaktiga rättigheter. Ring driften.",
         "The bus refuses us: wrong access rights. Call operations."},
        {"broker_down",
         "En leverantörs meddelandeserver nås inte: larm från dess larmdon kommer inte hit. Ring "
         "driften.",
         "A maker's broker is out of reach: alarms of its devices do not come here. Call "
         "operations."},
        {"centre_silent", "Larmcentralen svarar inte: larmen ligger kvar hos er.",
         "The alarm centre does not answer: the alarms stay with you."}};
    struct slice rest = slice_str(what);
    struct slice word = slice_cut(&rest, '/'); /* "broker_down/port" */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_eq_str(word, rows[i][0])) {
            return rows[i][is_swedish ? 1 : 2];
        }
    }
    return what;
}

static bool centre_fails(void *context, const struct case_value *c)
{
    bool *is_failing = context;
    *is_failing =
        c->centre[0] != '\0' && !c->is_centre_accepted && c->attempt > 2 && c->owner[0] == '\0';
    return !*is_failing;
}

static void show_warnings(const struct turn *turn, const struct handheld *handheld,
                          struct warnings *out)
{
    const struct fault *faults = NULL;
    size_t count_ = ledger_faults(turn->ledger, &faults);
    bool is_failing = false;
    out->count = 0;
    for (size_t i = 0; i < count_ && out->count < WARNINGS_MAX - 1; i++) {
        out->at[out->count++] = text_of(fault_sentence(faults[i].what, handheld->is_swedish));
    }
    ledger_each_open(turn->ledger, centre_fails, &is_failing);
    if (is_failing) {
        out->at[out->count++] = text_of(fault_sentence("centre_silent", handheld->is_swedish));
    }
}

struct gather {
    const struct turn *turn;
    const char *me;
    const struct case_value *cases[SHOWN_MAX];
    size_t count;
    size_t all;
};

static bool is_for(const struct case_value *c, const char *me)
{
    for (size_t i = 0; i < c->offer_count; i++) {
        if (is_waiting(&c->offers[i]) && strcmp(c->offers[i].staff, me) == 0) {
            return true;
        }
    }
    return strcmp(c->owner, me) == 0;
}

static bool is_before(const struct case_value *a, const struct case_value *b, const char *me)
{
    bool is_a_mine = is_for(a, me);
    if (is_a_mine != is_for(b, me)) {
        return is_a_mine;
    }
    return a->class_ != b->class_ ? a->class_ < b->class_ : a->raised_ms < b->raised_ms;
}

/* Keeps one's own, then the gravest, then the oldest; insertion into a short sorted list. */
static bool gather_one(void *context, const struct case_value *c)
{
    struct gather *gather = context;
    if (!ledger_concerns(gather->turn->ledger, c, gather->me)) {
        return true;
    }
    gather->all++;
    size_t at = gather->count;
    while (at > 0 && is_before(c, gather->cases[at - 1], gather->me)) {
        at--;
    }
    if (at == SHOWN_MAX) {
        return true;
    }
    size_t last = gather->count < SHOWN_MAX ? gather->count++ : SHOWN_MAX - 1;
    memmove(&gather->cases[at + 1], &gather->cases[at], (last - at) * sizeof gather->cases[0]);
    gather->cases[at] = c;
    return true;
}

struct people {
    Samlarm__V1__Person rows[DUTY_MAX];
    Samlarm__V1__Person *at[DUTY_MAX];
    size_t count;
};

static Samlarm__V1__HandsetShown handset_shown(enum handset_state state)
{
    switch (state) {
    case HANDSET_READY:
        return SAMLARM__V1__HANDSET_SHOWN__HANDSET_SHOWN_READY;
    case HANDSET_DEGRADED:
        return SAMLARM__V1__HANDSET_SHOWN__HANDSET_SHOWN_DEGRADED;
    case HANDSET_SILENT:
        return SAMLARM__V1__HANDSET_SHOWN__HANDSET_SHOWN_SILENT;
    case HANDSET_OFF:
    case HANDSET_UNKNOWN:
    case HANDSET_STATE_COUNT:
        break;
    }
    return SAMLARM__V1__HANDSET_SHOWN__HANDSET_SHOWN_OFF;
}

static void show_duty(const struct turn *turn, struct people *out)
{
    out->count = 0;
    for (size_t i = 0; i < turn->directory->staff_count && out->count < DUTY_MAX; i++) {
        const struct staff_value *value = ledger_staff(turn->ledger, i);
        if (!value->is_on_duty) {
            continue;
        }
        Samlarm__V1__Person *row = &out->rows[out->count];
        samlarm__v1__person__init(row);
        row->staff = text_of(turn->directory->staff[i].id);
        row->name = text_of(turn->directory->staff[i].name);
        row->unit = text_of(unit_name(turn, value->unit));
        row->handset = handset_shown(value->handset);
        out->at[out->count++] = row;
    }
}

struct slice show_snapshot(struct turn *turn, const struct handheld *handheld)
{
    static struct shown cases[SHOWN_MAX];
    static struct shown recent[RECENT_MAX];
    static struct people people;
    Samlarm__V1__CaseShown *case_at[SHOWN_MAX];
    Samlarm__V1__CaseShown *recent_at[RECENT_MAX];
    struct warnings warnings;
    struct gather gather = {.turn = turn, .me = self(turn, handheld)->id};
    Samlarm__V1__Snapshot snapshot = SAMLARM__V1__SNAPSHOT__INIT;
    ledger_each_open(turn->ledger, gather_one, &gather);
    for (size_t i = 0; i < gather.count; i++) {
        fill(turn, handheld, gather.cases[i], &cases[i]);
        case_at[i] = &cases[i].message;
    }
    snapshot.cases = case_at;
    snapshot.n_cases = gather.count;
    snapshot.recent = recent_at;
    for (size_t i = 0; snapshot.n_recent < RECENT_MAX && i < 50; i++) {
        const struct case_value *c = ledger_recent(turn->ledger, i);
        if (c == NULL) {
            break;
        }
        if (ledger_concerns(turn->ledger, c, gather.me)) {
            fill(turn, handheld, c, &recent[snapshot.n_recent]);
            recent_at[snapshot.n_recent] = &recent[snapshot.n_recent].message;
            snapshot.n_recent++;
        }
    }
    show_duty(turn, &people);
    snapshot.on_duty = people.at;
    snapshot.n_on_duty = people.count;
    show_warnings(turn, handheld, &warnings);
    snapshot.warnings = warnings.at;
    snapshot.n_warnings = warnings.count;
    snapshot.seq = ledger_seq(turn->ledger);
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_SNAPSHOT;
    to.snapshot = &snapshot;
    struct slice text = frame(turn, &to);
    while (text.len == 0 && snapshot.n_cases > 0) {
        snapshot.n_cases /= 2; /* the gravest and oldest are better than none */
        snapshot.n_recent = 0;
        text = frame(turn, &to);
    }
    return text;
}

struct slice show_heartbeat(struct turn *turn, const struct handheld *handheld)
{
    struct warnings warnings;
    struct gather gather = {.turn = turn, .me = self(turn, handheld)->id};
    Samlarm__V1__Heartbeat heartbeat = SAMLARM__V1__HEARTBEAT__INIT;
    ledger_each_open(turn->ledger, gather_one, &gather);
    heartbeat.server_time_ms = loop_now().wall_ms;
    heartbeat.seq = ledger_seq(turn->ledger);
    heartbeat.open = (uint32_t)gather.all;
    show_warnings(turn, handheld, &warnings);
    heartbeat.warnings = warnings.at;
    heartbeat.n_warnings = warnings.count;
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_HEARTBEAT;
    to.heartbeat = &heartbeat;
    return frame(turn, &to);
}

struct slice show_welcome(struct turn *turn, const struct handheld *handheld)
{
    static Samlarm__V1__UnitShown units[UNITS_MAX];
    Samlarm__V1__UnitShown *unit_at[UNITS_MAX];
    const struct directory *directory = turn->directory;
    const struct staff *me = self(turn, handheld);
    const struct staff_value *value = ledger_staff(turn->ledger, handheld->staff);
    Samlarm__V1__Welcome welcome = SAMLARM__V1__WELCOME__INIT;
    for (size_t i = 0; i < directory->unit_count && welcome.n_units < UNITS_MAX; i++) {
        Samlarm__V1__UnitShown *row = &units[welcome.n_units];
        samlarm__v1__unit_shown__init(row);
        row->unit = text_of(directory->units[i].id);
        row->name = text_of(directory->units[i].name);
        row->form = (Samlarm__V1__Form)directory->units[i].form;
        unit_at[welcome.n_units++] = row;
    }
    welcome.units = unit_at;
    welcome.epoch = turn->boot;
    welcome.seq = ledger_seq(turn->ledger);
    welcome.staff = text_of(me->id);
    welcome.name = text_of(me->name);
    welcome.unit = text_of(value->is_on_duty && value->unit[0] != '\0' ? value->unit
                           : me->unit != NONE ? directory->units[me->unit].id
                                              : "");
    welcome.on_duty = value->is_on_duty;
    welcome.heartbeat_ms = (int32_t)turn->conf->timings.idle_ms;
    welcome.server_time_ms = loop_now().wall_ms;
    welcome.reserve_phone = text_of(directory->reserve_phone);
    welcome.municipality = text_of(turn->conf->name);
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_WELCOME;
    to.welcome = &welcome;
    return frame(turn, &to);
}

/* --- results -------------------------------------------------------------------------------------- */

static const char *result_sentence(const struct reply *reply, bool is_recorded, bool is_swedish)
{
    static const char *const rows[][3] = {
        {"taken", "Larmet är redan taget.", "The alarm is taken already."},
        {"closed", "Ärendet är avslutat.", "The case is closed."},
        {"not_yours", "Ärendet är inte ditt.", "The case is not yours."},
        {"unknown_case", "Ärendet finns inte längre.", "There is no such case any more."},
        {"already_yours", "Ärendet är redan ditt.", "The case is yours already."},
        {"not_accepted", "Ta ärendet först.", "Take the case first."},
        {"not_offered", "Ärendet är inte erbjudet dig.", "The case is not offered to you."},
        {"off_duty", "Du är inte i tjänst.", "You are not on duty."},
        {"has_open_cases", "Du har ärenden kvar: avsluta dem eller lämna över dem först.",
         "You still have cases: close them or hand them over first."},
        {"not_reachable", "Personen kan inte nås just nu.", "That person cannot be reached now."},
        {"unknown_staff", "Personen finns inte i listan.", "There is no such person."},
        {"unknown_unit", "Enheten finns inte.", "There is no such unit."},
        {"no_reason", "Välj en orsak.", "Choose a reason."},
        {"full", "Systemet är fullt. Ring reservnumret.",
         "The system is full. Call the reserve number."},
        {"not_understood", "Begäran förstods inte. Ladda om sidan.",
         "The request was not understood. Reload the page."}};
    for (size_t i = 0; reply->word != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], reply->word) == 0) {
            return rows[i][is_swedish ? 1 : 2];
        }
    }
    bool is_ok = reply->err == ERR_OK || reply->err == ERR_DUPLICATE;
    if (is_ok && !is_recorded) {
        return is_swedish ? "Gjort, men det kunde inte registreras." : "Done, but not recorded.";
    }
    return is_ok ? "" : is_swedish ? "Det gick inte nu." : "That is not possible now.";
}

struct slice show_result(struct turn *turn, const struct handheld *handheld, const char *id,
                         const struct reply *reply, bool is_recorded)
{
    Samlarm__V1__Result result = SAMLARM__V1__RESULT__INIT;
    result.id = text_of(id);
    result.ok = reply->err == ERR_OK || reply->err == ERR_DUPLICATE;
    result.error = text_of(result.ok                                    ? ""
                           : reply->word != NULL && reply->word[0] != 0 ? reply->word
                                                                        : err_name(reply->err));
    result.sentence = text_of(result_sentence(reply, is_recorded, handheld->is_swedish));
    result.winner = text_of(reply->winner[0] == '\0' ? "" : name_of(turn, reply->winner));
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_RESULT;
    to.result = &result;
    return frame(turn, &to);
}
