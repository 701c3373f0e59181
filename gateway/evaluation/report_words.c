/* report_words.c - words, marks and style of the report's page. Pure tables. */
#include "evaluation/report_words.h"

static const char *const words[WORD_COUNT][LANGUAGES] = {
#define WORD(name, sv, en) {sv, en},
#include "evaluation/report_words.def"
#undef WORD
};

// clang-format off
static const char *const rulings[RULING_COUNT][LANGUAGES] = {
    [RULING_NOT_RUN] = {"Ej provat", "Not run"},
    [RULING_PASS] = {"Uppfyllt", "Met"},
    [RULING_FAIL] = {"Ej uppfyllt", "Not met"},
    [RULING_INCONCLUSIVE] = {"Ej avgjort", "Inconclusive"},
    [RULING_ERROR] = {"Fel i provbädden", "Test bed error"},
    [RULING_NOT_APPLICABLE] = {"Ej tillämpligt", "Not applicable"},
};

static const char *const marks[RULING_COUNT] = {"–", "✓", "✗", "?", "!", "○"};

static const char *const doubts[DOUBT_COUNT][LANGUAGES] = {
    [DOUBT_NONE] = {"", ""},
    [DOUBT_PRECONDITION_UNMET] = {"förutsättningen för provet uppstod inte",
                                  "the precondition of the test did not arise"},
    [DOUBT_INSUFFICIENT_SAMPLES] = {"för få prov, eller gränsen ligger inom mätosäkerheten",
                                    "too few samples, or the limit lies inside the uncertainty"},
    [DOUBT_OPERATOR_UNCONFIRMED] = {"testarens handling syntes inte på ledningen",
                                    "the tester's action did not show on the wire"},
    [DOUBT_INSTRUMENT_FAULT] = {"fel på ett mätinstrument", "an instrument failed"},
    [DOUBT_TIMEBASE_UNCERTAIN] = {"klockan ställdes om under provet",
                                  "the clock was moved during the test"},
    [DOUBT_ENVIRONMENT_DISTURBED] = {"provmiljön var störd", "the environment was disturbed"},
    [DOUBT_STOPPED_BY_TESTER] = {"provet avbröts före sitt slut",
                                 "the test was stopped before its end"},
};

static const char *const witnesses[WITNESS_COUNT][LANGUAGES] = {
    {"gateway", "gateway"}, {"provbädd", "bench"}, {"testare", "tester"}};

static const char *const observations[OBSERVED_COUNT][LANGUAGES] = {
    [OBSERVED_NOTHING] = {"", ""},
    [OBSERVED_RUN_BEGIN] = {"Prov börjar", "Run begins"},
    [OBSERVED_RUN_END] = {"Prov slutar", "Run ends"},
    [OBSERVED_PRESS] = {"Tryck", "Press"},
    [OBSERVED_HOLD] = {"Svar hålls inne", "Answers withheld"},
    [OBSERVED_RELEASE] = {"Svar släpps fram", "Answers released"},
    [OBSERVED_LINK_CUT] = {"Förbindelse bruten", "Link cut"},
    [OBSERVED_LINK_RESTORED] = {"Förbindelse återställd", "Link restored"},
    [OBSERVED_NOTE] = {"Anteckning", "Note"},
    [OBSERVED_EVENT] = {"Händelse", "Event"},
    [OBSERVED_CASE] = {"Ärende", "Case"},
    [OBSERVED_SEEN] = {"Livstecken", "Sign of life"},
    [OBSERVED_ANSWERED] = {"Besvarat", "Answered"},
    [OBSERVED_DUPLICATE] = {"Samma igen", "Same again"},
    [OBSERVED_FAULT] = {"Fel i gatewayen", "Gateway fault"},
    [OBSERVED_STARTED] = {"Gatewayen startade om", "Gateway started anew"},
};

static const struct {
    const char *word;
    const char *label[LANGUAGES];
} units[] = {
    {"s", {"s", "s"}},       {"count", {"st", "pcs"}},   {"percent", {"%", "%"}},
    {"h", {"h", "h"}},       {"d", {"dygn", "days"}},    {"year", {"år", "years"}},
    {"m", {"m", "m"}},       {"N", {"N", "N"}},
};

static const char style[] =
    "@page{size:A4;margin:14mm 16mm 16mm;"
    "@bottom-right{content:counter(page) \" / \" counter(pages);font:8pt sans-serif}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:10pt/1.45 system-ui,'Segoe UI','DejaVu Sans',sans-serif;color:#000;background:#fff;"
    "max-width:178mm;margin:12mm auto;padding:0 4mm;font-variant-numeric:tabular-nums}\n"
    "header{border-bottom:2pt solid #000;margin-bottom:4mm;padding-bottom:3mm}\n"
    "h1{font-size:22pt;line-height:1.15;margin:0}\n"
    "h2{font-size:13pt;margin:5mm 0 1.5mm;break-after:avoid}\n"
    "h3{font-size:11pt;margin:6mm 0 2mm;border-top:1pt solid #000;padding-top:3mm;break-after:avoid}\n"
    "p{margin:0 0 2mm}.over{margin:0 0 1mm;font-size:9pt}.who{font-size:13pt;margin:1mm 0 3mm}\n"
    ".total{font-size:12pt;margin:0}.small{font-size:8.5pt;margin-top:2mm}\n"
    ".warn{border:1.5pt solid #000;padding:1.5mm 3mm;margin:3mm 0 0;font-size:9.5pt;font-weight:600}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:1mm 2mm 1mm 0;font-weight:400}\n"
    ".facts>tbody>tr{border-bottom:.5pt solid #bbb}\n"
    ".facts>tbody>tr>th{width:32mm;font-weight:600;padding-right:4mm}\n"
    ".grid{margin:1mm 0 2mm;font-size:9pt}\n"
    ".grid th,.grid td{padding:1mm 2.5mm;border:.5pt solid #888}\n"
    ".grid thead th{font-weight:600;border-bottom:1pt solid #000;vertical-align:bottom}\n"
    ".grid tr{break-inside:avoid}.evidence{font-size:8pt}.evidence td,.evidence th{padding:.6mm 1.5mm}\n"
    ".n{text-align:right}.t{white-space:nowrap}\n"
    "code{font:8pt/1.4 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}\n"
    ".u{font-weight:700;white-space:nowrap}.u b{display:inline-block;min-width:1em;text-align:center}\n"
    ".total .u,.facts>tbody>tr>td>.u{border:1.2pt solid #000;padding:.5mm 2mm}\n"
    ".total .u-FAIL,.facts>tbody>tr>td>.u-FAIL{background:#000;color:#fff;"
    "-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    ".facts td>.grid{margin-top:3mm}\n"
    ".two>tbody{display:grid;grid-template-columns:1fr 1fr;column-gap:6mm}\n"
    ".two>tbody>tr{display:grid;grid-template-columns:35mm 1fr}.two th,.two td{padding:.6mm 0}\n"
    ".two>tbody>tr.wide{grid-column:1/-1}.tight{font-size:8.5pt}\n"
    ".tight th,.tight td{padding:.6mm 1.8mm}.id{white-space:nowrap}\n"
    ".facts>tbody>tr,.summary{break-inside:avoid}\n"
    "article:not(:first-of-type) h3{margin-top:8mm}\n"
    ".ob{font-weight:400;font-size:9pt;border:.5pt solid #000;padding:0 1.5mm;margin-left:2mm}\n"
    ".seal{break-inside:avoid}\n"
    ".sign{display:flex;gap:8mm;margin-top:20mm}"
    ".sign p{flex:1;border-top:.8pt solid #000;padding-top:1mm;font-size:8.5pt}\n"
    "@media print{body{margin:0;padding:0;max-width:none}}\n";
// clang-format on

const char *report_word(enum report_word word, enum language language)
{
    return words[word][language];
}

const char *report_ruling(enum ruling ruling, enum language language)
{
    return rulings[ruling][language];
}

const char *report_mark(enum ruling ruling)
{
    return marks[ruling];
}

const char *report_doubt(enum doubt doubt, enum language language)
{
    return doubts[doubt][language];
}

const char *report_witness(enum witness by, enum language language)
{
    return witnesses[by][language];
}

const char *report_observed(enum observed what, enum language language)
{
    return observations[what][language];
}

const char *report_unit(struct slice unit, enum language language)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (slice_eq_str(unit, units[i].word)) {
            return units[i].label[language];
        }
    }
    return "";
}

const char *report_style(void)
{
    return style;
}
