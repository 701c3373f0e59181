/* xml.h - expat with a caller's memory, and escaping: what every XML dialect shares. Private to wire/.
 *
 * One parse at a time in a thread: expat's memory functions get no context, so the arena of the parse
 * that runs is lent to them between xml_open and xml_close.
 */
#pragma once

#include <expat.h>

#include "base/bytes.h"

/* NULL: the arena is too small. What the parser takes stays taken until the arena is dropped. */
XML_Parser xml_open(struct arena *arena);
void xml_close(XML_Parser parser);
/* The name behind its prefix. */
const char *xml_local_name(const char *name);
/* ERR_SYNTAX: a text that no XML document can hold. */
enum err xml_put_escaped(struct buf *out, struct slice text) MUST_USE;
