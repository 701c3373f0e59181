/* read_plans.c - plans.yaml: when a plan is used, whom it asks, and for how long.
 *
 * Called by conf_load last of the readers: plans name units, staff, roles and centres.
 */
#include "conf/load.h"

#include <string.h>

enum { WITHIN_MAX_S = 3600, ON_SITE_MAX_S = 6 * 3600 };

static const char *rest_after(const char *text, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(text, word, len) != 0 || text[len] != ' ') {
        return NULL;
    }
    return text + len + strspn(text + len, " ");
}

static void ask_role(struct load *load, int line, const char *role, struct step *step)
{
    const struct directory *d = &load->conf->directory;
    struct guess guess = guess_of(role);
    step->whom = WHOM_ROLE;
    (void)slice_text(slice_str(role), step->role, sizeof step->role);
    for (size_t i = 0; i < d->staff_count; i++) {
        if (strcmp(d->staff[i].role, role) == 0) {
            return;
        }
        guess_offer(&guess, d->staff[i].role);
    }
    char hint[80];
    if (load->is_good[FILE_STAFF]) {
        fault(load, FILE_PLANS, line, "nobody in staff.csv has the role `%.40s`%s", role,
              guess.best == NULL ? "; correct the word, or give the role to somebody."
                                 : guess_text(&guess, hint, sizeof hint));
    }
}

static void ask_person(struct load *load, int line, const char *staff, struct step *step)
{
    uint32_t index = 0;
    step->whom = WHOM_PERSON;
    (void)slice_text(slice_str(staff), step->staff, sizeof step->staff);
    if (load->is_good[FILE_STAFF] && !names_find(&load->staff_names, staff, &index)) {
        fault(load, FILE_PLANS, line, "there is no staff number `%.40s` in staff.csv.", staff);
    }
}

static void ask_centre(struct load *load, int line, const char *name, struct step *step)
{
    const struct directory *d = &load->conf->directory;
    struct guess guess = guess_of(name);
    step->whom = WHOM_CENTRE;
    step->centre = NONE;
    for (size_t i = 0; i < d->centre_count; i++) {
        if (strcmp(d->centres[i].name, name) == 0) {
            step->centre = (uint16_t)i;
            return;
        }
        guess_offer(&guess, d->centres[i].name);
    }
    char hint[80];
    if (load->is_good[FILE_MAIN]) {
        fault(load, FILE_PLANS, line, "there is no centre `%.40s` in samlarm.yaml%s", name,
              guess.best == NULL ? "." : guess_text(&guess, hint, sizeof hint));
    }
}

static void read_ask(struct load *load, int line, const char *ask, struct step *step)
{
    const char *rest = NULL;
    if (strcmp(ask, "team") == 0) {
        step->whom = WHOM_TEAM;
    } else if (strcmp(ask, "everybody") == 0) {
        step->whom = WHOM_ALL;
    } else if ((rest = rest_after(ask, "unit")) != NULL) {
        step->whom = WHOM_UNIT;
        (void)find_unit(load, FILE_PLANS, line, "the step", rest, &step->unit);
    } else if ((rest = rest_after(ask, "role")) != NULL) {
        ask_role(load, line, rest, step);
    } else if ((rest = rest_after(ask, "person")) != NULL) {
        ask_person(load, line, rest, step);
    } else if ((rest = rest_after(ask, "centre")) != NULL) {
        ask_centre(load, line, rest, step);
    } else {
        static const char *const words[] = {"team",   "unit",      "role",
                                            "person", "everybody", "centre"};
        char first[40];
        char hint[80];
        struct slice text = slice_str(ask);
        (void)slice_text(slice_cut(&text, ' '), first, sizeof first);
        struct guess guess = guess_of(first);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            guess_offer(&guess, words[i]);
        }
        fault(load, FILE_PLANS, line,
              "`ask: %.40s` is not understood%s write team, everybody, unit NAME, role WORD, "
              "person NUMBER or centre NAME.",
              ask, guess.best == NULL ? ";" : guess_text(&guess, hint, sizeof hint));
    }
}

static void read_match(struct load *load, size_t i, const struct raw_match *from,
                       struct match *match)
{
    const struct yaml *yaml = &load->yaml[FILE_PLANS];
    *match = (struct match){.unit = NONE, .from_minute = ANY_TIME, .to_minute = ANY_TIME};
    if (from == NULL) {
        return;
    }
    match->forms = (unsigned)from->form;
    match->kinds = from->kind;
    match->classes = (unsigned)from->class_;
    if (from->unit != NULL) {
        (void)find_unit(load, FILE_PLANS, yaml_line(yaml, "plans/%zu/match/unit", i), "the plan",
                        from->unit, &match->unit);
    }
    if (from->time != NULL && !word_times(from->time, &match->from_minute, &match->to_minute)) {
        fault(
            load, FILE_PLANS, yaml_line(yaml, "plans/%zu/match/time", i),
            "`time: %.40s` is not understood; write it as \"07:00-21:00\", and leave the line out "
            "for all day and night.",
            from->time);
    }
    if (from->days != NULL && !word_days(from->days, &match->weekdays)) {
        fault(load, FILE_PLANS, yaml_line(yaml, "plans/%zu/match/days", i),
              "`days: %.40s` is not understood; write for example mon-fri or \"mon,wed,sat-sun\".",
              from->days);
    }
}

static void read_steps(struct load *load, size_t i, const struct raw_plan *from, struct plan *plan)
{
    const struct yaml *yaml = &load->yaml[FILE_PLANS];
    if (from->steps_count > STEPS_MAX) {
        fault(load, FILE_PLANS, yaml_line(yaml, "plans/%zu/steps", i),
              "the plan has %u steps; at most %d are of use.", from->steps_count, STEPS_MAX);
        return;
    }
    for (size_t s = 0; s < from->steps_count; s++) {
        struct step *step = &plan->steps[plan->step_count++];
        *step = (struct step){.unit = NONE, .centre = NONE};
        step->line = yaml_line(yaml, "plans/%zu/steps/%zu", i, s);
        step->within_ms = from->steps[s].within_s * 1000;
        if (from->steps[s].within_s < 1 || from->steps[s].within_s > WITHIN_MAX_S) {
            fault(load, FILE_PLANS, yaml_line(yaml, "plans/%zu/steps/%zu/within_s", i, s),
                  "`within_s` is %lld; it must be from 1 to %d seconds.",
                  (long long)from->steps[s].within_s, WITHIN_MAX_S);
        }
        read_ask(load, yaml_line(yaml, "plans/%zu/steps/%zu/ask", i, s), from->steps[s].ask, step);
    }
}

void read_plans(struct load *load)
{
    struct directory *d = &load->conf->directory;
    const struct yaml *yaml = &load->yaml[FILE_PLANS];
    if (load->plans->plans_count > CONF_PLANS_MAX) {
        fault(load, FILE_PLANS, yaml_line(yaml, "plans"), "there are more than %d plans.",
              CONF_PLANS_MAX);
        return;
    }
    for (size_t i = 0; i < load->plans->plans_count; i++) {
        const struct raw_plan *from = &load->plans->plans[i];
        struct plan *plan = &d->plans[d->plan_count];
        plan->line = yaml_line(yaml, "plans/%zu/plan", i);
        if (!word_id(load, FILE_PLANS, plan->line, "the name of the plan", from->plan,
                     sizeof plan->name)) {
            continue;
        }
        const struct plan *before = plan_find(d, from->plan);
        if (before != NULL) {
            fault(load, FILE_PLANS, plan->line,
                  "the plan `%s` is described twice, first on line %d; rename one.", from->plan,
                  before->line);
        }
        (void)slice_text(slice_str(from->plan), plan->name, sizeof plan->name);
        d->plan_count++;
        plan->on_site_within_ms = from->on_site_within_s * 1000;
        if (from->on_site_within_s < 0 || from->on_site_within_s > ON_SITE_MAX_S) {
            fault(load, FILE_PLANS, yaml_line(yaml, "plans/%zu/on_site_within_s", i),
                  "`on_site_within_s` is %lld; it must be from 0 (never ask again) to %d.",
                  (long long)from->on_site_within_s, ON_SITE_MAX_S);
        }
        read_match(load, i, from->match, &plan->match);
        read_steps(load, i, from, plan);
    }
}
