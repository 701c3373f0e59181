/* brokens.h - the demo with one thing changed, and what must be said of it. For test_conf.c. */
#pragma once

#include <stddef.h>

struct broken {
    const char *file;
    const char *find; /* NULL: the whole file */
    const char *with;
    const char *said_file; /* NULL: the same file */
    const char *said_at;   /* text that stands on the line; NULL: the file as a whole */
    const char *words[3];  /* all must stand in the sentence */
};

// clang-format off
static const struct broken brokens[] = {
    {"samlarm.yaml", "reserve_phone:", "reserve_fone:", NULL, "reserve_fone", {"`reserve_fone`", "did you mean `reserve_phone`?"}},
    {"samlarm.yaml", "reserve_phone: 0999-12 34 56", "", NULL, "municipality:", {"`reserve_phone` is missing", "no handheld"}},
    {"samlarm.yaml", "municipality: bjorkala", "municipality: \"\"", NULL, "municipality:", {"`municipality` is missing"}},
    {"samlarm.yaml", "municipality: bjorkala", "municipality: Björkala", NULL, "municipality:", {"address on the bus", "a-z, 0-9 and -"}},
    {"samlarm.yaml", "language: sv", "language: fi", NULL, "language:", {"sv or en", "`fi`"}},
    {"samlarm.yaml", "demo: yes", "demo: jo", NULL, "demo:", {"`demo` is yes or no", "`jo`"}},
    {"samlarm.yaml", "idle_s: 15", "idle_s: soon", NULL, "idle_s: soon", {"`idle_s` is a whole number"}},
    {"samlarm.yaml", "idle_s: 15", "idle_s: 900", NULL, "idle_s: 900", {"`idle_s` is 900", "from 2 to 60"}},
    {"samlarm.yaml", "silent_open_s: 12", "silent_open_s: 4", NULL, "silent_open_s: 4", {"must be longer than `open_s`"}},
    {"samlarm.yaml", "dialect: espa444", "dialect: espa44", NULL, "dialect: espa44", {"`espa44` is not known", "did you mean `espa444`?"}},
    {"samlarm.yaml", "listen: 127.0.0.1:4001", "listen: 127.0.0.1:5060", NULL, "listen: 127.0.0.1:5060\n    options:\n      role", {"`trygghetslarm` and `anrop-bjorken` both listen on 127.0.0.1:5060"}},
    {"samlarm.yaml", "listen: 127.0.0.1:4001", "listen: 0.0.0.0:8080", NULL, "0.0.0.0:8080", {"`anrop-bjorken`", "web pages"}},
    {"samlarm.yaml", "listen: 127.0.0.1:4001", "listen: fourthousand", NULL, "fourthousand", {"no address", "host:port"}},
    {"samlarm.yaml", "listen: 127.0.0.1:4001", "listen: 127.0.0.1:4001\n    transport: udp", NULL, "transport: udp", {"not spoken over udp"}},
    {"samlarm.yaml", "    listen: 127.0.0.1:4001\n", "", NULL, "port: anrop-bjorken", {"needs one of `listen"}},
    {"samlarm.yaml", "port: anrop-bjorken", "port: trygghetslarm", NULL, "port: trygghetslarm\n    dialect: espa444", {"described twice"}},
    {"samlarm.yaml", "role: station", "role: statoin", NULL, "role: statoin", {"`role` is one of station|control_station", "did you mean `station`?"}},
    {"samlarm.yaml", "role: station", "rolle: station", NULL, "rolle: station", {"no option `rolle`", "did you mean `role`?"}},
    {"samlarm.yaml", "role: station", "poll_ms: 5", NULL, "poll_ms: 5", {"`poll_ms`", "from 50 to 60000"}},
    {"samlarm.yaml", "call_status: yes", "call_status: maybe", NULL, "call_status: maybe", {"`call_status` is yes or no"}},
    {"samlarm.yaml", "port: larmcentral\n    manned", "port: larmcentrl\n    manned", NULL, "port: larmcentrl\n    manned", {"not described", "did you mean `larmcentral`?"}},
    {"samlarm.yaml", "port: larmcentral\n    manned", "port: trygghetslarm\n    manned", NULL, "port: trygghetslarm\n    manned", {"only listens"}},
    {"samlarm.yaml", "port: larmcentral\n    manned", "port: anrop-bjorken\n    manned", NULL, "port: anrop-bjorken\n    manned", {"cannot"}},
    {"samlarm.yaml", "- 127.0.0.1:5071;udp", "- 127.0.0.1:5071", NULL, "- 127.0.0.1:5071", {"host:port;udp"}},
    {"samlarm.yaml", "    manned: yes\n    answer_within_s: 20", "    answer_within_s: 20", NULL, "centre: jourcentralen", {"`manned:` is missing"}},
    {"samlarm.yaml", "  address: 127.0.0.1:8080", "  address: 127.0.0.1:8080\n  certificate: units.yaml", NULL, "certificate:", {"`certificate` stands here without `key`"}},
    {"samlarm.yaml", "  address: 127.0.0.1:8080", "  address: 127.0.0.1:8080\n  pages: nowhere", NULL, "pages:", {"`nowhere`", "not there"}},
    {"samlarm.yaml", "unknown_unit: hemtjanst-norr", "unknown_unit: hemtjanst-nor", NULL, "unknown_unit:", {"`hemtjanst-nor`", "did you mean `hemtjanst-norr`?"}},
    {"samlarm.yaml", "unknown_unit: hemtjanst-norr", "unknown_unit: omsorgen", NULL, "unknown_unit:", {"has no form"}},
    {"samlarm.yaml", "name: Björkala", "name: x\nname: Björkala", NULL, "name: Björkala", {"second time", "line"}},
    {"samlarm.yaml", "bus:\n", "bus:\n\thost: x\n", NULL, "\thost", {"never with tabs"}},
    {"samlarm.yaml", NULL, "# nothing\n", NULL, NULL, {"nothing but comments"}},
    {"samlarm.yaml", NULL, " \n\n", NULL, NULL, {"the file is empty"}},
    {"units.yaml", "form: ordinary", "form: ordinar", NULL, "form: ordinar", {"did you mean `ordinary`?"}},
    {"units.yaml", "{unit: linden,", "{unit: eken,", NULL, "{unit: eken, name: Avdelning Linden", {"`eken` is described twice"}},
    {"units.yaml", "{unit: granen, name: Gruppbostad Granen}", "{unit: granen}", NULL, "{unit: granen}", {"`name:` is missing"}},
    {"units.yaml", "{unit: tallen,", "{unit: tallen/1,", NULL, "tallen/1", {"address on the bus"}},
    {"units.yaml", "      - unit: stod-och-service", "      - {unit: ny, name: Ny}\n      - unit: stod-och-service", NULL, "unit: ny", {"`ny` has no form"}},
    {"plans.yaml", "      - {ask: centre trygghetscentralen, within_s: 30}\n", "", NULL, "{ask: everybody, within_s: 15}", {"`hot` could leave an alarm with nobody", "not a manned centre", "End it with"}},
    {"plans.yaml", "{ask: role nurse", "{ask: role nurze", NULL, "role nurze", {"`nurze`", "did you mean `nurse`?"}},
    {"plans.yaml", "{ask: unit nattgruppen", "{ask: unit nattgrupen", NULL, "unit nattgrupen", {"did you mean `nattgruppen`?"}},
    {"plans.yaml", "{ask: centre jourcentralen", "{ask: centre jourcentral", NULL, "centre jourcentral,", {"no centre `jourcentral`", "did you mean"}},
    {"plans.yaml", "{ask: everybody,", "{ask: everyone,", NULL, "everyone", {"`ask: everyone` is not understood", "everybody, unit NAME"}},
    {"plans.yaml", "{ask: everybody,", "{ask: person 9999,", NULL, "person 9999", {"no staff number `9999`"}},
    {"plans.yaml", "within_s: 15}", "within_s: 0}", NULL, "within_s: 0}", {"from 1 to 3600"}},
    {"plans.yaml", "within_s: 15}", "within: 15}", NULL, "within: 15}", {"`within` is not known here", "did you mean `within_s`?"}},
    {"plans.yaml", "time: \"07:00-21:00\"", "time: \"7-21\"", NULL, "time: \"7-21\"", {"is not understood", "07:00-21:00"}},
    {"plans.yaml", "days: mon-sun", "days: mon-sol", NULL, "days: mon-sol", {"`days: mon-sol`"}},
    {"plans.yaml", "class: [life, urgent]", "class: [life, urgnt]", NULL, "urgnt", {"did you mean `urgent`?"}},
    {"plans.yaml", "match: {kind: threat}", "match: {kind: thread}", NULL, "thread", {"did you mean `threat`?"}},
    {"plans.yaml", "plan: assistans", "plan: hot", NULL, "plan: hot\n    match: {kind: staff_assist}", {"described twice", "first on line"}},
    {"plans.yaml", "plan: ordinart-natt\n    match: {form: ordinary}", "plan: ordinart-natt\n    match: {form: ordinary, days: mon-sat}", NULL, "- plan: hot", {"`ordinary`", "Sunday at 00:00", "kind `unknown`"}},
    {"places.csv", "eken-3,eken,", "eken-3,eeken,", NULL, "eken-3,", {"`eeken`", "did you mean `eken`?"}},
    {"places.csv", "eken-3,eken,", "eken-2,eken,", NULL, "eken-2,eken,Rum 3", {"`eken-2` stands here a second time"}},
    {"places.csv", "eken-3,eken,", "eken-3,omsorgen,", NULL, "eken-3,", {"`omsorgen` has no form"}},
    {"places.csv", "place,unit,label", "place,unit,lable", NULL, "place,unit,lable", {"`label`"}},
    {"places.csv", "Rum 3\n", "Rum \"3\"\n", NULL, "Rum \"3\"", {"in the middle of a cell"}},
    {"places.csv", "eken-3,eken,Rum 3\n", "eken-3,eken,Rum 3,x\n", NULL, "eken-3,", {"more cells"}},
    {"devices.csv", "201/3,eken-3,Klockan,0,close", "201/3,eken-3,Klockan,0,clos", NULL, "201/3,", {"`on_reset` is close or mark"}},
    {"devices.csv", "201/3,eken-3,", "201/3,eken-99,", NULL, "201/3,", {"`eken-99`, which is not in places.csv"}},
    {"devices.csv", "201/3,eken-3,", "201/2,eken-3,", NULL, "anrop-201-3,", {"same dialect and key as `anrop-201-2`"}},
    {"devices.csv", "anrop-201-3,espa444", "anrop-201-3,scaipp", NULL, "scaipp", {"did you mean `scaip`?"}},
    {"devices.csv", "anrop-201-3,", "anrop-201-2,", NULL, "anrop-201-2,espa444,201/3", {"`anrop-201-2` stands here a second time"}},
    {"devices.csv", "trygg-norr-07,scaip,4690107,norr-07,Tryggve,86400", "trygg-norr-07,scaip,4690107,norr-07,Tryggve,5", NULL, "trygg-norr-07", {"`supervision_s` is `5`", "from 10 to 604800"}},
    {"devices.csv", "mark,,threat", "mark,,thret", NULL, "mark,,thret", {"did you mean `threat`?"}},
    {"staff.csv", "linden,carer", "lindan,carer", NULL, "lindan,", {"did you mean `linden`?"}},
    {"staff.csv", "linden,carer", "linden,Carer!", NULL, "Carer!", {"the role `Carer!`"}},
    {"staff.csv", "1004,", "1003,", NULL, "1003,Hugo", {"`1003` stands here a second time"}},
    {"staff.csv", "1004,", "10 04,", NULL, "10 04,", {"a-z, 0-9 and -"}},
};
// clang-format on
