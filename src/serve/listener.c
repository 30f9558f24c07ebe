/* SPDX-License-Identifier: Apache-2.0 */
/* listener: everything that the server waits for, in one poll.
 *
 *   port, local socket --accept, counted--> libmicrohttpd (plain | TLS) --> exchange
 *   deadlines of connections --over--> shut down
 *   wake, or a second --> streams
 *
 * Invariants:
 *   (1) Nothing here waits for a client: sockets do not block, and what is refused is refused at
 *       once.
 *   (2) A connection is in libmicrohttpd iff it has a place in `connections`.
 *   (3) Without descriptors left, listening pauses instead of spinning.
 */
#include "serve/listener.h"

#include "serve/daemon.h"
#include "serve/registration.h"
#include "serve/sockets.h"

#include "base/fail.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    STREAM_MS = 1000, /* streams are looked after at least as often */
    PAUSE_MS = 100,   /* of listening, when there are no descriptors */
    DRAIN_MS = 1000,  /* for what is being answered at the end */
    ACCEPTS_A_TURN = 64
};

struct wr_listener {
    weir_server *server;
    int tcp;
    int local;
    int wake;
    struct MHD_Daemon *plain;
    struct MHD_Daemon *secure; /* NULL: the port speaks no TLS */
    struct wr_registration registration;
    char url[WR_HOST_ROOM + 32];
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_stopping; /* set before a wake; the thread sees it behind one */
    uint64_t resumed_ms;
    uint64_t paused_until_ms;
    struct wr_exchanges exchanges;
};

static uint64_t
monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- who comes --- */

/* In a few words, if they can be sent without waiting. */
static void
refuse(int connection, bool is_secure)
{
    static const char words[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                "Content-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
    if (!is_secure) {
        (void)send(connection, words, sizeof words - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    close(connection);
}

static void
take_in(struct wr_listener *listener, int connection, bool is_local)
{
    struct wr_exchanges *exchanges = &listener->exchanges;
    struct MHD_Daemon *daemon =
        !is_local && listener->secure != NULL ? listener->secure : listener->plain;
    uint64_t deadline_ms = exchanges->now_ms + listener->server->settings.limits.header_ms;
    struct wr_connection *place =
        wr_connections_enter(&exchanges->connections, connection, is_local, deadline_ms);
    if (place == NULL) {
        refuse(connection, daemon == listener->secure);
        return;
    }
    /* what it keeps the address for is its log, which it has not */
    struct sockaddr_storage nobody = { .ss_family = AF_UNIX };
    if (MHD_add_connection(daemon, connection, (struct sockaddr *)&nobody, sizeof(sa_family_t)) !=
            MHD_YES &&
        place->socket == connection) {
        wr_connections_leave(&exchanges->connections, place);
    }
}

static void
accept_all(struct wr_listener *listener, int listening, bool is_local)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int connection = wr_socket_accept(listening, is_local);
        if (connection >= 0) {
            take_in(listener, connection, is_local);
        } else {
            if (errno != EAGAIN) {
                listener->paused_until_ms = listener->exchanges.now_ms + PAUSE_MS;
            }
            return;
        }
    }
}

/* --- the thread --- */

static int
timeout_of(struct wr_listener *listener, uint64_t deadline_ms)
{
    uint64_t now_ms = listener->exchanges.now_ms;
    uint64_t wait_ms = deadline_ms == UINT64_MAX ? UINT64_MAX
                       : deadline_ms > now_ms    ? deadline_ms - now_ms
                                                 : 0;
    struct MHD_Daemon *daemons[] = { listener->plain, listener->secure };
    for (size_t i = 0; i < 2; i++) {
        unsigned long long daemon_ms = 0;
        if (daemons[i] != NULL && MHD_get_timeout(daemons[i], &daemon_ms) == MHD_YES &&
            daemon_ms < wait_ms) {
            wait_ms = daemon_ms;
        }
    }
    if (listener->exchanges.live != NULL && wait_ms > STREAM_MS) {
        wait_ms = STREAM_MS;
    }
    if (listener->paused_until_ms > now_ms && wait_ms > PAUSE_MS) {
        wait_ms = PAUSE_MS;
    }
    return wait_ms > INT32_MAX ? -1 : (int)wait_ms;
}

static void
run_daemons(struct wr_listener *listener)
{
    MHD_run(listener->plain);
    if (listener->secure != NULL) {
        MHD_run(listener->secure);
    }
}

/* Waits for something, and does what there is to do. */
static void
turn(struct wr_listener *listener, uint64_t *deadline_ms)
{
    struct wr_exchanges *exchanges = &listener->exchanges;
    bool is_paused = listener->paused_until_ms > exchanges->now_ms;
    struct pollfd waits[] = {
        { .fd = listener->wake, .events = POLLIN },
        { .fd = is_paused ? -1 : listener->tcp, .events = POLLIN },
        { .fd = is_paused ? -1 : listener->local, .events = POLLIN },
        { .fd = wr_daemon_descriptor(listener->plain), .events = POLLIN },
        { .fd = listener->secure != NULL ? wr_daemon_descriptor(listener->secure) : -1,
          .events = POLLIN },
    };
    (void)poll(waits, sizeof waits / sizeof waits[0], timeout_of(listener, *deadline_ms));
    exchanges->now_ms = monotonic_ms();
    bool is_woken = (waits[0].revents & POLLIN) != 0;
    if (is_woken) {
        uint64_t count = 0;
        ssize_t ignored = read(listener->wake, &count, sizeof count);
        (void)ignored;
    }
    if (is_woken || exchanges->now_ms - listener->resumed_ms >= STREAM_MS) {
        listener->resumed_ms = exchanges->now_ms;
        wr_live_resume(exchanges);
    }
    if ((waits[1].revents & POLLIN) != 0) {
        accept_all(listener, listener->tcp, false);
    }
    if ((waits[2].revents & POLLIN) != 0) {
        accept_all(listener, listener->local, true);
    }
    run_daemons(listener);
    *deadline_ms = wr_connections_cut(&exchanges->connections, exchanges->now_ms);
}

static void
close_socket(int *socket)
{
    if (*socket >= 0) {
        close(*socket);
        *socket = -1;
    }
}

/* What is being answered is sent; streams end. */
static void
drain(struct wr_listener *listener)
{
    struct wr_exchanges *exchanges = &listener->exchanges;
    uint64_t end_ms = exchanges->now_ms + DRAIN_MS;
    exchanges->is_ending = true;
    close_socket(&listener->tcp);
    close_socket(&listener->local);
    wr_live_resume(exchanges);
    run_daemons(listener);
    while (exchanges->under_way > 0 && exchanges->now_ms < end_ms) {
        uint64_t deadline_ms = end_ms;
        turn(listener, &deadline_ms);
    }
    wr_live_resume(exchanges);
    run_daemons(listener);
}

static void *
run_server(void *argument)
{
    struct wr_listener *listener = argument;
    uint64_t deadline_ms = UINT64_MAX;
    listener->exchanges.now_ms = monotonic_ms();
    /* pairs with wr_listener_stop */
    while (!atomic_load_explicit(&listener->is_stopping, memory_order_acquire)) {
        turn(listener, &deadline_ms);
    }
    drain(listener);
    return NULL;
}

/* No signal of the host's is taken by this thread. */
static weir_status
start_thread(struct wr_listener *listener, weir_error *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int why = pthread_create(&listener->thread, NULL, run_server, listener);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why != 0) {
        return wr_fail_errno(err, why, "the REST server's thread");
    }
    pthread_setname_np(listener->thread, "weir-serve");
    listener->has_thread = true;
    return WEIR_OK;
}

/* --- start and stop --- */

static weir_status
open_port(struct wr_listener *listener, weir_error *err)
{
    const struct wr_settings *settings = &listener->server->settings;
    uint16_t port = 0;
    if (!settings->has_port) {
        return WEIR_OK;
    }
    if (settings->certificate != NULL) {
        WR_TRY(wr_daemon_start_tls(&listener->exchanges, &listener->secure, err));
    }
    WR_TRY(wr_tcp_listen(settings, &listener->tcp, &port, err));
    snprintf(listener->url, sizeof listener->url, "%s://%s:%u",
             settings->certificate != NULL ? "https" : "http", settings->url_host, port);
    return WEIR_OK;
}

static weir_status
register_job(struct wr_listener *listener, weir_error *err)
{
    weir_server *server = listener->server;
    const weir_job_view *view = NULL;
    weir_status status = WEIR_OK;
    WR_TRY(wr_registration_init(&listener->registration, err));
    WR_TRY(weir_job_inspect(server->job, &view, err));
    struct wr_registered registered = {
        .job_id = view->id,
        .name = view->name,
        .url = listener->url[0] != '\0' ? listener->url : NULL,
        .token_file = server->settings.token_file,
        .start_ms = view->start_ms != 0 ? view->start_ms : view->now_ms,
    };
    if (server->settings.has_socket) {
        status = wr_registration_listen(&listener->registration, view->id, &listener->local, err);
    }
    if (status == WEIR_OK) {
        status = wr_registration_write(&listener->registration, &registered, err);
    }
    weir_job_view_free(view);
    return status;
}

static weir_status
open_all(struct wr_listener *listener, weir_error *err)
{
    const struct wr_settings *settings = &listener->server->settings;
    if (!settings->has_port && !settings->has_socket) {
        return wr_fail(err, WEIR_INVALID,
                       "a REST server has nothing to listen on: set rest.port, or "
                       "weir.rest.socket to true");
    }
    listener->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener->wake < 0) {
        return wr_fail_errno(err, errno, "the REST server's wake");
    }
    WR_TRY(wr_daemon_start(&listener->exchanges, &listener->plain, err));
    WR_TRY(open_port(listener, err));
    weir_error why = { .status = WEIR_OK };
    weir_status status = register_job(listener, &why);
    if (status != WEIR_OK && settings->has_port) {
        wr_server_log(listener->server, 'w', "this user's commands do not find this job: %s",
                      why.message);
        close_socket(&listener->local);
        wr_registration_fini(&listener->registration);
    } else if (status != WEIR_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    return start_thread(listener, err);
}

weir_status
wr_listener_start(weir_server *server, struct wr_listener **out_listener, weir_error *err)
{
    struct wr_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a server");
    }
    listener->server = server;
    listener->tcp = -1;
    listener->local = -1;
    listener->wake = -1;
    listener->registration.file = -1;
    listener->exchanges.server = server;
    wr_connections_init(&listener->exchanges.connections, server->settings.limits.connections);
    weir_status status = open_all(listener, err);
    if (status != WEIR_OK) {
        wr_listener_stop(listener);
        return status;
    }
    *out_listener = listener;
    return WEIR_OK;
}

const char *
wr_listener_url(const struct wr_listener *listener)
{
    return listener->url;
}

const char *
wr_listener_socket(const struct wr_listener *listener)
{
    return listener->registration.socket;
}

void
wr_listener_wake(struct wr_listener *listener)
{
    static const uint64_t one = 1;
    if (listener != NULL) {
        ssize_t ignored = write(listener->wake, &one, sizeof one);
        (void)ignored;
    }
}

void
wr_listener_stop(struct wr_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    wr_registration_fini(&listener->registration);
    if (listener->has_thread) {
        /* pairs with run_server */
        atomic_store_explicit(&listener->is_stopping, true, memory_order_release);
        wr_listener_wake(listener);
        pthread_join(listener->thread, NULL);
    }
    if (listener->secure != NULL) {
        MHD_stop_daemon(listener->secure);
    }
    if (listener->plain != NULL) {
        MHD_stop_daemon(listener->plain);
    }
    close_socket(&listener->tcp);
    close_socket(&listener->local);
    close_socket(&listener->wake);
    free(listener);
}
