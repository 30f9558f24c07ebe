/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of running jobs: made, found, and swept when their process is gone. */
#include "serve/registration.h"

#include "rig_http.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB "0123456789abcdef0123456789abcdef"

struct place {
    char directory[64];
    char runtime[80];
};

static void
open_place(struct place *place)
{
    snprintf(place->directory, sizeof place->directory, "%s", "/tmp/weir-runtime-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->runtime, sizeof place->runtime, "%s/runtime", place->directory);
    setenv("WEIR_RUNTIME_DIR", place->runtime, 1);
}

static void
close_place(const struct place *place)
{
    assert_int_equal(rmdir(place->runtime), 0); /* and so nothing is left there */
    assert_int_equal(rmdir(place->directory), 0);
}

static unsigned
count_entries(const struct place *place)
{
    unsigned count = 0;
    DIR *entries = opendir(place->runtime);
    assert_non_null(entries);
    for (struct dirent *entry = NULL; (entry = readdir(entries)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(entries);
    return count;
}

static void
write_entry(struct wr_registration *registration)
{
    weir_error error;
    struct wr_registered registered = { .job_id = JOB, .name = "a \"job\"", .start_ms = 7 };
    assert_ok(wr_registration_init(registration, &error), &error);
    assert_ok(wr_registration_write(registration, &registered, &error), &error);
}

TEST(a_running_job_is_registered_with_what_its_clients_need)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "rest.port", "0");
    rig_start(&rig);
    http_open(&rig);
    char path[512];
    struct stat about;
    const char *runtime = getenv("WEIR_RUNTIME_DIR");
    const weir_job_view *view = rig_view(&rig);
    assert_non_null(runtime);
    snprintf(path, sizeof path, "%s/%s.%d.json", runtime, view->id, (int)getpid());
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    json_t *entry = json_load_file(path, 0, NULL);
    assert_int_equal(rig_number_at(entry, "pid"), getpid());
    assert_string_equal(rig_text_at(entry, "job-id"), view->id);
    assert_string_equal(rig_text_at(entry, "name"), "numbers");
    assert_string_equal(rig_text_at(entry, "url"), wr_listener_url(rig.server->listener));
    assert_string_equal(rig_text_at(entry, "socket"), wr_listener_socket(rig.server->listener));
    assert_int_equal(rig_number_at(entry, "start-time"), view->start_ms);
    assert_true(json_is_null(rig_at(entry, "token-file")));
    char socket_path[512];
    snprintf(socket_path, sizeof socket_path, "%s", rig_text_at(entry, "socket"));
    assert_int_equal(stat(socket_path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    snprintf(socket_path, sizeof socket_path, "%s/runtime", rig.directory);
    assert_int_equal(stat(socket_path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    json_decref(entry);
    weir_job_view_free(view);
    http_close(&rig);
    assert_int_not_equal(access(path, F_OK), 0);
    rig_fini(&rig);
}

TEST(an_entry_is_locked_as_long_as_its_process_lives)
{
    struct place place;
    struct wr_registration registration;
    open_place(&place);
    write_entry(&registration);
    int file = open(registration.path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_not_equal(flock(file, LOCK_EX | LOCK_NB), 0);
    struct wr_registration other; /* whoever comes next leaves it alone */
    weir_error error;
    assert_ok(wr_registration_init(&other, &error), &error);
    assert_int_equal(access(registration.path, F_OK), 0);
    wr_registration_fini(&registration);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), 0);
    close(file);
    close_place(&place);
}

/* Registers, listens, tells so, and waits to be killed. */
static pid_t
start_child(int ready[2])
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct wr_registration registration;
        struct wr_registered registered = { .job_id = JOB, .name = "child" };
        int listening = -1;
        bool is_done = wr_registration_init(&registration, NULL) == WEIR_OK;
        is_done = is_done &&
                  wr_registration_listen(&registration, JOB, &listening, NULL) == WEIR_OK &&
                  wr_registration_write(&registration, &registered, NULL) == WEIR_OK;
        ssize_t ignored = write(ready[1], is_done ? "y" : "n", 1);
        (void)ignored;
        for (;;) {
            pause();
        }
    }
    return child;
}

TEST(what_a_killed_process_left_is_swept_by_the_next)
{
    struct place place;
    struct wr_registration registration;
    weir_error error;
    int ready[2];
    char letter = 0;
    open_place(&place);
    assert_int_equal(pipe(ready), 0);
    pid_t child = start_child(ready);
    assert_int_equal(read(ready[0], &letter, 1), 1);
    assert_int_equal(letter, 'y');
    assert_ok(wr_registration_init(&registration, &error), &error);
    assert_int_equal(count_entries(&place), 2); /* it lives: entry and socket stay */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(count_entries(&place), 2);
    assert_ok(wr_registration_init(&registration, &error), &error);
    assert_int_equal(count_entries(&place), 0);
    close(ready[0]);
    close(ready[1]);
    close_place(&place);
}

TEST(foreign_files_in_the_runtime_directory_stay)
{
    struct place place;
    struct wr_registration registration;
    weir_error error;
    char path[200];
    char linked[200];
    open_place(&place);
    assert_ok(wr_registration_init(&registration, &error), &error);
    snprintf(path, sizeof path, "%s/notes.txt", place.runtime);
    assert_true(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
    snprintf(linked, sizeof linked, "%s/linked.json", place.runtime);
    assert_int_equal(symlink("notes.txt", linked), 0);
    assert_ok(wr_registration_init(&registration, &error), &error);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(linked, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(linked), 0);
    close_place(&place);
}

TEST(a_directory_that_others_could_change_is_not_used)
{
    struct place place;
    struct wr_registration registration;
    weir_error error;
    open_place(&place);
    assert_int_equal(mkdir(place.runtime, 0700), 0);
    static const mode_t modes[] = { 0720, 0702, 0777, 01777 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(place.runtime, modes[i]), 0);
        assert_int_equal(wr_registration_init(&registration, &error), WEIR_INVALID);
        assert_non_null(strstr(error.message, "chmod 700"));
    }
    assert_int_equal(rmdir(place.runtime), 0);
    char other[100];
    snprintf(other, sizeof other, "%s/other", place.directory);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(symlink("other", place.runtime), 0);
    assert_int_equal(wr_registration_init(&registration, &error), WEIR_INVALID);
    assert_non_null(strstr(error.message, "no directory"));
    assert_int_equal(unlink(place.runtime), 0);
    assert_int_equal(rmdir(other), 0);
    int file = open(place.runtime, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0 && close(file) == 0);
    assert_int_equal(wr_registration_init(&registration, &error), WEIR_INVALID);
    assert_int_equal(unlink(place.runtime), 0);
    if (geteuid() == 0) { /* who is root can make one that is another's */
        assert_int_equal(mkdir(place.runtime, 0700), 0);
        assert_int_equal(chown(place.runtime, 12345, 12345), 0);
        assert_int_equal(wr_registration_init(&registration, &error), WEIR_INVALID);
        assert_non_null(strstr(error.message, "12345"));
        assert_int_equal(rmdir(place.runtime), 0);
    }
    assert_int_equal(rmdir(place.directory), 0);
}

/* With a port it is a warning; alone it is what was asked for. */
TEST(a_local_socket_that_cannot_be_had_ends_no_server_with_a_port)
{
    struct rig rig;
    rig_init(&rig);
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    memcpy(path, rig.directory, strlen(rig.directory));
    path[strlen(rig.directory)] = '/';
    setenv("WEIR_RUNTIME_DIR", path, 1); /* longer than a socket's name may be */
    rig_create(&rig);
    assert_int_equal(wr_listener_start(rig.server, &rig.server->listener, &rig.error),
                     WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "WEIR_RUNTIME_DIR"));
    rig_set(&rig, "rest.port", "0");
    rig_start(&rig);
    http_open(&rig);
    assert_string_equal(wr_listener_socket(rig.server->listener), "");
    struct http_answer answer;
    assert_int_equal(http_once(&rig, "GET /jobs", "", &answer), 200);
    http_close(&rig);
    rig_fini(&rig);
}

TEST(two_jobs_of_one_process_have_a_socket_each)
{
    struct rig one;
    struct rig two;
    struct http_answer answer;
    rig_init(&one);
    rig_start(&one);
    http_open(&one);
    char runtime[128];
    snprintf(runtime, sizeof runtime, "%s/runtime", one.directory);
    rig_init(&two);
    setenv("WEIR_RUNTIME_DIR", runtime, 1);
    rig_start(&two);
    http_open(&two);
    assert_string_not_equal(wr_listener_socket(one.server->listener),
                            wr_listener_socket(two.server->listener));
    int asked = http_connect_local(&two);
    assert_true(http_send(asked, "GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n"));
    http_receive(asked, false, &answer);
    const weir_job_view *view = rig_view(&two);
    assert_non_null(strstr(answer.body, view->id));
    weir_job_view_free(view);
    close(asked);
    http_close(&two);
    rig_fini(&two);
    http_close(&one);
    rig_fini(&one);
}

/* A socket that another process of the same number left, without an entry. */
TEST(a_name_that_was_left_behind_is_taken_over)
{
    struct place place;
    struct wr_registration registration;
    weir_error error;
    int first = -1;
    int second = -1;
    char left[sizeof registration.socket];
    open_place(&place);
    assert_ok(wr_registration_init(&registration, &error), &error);
    assert_ok(wr_registration_listen(&registration, JOB, &first, &error), &error);
    snprintf(left, sizeof left, "%s", registration.socket);
    close(first);
    assert_ok(wr_registration_listen(&registration, JOB, &second, &error), &error);
    assert_string_equal(registration.socket, left);
    wr_registration_fini(&registration);
    close(second);
    close_place(&place);
}

/* Only who is root can be somebody else here, and open the way to the socket. */
TEST(another_user_is_turned_away_from_the_local_socket)
{
    struct rig rig;
    if (geteuid() != 0) {
        return;
    }
    rig_init(&rig);
    rig_start(&rig);
    http_open(&rig);
    const char *path = wr_listener_socket(rig.server->listener);
    char runtime[200];
    snprintf(runtime, sizeof runtime, "%s/runtime", rig.directory);
    assert_int_equal(chmod(rig.directory, 0711), 0);
    assert_int_equal(chmod(runtime, 0711), 0);
    assert_int_equal(chmod(path, 0666), 0);
    pid_t child = fork();
    if (child == 0) {
        bool is_other = setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
        int out = is_other ? http_connect_local(&rig) : -1;
        struct http_answer answer = { .code = 1 };
        if (out >= 0) {
            http_send(out, "GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n");
            http_receive(out, false, &answer);
        }
        _exit(answer.code == 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    http_close(&rig);
    rig_fini(&rig);
}
