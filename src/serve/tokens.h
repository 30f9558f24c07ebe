/* SPDX-License-Identifier: Apache-2.0 */
/* serve/tokens.h: the secrets by which clients are known, from rest.token-file. They are read once,
 * at the start; no answer, line or error holds one, and they are left out of core dumps.
 *
 *   # ROLE TOKEN, one a line: observe, read-state or operate, and 256 bits or more as base64url
 *   operate mB1n...
 *
 * Thread: host makes and frees them; server asks.
 */
#ifndef WR_SERVE_TOKENS_H
#define WR_SERVE_TOKENS_H

#include "serve/request.h"
#include "weir/status.h"

struct wr_tokens;

enum {
    WR_TOKENS_MAX = 64,
    WR_TOKEN_MIN = 43, /* base64url of 256 bits */
    WR_TOKEN_MAX = 128
};

/* WEIR_NOT_FOUND, WEIR_IO; WEIR_INVALID: others may read the file, it is somebody else's, or a line
 * is wrong: which, never what stands in it. */
weir_status wr_tokens_read(const char *path, struct wr_tokens **out_tokens, weir_error *err);
void wr_tokens_free(struct wr_tokens *tokens); /* NULL: nothing */
/* Whose the value of an Authorization header is; NULL, another scheme or an unknown token:
 * WR_ROLE_NONE. Takes as long for a token that is nearly right as for any other. */
enum wr_role wr_tokens_role(const struct wr_tokens *tokens, const char *authorization);

#endif /* WR_SERVE_TOKENS_H */
