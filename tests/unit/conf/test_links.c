/* test_links.c - keys and codes of devices; brokers, hooks and modules that ports hang on.
 *
 * Every broken configuration is the demo with one change, in a folder of its own under /tmp.
 */
#include "unit/conf/brokens_links.h"

static void each_broken_link_is_refused_at_its_line(void **state)
{
    (void)state;
    assert_int_equal(try_each(refused, sizeof refused / sizeof refused[0], demo_copy, false), 0);
}

static void what_can_be_lived_with_is_warned_of_at_its_line(void **state)
{
    (void)state;
    assert_int_equal(try_each(warned, sizeof warned / sizeof warned[0], demo_copy, true), 0);
}

static struct slice secret_of(const struct conf *conf, const char *id)
{
    const struct device *device = directory_device(&conf->directory, id);
    assert_non_null(device);
    return device->secret;
}

static void key_is_hex_or_text_as_its_dialect_needs_it(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "keys.csv", NULL,
           "device;key;form;note\n"
           "larmdosa-soder-21;00112233445566778899aabbccddeeff;;AES-128 in hex\n"
           "larmdosa-soder-22;0123456789abcdef;;AES-128 in letters, since there are only 16\n"
           "overfall-hamnen;00112233445566778899aabbccddeeff;text;AES-256 in 32 letters\n"
           "knapp-tallen-4;F7FADB876F03E6BC21E661874D092ACB85BA9835BE7BCEA28EA742BA5D93501E;;\n"
           "gps-norr-1;5f0c6b8c9d4e7f20123456789abcdef0;;a secret that only looks like hex\n"
           "las-norr-05;68656d6c6967;hex;\n");
    struct conf *conf = load_good(dir);
    assert_int_equal(faults.count, 0);
    struct slice key = secret_of(conf, "larmdosa-soder-21");
    assert_int_equal(key.len, 16);
    assert_int_equal(key.at[15], 0xff);
    assert_true(slice_eq_str(secret_of(conf, "larmdosa-soder-22"), "0123456789abcdef"));
    assert_true(
        slice_eq_str(secret_of(conf, "overfall-hamnen"), "00112233445566778899aabbccddeeff"));
    assert_int_equal(secret_of(conf, "knapp-tallen-4").len, 32);
    assert_int_equal(secret_of(conf, "knapp-tallen-4").at[0], 0xf7);
    assert_true(slice_eq_str(secret_of(conf, "gps-norr-1"), "5f0c6b8c9d4e7f20123456789abcdef0"));
    assert_true(slice_eq_str(secret_of(conf, "las-norr-05"), "hemlig"));
    assert_int_equal(secret_of(conf, "gps-soder-1").len, 0);
    conf_free(conf);
    demo_remove(dir);
}

static void no_sentence_shows_a_key(void **state)
{
    (void)state;
    static const char *const rows[] = {"larmdosa-soder-21,hemlighet,",
                                       "larmdosa-soder-21,hemlighet,hex",
                                       "larmdosa-soder-21,hemlighetåä,",
                                       "nobody-at-all,hemlighet,",
                                       "trygg-norr-07,hemlighet,",
                                       "knapp-tallen-4,hemlighet,text",
                                       "larmdosa-soder-21,hemlighet,hemligt",
                                       "larmdosa-soder-21,\"hemlighet\n\","};
    char *dir = demo_copy();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        struct conf *conf = NULL;
        (void)snprintf(text, sizeof text, "device,key,form\n%s\n", rows[i]);
        write_text(dir, "keys.csv", text);
        (void)!conf_load(dir, &pseudonyms, &conf, &faults);
        assert_int_equal(faults.count, 1);
        assert_null(strstr(faults.items[0].text, "heml"));
        conf_free(conf);
    }
    demo_remove(dir);
}

static void make_readable_by_all(const char *dir, const char *file)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_int_equal(chmod(path, 0644), 0);
}

static void secrets_in_files_for_all_eyes_are_warned_of(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(
        dir, "samlarm.yaml", "dialect: lorawan",
        "dialect: lorawan\n    broker: {host: localhost, ca: staff.csv, certificate: units.yaml, "
        "key: plans.yaml}");
    for (size_t i = 0; i < FILES; i++) {
        make_readable_by_all(dir, files[i]);
    }
    conf_free(load_good(dir));
    assert_int_equal(faults.count, 1); /* the demo's secrets are none, but keys of TLS are */
    assert_non_null(strstr(faults.items[0].text, "private key"));
    change(dir, "samlarm.yaml", "demo: yes", "demo: no");
    make_readable_by_all(dir, "samlarm.yaml");
    conf_free(load_good(dir));
    assert_int_equal(faults.count, 4);
    assert_string_equal(faults.items[0].file, "keys.csv");
    assert_non_null(strstr(faults.items[0].text, "chmod 600"));
    size_t passwords = 0;
    size_t secrets = 0;
    for (size_t i = 1; i < faults.count; i++) {
        assert_true(faults.items[i].is_warning);
        passwords += strstr(faults.items[i].text, "`password` stands here") != NULL;
        secrets += strstr(faults.items[i].text, "`secret` stands here") != NULL;
        assert_null(strstr(faults.items[i].text, "hemlig"));
    }
    assert_int_equal(passwords, 1);
    assert_int_equal(secrets, 1);
    demo_remove(dir);
}

static void port_of_topics_hears_what_is_said_or_its_dialects_own(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = load_good(dir);
    const struct conf_port *port = conf_port(conf, "knappar");
    assert_true(port->is_mqtt && !port->is_tcp && !port->is_udp && !port->is_dialling);
    assert_null(port->broker.host);
    assert_int_equal(port->filter_count, 1);
    assert_string_equal(port->filters[0], "samlarm/1/bjorkala/up/+");
    port = conf_port(conf, "sensorer");
    assert_true(port->filter_count >= 2);
    assert_string_equal(port->filters[0], "application/+/device/+/event/up");
    conf_free(conf);
    change(dir, "samlarm.yaml", "dialect: lorawan",
           "dialect: lorawan\n    subscribe: [v3/app@tenant/devices/+/up, \"v3/other/#\"]\n"
           "    broker: {host: eu1.example, user: app@tenant, password_file: lora-password,\n"
           "             ca: staff.csv, certificate: units.yaml, key: plans.yaml}");
    conf = load_good(dir);
    assert_int_equal(faults.count, 0);
    port = conf_port(conf, "sensorer");
    assert_int_equal(port->filter_count, 2);
    assert_string_equal(port->filters[1], "v3/other/#");
    assert_string_equal(port->broker.host, "eu1.example");
    assert_string_equal(port->broker.user, "app@tenant");
    assert_string_equal(port->broker.password_file, "lora-password"); /* of the state folder */
    assert_int_equal(port->broker.port, 8883);                        /* for it is TLS */
    assert_non_null(strstr(port->broker.ca, "/staff.csv"));
    assert_non_null(strstr(port->broker.certificate, "/units.yaml"));
    assert_non_null(strstr(port->broker.key, "/plans.yaml"));
    conf_free(conf);
    demo_remove(dir);
}

static void hook_and_module_have_what_they_need(void **state)
{
    (void)state;
    char *dir = demo_copy();
    struct conf *conf = load_good(dir);
    const struct conf_port *port = conf_port(conf, "gps-moln");
    assert_true(port->is_http && !port->is_tcp && !port->is_udp && *port->address == '\0');
    port = conf_port(conf, "kontakter");
    assert_true(port->is_modbus && port->is_dialling && !port->is_tcp);
    assert_string_equal(port->address, "127.0.0.1:5020");
    assert_int_equal(port->modbus.unit, 1);
    assert_int_equal(port->modbus.first, 0);
    assert_int_equal(port->modbus.count, 8);
    assert_int_equal(port->modbus.answer_within_ms, 1000);
    conf_free(conf);
    change(dir, "samlarm.yaml", "{count: 8, poll_ms: 200}",
           "{unit: 9, first: 16, count: 3, poll_ms: 50, answer_within_ms: 400}");
    conf = load_good(dir);
    port = conf_port(conf, "kontakter");
    assert_int_equal(port->modbus.unit, 9);
    assert_int_equal(port->modbus.first, 16);
    assert_int_equal(port->modbus.poll_ms, 50);
    assert_int_equal(port->modbus.answer_within_ms, 400);
    conf_free(conf);
    demo_remove(dir);
}

/* Adds `count` ports in the words of `format`, @ being the number of each; `word` stands in what is said. */
static void load_with_many(size_t count, const char *format, const char *word)
{
    char *dir = demo_copy();
    char *text = calloc(1, TEXT_MAX);
    struct conf *conf = NULL;
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, TEXT_MAX - len, "  - port: many-%zu\n", i);
        for (const char *at = format; *at != '\0'; at++) {
            len += *at == '@' ? (size_t)snprintf(text + len, TEXT_MAX - len, "%zu", i)
                              : (size_t)snprintf(text + len, TEXT_MAX - len, "%c", *at);
        }
    }
    (void)snprintf(text + len, TEXT_MAX - len, "  - port: knappar");
    change(dir, "samlarm.yaml", "  - port: knappar", text);
    assert_int_equal(conf_load(dir, &pseudonyms, &conf, &faults), ERR_RANGE);
    if (faults.count != 1) {
        print_faults(dir);
    }
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.items[0].text, word));
    free(text);
    demo_remove(dir);
}

static void more_topics_or_headers_than_are_heard_are_refused(void **state)
{
    (void)state;
    load_with_many(4,
                   "    dialect: lorawan\n    subscribe: [@/a, @/b, @/c, @/d, @/e, @/f, @/g, @/h, "
                   "@/i, @/j, @/k, @/l, @/m, @/n, @/o, @/p]\n",
                   "63 is the most");
    load_with_many(31,
                   "    dialect: webhook\n    options: {signature_header: S-@, bearer_header: B-@, "
                   "id_header: I-@}\n",
                   "more than 64 different HTTP headers");
}

static void key_is_spelt_as_its_dialect_spells_it(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "devices.csv", "24E124535B000001,granen-2", "24e124535b000001,granen-2");
    change(dir, "devices.csv", ",kallelse/gullvivan/1,", ",Kallelse/Gullvivan/1,");
    change(dir, "devices.csv", ",LAS-0005,", ",Las-0005,");
    struct conf *conf = load_good(dir);
    const struct directory *d = &conf->directory;
    assert_string_equal(directory_key(d, "lorawan", "24E124535B000001")->id, "knapp-granen-2");
    assert_non_null(directory_key(d, "espax", "kallelse/gullvivan/1"));
    assert_null(directory_key(d, "webhook", "LAS-0005")); /* a cloud tells them apart */
    assert_non_null(directory_key(d, "webhook", "Las-0005"));
    conf_free(conf);
    demo_remove(dir);
}

static void list_of_devices_without_models_still_loads(void **state)
{
    (void)state;
    char *dir = demo_copy();
    change(dir, "devices.csv", NULL,
           "device,dialect,key,place\nlarmdosa-soder-21,dc09,5021,norr-01\n");
    change(dir, "keys.csv", NULL, "device,key\n");
    change(dir, "codes.csv", NULL, "model,code,kind\n");
    struct conf *conf = load_good(dir);
    assert_int_equal(faults.count, 0);
    assert_string_equal(directory_key(&conf->directory, "dc09", "5021")->model, "");
    conf_free(conf);
    demo_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_link_is_refused_at_its_line),
        cmocka_unit_test(what_can_be_lived_with_is_warned_of_at_its_line),
        cmocka_unit_test(key_is_hex_or_text_as_its_dialect_needs_it),
        cmocka_unit_test(no_sentence_shows_a_key),
        cmocka_unit_test(secrets_in_files_for_all_eyes_are_warned_of),
        cmocka_unit_test(port_of_topics_hears_what_is_said_or_its_dialects_own),
        cmocka_unit_test(hook_and_module_have_what_they_need),
        cmocka_unit_test(more_topics_or_headers_than_are_heard_are_refused),
        cmocka_unit_test(key_is_spelt_as_its_dialect_spells_it),
        cmocka_unit_test(list_of_devices_without_models_still_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
