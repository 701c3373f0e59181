/* cli.h - what the commands of `samlarm` share. Each returns the exit status: 0, 1 bad, 2 wrong call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "io/keys.h"

/* "--name value" or "--name" of a command, taken out of the arguments; the rest stays in order. */
struct arguments {
    int count;
    char **at;
};
const char *argument_value(struct arguments *arguments, const char *name); /* NULL: not given */
bool argument_flag(struct arguments *arguments, const char *name);
const char *argument_next(struct arguments *arguments); /* NULL: none left */

int wrong_call(const char *sentence); /* prints it, returns 2 */
int failed(const char *format, ...) __attribute__((format(printf, 1, 2))); /* prints, returns 1 */
/* Loads and says what is wrong; NULL then. */
struct conf *cli_load(const char *dir, struct keys *keys);
/* Refuses (false, having said so) while a gateway runs on this state folder. */
bool cli_is_stopped(const char *state);

int cli_check(struct arguments *arguments);
int cli_journal(struct arguments *arguments);
int cli_staff(struct arguments *arguments);
int cli_device(struct arguments *arguments);
int cli_key(struct arguments *arguments);
int bench_evaluate(struct arguments *arguments);
