/* test_conf.c - whole configurations through conf_load: the two that we ship, and what is said when
 * one thing in them is wrong.
 *
 * Every broken configuration is the demo with one change, in a folder of its own under /tmp.
 */
#include "unit/conf/brokens.h"

#include <time.h>

static void demo_municipality_loads_without_a_word(void **state)
{
    (void)state;
    struct conf *conf = load_good(CONFIG_DIR "/demo");
    const struct directory *d = &conf->directory;
    assert_int_equal(faults.count, 0);
    assert_string_equal(d->municipality, "bjorkala");
    assert_string_equal(conf->name, "Björkala kommun");
    assert_true(d->is_demo);
    assert_true(d->unit_count >= 8);
    assert_true(d->place_count >= 120);
    assert_true(d->staff_count >= 20);
    assert_int_equal(strlen(d->config_id), 16);
    bool has_form[FORM_COUNT] = {false};
    for (size_t i = 0; i < d->unit_count; i++) {
        has_form[d->units[i].form] = true;
    }
    for (enum form f = FORM_SPECIAL; f < FORM_COUNT; f++) {
        assert_true(has_form[f]);
    }
    const struct device *room = directory_find(d, "espa444", "201/12");
    assert_non_null(room);
    assert_string_equal(d->places[room->place].label, "Rum 12");
    assert_string_equal(d->units[d->places[room->place].unit].id, "eken");
    const struct conf_port *port = conf_port(conf, "trygghetslarm");
    assert_non_null(port);
    assert_true(port->is_sip && port->is_udp && port->is_tcp && port->is_on && !port->is_dialling);
    assert_string_equal(port->address, "127.0.0.1:5060");
    assert_null(conf_port(conf, "nowhere"));
    assert_int_equal(d->centres[0].address_count, 2);
    assert_string_equal(d->centres[0].addresses[1], "127.0.0.1:5071;udp");
    assert_int_equal(conf->timings.silent_open_ms, 12000);
    conf_free(conf);
}

static void every_step_of_the_demo_keeps_its_line_and_time(void **state)
{
    (void)state;
    struct conf *conf = load_good(CONFIG_DIR "/demo");
    const struct plan *day = plan_find(&conf->directory, "sarskilt-dag");
    assert_non_null(day);
    assert_int_equal(day->step_count, 5);
    assert_int_equal(day->match.from_minute, 420);
    assert_int_equal(day->match.to_minute, 1260);
    assert_int_equal(day->match.weekdays, 127);
    assert_int_equal(day->match.forms, 1 << FORM_SPECIAL);
    assert_int_equal(day->match.classes, 1 << CLASS_LIFE | 1 << CLASS_URGENT);
    assert_int_equal(day->on_site_within_ms, 600000);
    assert_int_equal(day->steps[0].whom, WHOM_TEAM);
    assert_int_equal(day->steps[4].whom, WHOM_CENTRE);
    assert_int_equal(day->steps[0].within_ms, 30000);
    assert_int_equal(day->steps[1].line, day->steps[0].line + 1);
    assert_int_equal(day->line, line_of(CONFIG_DIR "/demo", "plans.yaml", "plan: sarskilt-dag"));
    const struct plan *slowest = NULL;
    const struct unit *eken = directory_unit(&conf->directory, "eken");
    int64_t worst_ms = conf_worst_ms(conf, (uint16_t)(eken - conf->directory.units), &slowest);
    assert_int_equal(worst_ms, 1200000);
    assert_string_equal(slowest->name, "teknik");
    conf_free(conf);
}

static void configuration_to_begin_with_loads_without_a_word(void **state)
{
    (void)state;
    struct conf *conf = load_good(CONFIG_DIR "/defaults");
    assert_int_equal(faults.count, 0);
    assert_false(conf->directory.is_demo);
    assert_string_equal(conf->directory.units[1].id, "boendet");
    assert_int_equal(conf->directory.units[2].form, FORM_SPECIAL); /* from above */
    conf_free(conf);
}

static void each_broken_configuration_is_refused_at_its_line(void **state)
{
    (void)state;
    size_t count = sizeof brokens / sizeof brokens[0];
    assert_int_equal(try_each(brokens, count, demo_copy, false), 0);
}

static void one_slip_gives_one_sentence(void **state)
{
    (void)state;
    /* Not a flood of consequences: a unit with a wrong form leaves its places and devices alone. */
    char *dir = demo_copy();
    struct conf *conf = NULL;
    change(dir, "units.yaml", "form: ordinary", "form: ordinar");
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    if (faults.count != 1) {
        print_faults(dir);
    }
    assert_int_equal(faults.count, 1);
    demo_remove(dir);
}

static void all_faults_of_all_files_are_said_at_once(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = NULL;
    change(dir, "samlarm.yaml", "language: sv", "language: xx");
    change(dir, "places.csv", "eken-3,eken,", "eken-3,nowhere-at-all,");
    change(dir, "plans.yaml", "{ask: role nurse", "{ask: role nobody_at_all");
    change(dir, "staff.csv", "1004,", "1003,");

    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    /* The role is looked up among staff, and that list is not right yet: not said now. */
    assert_int_equal(faults.error_count, 3);
    assert_string_equal(faults.items[0].file, "places.csv");
    assert_string_equal(faults.items[1].file, "samlarm.yaml");
    assert_string_equal(faults.items[2].file, "staff.csv");
    demo_remove(dir);
}

static void more_faults_than_fit_are_counted(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = NULL;
    char *text = calloc(1, TEXT_MAX);
    size_t len = (size_t)snprintf(text, TEXT_MAX, "staff,name,unit,role\n");
    for (int i = 0; i < 80; i++) {
        len += (size_t)snprintf(text + len, TEXT_MAX - len, "%d,X,nowhere,carer\n", i);
    }
    change(dir, "staff.csv", NULL, text);
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    assert_int_equal(faults.count, CONF_FAULTS_MAX);
    assert_true(faults.dropped >= 30);
    free(text);
    demo_remove(dir);
}

static void file_cut_anywhere_is_refused_or_read_but_never_harms(void **state)
{
    (void)state;
    char *dir = demo_copy();
    size_t refused = 0;
    for (size_t i = 0; i < FILES; i++) {
        char *text = read_text(dir, files[i]);
        size_t len = strlen(text);
        for (size_t cut = 1; cut < len; cut += len / 23) {
            char kept = text[cut];
            text[cut] = '\0';
            write_text(dir, files[i], text);
            text[cut] = kept;
            struct conf *conf = NULL;
            enum err err = conf_load(dir, &pseudonyms, &conf, &faults);
            assert_true(err == ERR_OK || err == ERR_RANGE);
            assert_true((err == ERR_RANGE) == (faults.error_count > 0));
            refused += err == ERR_RANGE;
            conf_free(conf);
        }
        write_text(dir, files[i], text);
        free(text);
    }
    assert_true(refused > 60);
    conf_free(load_good(dir));
    demo_remove(dir);
}

static void missing_folder_names_every_missing_file(void **state)
{
    (void)state;
    struct conf *conf = NULL;
    assert_int_equal(conf_load("/nonexistent/samlarm", &pseudonyms, &conf, &faults), ERR_RANGE);
    assert_int_equal(faults.count, 6);
    assert_non_null(strstr(faults.items[0].text, "the file is missing"));
    char text[4096];
    struct buf out = buf_of(text, sizeof text);
    assert_int_equal(conf_faults_put(&faults, "/nonexistent/samlarm", &out), ERR_OK);
    assert_non_null(strstr(text, "/nonexistent/samlarm/devices.csv: the file is missing"));
    struct buf small = buf_of(text, 20);
    assert_int_equal(conf_faults_put(&faults, "/nonexistent/samlarm", &small), ERR_FULL);
}

static void tls_is_read_in_each_of_its_places(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "samlarm.yaml", "  address: 127.0.0.1:8080",
           "  certificate: units.yaml\n  key: units.yaml");
    change(dir, "samlarm.yaml", "127.0.0.1:5060\n    transport: [udp, tcp]",
           "127.0.0.1:5061\n    transport: [tls]\n    tls: {certificate: units.yaml, "
           "key: plans.yaml, ca: staff.csv, client: required}");
    change(dir, "samlarm.yaml", "listen: 127.0.0.1:4001",
           "listen: 127.0.0.1:4001\n    tls: {certificate: units.yaml, key: plans.yaml}");
    change(dir, "samlarm.yaml", "dial: centres", "dial: centres\n    tls: {ca: staff.csv}");
    change(dir, "samlarm.yaml", "5070;udp", "5070;tls");
    change(dir, "samlarm.yaml", "127.0.0.1:5071;udp", "\"[2001:db8::1]:5061;tls;larm.example\"");
    struct conf *conf = load_good(dir);
    assert_string_equal(conf->web.address, "127.0.0.1:8443");
    assert_string_equal(conf->web.redirect, "127.0.0.1:8080");
    const struct conf_port *port = conf_port(conf, "trygghetslarm");
    assert_true(port->tls.is_on && port->is_tcp && !port->is_udp);
    assert_int_equal(port->tls.peers, PEERS_REQUIRED);
    assert_non_null(strstr(port->tls.key, "/plans.yaml"));
    assert_non_null(strstr(port->tls.ca, "/staff.csv"));
    port = conf_port(conf, "anrop-bjorken");
    assert_true(port->tls.is_on && port->is_tcp && !port->is_udp && port->tls.ca == NULL);
    port = conf_port(conf, "larmcentral"); /* the addresses say which way */
    assert_true(port->tls.is_on && port->is_udp && port->is_tcp);
    assert_string_equal(conf->directory.centres[0].addresses[0], "127.0.0.1:5070;tls");
    assert_string_equal(conf->directory.centres[0].addresses[1],
                        "[2001:db8::1]:5061;tls;larm.example");
    conf_free(conf);
    change(dir, "samlarm.yaml", "  key: units.yaml", "  key: units.yaml\n  redirect: no");
    conf = load_good(dir);
    assert_string_equal(conf->web.redirect, "");
    conf_free(conf);
    demo_remove(dir);
}

static void unmanned_centre_is_no_last_resort(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = NULL;
    change(dir, "samlarm.yaml", "manned: yes", "manned: no");
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    assert_int_equal(faults.count, 10); /* every plan that ends at it */
    assert_non_null(strstr(faults.items[0].text, "is not manned"));
    demo_remove(dir);
}

static void windows_letters_are_converted_with_a_warning(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "places.csv", "Rum 3\n", "Dagrum f\xf6r \xe5ldermannen \x96 1\n");
    /* The file was UTF-8 before; make it Windows text as a whole. */
    char *text = read_text(dir, "places.csv");
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at == 0xc3 && (unsigned char)at[1] >= 0x80) {
            at++;
            *to++ = (char)((unsigned char)*at + 0x40);
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
    write_text(dir, "places.csv", text);
    free(text);
    struct conf *conf = load_good(dir);
    assert_int_equal(faults.count, 1);
    assert_true(faults.items[0].is_warning);
    assert_non_null(strstr(faults.items[0].text, "not UTF-8"));
    const struct device *room = directory_find(&conf->directory, "espa444", "201/3");
    assert_string_equal(conf->directory.places[room->place].label, "Dagrum för åldermannen – 1");
    conf_free(conf);
    demo_remove(dir);
}

static void swedish_spreadsheet_with_mark_and_semicolons_is_read(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "staff.csv", NULL,
           "\xef\xbb\xbfRole;Staff;Unit;Name;Note\r\ncarer;1001;eken;\"Björk; Åsa\";\r\n"
           "nurse;2001;omsorgen;Doris;vikarie\r\nduty_manager;3001;omsorgen;Sten;\r\n"
           "technician;4001;omsorgen;Pelle;\r\n;;;;\r\n\r\n");
    struct conf *conf = load_good(dir);
    assert_int_equal(conf->directory.staff_count, 4);
    assert_string_equal(conf->directory.staff[0].name, "Björk; Åsa");
    assert_string_equal(conf->directory.staff[0].role, "carer");
    conf_free(conf);
    demo_remove(dir);
}

static void lines_are_right_below_a_quoted_line_break(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = NULL;
    change(
        dir, "staff.csv", NULL,
        "staff,name,unit,role,note\n1001,A,eken,carer,\"one\ntwo\n\nthree\"\n\n1002,B,nowhere-here,"
        "carer,\n");
    change(dir, "plans.yaml", "role nurse", "role carer");
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    bool is_found = false;
    for (size_t i = 0; i < faults.count; i++) {
        is_found = is_found ||
                   (strcmp(faults.items[i].file, "staff.csv") == 0 && faults.items[i].line == 7);
    }
    assert_true(is_found);
    /* ... and a quote that never ends is said where it began. */
    change(dir, "staff.csv", NULL,
           "staff,name,unit,role\n1001,A,eken,carer\n1002,\"B,eken,carer\n3,4\n");
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].line, 3);
    assert_non_null(strstr(faults.items[0].text, "never closed"));
    demo_remove(dir);
}

static void passwords_in_a_file_for_all_eyes_are_warned_of(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "samlarm.yaml", "      reply: message\n",
           "      reply: message\n    users:\n      - {user: hub-1, password: hemligt}\n");
    struct conf *conf = load_good(dir);
    assert_int_equal(faults.count, 0);
    const struct conf_port *port = conf_port(conf, "trygghetslarm");
    assert_int_equal(port->user_count, 1);
    assert_string_equal(port->users[0].password, "hemligt");
    conf_free(conf);
    char path[600];
    (void)snprintf(path, sizeof path, "%s/samlarm.yaml", dir);
    assert_int_equal(chmod(path, 0644), 0);
    conf_free(load_good(dir));
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.items[0].text, "chmod 600"));
    demo_remove(dir);
}

static void configuration_id_follows_every_byte(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *first = load_good(dir);
    struct conf *again = load_good(dir);
    change(dir, "staff.csv", "Hugo", "Hugi");
    struct conf *other = load_good(dir);
    assert_string_equal(first->directory.config_id, again->directory.config_id);
    assert_string_not_equal(first->directory.config_id, other->directory.config_id);
    conf_free(first);
    conf_free(again);
    conf_free(other);
    demo_remove(dir);
}

static void keys_and_codes_of_the_demo_are_known(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = load_good(dir);
    const struct directory *d = &conf->directory;
    const struct device *panel = directory_key(d, "dc09", "5021");
    assert_non_null(panel);
    assert_int_equal(panel->secret.len, 16);
    assert_int_equal(panel->secret.at[0], 0x3a);
    assert_null(directory_key(d, "dc09", "5021/001"));
    struct alarm alarm = {.kind = KIND_THREAT,
                          .phase = PHASE_RAISED,
                          .dialect = "dc09",
                          .port = "larmdosor",
                          .device = "5021/001",
                          .code = "120"};
    directory_resolve(d, &alarm);
    assert_int_equal(alarm.kind, KIND_FALL); /* what this maker means by 120 */
    assert_int_equal(alarm.class_, CLASS_LIFE);
    assert_string_equal(alarm.device, "larmdosa-soder-21");
    conf_free(conf);
    demo_remove(dir);
}

static void optional_lists_may_be_absent(void **state)
{
    (void)state;
    char *dir = demo_copy();
    char path[600];
    (void)snprintf(path, sizeof path, "%s/keys.csv", dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/codes.csv", dir);
    assert_int_equal(unlink(path), 0);
    conf_free(load_good(dir));
    demo_remove(dir);
}

static void five_thousand_places_load_fast_enough_to_try_things(void **state)
{
    (void)state;
    char *dir = demo_copy();
    char *places = calloc(1, TEXT_MAX);
    char *devices = calloc(1, TEXT_MAX);
    size_t p = (size_t)snprintf(places, TEXT_MAX, "place,unit,label\n");
    size_t d = (size_t)snprintf(devices, TEXT_MAX, "device,dialect,key,place,supervision_s\n");
    for (int i = 0; i < 5000; i++) {
        p += (size_t)snprintf(places + p, TEXT_MAX - p, "hem-%d,hemtjanst-norr,Gatan %d\n", i, i);
        d += (size_t)snprintf(devices + d, TEXT_MAX - d, "d-%d,scaip,%d,hem-%d,86400\n", i,
                              4700000 + i, i);
    }
    change(dir, "places.csv", NULL, places);
    change(dir, "devices.csv", NULL, devices);
    change(dir, "keys.csv", NULL, "device,key\n");
    change(dir, "codes.csv", NULL, "model,code,kind\n");
    struct timespec before;
    struct timespec after;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    struct conf *conf = load_good(dir);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(conf->directory.place_count, 5000);
    print_message("5,000 places and devices: %.0f ms\n",
                  (double)(after.tv_sec - before.tv_sec) * 1e3 +
                      (double)(after.tv_nsec - before.tv_nsec) / 1e6);
    conf_free(conf);
    free(places);
    free(devices);
    demo_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo_municipality_loads_without_a_word),
        cmocka_unit_test(keys_and_codes_of_the_demo_are_known),
        cmocka_unit_test(optional_lists_may_be_absent),
        cmocka_unit_test(every_step_of_the_demo_keeps_its_line_and_time),
        cmocka_unit_test(configuration_to_begin_with_loads_without_a_word),
        cmocka_unit_test(each_broken_configuration_is_refused_at_its_line),
        cmocka_unit_test(one_slip_gives_one_sentence),
        cmocka_unit_test(all_faults_of_all_files_are_said_at_once),
        cmocka_unit_test(more_faults_than_fit_are_counted),
        cmocka_unit_test(file_cut_anywhere_is_refused_or_read_but_never_harms),
        cmocka_unit_test(missing_folder_names_every_missing_file),
        cmocka_unit_test(tls_is_read_in_each_of_its_places),
        cmocka_unit_test(unmanned_centre_is_no_last_resort),
        cmocka_unit_test(windows_letters_are_converted_with_a_warning),
        cmocka_unit_test(swedish_spreadsheet_with_mark_and_semicolons_is_read),
        cmocka_unit_test(lines_are_right_below_a_quoted_line_break),
        cmocka_unit_test(passwords_in_a_file_for_all_eyes_are_warned_of),
        cmocka_unit_test(configuration_id_follows_every_byte),
        cmocka_unit_test(five_thousand_places_load_fast_enough_to_try_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
