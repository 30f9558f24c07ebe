/* SPDX-License-Identifier: Apache-2.0 */
/* posix_test: what only the real os does: sockets, libraries, its own resident memory. */
#include "support/test.h"

#include "os/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Listens on a free port of 127.0.0.1; the port as text. */
static int
listen_here(char port[8])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(listener, 1), 0);
    snprintf(port, 8, "%u", ntohs(address.sin_port));
    return listener;
}

/* Reads until something other than "nothing yet" comes, for two seconds at most. */
static int
read_patiently(struct wr_os *os, int file, char *text, size_t size, size_t *out_size)
{
    int failure = EAGAIN;
    for (int i = 0; i < 2000 && failure == EAGAIN; i++) {
        failure = os->ops->read(os, file, text, size, out_size);
        if (failure == EAGAIN) {
            usleep(1000);
        }
    }
    return failure;
}

TEST(posix_connects_and_reads_without_blocking)
{
    struct wr_os *os = wr_os_posix();
    char port[8];
    char text[10] = "";
    size_t count = 0;
    int file = -1;
    int listener = listen_here(port);
    assert_int_equal(os->ops->connect(os, "localhost", port, &file), 0); /* IPv4 behind IPv6 */
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(os->ops->read(os, file, text, sizeof text, &count), EAGAIN);
    assert_int_equal(write(peer, "hello", 5), 5);
    assert_int_equal(read_patiently(os, file, text, sizeof text, &count), 0);
    assert_int_equal(count, 5);
    assert_memory_equal(text, "hello", 5);
    close(peer);
    assert_int_equal(read_patiently(os, file, text, sizeof text, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(os->ops->close(os, file), 0);
    close(listener);
}

TEST(posix_says_refused_at_connect_or_at_read)
{
    struct wr_os *os = wr_os_posix();
    char port[8];
    char text[10];
    size_t count = 0;
    int file = -1;
    close(listen_here(port)); /* now nobody listens there */
    int failure = os->ops->connect(os, "127.0.0.1", port, &file);
    if (failure == 0) {
        failure = read_patiently(os, file, text, sizeof text, &count);
        assert_int_equal(os->ops->close(os, file), 0);
    }
    assert_int_equal(failure, ECONNREFUSED);
    assert_int_not_equal(os->ops->connect(os, "no-such-host.invalid", "80", &file), 0);
}

TEST(posix_loads_a_library_and_finds_its_symbols)
{
    struct wr_os *os = wr_os_posix();
    char words[300] = "";
    char directory[] = "/tmp/weir_load_XXXXXX";
    char command[600];
    void *library = NULL;
    assert_non_null(mkdtemp(directory));
    snprintf(command, sizeof command,
             "echo 'int answer(void) { return 42; }' | cc -shared -fPIC -x c - -o %s/l.so",
             directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(os->ops->load(os, "l.so", &library, words, sizeof words), 0); /* a bare name */
    int (*answer)(void) = NULL;
    *(void **)&answer = os->ops->symbol(os, library, "answer");
    assert_non_null(answer);
    assert_int_equal(answer(), 42);
    assert_null(os->ops->symbol(os, library, "no_such"));
    os->ops->unload(os, library);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

TEST(posix_knows_its_resident_memory)
{
    struct wr_os *os = wr_os_posix();
    uint64_t resident = os->ops->resident_bytes(os);
    assert_true(resident > 100000);
    assert_true(resident < os->ops->memory_bytes(os));
    assert_int_equal(os->ops->process_id(os), getpid());
}

TEST(a_process_ends_itself_with_a_code_and_its_words)
{
    int words[2];
    char said[128];
    int status = 0;
    assert_int_equal(pipe(words), 0);
    pid_t child = fork();
    if (child == 0) {
        struct wr_os *os = wr_os_posix();
        dup2(words[1], STDERR_FILENO);
        os->ops->process_end(os, 6, "it hangs");
        _exit(1);
    }
    close(words[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    ssize_t size = read(words[0], said, sizeof said - 1);
    assert_true(size > 0);
    said[size] = '\0';
    close(words[0]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 6);
    assert_string_equal(said, "weir: error: it hangs\n");
}
