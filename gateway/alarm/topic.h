/* topic.h - the addresses of the bus (proto/TOPICS.md). Pure. */
#pragma once

#include "alarm/record.h"

enum { TOPIC_MAX = 160 };

/* samlarm/1/{municipality}/event/{form}/{unit}/{device}; characters that MQTT gives a meaning
 * (+ # / and NUL) become '_' inside a level, an empty level becomes '-'. */
enum err topic_event(const char *municipality, const struct alarm *event, struct buf *out) MUST_USE;
/* samlarm/1/{municipality}/case/{unit}/{case id in hex} */
enum err topic_case(const char *municipality, const struct case_value *c, struct buf *out) MUST_USE;
/* samlarm/1/{municipality}/{rest} */
enum err topic_of(const char *municipality, const char *rest, struct buf *out) MUST_USE;

/* The part after samlarm/1/{municipality}/, or ERR_NOT_MINE. */
enum err topic_rest(const char *municipality, struct slice topic, struct slice *ret_rest) MUST_USE;
