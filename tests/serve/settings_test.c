/* SPDX-License-Identifier: Apache-2.0 */
/* What rest.* asks for, and what of it never starts. Nothing is opened here. */
#include "serve/settings.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct setting {
    const char *key;
    const char *value;
};

enum {
    SETTINGS_MAX = 6
};

static weir_status
read_settings(const struct setting settings[SETTINGS_MAX], struct wr_settings *out_settings,
              weir_error *error)
{
    weir_options *options = NULL;
    *error = (weir_error){ .message = "" };
    assert_int_equal(weir_options_create(NULL, &options), WEIR_OK);
    for (size_t i = 0; i < SETTINGS_MAX && settings[i].key != NULL; i++) {
        assert_ok(weir_options_set(options, settings[i].key, settings[i].value, WEIR_LEVEL_COMMAND,
                                   "-D", error),
                  error);
    }
    weir_status status = wr_settings_read(options, out_settings, error);
    weir_options_destroy(options);
    return status;
}

#define PORT             \
    {                    \
        "rest.port", "0" \
    }
#define TOKEN                               \
    {                                       \
        "rest.token-file", "/secret/tokens" \
    }
#define CERT                                            \
    {                                                   \
        "weir.rest.tls.certificate", "/secret/cert.pem" \
    }
#define KEY                                    \
    {                                          \
        "weir.rest.tls.key", "/secret/key.pem" \
    }
#define AT(address)                        \
    {                                      \
        "rest.bind-address", "" address "" \
    }

/* Every way to start: what is listened on, or why not. */
static const struct start {
    const char *name;
    struct setting settings[SETTINGS_MAX];
    const char *refusal; /* in the words; NULL: it starts */
    bool has_port;
    bool is_loopback;
} starts[] = {
    { "nothing set", { { NULL, NULL } }, NULL, false, false },
    { "loopback", { PORT }, NULL, true, true },
    { "loopback by name", { PORT, AT("localhost") }, NULL, true, true },
    { "loopback, another of its addresses", { PORT, AT("127.9.8.7") }, NULL, true, true },
    { "loopback, IPv6", { PORT, AT("::1") }, NULL, true, true },
    { "loopback, token", { PORT, TOKEN }, NULL, true, true },
    { "loopback, TLS", { PORT, CERT, KEY }, NULL, true, true },
    { "loopback, token and TLS", { PORT, TOKEN, CERT, KEY }, NULL, true, true },
    { "open address, no port", { AT("0.0.0.0") }, NULL, false, false },
    { "open", { PORT, AT("0.0.0.0") }, "rest.token-file, weir.rest.tls", true, false },
    { "open by rest.bind-port",
      { { "rest.bind-port", "8081-8083" }, AT("0.0.0.0") },
      "rest.token-file, weir.rest.tls",
      true,
      false },
    { "open, IPv6", { PORT, AT("::") }, "rest.token-file, weir.rest.tls", true, false },
    { "open, IPv4 in IPv6",
      { PORT, AT("::ffff:127.0.0.1") },
      "rest.token-file, weir.rest.tls",
      true,
      false },
    { "open, the old key",
      { PORT, { "jobmanager.web.address", "10.0.0.1" } },
      "rest.token-file, weir.rest.tls",
      true,
      false },
    { "open, token without TLS", { PORT, AT("10.0.0.1"), TOKEN }, "certificate and", true, false },
    { "open, TLS without token",
      { PORT, AT("10.0.0.1"), CERT, KEY },
      "set rest.token",
      true,
      false },
    { "open, token and half of TLS",
      { PORT, AT("10.0.0.1"), TOKEN, CERT },
      "weir.rest.tls.key is not",
      true,
      false },
    { "open, token and TLS", { PORT, AT("10.0.0.1"), TOKEN, CERT, KEY }, NULL, true, false },
    { "key without certificate", { PORT, KEY }, "weir.rest.tls.certificate is not", true, true },
    { "a name as address", { PORT, AT("weir.example") }, "is not an address", true, false },
    { "an address that is none", { PORT, AT("127.0.0.1.evil.example") }, "is not", true, false },
    { "an address in another number",
      { PORT, AT("2130706433") },
      "is not an address",
      true,
      false },
    { "any host", { PORT, { "weir.rest.allowed-hosts", "*" } }, "any name would let", true, true },
    { "a port that is none", { { "rest.bind-port", "8081x" } }, "is neither a port", true, true },
};

TEST(no_way_to_start_listens_openly_without_token_and_tls)
{
    unsigned unsafe = 0;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct wr_settings settings;
        weir_error error;
        weir_status status = read_settings(starts[i].settings, &settings, &error);
        if (starts[i].refusal != NULL) {
            assert_int_equal(status, WEIR_INVALID);
            if (strstr(error.message, starts[i].refusal) == NULL) {
                fail_msg("%s: '%s' does not say '%s'", starts[i].name, error.message,
                         starts[i].refusal);
            }
            continue;
        }
        if (status != WEIR_OK) {
            fail_msg("%s: %s", starts[i].name, error.message);
        }
        assert_int_equal(settings.has_port, starts[i].has_port);
        assert_int_equal(settings.is_loopback, starts[i].is_loopback);
        bool is_safe = settings.is_loopback || !settings.has_port ||
                       (settings.token_file != NULL && settings.certificate != NULL);
        unsafe += !is_safe;
    }
    assert_int_equal(unsafe, 0);
    assert_true(sizeof starts / sizeof starts[0] >= 12);
}

TEST(ports_are_one_or_a_list_of_ranges)
{
    static const struct {
        const char *text;
        size_t count;
        uint16_t first;
        uint16_t last;
    } good[] = {
        { "8081", 1, 8081, 8081 },
        { "0", 1, 0, 0 },
        { "50100-50200", 1, 50100, 50200 },
        { " 8081 , 9000-65535 ", 2, 9000, 65535 },
    };
    static const char *const bad[] = {
        "",    "x",           "-1",      "65536",
        "9-8", "8081-",       "8081,,9", "0-100",
        "8 1", "99999999999", "1-2-3",   "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"
    };
    struct wr_settings settings;
    weir_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct setting set[SETTINGS_MAX] = { { "rest.bind-port", good[i].text } };
        assert_ok(read_settings(set, &settings, &error), &error);
        assert_int_equal(settings.port_count, good[i].count);
        assert_int_equal(settings.ports[good[i].count - 1].first, good[i].first);
        assert_int_equal(settings.ports[good[i].count - 1].last, good[i].last);
    }
    for (size_t i = 1; i < sizeof bad / sizeof bad[0]; i++) { /* the empty one unsets */
        struct setting set[SETTINGS_MAX] = { { "rest.bind-port", bad[i] } };
        if (read_settings(set, &settings, &error) != WEIR_INVALID) {
            fail_msg("'%s' is taken for ports", bad[i]);
        }
        assert_non_null(strstr(error.message, "rest.bind-port"));
    }
}

TEST(a_range_of_ports_wins_over_the_port_of_clients)
{
    struct wr_settings settings;
    weir_error error;
    struct setting set[SETTINGS_MAX] = { { "rest.port", "8081" }, { "rest.bind-port", "9000" } };
    assert_ok(read_settings(set, &settings, &error), &error);
    assert_int_equal(settings.port_count, 1);
    assert_int_equal(settings.ports[0].first, 9000);
}

/* A page of a stranger's whose name points to this machine by now comes with that name. */
TEST(a_host_is_one_of_ours_or_refused)
{
    static const char *const ours[] = { "localhost",         "localhost:8081", "LOCALHOST:1",
                                        "127.0.0.1",         "127.0.0.1:8081", "[::1]",
                                        "[::1]:8081",        "10.1.2.3",       "10.1.2.3:80",
                                        "weir.example:8081", "Other.Example.", "two.example",
                                        "[fe80::1]:99" };
    static const char *const foreign[] = {
        "",
        ":8081",
        "evil.example",
        "evil.example:8081",
        "localhost.evil.example",
        "localhost.",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "0.0.0.0:8081",
        "0",
        "2130706433",
        "0x7f000001",
        "127.1",
        "[::]",
        "[::1]evil.example",
        "[::1",
        "::1",
        "[::ffff:127.0.0.1]",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:80@evil.example",
        "localhost,evil.example",
        "localhost evil.example",
        " localhost",
        "localhost:evil",
        "localhost/",
        "http://localhost",
        "weir.example.evil.example",
        "xweir.example",
        "\u043bocalhost",
    };
    struct wr_settings settings;
    weir_error error;
    struct setting set[SETTINGS_MAX] = {
        PORT,
        AT("10.1.2.3"),
        TOKEN,
        CERT,
        KEY,
        { "weir.rest.allowed-hosts", "weir.example, other.example., two.example:7 ,[fe80::1]" },
    };
    assert_ok(read_settings(set, &settings, &error), &error);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (!wr_settings_allow_host(&settings, ours[i])) {
            fail_msg("'%s' is refused", ours[i]);
        }
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (wr_settings_allow_host(&settings, foreign[i])) {
            fail_msg("'%s' is let in", foreign[i]);
        }
    }
    assert_false(wr_settings_allow_host(&settings, NULL));
    char long_name[400];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_false(wr_settings_allow_host(&settings, long_name));
}

TEST(an_address_that_is_all_addresses_is_shown_by_that_of_its_clients)
{
    struct wr_settings settings;
    weir_error error;
    struct setting set[SETTINGS_MAX] = { PORT, AT("0.0.0.0"), TOKEN,
                                         CERT, KEY,           { "rest.address", "Weir.Example" } };
    assert_ok(read_settings(set, &settings, &error), &error);
    assert_string_equal(settings.url_host, "weir.example");
    assert_true(wr_settings_allow_host(&settings, "weir.example:8081"));
    assert_false(wr_settings_allow_host(&settings, "0.0.0.0:8081"));
}

TEST(names_that_cannot_be_hosts_are_refused_with_their_key)
{
    static const char *const bad[] = { "a.example,,b.example", "a*.example", "::1", "a:b" };
    struct wr_settings settings;
    weir_error error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct setting set[SETTINGS_MAX] = { PORT, { "weir.rest.allowed-hosts", bad[i] } };
        if (read_settings(set, &settings, &error) != WEIR_INVALID) {
            fail_msg("'%s' is taken for a name", bad[i]);
        }
        assert_non_null(strstr(error.message, "weir.rest.allowed-hosts"));
    }
}
