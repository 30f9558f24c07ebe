/* SPDX-License-Identifier: Apache-2.0 */
/* attacker: one thread of slow connections, one of malformed requests. */
#include "attacker.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SLOW_MOST = 1000,
    ROUND_US = 1000000, /* each slow connection sends a byte a round */
    BURST_US = 1000,
    PATIENCE_US = 2000 /* at a door whose queue is full */
};

struct attacker {
    struct attack attack;
    _Atomic bool stopped;
    pthread_t slow_thread;
    pthread_t malformed_thread;
    int slow[SLOW_MOST];
    struct attack_count count;
    double from;
};

static void
stay_on(int core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
        bench_die("core %d is not ours to stay on", core);
    }
}

/* -1: refused, or the door is too full to wait at it. */
static int
open_connection(const struct attacker *attacker)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(attacker->attack.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0) {
        bench_die("socket: %s", strerror(errno));
    }
    /* what is closed leaves no port waiting behind, or there are soon none left */
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    struct timeval patience = { .tv_usec = PATIENCE_US };
    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(file, (struct sockaddr *)&address, sizeof address) != 0) {
        close(file);
        return -1;
    }
    return file;
}

/* Whatever it says first. */
static bool
is_closed(int file)
{
    char said[512];
    ssize_t size;
    while ((size = recv(file, said, sizeof said, MSG_DONTWAIT)) > 0) {
    }
    return size == 0 || errno != EAGAIN;
}

static void *
be_slow(void *argument)
{
    struct attacker *attacker = argument;
    size_t count = attacker->attack.slow;
    stay_on(attacker->attack.core);
    for (size_t i = 0; i < count; i++) {
        attacker->slow[i] = -1;
    }
    for (size_t i = 0; !atomic_load(&attacker->stopped); i = (i + 1) % count) {
        int *file = &attacker->slow[i];
        if (*file < 0) {
            *file = open_connection(attacker);
        } else if (is_closed(*file) || send(*file, "X", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
            close(*file);
            *file = -1;
            attacker->count.refused++;
        }
        usleep((useconds_t)(ROUND_US / count));
    }
    for (size_t i = 0; i < count; i++) {
        if (attacker->slow[i] >= 0) {
            close(attacker->slow[i]);
        }
    }
    return NULL;
}

static void
send_malformed(struct attacker *attacker, uint64_t number)
{
    static const char *const requests[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET /%00%ff/../.. HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        "GET /jobs HTTP/1.1\r\nHost : x\r\n continued\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    };
    const char *request = requests[number % (sizeof requests / sizeof requests[0])];
    int file = open_connection(attacker);
    if (file >= 0) {
        ssize_t ignored = send(file, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)ignored;
        close(file);
    }
    attacker->count.malformed++;
}

static void *
be_malformed(void *argument)
{
    struct attacker *attacker = argument;
    stay_on(attacker->attack.core);
    uint64_t sent = 0;
    while (!atomic_load(&attacker->stopped)) {
        uint64_t due =
            (uint64_t)((bench_now() - attacker->from) * (double)attacker->attack.a_second);
        for (; sent < due && !atomic_load(&attacker->stopped); sent++) {
            send_malformed(attacker, sent);
        }
        usleep(BURST_US);
    }
    return NULL;
}

struct attacker *
attacker_start(const struct attack *attack)
{
    static struct attacker attacker;
    if (attack->slow == 0 || attack->slow > SLOW_MOST) {
        bench_die("1 to %d slow connections", SLOW_MOST);
    }
    memset(&attacker, 0, sizeof attacker);
    attacker.attack = *attack;
    attacker.from = bench_now();
    if (pthread_create(&attacker.slow_thread, NULL, be_slow, &attacker) != 0 ||
        pthread_create(&attacker.malformed_thread, NULL, be_malformed, &attacker) != 0) {
        bench_die("no thread");
    }
    return &attacker;
}

void
attacker_stop(struct attacker *attacker, struct attack_count *out_count)
{
    atomic_store(&attacker->stopped, true);
    pthread_join(attacker->slow_thread, NULL);
    pthread_join(attacker->malformed_thread, NULL);
    attacker->count.seconds = bench_now() - attacker->from;
    *out_count = attacker->count;
}
