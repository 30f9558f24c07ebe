/* SPDX-License-Identifier: Apache-2.0 */
/* tokens: who a client is. Each token fills a slot of one size, and what a client sends is held
 * against all slots, all bytes of them: the time tells nothing of what stands there.
 */
#include "serve/tokens.h"

#include "serve/secret_file.h"

#include "base/fail.h"

#include <string.h>
#include <strings.h>

#define OPTION "rest.token-file"

struct wr_token {
    unsigned char text[WR_TOKEN_MAX]; /* zeros behind it */
    enum wr_role role;
};

struct wr_tokens {
    struct wr_token all[WR_TOKENS_MAX];
    size_t count;
};

/* All bits where they are the same, else none. */
static unsigned
same(const unsigned char *one, const unsigned char *other)
{
    unsigned differs = 0;
    for (size_t i = 0; i < WR_TOKEN_MAX; i++) {
        differs |= (unsigned)(one[i] ^ other[i]);
    }
    return ((differs - 1) >> 8 & 1) * ~0U;
}

static enum wr_role
role_of(const struct wr_tokens *tokens, const unsigned char text[WR_TOKEN_MAX])
{
    unsigned role = WR_ROLE_NONE;
    for (size_t i = 0; i < tokens->count; i++) {
        role |= (unsigned)tokens->all[i].role & same(tokens->all[i].text, text);
    }
    return (enum wr_role)role;
}

/* --- the file --- */

static bool
read_role(const char *word, size_t size, enum wr_role *out_role)
{
    static const struct {
        const char *name;
        enum wr_role role;
    } names[] = {
        { "observe", WR_ROLE_OBSERVE },
        { "read-state", WR_ROLE_READ_STATE },
        { "operate", WR_ROLE_OPERATE },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == size && memcmp(names[i].name, word, size) == 0) {
            *out_role = names[i].role;
            return true;
        }
    }
    return false;
}

/* One line without its end; what is wrong with it is said by its number alone. */
static weir_status
read_line(struct wr_tokens *tokens, const char *path, unsigned number, const char *line,
          weir_error *err)
{
    static const char blanks[] = " \t\r";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-";
    line += strspn(line, blanks);
    if (line[0] == '\0' || line[0] == '#') {
        return WEIR_OK;
    }
    struct wr_token token = { .role = WR_ROLE_NONE };
    size_t role_size = strcspn(line, blanks);
    const char *text = line + role_size + strspn(line + role_size, blanks);
    size_t size = strspn(text, letters);
    if (!read_role(line, role_size, &token.role)) {
        return wr_fail(err, WEIR_INVALID,
                       OPTION ": %s, line %u: a line is \"ROLE TOKEN\", and ROLE observe, "
                              "read-state or operate",
                       path, number);
    }
    if (size < WR_TOKEN_MIN || size > WR_TOKEN_MAX ||
        text[size + strspn(text + size, blanks)] != '\0') {
        return wr_fail(err, WEIR_INVALID,
                       OPTION ": %s, line %u: a token is %d to %d of [A-Za-z0-9_-], drawn by "
                              "chance: openssl rand -base64 32 | tr +/ -_ | tr -d =",
                       path, number, WR_TOKEN_MIN, WR_TOKEN_MAX);
    }
    memcpy(token.text, text, size);
    weir_status status = WEIR_OK;
    if (tokens->count == WR_TOKENS_MAX) {
        status =
            wr_fail(err, WEIR_INVALID, OPTION ": %s: more than %d tokens", path, WR_TOKENS_MAX);
    } else if (role_of(tokens, token.text) != WR_ROLE_NONE) {
        status = wr_fail(err, WEIR_INVALID, OPTION ": %s, line %u: that token stands there twice",
                         path, number);
    } else {
        tokens->all[tokens->count++] = token;
    }
    explicit_bzero(&token, sizeof token);
    return status;
}

static weir_status
read_lines(struct wr_tokens *tokens, const char *path, struct wr_secret_file *file, weir_error *err)
{
    if (memchr(file->text, '\0', file->size) != NULL) {
        return wr_fail(err, WEIR_INVALID, OPTION ": %s is not a text file", path);
    }
    char *at = file->text;
    for (unsigned number = 1; *at != '\0'; number++) {
        char *end = at + strcspn(at, "\n");
        bool is_last = *end == '\0';
        *end = '\0';
        WR_TRY(read_line(tokens, path, number, at, err));
        at = is_last ? end : end + 1;
    }
    if (tokens->count == 0) {
        return wr_fail(err, WEIR_INVALID, OPTION ": %s holds no token: nobody could ask anything",
                       path);
    }
    return WEIR_OK;
}

weir_status
wr_tokens_read(const char *path, struct wr_tokens **out_tokens, weir_error *err)
{
    struct wr_secret_file file;
    WR_TRY(wr_secret_file_read(OPTION, path, &file, err));
    struct wr_tokens *tokens = wr_secret_memory(sizeof *tokens);
    weir_status status = tokens != NULL
                             ? read_lines(tokens, path, &file, err)
                             : wr_fail(err, WEIR_NOMEM, OPTION ": no memory for the tokens");
    wr_secret_file_forget(&file);
    if (status != WEIR_OK) {
        wr_tokens_free(tokens);
        return status;
    }
    *out_tokens = tokens;
    return WEIR_OK;
}

void
wr_tokens_free(struct wr_tokens *tokens)
{
    wr_secret_forget(tokens, sizeof *tokens);
}

enum wr_role
wr_tokens_role(const struct wr_tokens *tokens, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    unsigned char sent[WR_TOKEN_MAX] = { 0 };
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return WR_ROLE_NONE;
    }
    const char *token = authorization + sizeof scheme - 1;
    token += strspn(token, " ");
    size_t size = strlen(token);
    if (size < WR_TOKEN_MIN || size > sizeof sent) {
        return WR_ROLE_NONE;
    }
    for (size_t i = 0; i < size; i++) {
        sent[i] = (unsigned char)token[i];
    }
    enum wr_role role = role_of(tokens, sent);
    explicit_bzero(sent, sizeof sent);
    return role;
}
