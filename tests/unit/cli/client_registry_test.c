/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime directory and token files: what stands in them is checked before it is believed. */
#include "support/test.h"

#include "cli.h"
#include "client/registry.h"
#include "client/token.h"
#include "hear.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64];
static struct hear hear;

static void
remove_place(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", place);
    (void)!system(command);
}

static void
make_place(void)
{
    snprintf(place, sizeof place, "/tmp/weir-client-test-XXXXXX");
    assert_non_null(mkdtemp(place));
    assert_int_equal(atexit(remove_place), 0);
    assert_int_equal(setenv("WEIR_RUNTIME_DIR", place, 1), 0);
}

/* A file of the runtime directory; its descriptor. */
static int
write_file(const char *name, const char *text, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", place, name);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, size), (ssize_t)size);
    return file;
}

static bool
is_there(const char *name)
{
    char path[256];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", place, name);
    return lstat(path, &status) == 0;
}

#define ID "0123456789abcdef0123456789abcdef"

/* Registered by a process that lives: the lock is held. */
static int
hold(const char *name, const char *text)
{
    int file = write_file(name, text, strlen(text));
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), 0);
    return file;
}

TEST(a_held_registration_is_read)
{
    struct cli_registry registry;
    make_place();
    hold(ID ".12.json", "{\"pid\":12,\"job-id\":\"" ID "\",\"name\":\"a\\u001bb\",\"socket\":"
                        "\"/x/12.sock\",\"url\":null,\"token-file\":null,\"start-time\":5}");
    hold(ID ".7.json", "{\"pid\":7,\"job-id\":\"" ID "\",\"name\":\"c\",\"socket\":null,"
                       "\"url\":\"http://127.0.0.1:1\",\"token-file\":\"/t\",\"start-time\":4}");
    assert_int_equal(cli_registry_read(&registry), CLI_OK);
    assert_int_equal(registry.count, 2);
    assert_int_equal(registry.jobs[0].pid, 7);
    assert_null(registry.jobs[0].socket);
    assert_string_equal(registry.jobs[0].url, "http://127.0.0.1:1");
    assert_string_equal(registry.jobs[0].token_file, "/t");
    assert_string_equal(registry.jobs[1].name, "a?b");
    assert_string_equal(registry.jobs[1].socket, "/x/12.sock");
    assert_null(registry.jobs[1].url);
    assert_int_equal(registry.jobs[1].start_ms, 5);
    cli_registry_free(&registry);
}

TEST(what_nobody_holds_is_removed_with_its_socket)
{
    struct cli_registry registry;
    make_place();
    close(write_file(ID ".12.json", "{}", 2));
    close(write_file("12.sock", "", 0));
    close(write_file("13.sock", "", 0));
    assert_int_equal(cli_registry_read(&registry), CLI_OK);
    assert_int_equal(registry.count, 0);
    assert_false(is_there(ID ".12.json"));
    assert_false(is_there("12.sock"));
    assert_true(is_there("13.sock"));
    cli_registry_free(&registry);
}

TEST(a_reader_does_not_take_another_reader_for_the_owner)
{
    struct cli_registry registry;
    make_place();
    int file = write_file(ID ".12.json", "{}", 2);
    assert_int_equal(flock(file, LOCK_SH | LOCK_NB), 0);
    assert_int_equal(cli_registry_read(&registry), CLI_OK);
    assert_int_equal(registry.count, 0);
    assert_false(is_there(ID ".12.json"));
    cli_registry_free(&registry);
}

TEST(a_registration_that_says_nothing_of_use_is_passed_over)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{\"job-id\":3,\"socket\":\"/s\"}",
        "{\"job-id\":\"" ID "\"}",
        "{\"job-id\":\"" ID "\",\"socket\":null,\"url\":null}",
        "{\"job-id\":\"" ID "0\",\"socket\":\"/s\"}",
        "{\"job-id\":\"../../../../etc/passwd0000000000\",\"socket\":\"/s\"}",
        "{\"job-id\":\"" ID "\",\"job-id\":\"" ID "\",\"socket\":\"/s\"}",
    };
    struct cli_registry registry;
    make_place();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int file = hold(ID ".12.json", texts[i]);
        assert_int_equal(cli_registry_read(&registry), CLI_OK);
        assert_int_equal(registry.count, 0);
        assert_true(is_there(ID ".12.json"));
        cli_registry_free(&registry);
        close(file);
    }
}

/* As many as there may be, and one more. */
TEST(registrations_have_a_limit)
{
    struct cli_registry registry;
    struct rlimit files;
    make_place();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < CLI_REGISTERED_MAX + 100) {
        skip();
    }
    files.rlim_cur = CLI_REGISTERED_MAX + 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    for (int i = 1; i <= CLI_REGISTERED_MAX + 1; i++) {
        char name[64];
        snprintf(name, sizeof name, ID ".%d.json", i);
        hold(name, "{\"job-id\":\"" ID "\",\"socket\":\"/s\"}");
        if (i == CLI_REGISTERED_MAX) {
            hear_begin(&hear);
            assert_int_equal(cli_registry_read(&registry), CLI_OK);
            hear_end(&hear);
            assert_int_equal(registry.count, CLI_REGISTERED_MAX);
            assert_string_equal(hear.err, "");
            cli_registry_free(&registry);
        }
    }
    hear_begin(&hear);
    assert_int_equal(cli_registry_read(&registry), CLI_OK);
    hear_end(&hear);
    assert_int_equal(registry.count, CLI_REGISTERED_MAX);
    assert_true(hear_has(hear.err, "the rest is left out"));
    cli_registry_free(&registry);
}

TEST(no_runtime_directory_is_no_job)
{
    struct cli_registry registry;
    setenv("WEIR_RUNTIME_DIR", "/nonexistent/weir", 1);
    assert_int_equal(cli_registry_read(&registry), CLI_OK);
    assert_int_equal(registry.count, 0);
    cli_registry_free(&registry);
}

/* --- tokens --- */

static int
read_token(const char *text, size_t size, mode_t mode, char out[CLI_TOKEN_SIZE])
{
    char path[256];
    close(write_file("tokens", text, size));
    snprintf(path, sizeof path, "%s/tokens", place);
    assert_int_equal(chmod(path, mode), 0);
    out[0] = '\0';
    hear_begin(&hear);
    int code = cli_token_read(path, out);
    hear_end(&hear);
    return code;
}

TEST(the_token_of_the_highest_role_is_shown)
{
    static const struct {
        const char *text, *token;
    } good[] = {
        { "operate o", "o" },
        { "# mine\n\nobserve a\noperate b\nread-state c\n", "b" },
        { "observe a\nread-state c", "c" },
        { "  observe \t a  \r\n", "a" },
        { "alone\n", "alone" },
    };
    char token[CLI_TOKEN_SIZE];
    make_place();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(read_token(good[i].text, strlen(good[i].text), 0600, token), CLI_OK);
        assert_string_equal(token, good[i].token);
    }
}

TEST(a_token_file_that_is_none_is_refused_without_its_words)
{
    static const char *const bad[] = {
        "",          "# only\n", "boss secret\n", "operate secret\xc3\xa4", "operate secret\x01",
        "\x7fsecret"
    };
    char token[CLI_TOKEN_SIZE];
    make_place();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_token(bad[i], strlen(bad[i]), 0600, token), CLI_USAGE);
        assert_string_equal(token, "");
        assert_null(strstr(hear.err, "secret"));
        assert_true(hear_has(hear.err, "token file"));
    }
    static const mode_t open_modes[] = { 0640, 0604, 0660, 0601 };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_token("operate secret", 14, open_modes[i], token), CLI_USAGE);
        assert_true(hear_has(hear.err, "chmod 600"));
    }
}

TEST(tokens_have_a_limit)
{
    char token[CLI_TOKEN_SIZE];
    static char text[70 * 1024];
    make_place();
    memset(text, 'x', sizeof text);
    assert_int_equal(read_token(text, CLI_TOKEN_SIZE - 1, 0600, token), CLI_OK);
    assert_int_equal(strlen(token), CLI_TOKEN_SIZE - 1);
    assert_int_equal(read_token(text, CLI_TOKEN_SIZE, 0600, token), CLI_USAGE);
    memset(text, '#', sizeof text);
    memcpy(text, "token\n", 6);
    assert_int_equal(read_token(text, 64 * 1024, 0600, token), CLI_OK);
    assert_int_equal(read_token(text, 64 * 1024 + 1, 0600, token), CLI_USAGE);
    assert_true(hear_has(hear.err, "more than 64 KiB"));
}
