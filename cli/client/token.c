/* SPDX-License-Identifier: Apache-2.0 */
/* token: reads a token file. No word of it ever appears in what is said. */
#include "token.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 64 * 1024
};

static int
rank_of(const char *role, size_t size)
{
    static const char *const roles[] = { "observe", "read-state", "operate" };
    for (int i = 0; i < 3; i++) {
        if (strlen(roles[i]) == size && memcmp(role, roles[i], size) == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* What may stand in a header: visible characters only. */
static bool
is_token(const char *token, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (token[i] <= ' ' || token[i] > '~') {
            return false;
        }
    }
    return size > 0 && size < CLI_TOKEN_SIZE;
}

/* One line; *rank is that of the token in out. false: it is none of the three kinds. */
static bool
take_line(const char *line, char out[CLI_TOKEN_SIZE], int *rank)
{
    line += strspn(line, " \t\r");
    if (*line == '\0' || *line == '#') {
        return true;
    }
    size_t first = strcspn(line, " \t\r");
    const char *second = line + first + strspn(line + first, " \t\r");
    size_t size = strcspn(second, " \t\r");
    int found = size == 0 ? 4 : rank_of(line, first);
    const char *token = size == 0 ? line : second;
    size = size == 0 ? first : size;
    if (found == 0 || !is_token(token, size)) {
        return false;
    }
    if (found > *rank) {
        *rank = found;
        memcpy(out, token, size);
        out[size] = '\0';
    }
    return true;
}

static int
parse(const char *path, char *text, char out[CLI_TOKEN_SIZE])
{
    int rank = 0;
    int number = 0;
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        number++;
        if (!take_line(line, out, &rank)) {
            cli_say('e',
                    "token file %s: line %d is neither a token nor 'ROLE TOKEN' with the role "
                    "observe, read-state or operate",
                    path, number);
            return CLI_USAGE;
        }
        line = end;
    }
    if (rank == 0) {
        cli_say('e', "token file %s holds no token", path);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int
cli_token_read(const char *path, char out_token[CLI_TOKEN_SIZE])
{
    static char text[FILE_MAX + 1];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        int why = errno;
        cli_say('e', "token file %s: %s", path, strerror(why));
        return why == ENOENT ? CLI_NOT_FOUND : CLI_USAGE;
    }
    int code = CLI_USAGE;
    ssize_t size = 0;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        cli_say('e', "token file %s is not a file", path);
    } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        cli_say('e', "token file %s can be read by others: chmod 600 it", path);
    } else if ((size = read(file, text, sizeof text)) < 0 || size > FILE_MAX) {
        cli_say('e', "token file %s: %s", path,
                size < 0 ? strerror(errno) : "it has more than 64 KiB");
    } else {
        text[size] = '\0';
        code = parse(path, text, out_token);
    }
    close(file);
    explicit_bzero(text, sizeof text);
    return code;
}
