/* espax.h - ESPA-X 1.00: messages of alarm processes, XML behind a header of ten bytes; bytes <-> struct.
 *
 * Called by the espax adapter (both roles), the nurse-call stub and the tests. Never keeps state or reads a
 * clock; interprets nothing.
 *
 *   E X  l l l l  n n n n  <?xml ...><ESPA-X version="1.00" timestamp="..."><REQ.P-START ...>...
 *        |        |
 *        |        a number: the invoke id, or 0, or a constant; servers take all
 *        length of the whole, these ten bytes included, big-endian
 *
 *   <ESPA-X version timestamp>                 depth 1
 *     <REQ.P-START invokeID sessionID>         depth 2: exactly one message
 *       <CP-PR-REF>larm-1</CP-PR-REF>          depth 3: leaves; empty ones are allowed
 *       <PROPRIETARY>...</PROPRIETARY>         skipped with all it holds
 *
 * Facts: protocols.md chapter 3.
 */
#pragma once

#include "base/bytes.h"

enum {
    ESPAX_HEADER_LEN = 10,
    ESPAX_MESSAGE_MAX =
        65535, /* bytes, header included; CP-EVENT alone may have 16348 characters */
    ESPAX_ARENA = 160 * 1024,
    ESPAX_TEXT_MAX = 640, /* bytes of one value that are kept: CP-TEXTMSG in any script */
    ESPAX_DEPTH_MAX = 16,
    ESPAX_ELEMENTS_MAX = 256
};

/* Names of messages: X(enumerator, name) */
#define ESPAX_MESSAGES(X)                                                                          \
    X(REQ_LOGIN, "REQ.LOGIN")                                                                      \
    X(RSP_LOGIN, "RSP.LOGIN")                                                                      \
    X(REQ_LOGOUT, "REQ.LOGOUT")                                                                    \
    X(RSP_LOGOUT, "RSP.LOGOUT")                                                                    \
    X(REQ_HEARTBEAT, "REQ.HEARTBEAT")                                                              \
    X(RSP_HEARTBEAT, "RSP.HEARTBEAT")                                                              \
    X(REQ_S_CONDITION, "REQ.S-CONDITION")                                                          \
    X(RSP_S_CONDITION, "RSP.S-CONDITION")                                                          \
    X(REQ_S_PARAMETERS, "REQ.S-PARAMETERS")                                                        \
    X(RSP_S_PARAMETERS, "RSP.S-PARAMETERS")                                                        \
    X(REQ_P_START, "REQ.P-START")                                                                  \
    X(RSP_P_START, "RSP.P-START")                                                                  \
    X(REQ_P_STOP, "REQ.P-STOP")                                                                    \
    X(RSP_P_STOP, "RSP.P-STOP")                                                                    \
    X(REQ_P_GETSTAT, "REQ.P-GETSTAT")                                                              \
    X(RSP_P_GETSTAT, "RSP.P-GETSTAT")                                                              \
    X(IND_P_STARTED, "IND.P-STARTED")                                                              \
    X(IND_P_STATUS, "IND.P-STATUS")                                                                \
    X(IND_P_EVENT, "IND.P-EVENT")                                                                  \
    X(IND_P_ENDED, "IND.P-ENDED")                                                                  \
    X(IND_P_SYNC, "IND.P-SYNC")                                                                    \
    X(IND_S_SYSTEM, "IND.S-SYSTEM")                                                                \
    X(IND_ERROR, "IND.ERROR")                                                                      \
    X(CMD_SHUTDOWN, "CMD.SHUTDOWN")                                                                \
    X(PROPRIETARY, "PROPRIETARY")

/* Values, in the order in which they are written: X(enumerator, name) */
#define ESPAX_FIELDS(X)                                                                            \
    X(LI_CLIENT, "LI-CLIENT")                                                                      \
    X(LI_CLIENTSW, "LI-CLIENTSW")                                                                  \
    X(LI_USER, "LI-USER")                                                                          \
    X(LI_PASSWORD, "LI-PASSWORD")                                                                  \
    X(RSP_CODE, "RSP-CODE")                                                                        \
    X(RSP_REASON, "RSP-REASON")                                                                    \
    X(RSP_INFO, "RSP-INFO")                                                                        \
    X(LI_SERVER, "LI-SERVER")                                                                      \
    X(LI_SERVERSW, "LI-SERVERSW")                                                                  \
    X(LO_REASON, "LO-REASON")                                                                      \
    X(S_HEALTH, "S-HEALTH")                                                                        \
    X(S_HOTSTBY, "S-HOTSTBY")                                                                      \
    X(S_LOAD, "S-LOAD")                                                                            \
    X(CP_PR_REF, "CP-PR-REF")                                                                      \
    X(SP_PR_TAN, "SP-PR-TAN")                                                                      \
    X(CP_GROUPID, "CP-GROUPID")                                                                    \
    X(CP_PHONENO, "CP-PHONENO")                                                                    \
    X(CP_CALLINGNO, "CP-CALLINGNO")                                                                \
    X(CP_CALLINGNAME, "CP-CALLINGNAME")                                                            \
    X(CP_TEXTMSG, "CP-TEXTMSG")                                                                    \
    X(CP_EVENT, "CP-EVENT")                                                                        \
    X(CP_SIGNAL, "CP-SIGNAL")                                                                      \
    X(CP_WARD, "CP-WARD")                                                                          \
    X(CP_BED, "CP-BED")                                                                            \
    X(CP_CALLBACK, "CP-CALLBACK")                                                                  \
    X(CP_DELAY, "CP-DELAY")                                                                        \
    X(CP_ATTEMPTS, "CP-ATTEMPTS")                                                                  \
    X(CP_PRIO, "CP-PRIO")                                                                          \
    X(CP_CBCKNO, "CP-CBCKNO")                                                                      \
    X(CP_NCIFNO, "CP-NCIFNO")                                                                      \
    X(CP_PR_DETAILS, "CP-PR-DETAILS")                                                              \
    X(CP_PR_MASK, "CP-PR-MASK")                                                                    \
    X(SP_STATUS, "SP-STATUS")                                                                      \
    X(SP_GETSTAT, "SP-GETSTAT")                                                                    \
    X(SP_ENDREASON, "SP-ENDREASON")                                                                \
    X(SP_RESULT, "SP-RESULT")                                                                      \
    X(SS_NETW_NO, "SS-NETW-NO")                                                                    \
    X(SS_KEY, "SS-KEY")                                                                            \
    X(SS_DIRECTION, "SS-DIRECTION")                                                                \
    X(SS_STATUS, "SS-STATUS")                                                                      \
    X(SS_RESULT, "SS-RESULT")                                                                      \
    X(SD_REASON, "SD-REASON")                                                                      \
    X(SD_MODE, "SD-MODE")

enum espax_type {
    ESPAX_NO_TYPE, /* none of the names below */
#define X(enumerator, name) ESPAX_##enumerator,
    ESPAX_MESSAGES(X)
#undef X
        ESPAX_TYPE_COUNT
};

enum espax_field {
#define X(enumerator, name) ESPAX_##enumerator,
    ESPAX_FIELDS(X)
#undef X
        ESPAX_FIELD_COUNT
};

/* Values are trimmed; they lie in the arena after parsing. Empty: not there, or empty. A long one keeps
 * what fits, whole characters. */
struct espax_message {
    enum espax_type type;
    struct slice version;
    struct slice timestamp;
    struct slice invoke; /* invokeID */
    struct slice session;
    struct slice values[ESPAX_FIELD_COUNT];
    bool was_cut; /* a value was longer than ESPAX_TEXT_MAX */
};

/* The header. OK: `at` bytes belong to the message, *ret_document is what follows the header. MORE.
 * NOT_MINE: no "EX". FULL, RANGE: a length that no message has; the stream cannot be followed on. */
struct verdict espax_frame(struct slice bytes, struct slice *ret_document,
                           uint32_t *ret_number) MUST_USE;
/* The document. SYNTAX: not well formed; NOT_MINE: another root, version or an unknown message, with
 * `invoke` and `session` as far as they were read. `why` is a plain sentence. */
struct verdict espax_parse(struct slice document, struct arena *arena,
                           struct espax_message *ret_message, const char **ret_why) MUST_USE;
/* Header and document. ERR_FULL, or ERR_SYNTAX for a text that no XML can hold. */
enum err espax_encode(const struct espax_message *message, uint32_t number,
                      struct buf *out) MUST_USE;
const char *espax_type_name(enum espax_type type);
