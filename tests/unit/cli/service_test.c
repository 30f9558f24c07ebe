/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told of views of a job, and of what time: real datagrams, no clock. */
#include "support/test.h"

#include "cli.h"
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SECOND = 1000
};

/* A manager's ear, and a job of two tasks as it may look. */
struct scene {
    int ear;
    struct cli_notify notify;
    struct cli_service service;
    weir_subtask_view subtasks[2];
    weir_vertex_view vertex;
    weir_checkpoint_view checkpoint;
    weir_job_view view;
    char heard[4096];
};

static void
begin(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "weir-service-test-%ld",
                        (long)getpid());
    scene->ear = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(scene->ear >= 0);
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
    assert_int_equal(bind(scene->ear, (struct sockaddr *)&address, address_size), 0);
    char name[sizeof address.sun_path + 1];
    snprintf(name, sizeof name, "@%s", address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    cli_notify_open(&scene->notify);
    assert_true(scene->notify.socket >= 0);
    cli_service_init(&scene->service, &scene->notify);
    scene->vertex = (weir_vertex_view){ .parallelism = 2, .subtasks = scene->subtasks };
    scene->view = (weir_job_view){ .name = "visits",
                                   .state = WEIR_JOB_INITIALIZING,
                                   .task_count = 2,
                                   .vertices = &scene->vertex,
                                   .vertex_count = 1 };
}

static void
end(struct scene *scene)
{
    cli_notify_close(&scene->notify);
    close(scene->ear);
}

/* All that was said since, one datagram a line. */
static const char *
hear(struct scene *scene)
{
    size_t used = 0;
    for (ssize_t size = 0; (size = recv(scene->ear, scene->heard + used,
                                        sizeof scene->heard - used - 2, MSG_DONTWAIT)) > 0;) {
        used += (size_t)size;
        scene->heard[used++] = '\n';
    }
    scene->heard[used] = '\0';
    return scene->heard;
}

static const char *
tell(struct scene *scene, uint64_t now_ms)
{
    cli_service_tell(&scene->service, &scene->view, now_ms);
    return hear(scene);
}

static void
run(struct scene *scene)
{
    scene->view.state = WEIR_JOB_RUNNING;
    scene->subtasks[0].state = scene->subtasks[1].state = WEIR_TASK_RUNNING;
}

TEST(ready_is_said_once_and_only_of_a_running_job)
{
    struct scene scene;
    begin(&scene);
    assert_null(strstr(tell(&scene, 1 * SECOND), "READY"));
    scene.subtasks[0].state = WEIR_TASK_RUNNING;
    assert_null(strstr(tell(&scene, 2 * SECOND), "READY"));
    run(&scene);
    assert_string_equal(tell(&scene, 3 * SECOND),
                        "READY=1\n"
                        "STATUS=running visits: 0 records in, 0 out, no checkpoint yet\n");
    scene.view.state = WEIR_JOB_RESTARTING;
    tell(&scene, 4 * SECOND);
    run(&scene);
    assert_null(strstr(tell(&scene, 5 * SECOND), "READY"));
    end(&scene);
}

TEST(a_restore_says_how_far_it_is)
{
    struct scene scene;
    begin(&scene);
    scene.view.restore = (weir_restore_view){
        .is_there = true, .is_under_way = true, .read_bytes = 43 << 20, .total_bytes = 100 << 20
    };
    assert_non_null(
        strstr(tell(&scene, SECOND), "STATUS=restoring visits: 43 % of 100.0 MiB, 0 of 2 tasks\n"));
    scene.view.restore.read_bytes = (100 << 20) - 1;
    scene.subtasks[0].state = WEIR_TASK_RUNNING;
    assert_non_null(strstr(tell(&scene, 2 * SECOND), "99 % of 100.0 MiB, 1 of 2 tasks\n"));
    scene.view.restore.read_bytes = 100 << 20;
    assert_non_null(strstr(tell(&scene, 3 * SECOND), "100 % of"));
    end(&scene);
}

TEST(more_time_is_asked_for_only_when_something_moved)
{
    struct scene scene;
    begin(&scene);
    scene.view.restore = (weir_restore_view){ .is_there = true, .total_bytes = 100 };
    assert_non_null(strstr(tell(&scene, 1 * SECOND), "EXTEND_TIMEOUT_USEC=300000000\n"));
    assert_string_equal(tell(&scene, 2 * SECOND), "");
    assert_string_equal(tell(&scene, 1000 * SECOND), "");
    scene.view.restore.read_bytes = 1;
    assert_non_null(strstr(tell(&scene, 1001 * SECOND), "EXTEND_TIMEOUT_USEC="));
    run(&scene);
    scene.subtasks[0].records_out = 17;
    assert_null(strstr(tell(&scene, 1002 * SECOND), "EXTEND"));
    scene.view.state = WEIR_JOB_STOPPING;
    scene.subtasks[0].records_out = 18;
    assert_non_null(strstr(tell(&scene, 1003 * SECOND), "EXTEND_TIMEOUT_USEC="));
    assert_string_equal(tell(&scene, 1004 * SECOND), "");
    end(&scene);
}

TEST(a_stop_says_how_far_its_checkpoint_is)
{
    struct scene scene;
    begin(&scene);
    run(&scene);
    tell(&scene, SECOND);
    scene.view.state = WEIR_JOB_STOPPING;
    scene.checkpoint = (weir_checkpoint_view){
        .id = 7, .status = WEIR_CHECKPOINT_IN_PROGRESS, .acknowledged_count = 1, .task_count = 2
    };
    scene.view.checkpoints.history = &scene.checkpoint;
    scene.view.checkpoints.history_count = 1;
    const char *said = tell(&scene, 2 * SECOND);
    assert_non_null(strstr(said, "STOPPING=1\n"));
    assert_non_null(strstr(said, "STATUS=stopping visits: checkpoint 7, 1 of 2 tasks\n"));
    assert_null(strstr(tell(&scene, 3 * SECOND), "STOPPING"));
    end(&scene);
}

TEST(a_job_that_has_ended_is_not_told_of_twice)
{
    struct scene scene;
    begin(&scene);
    run(&scene);
    tell(&scene, SECOND);
    scene.view.state = WEIR_JOB_FAILED;
    assert_string_equal(tell(&scene, 2 * SECOND), "");
    end(&scene);
}

TEST(beats_come_at_half_of_the_watchdogs_time)
{
    struct scene scene;
    begin(&scene);
    scene.notify.watchdog_ms = 60 * SECOND;
    run(&scene);
    assert_non_null(strstr(tell(&scene, 100 * SECOND), "WATCHDOG=1\n"));
    assert_string_equal(tell(&scene, 129 * SECOND), "");
    assert_string_equal(tell(&scene, 130 * SECOND), "WATCHDOG=1\n");
    assert_string_equal(tell(&scene, 159 * SECOND), "");
    assert_string_equal(tell(&scene, 160 * SECOND), "WATCHDOG=1\n");
    end(&scene);
}

TEST(a_status_is_one_line)
{
    struct scene scene;
    begin(&scene);
    run(&scene);
    scene.view.name = "visits\nREADY=0\tor not";
    assert_non_null(strstr(tell(&scene, SECOND), "STATUS=running visits READY=0 or not: "));
    end(&scene);
}

TEST(what_the_manager_gave_is_taken_out_of_the_environment_and_put_back_for_a_child)
{
    setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    setenv("WATCHDOG_USEC", "2500000", 1);
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    struct cli_notify notify;
    cli_notify_open(&notify);
    assert_int_equal(notify.watchdog_ms, 2500);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    cli_notify_pass_on(&notify);
    assert_string_equal(getenv("NOTIFY_SOCKET"), "/nowhere/notify");
    assert_string_equal(getenv("WATCHDOG_USEC"), "2500000");
    assert_null(getenv("WATCHDOG_PID"));
    cli_notify_close(&notify);
}

TEST(sockets_and_intervals_that_are_none_are_refused)
{
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    const char *const names[] = { "", "relative", "/", "@", "vsock:2:1", longest };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        struct cli_notify notify;
        cli_notify_open(&notify);
        assert_int_equal(notify.socket, -1);
        assert_true(cli_notify_send(&notify, "READY=1"));
    }
    const char *const intervals[] = { "", "x", "-1", "12x", "99999999999999999999999" };
    for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
        setenv("NOTIFY_SOCKET", "@weir-nobody", 1);
        setenv("WATCHDOG_USEC", intervals[i], 1);
        struct cli_notify notify;
        cli_notify_open(&notify);
        assert_int_equal(notify.watchdog_ms, 0);
        cli_notify_close(&notify);
    }
}
