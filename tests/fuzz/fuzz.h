/* fuzz.h - what the fuzz targets share: an adapter driven by a script made of the fuzzer's bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct adapter;

/* libFuzzer's entry; fuzz_main.c calls it with the corpus where there is no libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Plays `data` into a new session: the first two bytes choose options and cuts, the rest are bytes,
 * with receipts, time and changes of cases between them. Aborts when a promise of adapter.h is
 * broken. */
void fuzz_adapter(const char *name, const uint8_t *data, size_t size);
