/* SPDX-License-Identifier: Apache-2.0 */
/* control_fuzz: any bytes as what a server answers to each verb that asks one, and as what a
 * running job has registered. The verb ends, and nothing that it prints or says can move a
 * terminal's cursor.
 *
 *   input   u8 which verb, or that it is a registration | its bytes
 *           a verb: answers, "\xff\xff" between them: u8 HTTP code | body; the last one repeats
 *
 * The doors to the network, the clock and the terminal are taken by the linker's --wrap.
 */
#include "fuzz/fuzz.h"

#include "cli/cli.h"
#include "cli/client/http.h"
#include "cli/client/registry.h"
#include "cli/log.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ASKS_MAX = 200,
    REGISTRATIONS = 6 /* first bytes from here on: a registration */
};

static const long codes[] = { 200, 202, 200, 404, 400, 401, 500, 0 };

static const uint8_t *left;
static size_t left_size;
static unsigned asked;
static uint64_t now_ms;

/* --- the doors --- */

uint64_t __wrap_cli_now_ms(void);
void __wrap_cli_sleep_ms(unsigned ms);
int __wrap_poll(struct pollfd *files, nfds_t count, int timeout_ms);
void __wrap_cli_log_say(char level, const char *text);
const struct cli_http_table *__wrap_cli_http(void);

uint64_t
__wrap_cli_now_ms(void)
{
    return now_ms += 50;
}

void
__wrap_cli_sleep_ms(unsigned ms)
{
    now_ms += ms;
}

int
__wrap_poll(struct pollfd *files, nfds_t count, int timeout_ms)
{
    (void)files;
    (void)count;
    now_ms += timeout_ms > 0 ? (uint64_t)timeout_ms : 0;
    return 0;
}

/* UTF-8 of C1 (0xc2 0x80 to 0x9f) moves cursors as well. */
static void
expect_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char letter = (unsigned char)text[i];
        fuzz_expect(letter >= 0x20 || letter == '\n');
        fuzz_expect(letter != 0x7f);
        fuzz_expect(letter != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
    }
}

void
__wrap_cli_log_say(char level, const char *text)
{
    fuzz_expect(level == 'e' || level == 'w' || level == 'i');
    fuzz_expect(text[0] != '\0');
    expect_printable(text, strlen(text));
}

static void *
open_http(void)
{
    return &left;
}

static void
close_http(void *handle)
{
    (void)handle;
}

/* The next answer; behind the last, or too many, nobody answers. */
static enum cli_http_result
ask(void *handle, const struct cli_http_request *request, struct cli_http_answer *out)
{
    (void)handle;
    memset(out, 0, sizeof *out);
    fuzz_expect(strncmp(request->url, "http://127.0.0.1:1/", 19) == 0);
    if (left_size == 0 || ++asked > ASKS_MAX) {
        snprintf(out->failure, sizeof out->failure, "gone\x1b[2J");
        return CLI_HTTP_LOST;
    }
    const uint8_t *end = memmem(left, left_size, "\xff\xff", 2);
    size_t size = end != NULL ? (size_t)(end - left) : left_size;
    out->code = codes[size > 0 ? left[0] % 8 : 0];
    out->size = size > 0 ? size - 1 : 0;
    out->body = malloc(out->size + 1);
    fuzz_expect(out->body != NULL);
    memcpy(out->body, left + (size > 0 ? 1 : 0), out->size);
    out->body[out->size] = '\0';
    if (end != NULL) {
        left += size + 2;
        left_size -= size + 2;
    }
    return CLI_HTTP_ANSWERED;
}

const struct cli_http_table *
__wrap_cli_http(void)
{
    static const struct cli_http_table table = { .magic = CLI_HTTP_MAGIC,
                                                 .version = CLI_HTTP_VERSION,
                                                 .open = open_http,
                                                 .ask = ask,
                                                 .close = close_http };
    return &table;
}

/* --- verbs --- */

static void
run_verb(const struct cli_verb *verb, bool is_json, const char *job)
{
    char words[][40] = { "", "-m", "127.0.0.1:1", "--timeout", "20s", "-o", "text", "" };
    char *arguments[10] = { NULL };
    int count = 0;
    snprintf(words[0], sizeof words[0], "%s", verb->name);
    snprintf(words[6], sizeof words[6], "%s", is_json ? "json" : "text");
    snprintf(words[7], sizeof words[7], "%s", job != NULL ? job : "");
    for (size_t i = 0; i < 7 + (job != NULL ? 1U : 0U); i++) {
        arguments[count++] = words[i];
    }
    char *printed = NULL;
    size_t size = 0;
    FILE *real = stdout;
    stdout = open_memstream(&printed, &size);
    fuzz_expect(stdout != NULL);
    int code = verb->run(count, arguments);
    fuzz_expect(fclose(stdout) == 0);
    stdout = real;
    fuzz_expect(code >= CLI_OK && code <= CLI_TIMEOUT);
    expect_printable(printed, size);
    free(printed);
}

/* --- registrations --- */

static void
read_registration(const uint8_t *data, size_t size)
{
    static char folder[512];
    char path[600];
    struct cli_registry registry;
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, WEIR_BINARY_DIR "/fuzz-control-%d", (int)getpid());
        (void)setenv("WEIR_RUNTIME_DIR", folder, 1);
    }
    (void)mkdir(folder, 0700); /* there already: fine */
    snprintf(path, sizeof path, "%s/00112233445566778899aabbccddeeff.1.json", folder);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_expect(file >= 0 && flock(file, LOCK_EX) == 0);
    fuzz_expect(write(file, data, size) == (ssize_t)size);
    int code = cli_registry_read(&registry);
    fuzz_expect(code == CLI_OK && registry.count <= 1);
    if (registry.count == 1) {
        const struct cli_registered *job = &registry.jobs[0];
        fuzz_expect(strlen(job->job_id) == CLI_JOB_ID_SIZE - 1);
        fuzz_expect(job->socket != NULL || job->url != NULL);
        expect_printable(job->name, strlen(job->name));
    }
    cli_registry_free(&registry);
    close(file);
    (void)unlink(path);
    (void)rmdir(folder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cli_verb *const verbs[] = { &cli_verb_list,       &cli_verb_savepoint,
                                                    &cli_verb_checkpoint, &cli_verb_stop,
                                                    &cli_verb_cancel,     &cli_verb_top };
    static const char job[] = "00112233445566778899aabbccddeeff";
    if (size == 0) {
        return 0;
    }
    unsigned which = data[0] % 8;
    left = data + 1;
    left_size = size - 1;
    asked = 0;
    now_ms = 0;
    if (which >= REGISTRATIONS) {
        read_registration(data + 1, size - 1);
    } else {
        bool takes_job = verbs[which] != &cli_verb_list && data[0] % 16 < 8;
        run_verb(verbs[which], data[0] % 32 < 16, takes_job ? job : NULL);
    }
    return 0;
}
