/* CRC-32 as zlib, PNG and Ethernet use it: four bytes a step with four tables, and byte by byte at the ends.
 *  */
#include "kernel.h"

#define MESSAGE_SIZE 60000

static uint32_t tables[4][256];
static uint8_t message[MESSAGE_SIZE];

static void kernel_prepare(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        tables[0][i] = crc;
    }
    for (int i = 0; i < 256; i++) {
        for (int t = 1; t < 4; t++) {
            uint32_t before = tables[t - 1][i];
            tables[t][i] = before >> 8 ^ tables[0][before & 0xFF];
        }
    }
    kernel_random_bytes(message, sizeof message, 2);
}

static KERNEL_NOINLINE uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t size) {
    crc = ~crc;
    for (; size >= 4; bytes += 4, size -= 4) {
        uint32_t word;
        memcpy(&word, bytes, 4); /* little-endian, as WebAssembly is */
        crc ^= word;
        crc = tables[3][crc & 0xFF] ^ tables[2][crc >> 8 & 0xFF] ^ tables[1][crc >> 16 & 0xFF] ^
              tables[0][crc >> 24];
    }
    for (; size > 0; bytes++, size--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xFF];
    return ~crc;
}

static KERNEL_NOINLINE uint32_t crc32_bytewise(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) crc = crc >> 8 ^ tables[0][(crc ^ bytes[i]) & 0xFF];
    return ~crc;
}

static int kernel_round(void) {
    /* The check value that every catalogue of CRCs gives for this one. */
    if (crc32(0, (const uint8_t *)"123456789", 9) != 0xCBF43926) return 1;
    uint32_t crc = 0;
    for (size_t at = 0; at < MESSAGE_SIZE; at += 750) crc = crc32(crc, message + at, 750);
    if (crc != 0xA9A77A80) return 2; /* expected.py, with Python's zlib */
    return crc32_bytewise(message, MESSAGE_SIZE / 4) != 0x80390A7F ? 3 : 0;
}
