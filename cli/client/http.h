/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: one HTTP request and its answer. The table is what the module libweir-http.so shows: it
 * alone knows libcurl, and is loaded when a verb asks a running job, so that no other verb waits
 * for it.
 * Thread: main.
 */
#ifndef CLI_CLIENT_HTTP_H
#define CLI_CLIENT_HTTP_H

#include <stddef.h>
#include <stdint.h>

enum {
    CLI_HTTP_MAGIC = 0x50545448 /* "HTTP" */,
    CLI_HTTP_VERSION = 1,
    CLI_HTTP_BODY_MAX = 16 * 1024 * 1024 /* of an answer */
};

enum cli_http_result {
    CLI_HTTP_ANSWERED = 0,
    CLI_HTTP_UNREACHABLE = 1, /* nobody took the request */
    CLI_HTTP_LOST = 2,        /* it may have been taken, and no answer came */
    CLI_HTTP_TIMEOUT = 3,
    CLI_HTTP_REFUSED = 4 /* not tried, or not believed: a certificate, a size, a protocol */
};

/* All lent for the time of the call; NULL: none. */
struct cli_http_request {
    const char *method; /* "GET" */
    const char *url;    /* http:// or https:// */
    const char *socket; /* a local socket that is asked in place of the URL's host */
    const char *ca_file;
    const char *token;
    const char *body; /* JSON */
    unsigned timeout_ms;
};

struct cli_http_answer {
    long code;
    char *body; /* malloc'ed, NUL behind it; NULL where no answer came */
    size_t size;
    char failure[256]; /* what curl says, where no answer came */
};

struct cli_http_table {
    uint32_t magic;
    uint32_t version;
    void *(*open)(void); /* NULL: no memory */
    enum cli_http_result (*ask)(void *handle, const struct cli_http_request *request,
                                struct cli_http_answer *out_answer);
    void (*close)(void *handle);
};

/* The module's, loaded at the first call; NULL: it is not there, which was said. */
const struct cli_http_table *cli_http(void);

#endif /* CLI_CLIENT_HTTP_H */
