/* SPDX-License-Identifier: Apache-2.0 */
/* Real starts, with real files: what is refused listens nowhere, what listens asks for what it
 * should. TLS is spoken by clients that are not ours. */
#include "rig_http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPERATE "opopopopopopopopopopopopopopopopopopopopop2"

/* The exit code of a command of the shell, in the rig's directory; its output in "out". */
static int run(const struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
run(const struct rig *rig, const char *format, ...)
{
    char command[2048];
    char whole[2300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "cd %s && { %s; } >out 2>err", rig->directory, command);
    int status = system(whole); /* NOLINT(cert-env33-c) */
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const char *
output(const struct rig *rig)
{
    static char text[16384];
    char path[128];
    snprintf(path, sizeof path, "%s/out", rig->directory);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    return text;
}

static const char *
file_in(const struct rig *rig, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    return path;
}

static void
make_secrets(const struct rig *rig)
{
    assert_int_equal(
        run(rig,
            "umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-keyout key -out cert -days 2 -subj /CN=localhost "
            "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 && "
            "openssl ecparam -name prime256v1 -genkey -noout -out other && "
            "printf 'operate %s\\n' >tokens && cp tokens loose && chmod 644 loose && "
            "cp key loose-key && chmod 640 loose-key && echo nothing >garbage",
            OPERATE),
        0);
}

enum {
    SETTINGS_MAX = 5
};

/* A value that begins with '/' is a file of the rig's. */
static const struct start {
    const char *name;
    const char *settings[SETTINGS_MAX][2];
    weir_status status;
    const char *words;
} starts[] = {
    { "loopback", { { "rest.bind-address", "127.0.0.1" } }, WEIR_OK, NULL },
    { "loopback, token", { { "rest.token-file", "/tokens" } }, WEIR_OK, NULL },
    { "loopback, token others may read", { { "rest.token-file", "/loose" } }, WEIR_INVALID, "600" },
    { "loopback, token file without token",
      { { "rest.token-file", "/garbage" } },
      WEIR_INVALID,
      "line 1" },
    { "loopback, no token file", { { "rest.token-file", "/gone" } }, WEIR_NOT_FOUND, "no file" },
    { "loopback, TLS",
      { { "weir.rest.tls.certificate", "/cert" }, { "weir.rest.tls.key", "/key" } },
      WEIR_OK,
      NULL },
    { "loopback, certificate without key",
      { { "weir.rest.tls.certificate", "/cert" } },
      WEIR_INVALID,
      "needs both" },
    { "loopback, another's key",
      { { "weir.rest.tls.certificate", "/cert" }, { "weir.rest.tls.key", "/other" } },
      WEIR_INVALID,
      "are no PEM certificate and its key" },
    { "loopback, key that others may read",
      { { "weir.rest.tls.certificate", "/cert" }, { "weir.rest.tls.key", "/loose-key" } },
      WEIR_INVALID,
      "chmod 600" },
    { "loopback, a certificate that is none",
      { { "weir.rest.tls.certificate", "/garbage" }, { "weir.rest.tls.key", "/key" } },
      WEIR_INVALID,
      "are no PEM" },
    { "loopback, no certificate",
      { { "weir.rest.tls.certificate", "/gone" }, { "weir.rest.tls.key", "/key" } },
      WEIR_NOT_FOUND,
      "cannot be read" },
    { "open", { { "rest.bind-address", "0.0.0.0" } }, WEIR_INVALID, "other machines" },
    { "open, token",
      { { "rest.bind-address", "0.0.0.0" }, { "rest.token-file", "/tokens" } },
      WEIR_INVALID,
      "other machines" },
    { "open, TLS",
      { { "rest.bind-address", "0.0.0.0" },
        { "weir.rest.tls.certificate", "/cert" },
        { "weir.rest.tls.key", "/key" } },
      WEIR_INVALID,
      "other machines" },
    { "open, token that others may read, TLS",
      { { "rest.bind-address", "0.0.0.0" },
        { "rest.token-file", "/loose" },
        { "weir.rest.tls.certificate", "/cert" },
        { "weir.rest.tls.key", "/key" } },
      WEIR_INVALID,
      "600" },
    { "open, token and TLS",
      { { "rest.bind-address", "0.0.0.0" },
        { "rest.token-file", "/tokens" },
        { "weir.rest.tls.certificate", "/cert" },
        { "weir.rest.tls.key", "/key" } },
      WEIR_OK,
      NULL },
};

static void
set_all(struct rig *rig, const struct start *start)
{
    rig_set(rig, "rest.port", "0");
    for (size_t i = 0; i < SETTINGS_MAX && start->settings[i][0] != NULL; i++) {
        const char *value = start->settings[i][1];
        rig_set(rig, start->settings[i][0], value[0] == '/' ? file_in(rig, value + 1) : value);
    }
}

/* What a stranger gets who only knows the port: nothing, wherever a token or TLS was asked for. */
static bool
is_open_to_strangers(struct rig *rig)
{
    struct http_answer answer;
    int out = http_connect(rig);
    assert_true(out >= 0);
    http_send(out, "GET /jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    http_receive(out, false, &answer);
    close(out);
    return answer.code == 200;
}

TEST(no_start_is_unsafe)
{
    unsigned unsafe = 0;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct rig rig;
        rig_init(&rig);
        make_secrets(&rig);
        set_all(&rig, &starts[i]);
        rig_make_job(&rig);
        rig.error = (weir_error){ .message = "" };
        weir_status status = wr_server_start(rig.job, NULL, &rig.server, &rig.error);
        if (status != starts[i].status ||
            (starts[i].words != NULL && strstr(rig.error.message, starts[i].words) == NULL)) {
            fail_msg("%s: %d %s", starts[i].name, (int)status, rig.error.message);
        }
        if (status == WEIR_OK) {
            const struct wr_settings *settings = &rig.server->settings;
            bool is_closed = settings->token_file != NULL || settings->certificate != NULL;
            unsafe += is_open_to_strangers(&rig) && (is_closed || !settings->is_loopback);
            http_close(&rig);
        } else {
            assert_null(rig.server);
        }
        rig_fini(&rig);
    }
    assert_int_equal(unsafe, 0);
    assert_true(sizeof starts / sizeof starts[0] >= 12);
}

/* --- TLS --- */

static void
open_with_tls(struct rig *rig)
{
    rig_init(rig);
    make_secrets(rig);
    rig_set(rig, "rest.port", "0");
    rig_set(rig, "rest.bind-address", "0.0.0.0");
    rig_set(rig, "rest.address", "localhost");
    rig_set(rig, "rest.token-file", file_in(rig, "tokens"));
    rig_set(rig, "weir.rest.tls.certificate", file_in(rig, "cert"));
    rig_set(rig, "weir.rest.tls.key", file_in(rig, "key"));
    rig_start(rig);
    http_open(rig);
}

TEST(tls_is_spoken_in_its_newest_version_alone)
{
    static const char *const curl = "curl -sS --max-time 60 --cacert cert";
    struct rig rig;
    open_with_tls(&rig);
    const char *url = wr_listener_url(rig.server->listener);
    assert_memory_equal(url, "https://localhost:", 18);
    assert_int_equal(run(&rig, "%s -H 'Authorization: Bearer %s' %s/jobs", curl, OPERATE, url), 0);
    assert_non_null(strstr(output(&rig), "RUNNING"));
    assert_int_equal(run(&rig, "%s -o /dev/null -w '%%{http_code}' %s/jobs", curl, url), 0);
    assert_string_equal(output(&rig), "401");
    /* 35: no common version; 60: not who it says, for who does not know its certificate */
    assert_int_equal(run(&rig, "%s --tls-max 1.2 %s/jobs", curl, url), 35);
    assert_int_equal(run(&rig, "curl -sS --max-time 60 %s/jobs", url), 60);
    assert_false(is_open_to_strangers(&rig)); /* nor is HTTP alone */
    http_close(&rig);
    rig_fini(&rig);
}

TEST(who_does_not_shake_hands_is_cut_off)
{
    struct rig rig;
    open_with_tls(&rig);
    http_close(&rig);
    rig.server->settings.limits.header_ms = 300;
    http_open(&rig);
    int slow = http_connect(&rig);
    assert_true(http_ends(slow));
    close(slow);
    http_close(&rig);
    rig_fini(&rig);
}
