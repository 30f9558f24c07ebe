/* SPDX-License-Identifier: Apache-2.0 */
/* serve/percent.h: what stands behind the %XX of a URL. Thread: any. */
#ifndef WR_SERVE_PERCENT_H
#define WR_SERVE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes once, with a NUL behind it. False: malformed, a NUL, or no room. */
bool wr_percent_decode(const char *text, size_t size, char *out, size_t room);

#endif /* WR_SERVE_PERCENT_H */
