/* SPDX-License-Identifier: Apache-2.0 */
/* The security table, driven from the router's own: every route, asked by whom it is not for. */
#include "rig.h"

#include "serve/percent.h"
#include "serve/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OBSERVE "obsobsobsobsobsobsobsobsobsobsobsobsobsobs0"
#define READS   "readreadreadreadreadreadreadreadreadread-_1"
#define OPERATE "opopopopopopopopopopopopopopopopopopopopop2"

static char last_line[512];
static unsigned line_count;

static void
keep_line(void *log_argument, char level, const char *text)
{
    (void)log_argument;
    assert_int_equal(level, 'i');
    line_count++;
    snprintf(last_line, sizeof last_line, "%s", text);
}

static void
write_tokens(struct rig *rig)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tokens", rig->directory);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("observe " OBSERVE "\nread-state " READS "\noperate " OPERATE "\n", out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0600), 0);
    rig_set(rig, "rest.token-file", path);
}

/* A server whose job is not started: nothing of what is let through by mistake does harm. */
static void
open_rig(struct rig *rig, bool has_tokens)
{
    rig_init(rig);
    rig_set(rig, "rest.port", "8081");
    if (has_tokens) {
        write_tokens(rig);
    }
    rig_create(rig);
    rig->server->log = keep_line;
}

/* "/jobs/:jobid/x" -> "/jobs/<32 digits>/x" */
static const char *
path_of(const struct wr_route *route)
{
    static char path[512];
    size_t size = 0;
    for (const char *at = route->pattern; *at != '\0';) {
        if (*at == ':') {
            size += (size_t)snprintf(path + size, sizeof path - size,
                                     "0123456789abcdef0123456789abcdef");
            at += strcspn(at, "/");
        } else {
            path[size++] = *at++;
        }
    }
    path[size] = '\0';
    return path;
}

static struct wr_raw_request
request_to(const struct wr_route *route)
{
    return (struct wr_raw_request){
        .method = route->method,
        .path = path_of(route),
        .host = "localhost:8081",
        .content_type = "application/json; charset=UTF-8",
    };
}

static unsigned
ask(struct rig *rig, const struct wr_raw_request *raw)
{
    struct wr_answer answer = { .dialect = WR_DIALECT_FLINK };
    wr_router_answer(rig->server, raw, &answer);
    unsigned code = answer.code;
    wr_answer_free(&answer);
    return code;
}

static bool
is_refusal(unsigned code)
{
    return code == 401 || code == 403 || code == 415 || code == 421;
}

static const struct {
    const char *authorization;
    enum wr_role role;
} clients[] = {
    { NULL, WR_ROLE_NONE },
    { "", WR_ROLE_NONE },
    { "Bearer", WR_ROLE_NONE },
    { "Bearer wrongwrongwrongwrongwrongwrongwrongwrongwro", WR_ROLE_NONE },
    { "Bearer opopopopopopopopopopopopopopopopopopopopop3", WR_ROLE_NONE },
    { "Basic " OPERATE, WR_ROLE_NONE },
    { "Bearer " OBSERVE, WR_ROLE_OBSERVE },
    { "Bearer " READS, WR_ROLE_READ_STATE },
    { "Bearer " OPERATE, WR_ROLE_OPERATE },
};

TEST(every_route_is_closed_to_who_may_not_ask_it)
{
    struct rig rig;
    unsigned count = 0;
    open_rig(&rig, true);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
            struct wr_raw_request raw = request_to(route);
            raw.authorization = clients[i].authorization;
            unsigned code = ask(&rig, &raw);
            unsigned wanted = clients[i].role >= route->role    ? 0
                              : clients[i].role == WR_ROLE_NONE ? 401
                                                                : 403;
            if (wanted != 0 ? code != wanted : is_refusal(code)) {
                fail_msg("%s %s as client %zu: %u", route->method, route->pattern, i, code);
            }
            count++;
        }
    }
    assert_true(count >= 200);
    rig_fini(&rig);
}

/* Neither is who may not ask told what there is. */
TEST(a_path_that_is_not_there_is_closed_as_well)
{
    struct rig rig;
    open_rig(&rig, true);
    struct wr_raw_request raw = { .method = "GET", .path = "/nothing", .host = "localhost" };
    assert_int_equal(ask(&rig, &raw), 401);
    raw.method = "DELETE";
    raw.path = "/jobs";
    assert_int_equal(ask(&rig, &raw), 401);
    raw.authorization = "Bearer " OBSERVE;
    assert_int_equal(ask(&rig, &raw), 405);
    raw.path = "/nothing";
    assert_int_equal(ask(&rig, &raw), 404);
    rig_fini(&rig);
}

TEST(every_route_is_closed_to_a_name_that_is_not_ours)
{
    static const char *const hosts[] = { NULL,
                                         "",
                                         "evil.example",
                                         "evil.example:8081",
                                         "localhost.evil.example",
                                         "127.0.0.1.nip.io",
                                         "0.0.0.0" };
    struct rig rig;
    for (unsigned has_tokens = 0; has_tokens < 2; has_tokens++) {
        open_rig(&rig, has_tokens != 0);
        for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
            for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
                struct wr_raw_request raw = request_to(route);
                raw.host = hosts[i];
                raw.authorization = "Bearer " OPERATE;
                assert_int_equal(ask(&rig, &raw), 421);
            }
        }
        rig_fini(&rig);
    }
}

/* What a page of a stranger's can send without asking first: no type, or one of a form. */
TEST(no_write_comes_from_a_form)
{
    static const char *const types[] = { NULL,
                                         "",
                                         "text/plain",
                                         "text/plain; application/json",
                                         "application/x-www-form-urlencoded",
                                         "multipart/form-data; boundary=application/json",
                                         "application/jsonp",
                                         "application/json-patch+json",
                                         "application/problem+json",
                                         "text/json",
                                         " application/json",
                                         "application/",
                                         "application/json,text/plain" };
    struct rig rig;
    open_rig(&rig, false);
    unsigned writes = 0;
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        bool is_write = strcmp(route->method, "GET") != 0 || route->role == WR_ROLE_OPERATE;
        writes += is_write;
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            struct wr_raw_request raw = request_to(route);
            raw.content_type = types[i];
            unsigned code = ask(&rig, &raw);
            if (is_write ? code != 415 : is_refusal(code)) {
                fail_msg("%s %s with type %zu: %u", route->method, route->pattern, i, code);
            }
        }
        struct wr_raw_request raw = request_to(route);
        raw.content_type = "Application/JSON;charset=utf-8";
        assert_false(is_refusal(ask(&rig, &raw)));
    }
    assert_true(writes >= 6);
    rig_fini(&rig);
}

/* A browser asks so before it sends JSON or a token elsewhere. */
TEST(no_preflight_is_ever_granted)
{
    struct rig rig;
    open_rig(&rig, false);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        struct wr_raw_request raw = request_to(route);
        struct wr_answer answer = { .dialect = WR_DIALECT_FLINK };
        raw.method = "OPTIONS";
        raw.content_type = NULL;
        wr_router_answer(rig.server, &raw, &answer);
        assert_int_equal(answer.code, 405);
        assert_non_null(strstr(answer.allow, route->method));
        wr_answer_free(&answer);
    }
    rig_fini(&rig);
}

TEST(every_write_of_the_server_needs_the_role_to_operate)
{
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        if (strcmp(route->method, "GET") != 0) {
            assert_int_equal(route->role, WR_ROLE_OPERATE);
        }
    }
}

TEST(this_user_may_operate_by_the_local_socket)
{
    struct rig rig;
    open_rig(&rig, true);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        struct wr_raw_request raw = request_to(route);
        raw.is_local = true;
        raw.host = "anything";
        assert_false(is_refusal(ask(&rig, &raw)));
    }
    rig_fini(&rig);
}

TEST(what_an_operator_does_is_recorded_and_no_secret_is)
{
    struct rig rig;
    open_rig(&rig, true);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        struct wr_raw_request raw = request_to(route);
        raw.authorization = "Bearer " OPERATE;
        line_count = 0;
        unsigned code = ask(&rig, &raw);
        assert_int_equal(line_count, route->role == WR_ROLE_OPERATE ? 1 : 0);
        if (route->role == WR_ROLE_OPERATE) {
            char wanted[512];
            snprintf(wanted, sizeof wanted, "REST: %s %s by token of role operate: %u",
                     route->method, raw.path, code);
            assert_string_equal(last_line, wanted);
        }
    }
    struct wr_raw_request raw = { .method = "POST",
                                  .path = "/savepoint-disposal",
                                  .content_type = "application/json",
                                  .is_local = true };
    ask(&rig, &raw);
    assert_non_null(strstr(last_line, "by this user: 400"));
    rig_fini(&rig);
}

/* --- paths --- */

/* Ways to write "../": each in every place where a route has a ":name". None may be let through
 * to a handler; what is 404 was never taken for a name. */
static const char *const escapes[] = {
    "..",
    ".",
    "../..",
    "..%2f..",
    "..%2F",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%2e%2e%2f",
    "%2e%2e/",
    "..%5c",
    "..\\",
    "%5c..",
    "..%00",
    "%00",
    "a%00b",
    "..%0a",
    "..%0d%0a",
    "%09..",
    "..%20",
    "%20..",
    "..;",
    "..;/",
    "..%3b",
    "..?",
    "%252e%252e",
    "%252e%252e%252f",
    "..%252f",
    "%25252e",
    "%c0%ae%c0%ae",
    "%c0%ae.",
    "..%c0%af",
    "%c1%9c..",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae",
    "%uff0e%uff0e",
    "%u002e%u002e",
    "%ef%bc%8e%ef%bc%8e",
    "\xef\xbc\x8e\xef\xbc\x8e",
    "\xc0\xae\xc0\xae",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//",
    "file:",
    "file%3a%2f%2f",
    "c:",
    "~",
    "~root",
    "$HOME",
    "${HOME}",
    "`id`",
    "$(id)",
    "|id",
    ";id",
    "&id",
    "a b",
    "a+b",
    "*",
    "?",
    "[a]",
    "{a}",
    "'a'",
    "\"a\"",
    "<a>",
    "a:b",
    "a@b",
    "a=b",
    "a,b",
    "a!b",
    "a#b",
    "%",
    "%2",
    "%2g",
    "%g2",
    "%%",
    "%%32%65",
    "%2%65",
};

static unsigned asked;

static void
ask_escape(struct rig *rig, const struct wr_route *route, const char *escape, const char *more)
{
    char path[2048];
    unsigned names = 0;
    for (const char *at = strchr(route->pattern, ':'); at != NULL; at = strchr(at + 1, ':')) {
        names++;
    }
    for (unsigned i = 0; i < names; i++) {
        size_t size = 0;
        unsigned name = 0;
        for (const char *at = route->pattern; *at != '\0';) {
            if (*at != ':') {
                path[size++] = *at++;
                continue;
            }
            size += (size_t)snprintf(path + size, sizeof path - size, "%s%s",
                                     name == i ? escape : "0", name == i ? more : "");
            at += strcspn(at, "/");
            name++;
        }
        path[size] = '\0';
        struct wr_raw_request raw = request_to(route);
        raw.path = path;
        unsigned code = ask(rig, &raw);
        if (code != 404 && code != 405) {
            fail_msg("%s %s: %u", route->method, path, code);
        }
        asked++;
    }
}

/* "%2e%2e%2e" is "...": a strange name, but one. */
static bool
is_plain_name(const char *escape, const char *end)
{
    char text[256];
    char decoded[256];
    snprintf(text, sizeof text, "%s%s", escape, end);
    return wr_percent_decode(text, strlen(text), decoded, sizeof decoded) &&
           strspn(decoded, ".") == strlen(decoded) && strlen(decoded) > 2;
}

TEST(no_route_takes_a_way_out_for_a_name)
{
    static const char *const ends[] = { "", "%2f", "%5c", "%00", "%2e%2e", " ", "%0a" };
    struct rig rig;
    unsigned encodings = 0;
    open_rig(&rig, false);
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
            if (is_plain_name(escapes[i], ends[j])) {
                continue;
            }
            encodings++;
            for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
                ask_escape(&rig, route, escapes[i], ends[j]);
            }
        }
    }
    assert_true(encodings >= 200);
    assert_true(asked >= encodings * 10);
    rig_fini(&rig);
}
