/* sum.c - check sums, bit by bit: frames are short, and a table would hide the polynomial. */
#include "base/sum.h"

uint16_t crc16_arc(struct slice a)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < a.len; i++) {
        crc ^= a.at[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001u : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

uint16_t crc16_xmodem(struct slice a)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < a.len; i++) {
        crc ^= (uint32_t)a.at[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = ((crc & 0x8000u) != 0 ? crc << 1 ^ 0x1021u : crc << 1) & 0xffffu;
        }
    }
    return (uint16_t)crc;
}
