/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events, read as the listener reads it. */
#include "rig.h"

#include "weir/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_MAX = 1 << 20,
    ROUNDS_MAX = 60000
};

/* A client: what has come so far. */
struct client {
    struct rig *rig;
    struct wr_stream stream;
    char *text;
    size_t size;
    size_t room; /* that each read is given */
    bool has_ended;
};

static void
follow(struct client *client, struct rig *rig, const char *path, const char *last_id)
{
    char only[256];
    snprintf(only, sizeof only, "%s", path);
    struct wr_query after = { "after", NULL };
    struct wr_raw_request raw = {
        .method = "GET", .path = only, .queries = &after, .last_event_id = last_id, .is_local = true
    };
    char *query = strstr(only, "?after=");
    if (query != NULL) {
        *query = '\0';
        after.value = query + 7;
        raw.query_count = 1;
    }
    struct rig_answer *answer = rig_ask(rig, &raw);
    assert_int_equal(200, answer->code);
    assert_string_equal("text/event-stream", answer->raw.content_type);
    *client = (struct client){ .rig = rig, .stream = answer->raw.stream, .room = 4096 };
    client->text = calloc(1, TEXT_MAX);
}

static void
leave(struct client *client)
{
    free(client->text); /* the stream is the answer's, which the rig frees */
}

/* Reads once; false: nothing was there. */
static bool
read_once(struct client *client)
{
    long size = client->stream.read(client->stream.state, client->rig->server,
                                    client->text + client->size, client->room);
    client->has_ended = client->has_ended || size < 0;
    client->size += size > 0 ? (size_t)size : 0;
    assert_true(client->size < TEXT_MAX - 8192);
    client->text[client->size] = '\0';
    return size > 0;
}

static void
read_all(struct client *client)
{
    while (!client->has_ended && read_once(client)) {
    }
}

static void
read_until(struct client *client, const char *words)
{
    for (int i = 0; strstr(client->text, words) == NULL && !client->has_ended; i++) {
        assert_true(i < ROUNDS_MAX);
        if (!read_once(client)) {
            usleep(1000);
        }
    }
}

static size_t
count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words)) {
        count++;
    }
    return count;
}

/* The data of the first event of that name. */
static json_t *
data_of(const struct client *client, const char *name)
{
    char head[64];
    snprintf(head, sizeof head, "event: %s\ndata: ", name);
    const char *at = strstr(client->text, head);
    assert_non_null(at);
    at += strlen(head);
    json_t *data = json_loadb(at, strcspn(at, "\n"), 0, NULL);
    assert_non_null(data);
    return data;
}

/* Ids in their order, each one more than the one before; answers the last. */
static uint64_t
check_ids(const char *text, uint64_t before)
{
    for (const char *at = text; (at = strstr(at, "id: ")) != NULL; at++) {
        if (at == text || at[-1] == '\n') {
            assert_int_equal(strtoull(at + 4, NULL, 10), ++before);
        }
    }
    return before;
}

TEST(events_are_streamed_as_they_happen_until_the_job_has_ended)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_start(&rig);
    follow(&client, &rig, "/weir/v1/events?after=0", NULL);
    read_until(&client, "\"job-state\":\"RUNNING\"");
    uint64_t id = rig_checkpoint(&rig);
    read_until(&client, "event: checkpoint-completed");
    json_t *completed = data_of(&client, "checkpoint-completed");
    assert_int_equal(id, rig_number_at(completed, "checkpoint-id"));
    assert_true(rig_number_at(completed, "bytes") > 0);
    assert_true(rig_number_at(completed, "duration-ms") >= 0);
    assert_non_null(strstr(rig_text_at(completed, "path"), "/chk-1"));
    assert_true(json_is_false(rig_at(completed, "is-savepoint")));
    json_decref(completed);
    json_t *started = data_of(&client, "started");
    assert_true(json_is_true(rig_at(started, "started-empty")));
    json_decref(started);
    assert_int_equal(1, count_of(client.text, "event: checkpoint-triggered"));
    weir_job_cancel(rig.job);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    read_all(&client);
    assert_true(client.has_ended);
    assert_non_null(strstr(client.text, "\"job-state\":\"CANCELED\""));
    assert_int_equal(weir_job_newest_event(rig.job), check_ids(client.text, 0));
    leave(&client);
    rig_fini(&rig);
}

TEST(a_client_goes_on_behind_the_last_event_that_it_has_seen)
{
    struct rig rig;
    struct client first;
    struct client again;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    (void)rig_checkpoint(&rig);
    follow(&first, &rig, "/weir/v1/events?after=0", NULL);
    read_all(&first);
    uint64_t seen = check_ids(first.text, 0);
    assert_int_equal(weir_job_newest_event(rig.job), seen);
    (void)rig_checkpoint(&rig);
    char last[32];
    snprintf(last, sizeof last, "%llu", (unsigned long long)seen);
    follow(&again, &rig, "/weir/v1/events?after=0", last); /* the header wins */
    read_all(&again);
    assert_int_equal(weir_job_newest_event(rig.job), check_ids(again.text, seen));
    assert_int_equal(1, count_of(again.text, "event: checkpoint-completed"));
    assert_null(strstr(again.text, "event: gap"));
    leave(&first);
    leave(&again);
    rig_fini(&rig);
}

TEST(who_says_nothing_hears_only_what_is_to_come)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    (void)rig_checkpoint(&rig);
    uint64_t before = weir_job_newest_event(rig.job);
    follow(&client, &rig, "/weir/v1/events", NULL);
    read_all(&client);
    assert_int_equal(0, client.size);
    (void)rig_checkpoint(&rig);
    read_all(&client);
    assert_int_equal(before + 2, check_ids(client.text, before));
    leave(&client);
    rig_fini(&rig);
}

TEST(what_was_missed_is_told_as_a_gap)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    follow(&client, &rig, "/weir/v1/events?after=0", NULL);
    while (weir_job_newest_event(rig.job) < WEIR_EVENTS_KEPT + 20) {
        (void)rig_checkpoint(&rig);
    }
    read_all(&client);
    json_t *gap = data_of(&client, "gap");
    uint64_t missed = (uint64_t)rig_number_at(gap, "missed");
    json_decref(gap);
    assert_int_equal(weir_job_newest_event(rig.job) - WEIR_EVENTS_KEPT, missed);
    /* the gap has the id of the last that was missed, so that a client may go on from it */
    assert_int_equal(strtoull(client.text + 4, NULL, 10), missed);
    assert_int_equal(weir_job_newest_event(rig.job), check_ids(client.text, missed - 1));
    assert_int_equal(1, count_of(client.text, "event: gap"));
    leave(&client);
    rig_fini(&rig);
}

TEST(a_slow_client_gets_every_byte_once)
{
    struct rig rig;
    struct client fast;
    struct client slow;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    for (int i = 0; i < 40; i++) {
        (void)rig_checkpoint(&rig);
    }
    follow(&fast, &rig, "/weir/v1/events?after=0", NULL);
    follow(&slow, &rig, "/weir/v1/events?after=0", NULL);
    slow.room = 1;
    read_all(&fast);
    read_all(&slow);
    assert_int_equal(fast.size, slow.size);
    assert_memory_equal(fast.text, slow.text, fast.size);
    leave(&fast);
    leave(&slow);
    rig_fini(&rig);
}

TEST(a_failure_and_its_restart_are_told_with_their_reasons)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "1");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 ms");
    rig_start(&rig);
    rig_wait_processed(&rig, 1);
    uint64_t id = rig_checkpoint(&rig);
    follow(&client, &rig, "/weir/v1/events", NULL);
    rig.fails = true;
    read_until(&client, "event: restored");
    json_t *restarting = data_of(&client, "restarting");
    assert_non_null(strstr(rig_text_at(restarting, "reason"), "broken on purpose"));
    assert_int_equal(1, rig_number_at(restarting, "duration-ms"));
    json_decref(restarting);
    json_t *started = data_of(&client, "started");
    assert_true(json_is_false(rig_at(started, "started-empty")));
    assert_int_equal(id, rig_number_at(started, "checkpoint-id"));
    json_decref(started);
    rig.fails = true; /* once more than is allowed */
    read_until(&client, "\"job-state\":\"FAILED\"");
    assert_non_null(strstr(client.text, "\"job-state\":\"FAILED\",\"reason\":"));
    read_all(&client);
    assert_true(client.has_ended);
    leave(&client);
    rig_fini(&rig);
}

TEST(a_checkpoint_that_fails_is_told_with_its_reason)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig_wait_processed(&rig, 1);
    follow(&client, &rig, "/weir/v1/events", NULL);
    rig.holds = true;
    uint64_t request = 0;
    assert_ok(
        weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_CONFIGURED, &request, &rig.error),
        &rig.error);
    rig_wait_in_progress(&rig, 1);
    weir_job_cancel(rig.job);
    rig.holds = false;
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    read_all(&client);
    json_t *failed = data_of(&client, "checkpoint-failed");
    assert_true(strlen(rig_text_at(failed, "reason")) > 10);
    json_decref(failed);
    leave(&client);
    rig_fini(&rig);
}

TEST(a_stream_without_news_shows_that_it_lives)
{
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_create(&rig);
    follow(&client, &rig, "/weir/v1/events", NULL);
    int reads = 0;
    while (!read_once(&client)) {
        assert_true(++reads < 20);
    }
    assert_int_equal(15, reads);
    assert_string_equal(": still here\n\n", client.text);
    leave(&client);
    rig_fini(&rig);
}

TEST(an_id_that_is_none_is_refused_and_one_of_another_process_begins_anew)
{
    static const char *const wrong[] = { "x", "-1", "1.5", " 1", "", "99999999999999999999" };
    struct rig rig;
    struct client client;
    rig_init(&rig);
    rig_create(&rig);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct wr_raw_request raw = {
            .method = "GET", .path = "/weir/v1/events", .last_event_id = wrong[i], .is_local = true
        };
        assert_int_equal(400, rig_ask(&rig, &raw)->code);
    }
    follow(&client, &rig, "/weir/v1/events", "1000000");
    read_all(&client);
    assert_int_equal(weir_job_newest_event(rig.job), check_ids(client.text, 0));
    leave(&client);
    rig_fini(&rig);
}
