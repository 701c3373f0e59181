/* load.h - what the files of conf/ share while one configuration is being read. Private to conf/.
 *
 * The way of a configuration: files.c reads, yaml.c and table.c check the form of each file, the
 * read_*.c fill the directory, check.c looks at the whole. Each adds what it finds wrong to the list
 * and goes on, so that one run shows everything.
 */
#pragma once

#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/table.h"
#include "conf/yaml.h"

/* In the order in which they are sorted, said and hashed; keys.csv and codes.csv may be absent. */
enum file {
    FILE_CODES,
    FILE_DEVICES,
    FILE_KEYS,
    FILE_PLACES,
    FILE_PLANS,
    FILE_MAIN,
    FILE_STAFF,
    FILE_UNITS,
    FILE_COUNT
};

enum { SECRET_MAX = 128 }; /* characters of a key as it is written */

/* A set of names, each with the number of what it names. Borrows the names. */
struct names {
    struct name {
        const char *text;
        uint32_t number;
    } * slots;
    size_t slot_count; /* a power of two; 0 before names_init */
};
enum err names_init(struct names *names, size_t most) MUST_USE;
void names_finish(struct names *names);
/* False: the name was there already, and *ret_number is its number. */
bool names_put(struct names *names, const char *text, uint32_t number, uint32_t *ret_number);
bool names_find(const struct names *names, const char *text, uint32_t *ret_number);

struct load {
    const char *dir;
    const struct conf_pseudonym *pseudonym;
    struct conf_faults *faults;
    struct conf *conf;
    struct arena arena;
    bool is_out_of_memory;
    uint8_t *text[FILE_COUNT]; /* malloc'ed; NULL: not readable, and said so */
    size_t len[FILE_COUNT];
    bool is_good[FILE_COUNT];       /* its form is right: others may be measured against it */
    bool has_open_mode[FILE_COUNT]; /* others may read it */
    struct yaml yaml[FILE_COUNT];
    struct table table[FILE_COUNT];
    struct raw_main *main; /* cyaml's; NULL when the form was wrong */
    struct raw_units *units;
    struct raw_plans *plans;
    struct names unit_names;
    struct names place_names;
    struct names device_names;
    struct names device_keys;
    struct names staff_names;
};

/* faults.c. `line` 0: the file as a whole. */
__attribute__((format(printf, 4, 5))) void fault(struct load *load, enum file file, int line,
                                                 const char *format, ...);
__attribute__((format(printf, 4, 5))) void warning(struct load *load, enum file file, int line,
                                                   const char *format, ...);
void faults_sort(struct conf_faults *faults);
const char *file_name(enum file file);

/* The closest of the offered words, when one is close enough to be meant. */
struct guess {
    const char *wrong;
    const char *best;
    size_t distance;
};
struct guess guess_of(const char *wrong);
void guess_offer(struct guess *guess, const char *candidate);
/* "; did you mean `x`?" or "" - in `room`, for the end of a sentence. */
const char *guess_text(const struct guess *guess, char *room, size_t len);

/* files.c */
void files_read(struct load *load);
void files_hash(const struct load *load, char *ret_hex, size_t room);

/* words.c: checks of single values; each says what is wrong and answers false. */
bool word_id(struct load *load, enum file file, int line, const char *what, const char *text,
             size_t room);
bool word_label(struct load *load, enum file file, int line, const char *what, const char *text,
                char *ret_text, size_t room);
bool word_number(const char *text, int64_t *ret_value);
/* "07:00-21:00" and "mon-fri,sun". */
bool word_times(const char *text, int *ret_from, int *ret_to);
bool word_days(const char *text, unsigned *ret_weekdays);
/* "127.0.0.1:5060", "[::1]:5060", "name:5060": the host's length, and the port; false otherwise. */
bool word_address(const char *text, size_t *ret_host_len, int *ret_port);

/* read_*.c: raw form to directory. */
void read_main(struct load *load);
void read_ports(struct load *load);
void read_options(struct load *load, size_t index, struct conf_port *port);
void read_links(struct load *load, size_t index, const struct raw_port *from,
                struct conf_port *port);
/* A path below the folder of the configuration, in the arena; said when the file cannot be read.
 * NULL for NULL. */
const char *read_path(struct load *load, int line, const char *word, const char *text);
/* Does this port hear the bus's own broker, also when that is described a second time? */
bool is_our_bus(const struct conf *conf, const struct conf_port *port);
/* NULL is fine: nothing to warn of. */
void warn_open_key(struct load *load, int line, const char *path);
void read_centres(struct load *load);
void read_units(struct load *load);
void read_places(struct load *load);
void read_devices(struct load *load);
void read_keys(struct load *load);
void read_codes(struct load *load);
void read_staff(struct load *load);
void read_plans(struct load *load);
bool find_unit(struct load *load, enum file file, int line, const char *what, const char *id,
               uint16_t *ret_unit);
size_t count_units(const struct raw_unit *units, size_t count);

/* check.c, coverage.c: what only shows when everything is there. */
void check_ports(struct load *load);
void check_centres(struct load *load);
void check_plans(struct load *load);
void check_coverage(struct load *load);
