/* SPDX-License-Identifier: Apache-2.0 */
/* http_fuzz: any bytes from a client, through a socket pair into libmicrohttpd, the exchange and
 * the router. Whatever comes back is HTTP, and nothing of the client is left behind.
 *
 *   input   u8: by the local socket if odd | what the client sends, then it sends no more
 */
#include "fuzz/rest_scene.h"

#include "serve/daemon.h"
#include "serve/exchange.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 1 << 20,
    TURNS_MAX = 10000
};

static struct wr_exchanges exchanges;
static struct MHD_Daemon *http_daemon;

static void
make_daemon(void)
{
    weir_error error;
    if (http_daemon == NULL) {
        wr_connections_init(&exchanges.connections, WR_TCP_CONNECTIONS_MAX);
        exchanges.server = rest_scene_server();
        exchanges.is_ending = true; /* streams end with what there is */
        fuzz_expect(wr_daemon_start(&exchanges, &http_daemon, &error) == WEIR_OK);
    }
    exchanges.server = rest_scene_server();
}

static void
send_all(int client, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) {
            break;
        }
        data += sent;
        size -= (size_t)sent;
        MHD_run(http_daemon);
    }
    (void)shutdown(client, SHUT_WR);
}

/* Until the server has closed it. */
static size_t
receive_all(int client, char *answer)
{
    size_t size = 0;
    for (int turn = 0;; turn++) {
        fuzz_expect(turn < TURNS_MAX);
        wr_live_resume(&exchanges);
        MHD_run(http_daemon);
        ssize_t got = recv(client, answer + size, ANSWER_MAX - size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            return size;
        }
        size += got > 0 ? (size_t)got : 0;
        fuzz_expect(size < ANSWER_MAX);
        if (turn == 100) {
            /* it waits for more, which does not come: its time is over */
            exchanges.now_ms += 60 * 1000;
            (void)wr_connections_cut(&exchanges.connections, exchanges.now_ms);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[ANSWER_MAX + 1];
    int pair[2];
    if (size == 0) {
        return 0;
    }
    make_daemon();
    fuzz_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    struct sockaddr_storage nobody = { .ss_family = AF_UNIX };
    fuzz_expect(wr_connections_enter(&exchanges.connections, pair[1], data[0] % 2 == 1,
                                     exchanges.now_ms + 5000) != NULL);
    fuzz_expect(MHD_add_connection(http_daemon, pair[1], (struct sockaddr *)&nobody,
                                   sizeof(sa_family_t)) == MHD_YES);
    send_all(pair[0], data + 1, size - 1);
    size_t answered = receive_all(pair[0], answer);
    fuzz_expect(answered == 0 || (answered > 12 && memcmp(answer, "HTTP/1.", 7) == 0));
    close(pair[0]);
    fuzz_expect(exchanges.connections.tcp_count == 0 && exchanges.connections.local_count == 0);
    fuzz_expect(exchanges.under_way == 0 && exchanges.bodies_bytes == 0);
    rest_scene_settle();
    return 0;
}
