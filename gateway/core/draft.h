/* draft.h - one case while a decision is made about it: a copy that the rules change and write down.
 *
 * Only core's rules include it. The ledger itself is const to all of them.
 */
#pragma once

#include "core/fold.h"

/* The most records that one rule may write about one case: every step skipped, and a few around. */
enum { CASE_RECORDS_MAX = STEPS_MAX + 8 };

struct work {
    const struct ledger *ledger;
    const struct input *input;
    struct now now;
    struct decision *out;
    size_t created; /* cases that this decision opens */
};

struct draft {
    struct work *work;
    struct case_value c;
    struct marks marks;
};

/* work: decide.c */
struct record *work_put(struct work *w, enum record_type type); /* NULL: no room */
size_t work_room(const struct work *w);
void work_reply(struct work *w, enum err err, const char *word);
bool work_has_case_room(const struct work *w, bool is_technical);

/* draft: steps.c. Each writes the records that it needs and leaves the draft as they say. */
struct draft draft_of(struct work *w, const struct slot *slot);
void draft_put(struct draft *t, enum change change, const char *by, const char *reason);
void draft_close(struct draft *t, const char *by, const char *reason);
/* The step that c.step says begins: offers, or a centre; a step that reaches nobody is skipped. */
void steps_begin(struct draft *t);
/* The step is over for this reason: the next begins. */
void steps_next(struct draft *t, const char *reason);
/* The deadline of the case has come. */
void steps_deadline(struct draft *t);
/* Nobody whom the step names can be reached and is still thinking: the next begins. */
void steps_unless_live(struct draft *t, const char *reason);
/* Accepted and then nothing: from the first step again. The owner goes on seeing it. */
void steps_reopen(struct draft *t, const char *reason, enum offer_stage owner_stage);
/* The centre refused or did not answer. */
void steps_centre_failed(struct draft *t, const char *reason, bool is_answer);
/* The centre is asked (again). */
void steps_ask_centre(struct draft *t, uint32_t attempt);

/* offers.c */
struct offer *offers_find(struct case_value *c, const char *staff);
/* Asks this person (again); false when 24 others are being asked. */
bool offers_ask(struct case_value *c, const char *staff);
/* Asks everybody whom the step names and who can be reached, except who declined: those asked already
 * again, then the others, wide awake handsets first. Past 24 people the rest are not rung; the case
 * still stands in the list of everybody whom it concerns. */
void offers_fill(struct draft *t, const struct step *step);
/* How many whom the step names can be reached and have not answered. */
size_t offers_live(const struct draft *t, const struct step *step);
/* Does a step up to the running one name this person? */
bool offers_is_meant(const struct ledger *ledger, const struct case_value *c, size_t staff);
/* Those who are being asked are rung again; who declined is left alone, and an owner too. */
void offers_ring(struct case_value *c);
/* All open offers but this person's get this stage. */
void offers_end(struct case_value *c, const char *except, enum offer_stage stage);

/* steps.c: a technical case has turned out graver, somebody is without help: the plan of the new class
 * begins, whoever has it or had it. */
void steps_graver(struct draft *t, enum class_ class_);

/* guard.c */
enum class_ guard_class(const struct work *w, size_t device, enum kind kind);

/* supervision.c: an event of the gateway itself about this device, without reference and id. */
struct alarm gateway_event(const struct work *w, size_t device, enum kind kind, enum phase phase);

/* site.c: the list of one unit's silences, with what this decision adds and takes away. */
struct site {
    uint8_t ref[CASE_ID_REF];
    size_t without; /* SIZE_MAX: nobody leaves it */
    uint32_t joining[DECISION_MAX];
    size_t joining_count;
};
/* The open case that a silence of this unit still joins; NULL: it opens one. */
const struct slot *site_find(const struct work *w, size_t unit);
void site_open(struct draft *t, const struct site *site, enum class_ gravest);
void site_grown(struct draft *t, const struct site *site, enum class_ gravest);
void site_shrunk(struct draft *t, const struct site *site);

/* intake.c: a case as its first event says, and its beginning: plan, record, first step. */
struct case_value case_begin(const struct work *w, const struct alarm *alarm);
void case_open(struct work *w, struct draft *t);

/* the rules, by what came in */
void decide_alarm(struct work *w, const struct alarm *alarm); /* intake.c */
void decide_event(struct work *w, const struct alarm *event); /* intake.c: id is new */
void decide_assist(struct work *w);                           /* intake.c */
void decide_alive(struct work *w);                            /* supervision.c */
void decide_heard(struct work *w, const struct alarm *alarm); /* supervision.c */
void decide_silences(struct work *w);                         /* supervision.c */
void decide_trial(struct work *w);                            /* trial.c */
void decide_tried(struct work *w, const struct alarm *alarm); /* trial.c: a press or a test came */
void decide_trials_over(struct work *w);                      /* trial.c: their time has come */
void decide_accept(struct work *w);                           /* staff.c */
void decide_decline(struct work *w);                          /* staff.c */
void decide_on_site(struct work *w);                          /* staff.c */
void decide_hand_over(struct work *w);                        /* staff.c */
void decide_close(struct work *w);                            /* staff.c */
void decide_centre(struct work *w);                           /* staff.c */
void decide_duty(struct work *w);                             /* duty.c */
void decide_handset(struct work *w);                          /* duty.c */
void decide_receipt(struct work *w);                          /* duty.c */
void decide_deadlines(struct work *w);                        /* decide.c */
