/* SPDX-License-Identifier: Apache-2.0 */
/* reach.h: how a verb was told to reach a server: the options that all verbs have which ask one.
 * Thread: main.
 */
#ifndef CLI_CLIENT_REACH_H
#define CLI_CLIENT_REACH_H

#include "option.h"

/* All lent from argv. */
struct cli_reach {
    const char *address; /* -m: "host:port" or a URL; NULL: running jobs of this user */
    const char *ca_file;
    const char *token_file;
    uint64_t timeout_ms; /* of what the verb waits for; 0: as long as it takes */
    bool is_json;        /* -o json */
};

enum {
    CLI_ID_CACERT = CLI_ID_FIRST + 500,
    CLI_ID_TOKEN_FILE,
    CLI_ID_TIMEOUT
};

/* Rows of a verb's table. */
/* clang-format off */
#define CLI_REACH_OPTIONS                                                                        \
    { .id = 'm', .letter = "m", .name = "jobmanager", .argument = "HOST:PORT",                   \
      .group = "Server",                                                                         \
      .text = "The REST server to ask, or its URL: https://HOST:PORT. Without it: the running "  \
              "jobs of this user on this machine." },                                            \
    { .id = CLI_ID_CACERT, .name = "cacert", .argument = "FILE",                                 \
      .completes = CLI_COMPLETES_FILE,                                                           \
      .text = "Certificates (PEM) to believe a server of https:// by." },                        \
    { .id = CLI_ID_TOKEN_FILE, .name = "token-file", .argument = "FILE",                         \
      .completes = CLI_COMPLETES_FILE,                                                           \
      .text = "File of the token to show, which nobody else may be able to read. Without it: "   \
              "the one that WEIR_TOKEN_FILE names. This user's own jobs ask for none." },        \
    { .id = CLI_ID_TIMEOUT, .name = "timeout", .argument = "DURATION",                           \
      .text = "How long to wait for the outcome, as in 90s; then exit code 6, and what was "     \
              "asked for goes on. Without it: as long as it takes." },                           \
    { .id = 'o', .letter = "o", .name = "output", .argument = "FORMAT", .choices = "text|json",  \
      .text = "How the outcome is shown: Flink's lines, or one JSON object.", .group = "Output" }
/* clang-format on */

/* What Flink's client has on all its verbs for other kinds of clusters. */
extern const struct cli_foreign cli_reach_foreign[];

/* An option that cli_parse_next has answered; one that is none of these is left alone. CLI_OK, or
 * the exit code of what was said. */
int cli_reach_take(struct cli_reach *reach, const struct cli_parse *parse, int id);

#endif /* CLI_CLIENT_REACH_H */
