/* SPDX-License-Identifier: Apache-2.0 */
/* base/crc32c.h: CRC-32C (Castagnoli, reflected, RFC 3720 B.4), SSE4.2 in three streams where the
 * machine has it, else by table. Streaming: crc = wr_crc32c(crc, ...), starting at 0. */
#ifndef WR_BASE_CRC32C_H
#define WR_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t wr_crc32c(uint32_t crc, const void *data, size_t size);
/* The table version, to test the other against. */
uint32_t wr_crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif /* WR_BASE_CRC32C_H */
