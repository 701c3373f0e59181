/* brokens_links.h - the demo with one thing changed in its keys, codes, topics, hooks and modules, and what
 * must be said of it. For test_links.c. */
#pragma once

#include "unit/conf/demo.h"

#define KEY_21 "3a1f6b8c9d4e7f20123456789abcdef0"
#define LONG_KEY                                                                                   \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" \
    "cdef0123456789abcdef0123456789abcdef0"
#define CLOUD "secret: demo-hemlighet        # of the demo only"

// clang-format off
static const struct broken refused[] = {
    {"keys.csv", "larmdosa-soder-21,", "larmdosa-soder-2l,", NULL, "larmdosa-soder-2l,", {"`larmdosa-soder-2l`", "did you mean `larmdosa-soder-2"}},
    {"keys.csv", KEY_21, "nyckelåäö0123456", NULL, "larmdosa-soder-21,", {"not ASCII", "hex digits"}},
    {"keys.csv", KEY_21, "", NULL, "larmdosa-soder-21,", {"the key is missing"}},
    {"keys.csv", KEY_21, LONG_KEY, NULL, "larmdosa-soder-21,", {"longer than 128"}},
    {"keys.csv", "knapp-tallen-5,55cfd9b8559ace2e2fe5b1c25187f0fb", "knapp-tallen-5,", NULL, "knapp-tallen-5,", {"read as hex digits, is 16 bytes", "`native` takes 32"}},
    {"keys.csv", NULL, "device,key,form\nlarmdosa-soder-21," KEY_21 ",hx\n", NULL, "larmdosa-soder-21,", {"`form` is hex, text or empty"}},
    {"keys.csv", NULL, "device,key,form\nlarmdosa-soder-21,0123456789abcdef,hex\n", NULL, "larmdosa-soder-21,", {"read as hex digits, is 8 bytes"}},
    {"keys.csv", NULL, "device,key,form\nlarmdosa-soder-21,0123456789abcdeg,hex\n", NULL, "larmdosa-soder-21,", {"hex digits, and is not"}},
    {"keys.csv", NULL, "device,kee\nlarmdosa-soder-21," KEY_21 "\n", NULL, "device,kee", {"`kee` is not known", "did you mean `key`?"}},
    {"keys.csv", NULL, " \n", NULL, NULL, {"the file is empty", "keys of devices"}},
    {"devices.csv", "24E124535B000001,granen-2", "24e124535b000003,granen-2", NULL, "24e124535b000003,granen-2", {"same dialect and key as `radar-gullvivan-3`"}},
    {"codes.csv", "641,inactivity,", "641,ignore,", NULL, "klimatek-pers,641", {"`ignore`", "never left out"}},
    {"codes.csv", "641,inactivity,", "641,alive,", NULL, "klimatek-pers,641", {"`alive`"}},
    {"codes.csv", "641,inactivity,", "641,battery_low,life", NULL, "klimatek-pers,641", {"`battery_low` is a technical kind", "leave `class` empty"}},
    {"codes.csv", "641,inactivity,", "641,inactivity,technical", NULL, "klimatek-pers,641", {"`inactivity` calls for a person", "life, urgent, service"}},
    {"codes.csv", "klimatek-pers,641", ",641", NULL, ",641,inactivity", {"the `model` is missing"}},
    {"codes.csv", "klimatek-pers,641", "klimatek-pers,", NULL, "klimatek-pers,,inactivity", {"the `code` is missing"}},
    {"codes.csv", "klimatek-pers,641", "klimatek-pers,6410000000000000", NULL, "klimatek-pers,641", {"the `code`", "longer than 15"}},
    {"codes.csv", "model,code,kind,", "model,code,kinds,", NULL, "model,code,kinds", {"did you mean `kind`?"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [$SYS/broker/#]", NULL, "subscribe: [$SYS", {"gateway's own messages"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [\"#\"]", NULL, "subscribe: [\"#\"]", {"gateway's own messages"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [\"+/+/+/command/#\"]", NULL, "subscribe: [\"+/", {"gateway's own messages"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [samlarm/1/bjorkala/down/+]", NULL, "subscribe: [samlarm", {"gateway's own messages"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [a/#/b]", NULL, "subscribe: [a/#", {"no topic filter"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    subscribe: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]", NULL, "subscribe: [a", {"at most 16 topics"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    transport: tcp", NULL, "transport: tcp", {"`lorawan` has one way only"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    tls: {ca: units.yaml}", NULL, "tls: {ca", {"`tls` does not belong"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost}\n    subscribe: [samlarm/#]", NULL, "subscribe: [samlarm", {"gateway's own messages"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {port: 1884}", NULL, "broker: {", {"`host:` is missing"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost, port: 70000}", NULL, "broker: {", {"from 1 to 65535"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost, port: 1884, password_file: x}", NULL, "broker: {", {"without `user`"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost, ca: nowhere.pem}", NULL, "broker: {", {"`nowhere.pem`", "not there"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost, ca: units.yaml, key: units.yaml}", NULL, "broker: {", {"come together"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: localhost, port: 1884, certificate: units.yaml, key: units.yaml}", NULL, "broker: {", {"needs `ca: file`"}},
    {"samlarm.yaml", "dialect: minifinder", "dialect: minifinder\n    broker: {host: localhost}", NULL, "broker: {", {"`broker` does not belong", "`minifinder`"}},
    {"samlarm.yaml", "dialect: minifinder", "dialect: minifinder\n    subscribe: a/b", NULL, "subscribe: a/b", {"`subscribe` does not belong"}},
    {"samlarm.yaml", "  - port: knappar", "  - port: sensorer-2\n    dialect: lorawan\n    subscribe: [application/7/#]\n  - port: knappar", NULL, "subscribe: [application/7", {"`sensorer` and `sensorer-2` both hear", "come twice"}},
    {"samlarm.yaml", "  - port: knappar", "  - port: sensorer-2\n    dialect: lorawan\n    broker: {host: localhost, user: topics}\n    subscribe: [+/7/#]\n  - port: knappar", NULL, "subscribe: [+/7", {"`sensorer` and `sensorer-2` both hear", "come twice"}},
    {"samlarm.yaml", "dialect: webhook", "dialect: webhook\n    transport: tcp", NULL, "transport: tcp", {"`webhook` has one way only"}},
    {"samlarm.yaml", CLOUD, CLOUD "\n      signature_header: \"X Signature\"", NULL, "signature_header:", {"name of an HTTP header", "Where the HMAC stands"}},
    {"samlarm.yaml", CLOUD, CLOUD "\n      signature_header: \"\"", NULL, "signature_header:", {"name of an HTTP header"}},
    {"samlarm.yaml", CLOUD, "secret: " LONG_KEY, NULL, "secret:", {"`secret` is longer than 128"}},
    {"samlarm.yaml", "dial: 127.0.0.1:5020", "listen: 127.0.0.1:5020", NULL, "port: kontakter", {"needs `dial: host:port`"}},
    {"samlarm.yaml", "dial: 127.0.0.1:5020", "dial: 127.0.0.1:5020\n    tls: {ca: units.yaml}", NULL, "tls: {ca", {"`tls` does not belong"}},
    {"samlarm.yaml", "{count: 8,", "{unit: 0, count: 8,", NULL, "{unit: 0", {"`unit` is 0", "from 1 to 247"}},
    {"samlarm.yaml", "{count: 8,", "{first: 65530, count: 8,", NULL, "{first: 65530", {"beyond input 65535"}},
    {"samlarm.yaml", "{count: 8,", "{answer_within_ms: 1, count: 8,", NULL, "{answer_within_ms: 1", {"from 50 to 10000"}},
    {"samlarm.yaml", "poll_ms: 200", "poll_ms: 5", NULL, "poll_ms: 5", {"`poll_ms` is 5", "from 20 to 60000"}},
};

static const struct broken warned[] = {
    {"keys.csv", "device,key,note\n", "device,key,note\ntrygg-norr-07,hemligt,\n", NULL, "trygg-norr-07,", {"`scaip` of `trygg-norr-07`", "protects nothing"}},
    {"codes.csv", "klimatek-pers,641", "klimatek-perz,641", NULL, "klimatek-perz", {"no device", "did you mean `klimatek-pers`?"}},
    {"samlarm.yaml", "dialect: lorawan", "dialect: lorawan\n    broker: {host: chirpstack.example}", NULL, "broker: {", {"travels in clear", "`ca`"}},
    {"samlarm.yaml", "address: 127.0.0.1:8080", "address: 0.0.0.0:8080", NULL, "port: gps-moln", {"`gps-moln`", "travels in clear"}},
};
// clang-format on
