/* coverage.c - the proof that every alarm finds a plan, and how long the slowest plan takes.
 *
 * Called by conf_load, and by the command that prints worst-case times. Asks plan_match, the function
 * that decides in earnest, for every unit, kind, class and moment of a week that any plan could tell
 * apart; so the proof holds for the code that runs, not for a second opinion about it.
 */
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WEEK_MINUTES = 7 * 24 * 60,
    GRID_MINUTES = 30,
    MOMENTS_MAX = WEEK_MINUTES / GRID_MINUTES + CONF_PLANS_MAX * 4 * 7
};

/* Monday 5 January 2026, 00:00 in Sweden: a week without a change of the clock. */
static const int64_t week_ms = 1767567600000;

/* What a week is tried at: a grid, and both sides of each plan's edges. */
struct moments {
    int minutes[MOMENTS_MAX];
    size_t count;
};

static void add_edge(struct moments *m, int minute)
{
    for (int day = 0; minute != ANY_TIME && day < 7; day++) {
        int at = day * 1440 + minute;
        m->minutes[m->count++] = at;
        m->minutes[m->count++] = (at + WEEK_MINUTES - 1) % WEEK_MINUTES;
    }
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static void find_moments(const struct directory *d, struct moments *m)
{
    m->count = 0;
    for (int at = 0; at < WEEK_MINUTES; at += GRID_MINUTES) {
        m->minutes[m->count++] = at;
    }
    for (size_t i = 0; i < d->plan_count && i < CONF_PLANS_MAX; i++) {
        add_edge(m, d->plans[i].match.from_minute);
        add_edge(m, d->plans[i].match.to_minute);
    }
    qsort(m->minutes, m->count, sizeof m->minutes[0], compare);
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (kept == 0 || m->minutes[i] != m->minutes[kept - 1]) {
            m->minutes[kept++] = m->minutes[i];
        }
    }
    m->count = kept;
}

/* Does any plan tell these two kinds apart? Only the first of a group that is alike is tried. */
static bool is_kind_alike(const struct directory *d, int a, int b)
{
    for (size_t i = 0; i < d->plan_count; i++) {
        uint64_t kinds = d->plans[i].match.kinds;
        if ((kinds >> a & 1) != (kinds >> b & 1)) {
            return false;
        }
    }
    return true;
}

static uint64_t kinds_to_try(const struct directory *d)
{
    uint64_t mask = 0;
    for (int k = 0; k < KIND_LAST; k++) {
        bool is_new = kind_is_known(k);
        for (int before = 0; is_new && before < k; before++) {
            is_new = (mask >> before & 1) == 0 || !is_kind_alike(d, before, k);
        }
        mask |= is_new ? (uint64_t)1 << k : 0;
    }
    return mask;
}

struct gap {
    enum kind kind;
    enum class_ class_;
    int minute;
};

/* Looks at all alarms of one unit. True: each has a plan, *ret_worst is the slowest. */
static bool try_unit(const struct directory *d, uint16_t unit, const struct moments *moments,
                     uint64_t kinds, struct gap *ret_gap, int64_t *ret_worst_ms,
                     const struct plan **ret_plan)
{
    for (int k = 0; k < KIND_LAST; k++) {
        for (int c = CLASS_LIFE; (kinds >> k & 1) != 0 && c < CLASS_COUNT; c++) {
            for (size_t m = 0; m < moments->count; m++) {
                int64_t at = week_ms + (int64_t)moments->minutes[m] * 60000;
                const struct plan *plan = plan_match(d, d->units[unit].form, d->units[unit].id,
                                                     (enum kind)k, (enum class_)c, at);
                if (plan == NULL) {
                    *ret_gap = (struct gap){(enum kind)k, (enum class_)c, moments->minutes[m]};
                    return false;
                }
                int64_t sum = 0;
                for (size_t s = 0; s + 1 < plan->step_count; s++) {
                    sum += plan->steps[s].within_ms;
                }
                if (*ret_plan == NULL || sum > *ret_worst_ms) {
                    *ret_worst_ms = sum;
                    *ret_plan = plan;
                }
            }
        }
    }
    return true;
}

/* Can any plan tell these two units apart? */
static bool is_unit_alike(const struct directory *d, uint16_t a, uint16_t b)
{
    if (d->units[a].form != d->units[b].form) {
        return false;
    }
    for (size_t i = 0; i < d->plan_count; i++) {
        uint16_t above = d->plans[i].match.unit;
        if (above != NONE && directory_is_within(d, a, above) != directory_is_within(d, b, above)) {
            return false;
        }
    }
    return true;
}

static void say_gap(struct load *load, const struct unit *unit, const struct gap *gap)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    int minute = gap->minute % 1440;
    fault(load, FILE_PLANS, yaml_line(&load->yaml[FILE_PLANS], "plans"),
          "no plan takes this alarm: form `%s`, unit `%s`, kind `%s`, class `%s`, %s at %02d:%02d. "
          "Add a "
          "plan for it, best one at the end whose `match` is `{form: %s}` alone.",
          form_word(unit->form), unit->id, kind_word(gap->kind), class_word(gap->class_),
          days[gap->minute / 1440], minute / 60, minute % 60, form_word(unit->form));
}

void check_coverage(struct load *load)
{
    const struct directory *d = &load->conf->directory;
    struct moments *moments = malloc(sizeof *moments);
    uint16_t *tried = malloc((d->unit_count + 1) * sizeof *tried);
    if (moments == NULL || tried == NULL) {
        load->is_out_of_memory = true;
        free(moments);
        free(tried);
        return;
    }
    find_moments(d, moments);
    uint64_t kinds = kinds_to_try(d);
    size_t tried_count = 0;
    unsigned forms_said = 0; /* one counter-example a form is enough to act on */
    for (uint16_t u = 0; u < d->unit_count; u++) {
        bool is_new = d->units[u].form != FORM_UNKNOWN;
        for (size_t t = 0; is_new && t < tried_count; t++) {
            is_new = !is_unit_alike(d, tried[t], u);
        }
        if (!is_new || (forms_said >> d->units[u].form & 1) != 0) {
            continue;
        }
        tried[tried_count++] = u;
        struct gap gap;
        int64_t worst_ms = 0;
        const struct plan *plan = NULL;
        if (!try_unit(d, u, moments, kinds, &gap, &worst_ms, &plan)) {
            say_gap(load, &d->units[u], &gap);
            forms_said |= 1U << d->units[u].form;
        }
    }
    free(moments);
    free(tried);
}

int64_t conf_worst_ms(const struct conf *conf, uint16_t unit, const struct plan **ret_plan)
{
    struct moments *moments = malloc(sizeof *moments);
    struct gap gap;
    int64_t worst_ms = 0;
    *ret_plan = NULL;
    if (moments != NULL) {
        find_moments(&conf->directory, moments);
        (void)try_unit(&conf->directory, unit, moments, kinds_to_try(&conf->directory), &gap,
                       &worst_ms, ret_plan);
    }
    free(moments);
    return worst_ms;
}
