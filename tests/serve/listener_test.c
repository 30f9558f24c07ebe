/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets: what is answered, what is limited, and what ends. */
#include "rig_http.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* A running job, listened for; limits may be changed between the two. */
static void
open_rig(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "rest.port", "0");
    rig_start(rig);
}

static void
close_rig(struct rig *rig)
{
    http_close(rig);
    rig_fini(rig);
}

TEST(a_request_is_answered_by_the_port_and_by_the_local_socket)
{
    struct rig rig;
    struct http_answer answer;
    open_rig(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    http_open(&rig);
    assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200);
    assert_non_null(strstr(answer.body, "\"RUNNING\""));
    int local = http_connect_local(&rig);
    assert_true(local >= 0);
    assert_true(http_send(local, "GET /v1/jobs HTTP/1.1\r\nHost: whatever\r\n\r\n"));
    http_receive(local, false, &answer);
    assert_int_equal(answer.code, 200);
    assert_non_null(strstr(answer.body, "\"RUNNING\""));
    close(local);
    close_rig(&rig);
}

TEST(every_answer_has_the_headers_of_a_closed_door)
{
    static const char *const lines[] = { "GET /jobs",  "GET /nothing",  "POST /jobs",
                                         "HEAD /jobs", "OPTIONS /jobs", "GET /jobs?%zz" };
    static const unsigned codes[] = { 200, 404, 405, 200, 405, 400 };
    struct rig rig;
    open_rig(&rig);
    http_open(&rig);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct http_answer answer;
        assert_int_equal(http_once(&rig, lines[i], "Origin: http://evil.example\r\n", &answer),
                         codes[i]);
        assert_memory_equal(http_field(&answer, "Cache-Control"), "no-store\r", 9);
        assert_memory_equal(http_field(&answer, "X-Content-Type-Options"), "nosniff\r", 8);
        assert_memory_equal(http_field(&answer, "Content-Security-Policy"), "default-src 'none'",
                            18);
        assert_null(http_field(&answer, "Server"));
        assert_null(http_field(&answer, "Access-Control-Allow-Origin"));
        if (codes[i] == 405) {
            assert_memory_equal(http_field(&answer, "Allow"), "GET, HEAD\r", 10);
        }
    }
    close_rig(&rig);
}

TEST(a_head_is_a_get_without_its_body)
{
    struct rig rig;
    struct http_answer get;
    struct http_answer head;
    open_rig(&rig);
    http_open(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    assert_int_equal(http_once(&rig, "GET /jobs", "", &get), 200);
    int out = http_connect(&rig);
    assert_true(http_send(out, "HEAD /jobs HTTP/1.1\r\nHost: localhost\r\n"
                               "Connection: close\r\n\r\n"));
    http_receive(out, true, &head);
    assert_int_equal(head.code, 200);
    assert_int_equal(strtoul(http_field(&head, "Content-Length"), NULL, 10), get.body_size);
    char more = 0;
    assert_int_equal(recv(out, &more, 1, 0), 0);
    close(out);
    close_rig(&rig);
}

TEST(one_connection_asks_again_and_again)
{
    struct rig rig;
    open_rig(&rig);
    http_open(&rig);
    int out = http_connect(&rig);
    for (unsigned i = 0; i < 100; i++) {
        struct http_answer answer;
        const char *line = i % 3 == 0 ? "POST /jobs" : "GET /jobs";
        assert_true(
            http_send(out, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", line));
        http_receive(out, false, &answer);
        assert_int_equal(answer.code, i % 3 == 0 ? 405 : 200);
        assert_false(answer.is_closed);
    }
    close(out);
    close_rig(&rig);
}

struct late_client {
    struct rig *rig;
    char path[256];
    struct http_answer answer;
    _Atomic bool is_enough;
};

static void *
ask_on(void *argument)
{
    struct late_client *client = argument;
    while (!client->is_enough) {
        assert_int_equal(http_once(client->rig, client->path, "", &client->answer), 200);
    }
    return NULL;
}

/* A server with a port is there before its job runs. */
TEST(who_asks_before_and_while_the_job_starts_is_answered)
{
    static struct late_client clients[3];
    static const char *const paths[] = { "GET /jobs/overview", "GET /weir/v1/states",
                                         "GET /metrics" };
    struct rig rig;
    struct http_answer answer;
    pthread_t threads[3];
    rig_init(&rig);
    rig_set(&rig, "rest.port", "0");
    rig_create(&rig);
    http_open(&rig);
    assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200);
    assert_non_null(strstr(answer.body, "INITIALIZING"));
    for (unsigned i = 0; i < 3; i++) {
        clients[i].rig = &rig;
        snprintf(clients[i].path, sizeof clients[i].path, "%s", paths[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &clients[i]), 0);
    }
    assert_ok(weir_job_start(rig.job, &rig.error), &rig.error);
    rig_wait_processed(&rig, 100);
    for (unsigned i = 0; i < 3; i++) {
        clients[i].is_enough = true;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    close_rig(&rig);
}

TEST(a_server_whose_job_never_started_stops_at_once)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "rest.port", "0");
    rig_set(&rig, "weir.rest.shutdown-wait", "1 h");
    rig_create(&rig);
    http_open(&rig);
    wr_server_stop(rig.server);
    rig.server = NULL;
    rig_fini(&rig);
}

/* --- limits --- */

TEST(as_many_as_may_are_held_and_the_rest_is_refused)
{
    struct rig rig;
    struct http_answer answer;
    int held[256];
    open_rig(&rig);
    rig.server->settings.limits.header_ms = 600 * 1000; /* none of them is too slow here */
    http_open(&rig);
    for (unsigned i = 0; i < 256; i++) {
        held[i] = http_connect(&rig);
        assert_true(held[i] >= 0);
        assert_true(http_send(held[i], "GET /jobs HTTP/1.1\r\n"));
    }
    for (unsigned i = 0; i < 300; i++) { /* each is told, or closed, at once */
        int refused = http_connect(&rig);
        if (refused >= 0) {
            http_receive(refused, false, &answer);
            assert_true(answer.code == 503 || answer.code == 0);
            assert_true(http_ends(refused));
            close(refused);
        }
    }
    int local = http_connect_local(&rig); /* whose user is not kept out by them */
    assert_true(http_send(local, "GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n"));
    http_receive(local, false, &answer);
    assert_int_equal(answer.code, 200);
    close(local);
    for (unsigned i = 0; i < 256; i++) {
        assert_true(http_send(held[i], "Host: localhost\r\nConnection: close\r\n\r\n"));
        http_receive(held[i], false, &answer);
        assert_int_equal(answer.code, 200);
        assert_true(http_ends(held[i]));
        close(held[i]);
    }
    unsigned code = 0;
    while (code != 200) { /* once the server has seen that they are gone */
        code = http_once(&rig, "GET /jobs", "", &answer);
    }
    close_rig(&rig);
}

/* A header, a body and the next header that never become whole: each is cut off. */
TEST(who_is_too_slow_is_cut_off)
{
    static const char *const beginnings[] = {
        "",
        "GET /jo",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\n\r\nGET /jobs HTTP/1.1\r\nHo",
    };
    struct rig rig;
    open_rig(&rig);
    rig.server->settings.limits.header_ms = 300;
    rig.server->settings.limits.idle_ms = 300;
    http_open(&rig);
    int slow[sizeof beginnings / sizeof beginnings[0]];
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        slow[i] = http_connect(&rig);
        assert_true(beginnings[i][0] == '\0' || http_send(slow[i], "%s", beginnings[i]));
    }
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        assert_true(http_ends(slow[i]));
        close(slow[i]);
    }
    close_rig(&rig);
}

/* However often a byte comes. */
TEST(a_byte_now_and_then_keeps_nobody_connected)
{
    struct rig rig;
    open_rig(&rig);
    rig.server->settings.limits.header_ms = 300;
    http_open(&rig);
    int slow = http_connect(&rig);
    assert_true(http_send(slow, "GET /jobs HTTP/1.1\r\nX-Slow: "));
    unsigned sent = 0;
    while (http_send(slow, "x")) { /* ends by the server's hand alone */
        assert_true(++sent < 2000);
        usleep(20 * 1000);
    }
    close(slow);
    close_rig(&rig);
}

TEST(headers_and_bodies_end_at_their_limits)
{
    struct rig rig;
    struct http_answer answer;
    char fields[40000];
    open_rig(&rig);
    http_open(&rig);
    size_t used = strlen("GET /jobs HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n");
    for (int beyond = -1; beyond <= 1; beyond++) {
        size_t size = (size_t)((16 << 10) + beyond) - used;
        snprintf(fields, sizeof fields, "X: %0*d\r\n", (int)size, 0);
        unsigned code = 0;
        int out = http_connect(&rig);
        assert_true(http_send_bytes(out, "GET /jobs HTTP/1.1\r\nHost: localhost\r\n", 37));
        assert_true(http_send_bytes(out, fields, strlen(fields)));
        assert_true(http_send_bytes(out, "\r\n", 2));
        http_receive(out, false, &answer);
        code = answer.code;
        close(out);
        assert_int_equal(code, beyond > 0 ? 431 : 200);
    }
    memset(fields, 'a', sizeof fields);
    int out = http_connect(&rig);
    http_send_bytes(out, "GET /", 5);
    for (unsigned i = 0; i < 4 && http_send_bytes(out, fields, sizeof fields); i++) {
    }
    http_receive(out, false, &answer);
    assert_true(answer.code == 414 || answer.code == 431 || answer.code == 0);
    close(out);
    static const char json[] = "Content-Type: application/json\r\n";
    snprintf(fields, sizeof fields, "%sContent-Length: %d\r\n", json, (1 << 20) + 1);
    assert_int_equal(http_once(&rig, "POST /jobs", fields, &answer), 413);
    assert_true(answer.is_closed);
    snprintf(fields, sizeof fields, "%sContent-Length: 99999999999999999999\r\n", json);
    unsigned code = http_once(&rig, "POST /jobs", fields, &answer);
    assert_true(code == 413 || code == 400);
    snprintf(fields, sizeof fields, "%sTransfer-Encoding: chunked\r\n", json);
    assert_int_equal(http_once(&rig, "POST /jobs", fields, &answer), 411);
    close_rig(&rig);
}

TEST(a_body_of_the_limit_is_taken_whole)
{
    struct rig rig;
    struct http_answer answer;
    open_rig(&rig);
    http_open(&rig);
    size_t size = 1 << 20;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, ' ', size);
    body[0] = '{';
    body[1] = ' ';
    body[size - 1] = '}';
    int out = http_connect(&rig);
    assert_true(http_send(
        out, "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", size));
    assert_true(http_send_bytes(out, body, size));
    http_receive(out, false, &answer);
    assert_int_equal(answer.code, 200); /* Flink's client sends a body with a GET */
    free(body);
    close(out);
    close_rig(&rig);
}

static unsigned
ask_with_body(struct rig *rig, struct http_answer *out_answer)
{
    int out = http_connect(rig);
    http_send(out, "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    http_receive(out, false, out_answer);
    close(out);
    return out_answer->code;
}

TEST(bodies_under_way_have_one_budget)
{
    struct rig rig;
    struct http_answer answer;
    int held[8];
    open_rig(&rig);
    rig.server->settings.limits.idle_ms = 600 * 1000;
    http_open(&rig);
    for (unsigned i = 0; i < 8; i++) {
        held[i] = http_connect(&rig);
        assert_true(http_send(held[i], "GET /jobs HTTP/1.1\r\nHost: localhost\r\n"
                                       "Content-Length: 1048576\r\nExpect: 100-continue\r\n\r\n"));
        http_receive(held[i], true, &answer);
        assert_int_equal(answer.code, 100); /* it has its room */
    }
    assert_int_equal(ask_with_body(&rig, &answer), 503);
    assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200);
    for (unsigned i = 0; i < 8; i++) {
        close(held[i]);
    }
    unsigned code = 503;
    while (code == 503) { /* until the server has seen that they are gone */
        code = ask_with_body(&rig, &answer);
    }
    assert_int_equal(code, 200);
    close_rig(&rig);
}

/* Whoever may not ask anything has no part in it. */
TEST(a_body_of_a_stranger_is_not_even_read)
{
    struct rig rig;
    struct http_answer answer;
    char path[128];
    rig_init(&rig);
    snprintf(path, sizeof path, "%s/tokens", rig.directory);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    static const char line[] = "operate opopopopopopopopopopopopopopopopopopopopop2\n";
    assert_int_equal(write(file, line, sizeof line - 1), sizeof line - 1);
    close(file);
    rig_set(&rig, "rest.token-file", path);
    rig_set(&rig, "rest.port", "0");
    rig_start(&rig);
    rig.server->settings.limits.idle_ms = 600 * 1000;
    http_open(&rig);
    for (unsigned i = 0; i < 16; i++) { /* told at once, though none of it is sent */
        assert_int_equal(http_once(&rig, "POST /jobs", "Content-Length: 1048576\r\n", &answer),
                         401);
        assert_true(answer.is_closed);
    }
    int out = http_connect(&rig);
    assert_true(http_send(out, "GET /jobs HTTP/1.1\r\nHost: evil.example\r\n"
                               "Content-Length: 1048576\r\n\r\n"));
    http_receive(out, false, &answer);
    assert_int_equal(answer.code, 421);
    close(out);
    close_rig(&rig);
}

/* Accepting fails then, again and again; whoever is connected is answered, and others later. */
TEST(without_descriptors_it_goes_on)
{
    enum {
        CLIENTS = 12
    };
    struct rig rig;
    struct http_answer answer;
    struct rlimit before;
    int clients[CLIENTS];
    open_rig(&rig);
    http_open(&rig);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(clients[i] >= 0);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(clients[CLIENTS - 1]);
    close(next);
    struct rlimit few = { .rlim_cur = (rlim_t)next + 3, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        http_connect_by(&rig, clients[i]);
    }
    for (unsigned i = 0; i < CLIENTS; i++) { /* who is answered makes room for the next */
        assert_true(http_send(clients[i], "GET /jobs HTTP/1.1\r\nHost: localhost\r\n"
                                          "Connection: close\r\n\r\n"));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        http_receive(clients[i], false, &answer);
        assert_int_equal(answer.code, 200);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    close_rig(&rig);
}

/* --- what is no HTTP --- */

TEST(what_is_malformed_never_reaches_a_handler)
{
    static const char *const vectors[] = {
        "\r\n\r\n\r\n",
        "\n",
        "GET\r\n\r\n",
        "GET /jobs\r\n\r\n",
        "GET /jobs /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\n Host: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\n: localhost\r\n\r\n",
        "GET /jobs HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1x\r\nHost: localhost\r\n\r\n",
        "GET /jobs FTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x10\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "GET /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\n\r\n",
        "GET /jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        "GET http://evil.example/jobs HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /jobs?a=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /jobs?%GG HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /?a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a HTTP/1.0\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03",
        "\x80\x80\x80\x80\r\n\r\n",
        "{\"jsonrpc\":\"2.0\"}\r\n\r\n",
    };
    struct rig rig;
    struct http_answer answer;
    open_rig(&rig);
    rig.server->settings.limits.header_ms = 500;
    http_open(&rig);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        int out = http_connect(&rig);
        http_send_bytes(out, vectors[i], strlen(vectors[i]));
        http_receive(out, false, &answer);
        if (answer.code != 0 && (answer.code < 400 || answer.code > 505)) {
            fail_msg("vector %zu: %u %s", i, answer.code, answer.body);
        }
        close(out);
    }
    static const char nul[] = "GET /jo\0bs HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int out = http_connect(&rig);
    http_send_bytes(out, nul, sizeof nul - 1);
    http_receive(out, false, &answer);
    assert_int_not_equal(answer.code, 200);
    close(out);
    assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200); /* it goes on */
    close_rig(&rig);
}

/* --- the end --- */

TEST(a_stop_closes_everything_and_leaves_nothing)
{
    struct rig rig;
    struct http_answer answer;
    open_rig(&rig);
    http_open(&rig);
    int idle = http_connect(&rig);
    int asked = http_connect(&rig);
    assert_true(http_send(asked, "GET /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    http_receive(asked, false, &answer);
    assert_int_equal(answer.code, 200);
    char socket_path[256];
    char url[128];
    snprintf(socket_path, sizeof socket_path, "%s", wr_listener_socket(rig.server->listener));
    snprintf(url, sizeof url, "%s", wr_listener_url(rig.server->listener));
    assert_int_equal(access(socket_path, F_OK), 0);
    http_close(&rig);
    assert_int_not_equal(access(socket_path, F_OK), 0);
    assert_true(http_ends(idle));
    assert_true(http_ends(asked));
    close(idle);
    close(asked);
    rig_set(&rig, "rest.port", strrchr(url, ':') + 1); /* and the port is free at once */
    rig_create(&rig);
    http_open(&rig);
    assert_string_equal(wr_listener_url(rig.server->listener), url);
    close_rig(&rig);
}

/* Stops the job by a request, and waits for its end; the trigger's path. */
static void
stop_job(struct rig *rig, char path[256])
{
    struct http_answer answer;
    const char *body = "{\"targetDirectory\":null,\"drain\":false,\"formatType\":\"NATIVE\"}";
    rig_wait_state(rig, WEIR_JOB_RUNNING); /* before it, a stop is refused */
    int out = http_connect(rig);
    assert_true(http_send(out,
                          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                          "Content-Type: application/json\r\nConnection: close\r\n\r\n%s",
                          rig_path(rig, "/stop"), strlen(body), body));
    http_receive(out, false, &answer);
    assert_int_equal(answer.code, 202);
    close(out);
    json_t *json = json_loads(answer.body, 0, NULL);
    snprintf(path, 256, "%s/%s", rig_path(rig, "/savepoints"), rig_text_at(json, "request-id"));
    json_decref(json);
    while (!weir_job_wait(rig->job, 1000)) {
    }
}

static void *
ask_late(void *argument)
{
    struct late_client *client = argument;
    char line[300];
    usleep(200 * 1000); /* the server is being stopped by now */
    snprintf(line, sizeof line, "GET %s", client->path);
    http_once(client->rig, line, "", &client->answer);
    return NULL;
}

TEST(a_stopped_server_first_tells_what_became_of_a_stop)
{
    static struct late_client client;
    struct rig rig;
    pthread_t thread;
    open_rig(&rig);
    rig.server->settings.shutdown_wait_ms = 3600 * 1000;
    http_open(&rig);
    client.rig = &rig;
    stop_job(&rig, client.path);
    assert_int_equal(pthread_create(&thread, NULL, ask_late, &client), 0);
    wr_server_stop(rig.server);
    rig.server = NULL;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(client.answer.code, 200);
    assert_non_null(strstr(client.answer.body, "\"location\""));
    rig_fini(&rig);
}

TEST(a_stopped_server_does_not_wait_for_ever)
{
    struct rig rig;
    char path[256];
    open_rig(&rig);
    rig.server->settings.shutdown_wait_ms = 50;
    http_open(&rig);
    stop_job(&rig, path);
    wr_server_stop(rig.server); /* nobody asks */
    rig.server = NULL;
    rig_fini(&rig);
}

/* --- streams --- */

static int
open_stream(struct rig *rig)
{
    struct http_answer answer;
    int out = http_connect(rig);
    assert_true(http_send(out, "GET /weir/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    http_receive(out, true, &answer);
    assert_int_equal(answer.code, 200);
    assert_memory_equal(http_field(&answer, "Content-Type"), "text/event-stream", 17);
    return out;
}

TEST(a_stream_goes_on_while_others_are_answered)
{
    struct rig rig;
    struct http_answer answer;
    char bytes[4096];
    open_rig(&rig);
    rig.server->settings.limits.header_ms = 300; /* it has no deadline itself */
    rig.server->settings.limits.idle_ms = 300;
    http_open(&rig);
    int out = open_stream(&rig);
    for (unsigned i = 0; i < 3; i++) {
        rig_checkpoint(&rig);
        assert_true(recv(out, bytes, sizeof bytes, 0) > 0); /* something of it */
        assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200);
        usleep(400 * 1000);
    }
    close(out);
    close_rig(&rig);
}

TEST(streams_whose_clients_are_gone_give_their_places_back)
{
    struct rig rig;
    open_rig(&rig);
    rig.server->settings.limits.connections = 4;
    http_open(&rig);
    for (unsigned i = 0; i < 12; i++) {
        int out = -1;
        struct http_answer answer = { .code = 0 };
        while (answer.code != 200) { /* until the server has seen that those before are gone */
            out = http_connect(&rig);
            http_send(out, "GET /weir/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            http_receive(out, true, &answer);
            if (answer.code != 200) {
                close(out);
            }
        }
        close(out);
    }
    close_rig(&rig);
}

TEST(a_stop_ends_the_streams)
{
    struct rig rig;
    int streams[5];
    open_rig(&rig);
    http_open(&rig);
    for (unsigned i = 0; i < 5; i++) {
        streams[i] = open_stream(&rig);
    }
    http_close(&rig);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(http_ends(streams[i]));
        close(streams[i]);
    }
    rig_fini(&rig);
}

TEST(a_port_that_is_taken_is_said_and_the_next_of_a_range_tried)
{
    struct rig rig;
    struct rig other;
    char ports[64];
    open_rig(&rig);
    http_open(&rig);
    unsigned port =
        (unsigned)strtoul(strrchr(wr_listener_url(rig.server->listener), ':') + 1, NULL, 10);
    rig_init(&other);
    snprintf(ports, sizeof ports, "%u", port);
    rig_set(&other, "rest.port", ports);
    rig_create(&other);
    assert_int_equal(wr_listener_start(other.server, &other.server->listener, &other.error),
                     WEIR_BUSY);
    assert_non_null(strstr(other.error.message, ports));
    snprintf(ports, sizeof ports, "%u,0", port);
    rig_set(&other, "rest.bind-port", ports);
    rig_create(&other);
    http_open(&other);
    assert_string_not_equal(wr_listener_url(other.server->listener),
                            wr_listener_url(rig.server->listener));
    close_rig(&other);
    close_rig(&rig);
}

TEST(nothing_to_listen_on_is_no_server)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "weir.rest.socket", "false");
    rig_create(&rig);
    assert_int_equal(wr_listener_start(rig.server, &rig.server->listener, &rig.error),
                     WEIR_INVALID);
    assert_null(rig.server->listener);
    assert_non_null(strstr(rig.error.message, "rest.port"));
    rig_fini(&rig);
}
