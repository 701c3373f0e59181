/* test_case.c - what carers and centres say about a case. */
#include "unit/core/town.h"

static struct alarm_id offered_to_anna_and_bo(void)
{
    town_on_duty("anna");
    town_on_duty("bo");
    return town_press("1").case_id;
}

static void first_accept_wins_and_the_loser_is_told_who_has_it(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    struct reply lost = town_says(INPUT_ACCEPT, "bo", id, "");
    assert_int_equal(lost.err, ERR_STATE);
    assert_string_equal(lost.word, "taken");
    assert_string_equal(lost.winner, "anna");
    assert_int_equal(town_case(id)->state, CASE_ACCEPTED);
    assert_int_equal(town_stage(id, "anna"), OFFER_ACCEPTED);
    assert_int_equal(town_stage(id, "bo"), OFFER_SUPERSEDED);
    assert_int_equal(town_case(id)->deadline_ms, f.now.wall_ms + 600000);
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_DUPLICATE);
    assert_int_equal(f.decision.count, 0);
}

static void whom_it_does_not_concern_may_not_accept(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    town_on_duty("cia");
    struct reply reply = town_says(INPUT_ACCEPT, "cia", id, "");
    assert_int_equal(reply.err, ERR_AUTH);
    assert_string_equal(reply.word, "not_yours");
    assert_string_equal(town_says(INPUT_ACCEPT, "dag", id, "").word, "off_duty");
    assert_string_equal(town_says(INPUT_ACCEPT, "eve", id, "").word, "unknown_staff");
    struct alarm_id none = {{9}};
    assert_string_equal(town_says(INPUT_ACCEPT, "anna", none, "").word, "unknown_case");
}

static void all_declined_goes_on_at_once_and_one_declined_does_not(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    (void)town_says(INPUT_DECLINE, "anna", id, "in a shower");
    assert_int_equal(town_case(id)->step, 0);
    assert_string_equal(town_last(CHANGE_DECLINED)->reason, "in a shower");
    assert_int_equal(town_says(INPUT_DECLINE, "anna", id, "again").err, ERR_DUPLICATE);
    (void)town_says(INPUT_DECLINE, "bo", id, "");
    assert_int_equal(town_case(id)->step, 2);
    assert_int_equal(f.now.wall_ms, NOON_MS);
    assert_int_equal(town_changes(CHANGE_CENTRE_OFFERED), 1);
    bool is_told = false;
    for (size_t i = 0; i < f.journal_count; i++) {
        is_told = is_told || (f.journal[i].type == RECORD_CASE &&
                              strcmp(f.journal[i].case_.reason, "all_declined") == 0);
    }
    assert_true(is_told);
    assert_string_equal(town_says(INPUT_DECLINE, "dag", id, "").word, "off_duty");
}

static void who_was_asked_in_an_earlier_step_may_still_accept(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    town_pass(45000);
    assert_int_equal(town_case(id)->step, 2);
    assert_int_equal(town_says(INPUT_ACCEPT, "bo", id, "").err, ERR_OK);
    assert_string_equal(town_case(id)->owner, "bo");
    town_pass(60000);
    assert_int_equal(town_changes(CHANGE_CENTRE_FAILED), 1); /* of before the accept */
}

static void owner_goes_on_site_and_closes_with_a_reason(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    assert_string_equal(town_says(INPUT_ON_SITE, "anna", id, "").word, "not_accepted");
    assert_string_equal(town_says(INPUT_CLOSE, "anna", id, "helped").word, "not_accepted");
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    assert_string_equal(town_says(INPUT_ON_SITE, "bo", id, "").winner, "anna");
    assert_int_equal(town_says(INPUT_ON_SITE, "anna", id, "").err, ERR_OK);
    assert_int_equal(town_says(INPUT_ON_SITE, "anna", id, "").err, ERR_DUPLICATE);
    town_pass(3600000);
    assert_int_equal(town_case(id)->state, CASE_ON_SITE);
    assert_string_equal(town_says(INPUT_CLOSE, "anna", id, "").word, "no_reason");
    assert_string_equal(town_says(INPUT_CLOSE, "bo", id, "helped").word, "taken");
    assert_int_equal(town_says(INPUT_CLOSE, "anna", id, "helped").err, ERR_OK);
    assert_int_equal(ledger_open_count(f.ledger), 0);
    assert_string_equal(ledger_recent(f.ledger, 0)->reason, "helped");
    assert_int_equal(town_says(INPUT_CLOSE, "anna", id, "helped").err, ERR_DUPLICATE);
    struct reply late = town_says(INPUT_ACCEPT, "bo", id, "");
    assert_int_equal(late.err, ERR_STATE);
    assert_string_equal(late.word, "closed");
}

static void anybody_concerned_may_close_what_the_device_has_reset(void **state)
{
    (void)state;
    town_on_duty("anna");
    struct alarm_id id = town_raise("espa", "panel/13", KIND_HELP, PHASE_RAISED, "1").case_id;
    (void)town_raise("espa", "panel/13", KIND_HELP, PHASE_RESTORED, "2");
    assert_int_equal(town_says(INPUT_CLOSE, "anna", id, "was there").err, ERR_OK);
}

static void accepted_and_never_on_site_is_offered_again_from_the_start(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    town_pass(599999);
    assert_int_equal(town_changes(CHANGE_REOPENED), 0);
    town_pass(1);
    assert_string_equal(town_last(CHANGE_REOPENED)->reason, "not_on_site");
    assert_string_equal(town_last(CHANGE_REOPENED)->by, "anna");
    const struct case_value *c = town_case(id);
    assert_int_equal(c->state, CASE_OFFERED);
    assert_int_equal(c->step, 0);
    assert_string_equal(c->owner, "");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
}

static void owner_may_give_a_case_back(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    assert_int_equal(town_says(INPUT_DECLINE, "anna", id, "").err, ERR_OK);
    assert_string_equal(town_last(CHANGE_REOPENED)->reason, "given_back");
    assert_int_equal(town_stage(id, "anna"), OFFER_DECLINED);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
}

static void hand_over_keeps_the_owner_until_the_other_has_accepted(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    assert_string_equal(town_says(INPUT_HAND_OVER, "bo", id, "anna").word, "taken");
    assert_string_equal(town_says(INPUT_HAND_OVER, "anna", id, "eve").word, "unknown_staff");
    assert_string_equal(town_says(INPUT_HAND_OVER, "anna", id, "dag").word, "not_reachable");
    assert_string_equal(town_says(INPUT_HAND_OVER, "anna", id, "anna").word, "already_yours");
    town_on_duty("cia");
    assert_int_equal(town_says(INPUT_HAND_OVER, "anna", id, "cia").err, ERR_OK);
    assert_string_equal(town_last(CHANGE_HANDED_OVER)->reason, "cia");
    assert_string_equal(town_case(id)->owner, "anna");
    assert_int_equal(town_stage(id, "cia"), OFFER_QUEUED);
    assert_int_equal(town_says(INPUT_HAND_OVER, "anna", id, "cia").err, ERR_DUPLICATE);
    assert_int_equal(town_says(INPUT_ACCEPT, "cia", id, "").err, ERR_OK);
    assert_string_equal(town_case(id)->owner, "cia");
    assert_int_equal(town_stage(id, "anna"), OFFER_SUPERSEDED);
}

static void hand_over_that_nobody_answers_ends_after_half_a_minute(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    (void)town_says(INPUT_ACCEPT, "anna", id, "");
    (void)town_says(INPUT_HAND_OVER, "anna", id, "bo");
    town_pass(29999);
    assert_int_equal(town_stage(id, "bo"), OFFER_QUEUED);
    town_pass(1);
    assert_int_equal(town_stage(id, "bo"), OFFER_EXPIRED);
    assert_string_equal(town_last(CHANGE_DECLINED)->by, "bo");
    assert_string_equal(town_case(id)->owner, "anna");
    (void)town_says(INPUT_HAND_OVER, "anna", id, "bo");
    (void)town_says(INPUT_DECLINE, "bo", id, "no");
    assert_string_equal(town_case(id)->owner, "anna");
    assert_int_equal(town_case(id)->state, CASE_ACCEPTED);
}

static void centre_that_accepts_ends_the_escalation(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    assert_string_equal(town_centre("nobody", id, ERR_OK).word, "unknown_centre");
    assert_int_equal(town_centre("centre", id, ERR_OK).err, ERR_OK);
    const struct case_value *c = town_case(id);
    assert_int_equal(c->state, CASE_AT_CENTRE);
    assert_true(c->is_centre_accepted);
    assert_int_equal(c->deadline_ms, 0);
    assert_string_equal(c->owner, "");
    assert_int_equal(ledger_next_wake(f.ledger, f.now), INT64_MAX);
    assert_int_equal(town_centre("centre", id, ERR_OK).err, ERR_DUPLICATE);
    assert_int_equal(town_centre("second", id, ERR_OK).err, ERR_STATE);
}

static void silent_centre_is_asked_at_its_next_address_and_then_ever_more_seldom(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    static const int64_t waits_ms[] = {10000, 10000, 30000, 60000, 120000, 120000};
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(town_case(id)->attempt, i + 1);
        assert_int_equal(town_case(id)->deadline_ms, f.now.wall_ms + waits_ms[i]);
        town_pass(waits_ms[i]);
        assert_int_equal(town_changes(CHANGE_CENTRE_FAILED), i + 1);
    }
    assert_string_equal(town_last(CHANGE_CENTRE_FAILED)->reason, "no_answer");
    assert_int_equal(town_case(id)->state, CASE_OFFERED);
}

static void after_a_vain_round_of_addresses_everybody_who_is_there_is_told(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    town_on_duty("cia");
    assert_int_equal(town_stage(id, "cia"), OFFER_UNKNOWN);
    assert_false(ledger_concerns(f.ledger, town_case(id), "cia"));
    town_pass(20000);
    assert_int_equal(town_stage(id, "cia"), OFFER_QUEUED);
    assert_true(ledger_concerns(f.ledger, town_case(id), "cia"));
    town_on_duty("anna");
    assert_int_equal(town_stage(id, "anna"), OFFER_QUEUED);
    assert_int_equal(town_says(INPUT_ACCEPT, "cia", id, "").err, ERR_OK);
}

static void refusing_centre_is_asked_elsewhere_at_once_but_not_in_a_ring(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    (void)town_centre("centre", id, ERR_TIMEOUT);
    assert_int_equal(town_case(id)->attempt, 2);
    (void)town_centre("centre", id, ERR_TIMEOUT);
    assert_int_equal(town_case(id)->attempt, 3);
    (void)town_centre("centre", id, ERR_TIMEOUT);
    assert_int_equal(town_case(id)->attempt, 3); /* it waits now */
    assert_int_equal(town_centre("centre", id, ERR_TIMEOUT).err, ERR_DUPLICATE);
    assert_int_equal(f.now.wall_ms, NOON_MS);
    town_pass(30000);
    assert_int_equal(town_case(id)->attempt, 4);
    assert_int_equal(town_changes(CHANGE_CENTRE_FAILED), 3);
}

static void carer_may_take_over_from_the_centre_and_it_may_close(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    town_on_duty("anna");
    (void)town_centre("centre", id, ERR_OK);
    assert_int_equal(town_says(INPUT_ACCEPT, "anna", id, "").err, ERR_OK);
    assert_int_equal(town_case(id)->state, CASE_ACCEPTED);
    assert_int_equal(town_centre("centre", id, ERR_TIMEOUT).err, ERR_DUPLICATE);
    struct alarm_id other = town_raise("scaip", "4711", KIND_HELP, PHASE_RAISED, "2").case_id;
    (void)town_centre("centre", other, ERR_OK);
    struct input close = {
        .type = INPUT_CLOSE, .case_id = other, .centre = "second", .reason = "spoken to"};
    assert_int_equal(town_input(close).err, ERR_STATE);
    memcpy(close.centre, "centre", 7);
    assert_int_equal(town_input(close).err, ERR_OK);
    assert_string_equal(town_last(CHANGE_CLOSED)->by, "centre");
}

static void press_after_the_centre_took_it_must_be_confirmed_by_the_centre_again(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    (void)town_centre("centre", id, ERR_OK);
    (void)town_press("2");
    assert_int_equal(town_case(id)->state, CASE_OFFERED);
    assert_false(town_case(id)->is_centre_accepted);
    assert_int_equal(town_changes(CHANGE_CENTRE_OFFERED), 2);
    assert_int_equal(town_centre("centre", id, ERR_OK).err, ERR_OK);
}

static void centre_that_gives_a_case_back_is_not_the_end(void **state)
{
    (void)state;
    struct alarm_id id = town_press("1").case_id;
    (void)town_centre("centre", id, ERR_OK);
    (void)town_centre("centre", id, ERR_TIMEOUT);
    assert_int_equal(town_case(id)->state, CASE_OFFERED);
    assert_int_equal(town_case(id)->attempt, 2);
}

static void centre_in_the_middle_of_a_plan_is_followed_by_the_next_step(void **state)
{
    (void)state;
    struct plan plan = town_plans[1];
    plan.steps[0] = (struct step){.whom = WHOM_CENTRE, .centre = 1, .within_ms = 25000};
    f.directory.plans = &plan;
    f.directory.plan_count = 1;
    struct alarm_id id = town_press("1").case_id;
    assert_string_equal(town_case(id)->centre, "second");
    town_pass(24999);
    assert_string_equal(town_case(id)->centre, "second");
    town_pass(1);
    assert_string_equal(town_case(id)->centre, "centre");
    assert_int_equal(town_case(id)->attempt, 1);
    struct alarm_id other = town_raise("scaip", "4711", KIND_HELP, PHASE_RAISED, "2").case_id;
    (void)town_centre("second", other, ERR_TIMEOUT); /* its only address has refused */
    assert_string_equal(town_case(other)->centre, "centre");
}

static void receipts_only_go_forward(void **state)
{
    (void)state;
    struct alarm_id id = offered_to_anna_and_bo();
    struct input receipt = {
        .type = INPUT_RECEIPT, .case_id = id, .staff = "anna", .stage = OFFER_DISPLAYED};
    assert_int_equal(town_input(receipt).err, ERR_OK);
    assert_int_equal(town_stage(id, "anna"), OFFER_DISPLAYED);
    receipt.stage = OFFER_RECEIVED;
    assert_int_equal(town_input(receipt).err, ERR_DUPLICATE);
    receipt.stage = OFFER_SOUNDED;
    assert_int_equal(town_input(receipt).err, ERR_OK);
    receipt.stage = OFFER_ACCEPTED;
    assert_int_equal(town_input(receipt).err, ERR_RANGE);
    memcpy(receipt.staff, "cia", 4);
    receipt.stage = OFFER_SOUNDED;
    assert_int_equal(town_input(receipt).err, ERR_NOT_FOUND);
    (void)town_says(INPUT_ACCEPT, "bo", id, "");
    memcpy(receipt.staff, "anna", 5);
    receipt.stage = OFFER_SUPERSEDED;
    assert_int_equal(town_input(receipt).err, ERR_OK); /* silent again: evidence */
    assert_int_equal(f.decision.count, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, town_begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_accept_wins_and_the_loser_is_told_who_has_it),
        TEST(whom_it_does_not_concern_may_not_accept),
        TEST(all_declined_goes_on_at_once_and_one_declined_does_not),
        TEST(who_was_asked_in_an_earlier_step_may_still_accept),
        TEST(owner_goes_on_site_and_closes_with_a_reason),
        TEST(anybody_concerned_may_close_what_the_device_has_reset),
        TEST(accepted_and_never_on_site_is_offered_again_from_the_start),
        TEST(owner_may_give_a_case_back),
        TEST(hand_over_keeps_the_owner_until_the_other_has_accepted),
        TEST(hand_over_that_nobody_answers_ends_after_half_a_minute),
        TEST(centre_that_accepts_ends_the_escalation),
        TEST(silent_centre_is_asked_at_its_next_address_and_then_ever_more_seldom),
        TEST(after_a_vain_round_of_addresses_everybody_who_is_there_is_told),
        TEST(refusing_centre_is_asked_elsewhere_at_once_but_not_in_a_ring),
        TEST(carer_may_take_over_from_the_centre_and_it_may_close),
        TEST(press_after_the_centre_took_it_must_be_confirmed_by_the_centre_again),
        TEST(centre_that_gives_a_case_back_is_not_the_end),
        TEST(centre_in_the_middle_of_a_plan_is_followed_by_the_next_step),
        TEST(receipts_only_go_forward)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
