/* SPDX-License-Identifier: Apache-2.0 */
/* daemon: how libmicrohttpd is set up. It parses strictly, keeps a connection within one pool of
 * memory, and gives up on one that does not move; what else limits a client is connections' and
 * exchange's.
 */
#include "serve/daemon.h"

#include "serve/secret_file.h"

#include "base/fail.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTION_MEMORY = 64 * 1024,
    CERTIFICATE_MAX = 64 * 1024
};

/* The router decodes paths, the exchange queries: each once. */
static size_t
leave_encoded(void *closure, struct MHD_Connection *connection, char *text)
{
    (void)closure;
    (void)connection;
    return strlen(text);
}

/* The first that it says: why it does not start. */
__attribute__((format(printf, 2, 0))) static void
keep_words(void *closure, const char *format, va_list arguments)
{
    struct wr_exchanges *exchanges = closure;
    char *words = exchanges->words;
    if (words[0] == '\0') {
        vsnprintf(words, sizeof exchanges->words, format, arguments);
        words[strcspn(words, "\n")] = '\0';
    }
}

static struct MHD_Daemon *
start(struct wr_exchanges *exchanges, unsigned flags, const struct MHD_OptionItem *more)
{
    const struct wr_limits *limits = &exchanges->server->settings.limits;
    unsigned connections = limits->connections + WR_LOCAL_CONNECTIONS_MAX;
    /* ours come first; this one only ends who takes nothing of what is sent */
    unsigned idle_s = (unsigned)(limits->idle_ms / 1000 + 1);
    return MHD_start_daemon(
        flags | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        wr_exchange_on_request, exchanges, MHD_OPTION_ARRAY, more, MHD_OPTION_CONNECTION_LIMIT,
        connections, MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED, wr_exchange_on_end, exchanges,
        MHD_OPTION_NOTIFY_CONNECTION, wr_exchange_on_connection, exchanges, MHD_OPTION_END);
}

weir_status
wr_daemon_start(struct wr_exchanges *exchanges, struct MHD_Daemon **out_daemon, weir_error *err)
{
    static const struct MHD_OptionItem nothing = { MHD_OPTION_END, 0, NULL };
    *out_daemon = start(exchanges, 0, &nothing);
    return *out_daemon != NULL ? WEIR_OK
                               : wr_fail(err, WEIR_NOMEM, "the REST server does not start");
}

/* --- TLS --- */

/* A text file of no secrets. */
static weir_status
read_certificate(const char *path, char *out, size_t room, weir_error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        return wr_fail(err, WEIR_NOT_FOUND, "weir.rest.tls.certificate: %s cannot be read", path);
    }
    size_t size = 0;
    ssize_t got = 0;
    while (size + 1 < room && (got = read(file, out + size, room - 1 - size)) > 0) {
        size += (size_t)got;
    }
    close(file);
    if (got != 0) {
        return wr_fail(err, WEIR_INVALID, "weir.rest.tls.certificate: %s cannot be read%s", path,
                       got > 0 ? ", it is too large" : "");
    }
    out[size] = '\0';
    return WEIR_OK;
}

static weir_status
start_tls(struct wr_exchanges *exchanges, char *certificate, char *key,
          struct MHD_Daemon **out_daemon, weir_error *err)
{
    static char only_tls13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    const struct wr_settings *settings = &exchanges->server->settings;
    const struct MHD_OptionItem options[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)keep_words, exchanges },
        { MHD_OPTION_HTTPS_MEM_CERT, 0, certificate },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, only_tls13 },
        { MHD_OPTION_END, 0, NULL },
    };
    *out_daemon = start(exchanges, MHD_USE_TLS | MHD_USE_ERROR_LOG, options);
    if (*out_daemon == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "weir.rest.tls.certificate %s and weir.rest.tls.key %s are no PEM "
                       "certificate and its key%s%s",
                       settings->certificate, settings->key,
                       exchanges->words[0] != '\0' ? ": " : "", exchanges->words);
    }
    return WEIR_OK;
}

weir_status
wr_daemon_start_tls(struct wr_exchanges *exchanges, struct MHD_Daemon **out_daemon, weir_error *err)
{
    const struct wr_settings *settings = &exchanges->server->settings;
    char certificate[CERTIFICATE_MAX];
    struct wr_secret_file key;
    WR_TRY(read_certificate(settings->certificate, certificate, sizeof certificate, err));
    WR_TRY(wr_secret_file_read("weir.rest.tls.key", settings->key, &key, err));
    weir_status status = start_tls(exchanges, certificate, key.text, out_daemon, err);
    wr_secret_file_forget(&key); /* it was copied while the daemon started */
    return status;
}

int
wr_daemon_descriptor(struct MHD_Daemon *daemon)
{
    return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}
