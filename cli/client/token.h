/* SPDX-License-Identifier: Apache-2.0 */
/* token.h: who asks. A token comes from a file alone: what stands in a command line or in the
 * environment can be read by others. Thread: main.
 */
#ifndef CLI_CLIENT_TOKEN_H
#define CLI_CLIENT_TOKEN_H

enum {
    CLI_TOKEN_SIZE = 1025 /* with NUL */
};

/* The token of the highest role in the file: lines "ROLE TOKEN", '#' comments, or a token alone.
 * Answers an exit code; a file that others can read is refused. Failures were said. */
int cli_token_read(const char *path, char out_token[CLI_TOKEN_SIZE]);

#endif /* CLI_CLIENT_TOKEN_H */
