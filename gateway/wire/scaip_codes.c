/* scaip_codes.c - SCAIP's code tables: number -> English words. Const data and lookups, nothing
 * else.
 *
 * Read from public code (facts: the lists of the caruhome gateway); numbers that no public list
 * explains have no word. An unknown number is never an error: the caller keeps it as it came.
 */
#include "wire/scaip.h"

// clang-format off
static const char *const device_types[] = {
    /* 0000 */ "unknown device", "undefined device", "local unit with controller", "personal trigger",
    /* 0004 */ "fixed trigger", "fall detector", "personal attack button", "panic button",
    /* 0008 */ "duty switch, remote", "duty switch, local", "activity sensor", "pill dispenser",
    /* 0012 */ "bed sensor", "mat", "door sensor", "wandering sensor",
    /* 0016 */ "enuresis sensor", "epilepsy sensor", "occupancy sensor", "heart rate sensor",
    /* 0020 */ "environment sensor", "gas detector", "lighting circuit", "smoke detector",
    /* 0024 */ "heating", "heat detector", "carbon monoxide detector", "bogus caller button",
    /* 0028 */ "intruder detector", "boundary sensor", "man-down sensor", "system monitor",
    /* 0032 */ "link monitor", "flood detector", "bath sensor", "latch key",
    /* 0036 */ "perimeter sensor", "sprinkler", "tamper switch", "printer",
    /* 0040 */ "router", "power supply", NULL, "access control",
    /* 0044 */ "chair sensor", "controller", "lift alarm", "fire alarm system",
    /* 0048 */ "local unit", "monitoring device", "radio unit", "tracking device",
};

static const char *const components[] = {
    /* 000 */ "unknown component", "undefined component",
    /* 002 */ "button 1", "button 2", "button 3", "button 4", "button 5",
    /* 007 */ "switch 1", "switch 2", "switch 3", "switch 4", "switch 5",
    /* 012 */ "output 1", "output 2", "output 3", "output 4", "output 5",
    /* 017 */ "automatic circuit 1", "automatic circuit 2", "automatic circuit 3",
    /* 020 */ "automatic circuit 4", "automatic circuit 5", "Ethernet", "memory", "microcontroller",
    /* 025 */ "module 1", "module 2", "module 3", "module 4", "module 5",
};

static const char *const statuses[] = {
    /* 0000 */ "unknown", "undefined", "abort", "absent", "accepted", "acknowledge", "activated",
    /* 0007 */ "active", "added", "automatic alarm", "manual alarm", "alert", "armed", "assigned",
    /* 0014 */ "battery failure", "battery ok", "battery low", "busy", "bypass", "cancel",
    /* 0020 */ "charged", "closed", "closed too long", "IP link lost", "mobile link lost",
    /* 0025 */ "telephone line lost", "primary link lost", "redundant link lost", "deleted", "denied",
    /* 0030 */ "disarmed", "disconnected", "error 1", "error 2", "error 3", "error 4", "error 5",
    /* 0037 */ "error 6", "error 7", "error 8", "error 9", "executed", "failure", "frequency drift",
    /* 0044 */ "frequency drift down", "frequency drift up", "high level", "in progress",
    /* 0048 */ "in service", "inactive", "initiated", "interrupted", "jammed",
    /* 0053 */ "level 1", "level 2", "level 3", "level 4", "level 5", "level 6", "level 7", "level 8",
    /* 0061 */ "level 9", "log", "loss", "low level", "maintenance needed", "urgent maintenance needed",
    /* 0067 */ "malfunction", "memory full", "not active", "normal", "occupied", "off", "offline", "on",
    /* 0075 */ "online", "open", "open too long", "out of service", "overflow", "pending",
    /* 0081 */ "pill not taken", "pill reminder", "pill taken", "planned", "power failure",
    /* 0086 */ "power restored", "planned presence", "presence after alarm", "privacy switch", "pulse",
    /* 0091 */ "re-established", "automatic reset", "manual reset", "restoral", "radio interference",
    /* 0096 */ "started", "ended", "substituted", "succeeded", "too hot", "too cold",
    /* 0102 */ "test on the primary channel", "test on the redundant channel", "timeout", "trouble",
    /* 0106 */ "trespass", "unauthorised access", "bypass ended", "verified", "assistance wanted",
    /* 0111 */ "intervention finished", "IP link back", "mobile link back", "telephone line back",
    /* 0115 */ "primary link back", "redundant link back", "lying in bed", "locked", "movement",
    /* 0120 */ "occupancy", "present", "radio interference", "radio test missing", "radio test back",
    /* 0125 */ "tamper", "fast temperature rise", "unlocked",
};

static const char *const locations[] = {
    /* 000 */ "unknown place", "undefined place", "home", "away", "indoors", "outdoors", "inside",
    /* 007 */ "outside", "area", "zone", "basement", "bathroom", "bedroom", "dining room", "floor",
    /* 015 */ "garage", "garden", "back garden", "front garden", "geo-fence", "gym", "kitchen",
    /* 022 */ "laundry", "relax room", "sauna", "stairs", "study", "workshop", "loft", "shed",
    /* 030 */ "temporary address", "summer house", "winter cottage", "mobile", "geo position attached",
    /* 035 */ "GPS position attached", "property", "accessible toilet", "door", "front door",
    /* 040 */ "back door", "fire door", "hallway", "living room", "apartment", "bungalow", "lounge",
    /* 047 */ "communal area", "office", "room", "site", "ward", "wing",
};

static const char *const answers[] = {
    "accepted", "message too long", "wrong format", "wrong content", "hold", "not treated", "busy",
    "mandatory element missing",
};

static const char *const media[] = {"no voice", "speech both ways", "microphone only", "speaker only"};

static const char *const systems[] = {
    "local unit and controller", "grouped, supervisor off duty", "grouped, supervisor on duty",
    "grouped, supervisor on duty and taking the alarms",
};

static const char *const tags[SCAIP_TAG_COUNT][2] = {
#define FIELD(tag, name) {#tag, name},
    SCAIP_FIELDS(FIELD)
#undef FIELD
};
// clang-format on

#define LOOK_UP(table, number)                                                                     \
    ((number) < 0 || (size_t)(number) >= sizeof(table) / sizeof(table)[0] ? NULL : (table)[number])

const char *scaip_device_type_text(int dty)
{
    return LOOK_UP(device_types, dty);
}

const char *scaip_component_text(int dco)
{
    return LOOK_UP(components, dco);
}

const char *scaip_status_text(int stc)
{
    return LOOK_UP(statuses, stc);
}

const char *scaip_location_text(int lco)
{
    return LOOK_UP(locations, lco);
}

const char *scaip_answer_text(int snu)
{
    return snu == SCAIP_UNDEFINED_ERROR ? "undefined error" : LOOK_UP(answers, snu);
}

const char *scaip_media_text(int mre)
{
    return LOOK_UP(media, mre);
}

const char *scaip_call_text(int cre)
{
    switch (cre) {
    case 61:
        return "call the pre-set receiver";
    case 62:
        return "call the transferred number";
    default:
        return NULL;
    }
}

const char *scaip_system_text(int sco)
{
    return LOOK_UP(systems, sco);
}

const char *scaip_tag_name(enum scaip_tag tag)
{
    return tag < SCAIP_TAG_COUNT ? tags[tag][0] : "";
}

const char *scaip_tag_text(enum scaip_tag tag)
{
    return tag < SCAIP_TAG_COUNT ? tags[tag][1] : "";
}

const char *scaip_root_text(enum scaip_root root)
{
    switch (root) {
    case SCAIP_MRQ:
        return "a SCAIP request";
    case SCAIP_MRS:
        return "a SCAIP answer";
    case SCAIP_NOWIP:
        return "a NOW-IP message (BS 8521-2, root ATM), not SCAIP";
    case SCAIP_SCAIP:
        return "a document with the root scaip, which the standard does not know (it is mrq)";
    case SCAIP_SCAIPPA:
        return "a message of the old draft ScaiPPA (XScapXML, 2012), not SCAIP";
    case SCAIP_OTHER:
        return "XML of another kind, not SCAIP";
    case SCAIP_NO_ROOT:
        break;
    }
    return "no XML document";
}

enum scaip_media scaip_media_of(struct slice caller, struct slice *ret_address)
{
    static const struct {
        const char *prefix;
        enum scaip_media media;
    } prefixes[] = {
        {"no-voice", SCAIP_NO_VOICE}, {"gsm", SCAIP_GSM}, {"sip", SCAIP_SIP},
        {"sips", SCAIP_SIP},          {"tel", SCAIP_TEL}, {"sip-pp", SCAIP_SIP_PP},
    };
    struct slice address = caller;
    struct slice word = slice_cut(&address, ':');
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (word.len < caller.len && slice_eq_nocase(word, prefixes[i].prefix)) {
            *ret_address = address;
            return prefixes[i].media;
        }
    }
    *ret_address = caller;
    return SCAIP_MEDIA_OTHER;
}
