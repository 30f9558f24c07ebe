/* SPDX-License-Identifier: Apache-2.0 */
/* mistakes: jobs that go wrong in one way each: mistakes WAY [--output DIR]. All have the same
 * beginning: numbers 0 .. 999,999 from a generator, in records (number, text), a text where the way
 * needs one. */
#include <weir/connectors.h>
#include <weir/job.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct number {
    int64_t number;
    weir_string text;
};

enum {
    MIB = 1 << 20,
    KEY_MAX = 64 * 1024,
    VALUE_MAX = 16 * MIB,
    COUNT = 1000000
};

/* How long the texts are, and how many records one record becomes. */
struct way {
    const char *name;
    uint32_t text_size;
    uint32_t copies;
    bool keyed_by_text;
    bool is_value; /* the text goes into state */
    bool fails;
    bool fails_without_words;
    bool no_uid;
    bool same_uid;
    bool second;     /* one more stateful operator */
    bool is_patient; /* its part of a checkpoint takes two seconds */
    bool is_held;    /* it takes as long as there is a file "hold" where the job was started */
    bool once;       /* it fails only the first time in this process */
    bool is_stuck;   /* a function that does not return */
    bool is_mortal;  /* it dies as it commits, unless there is a file "died" already */
};

static const struct way ways[] = {
    { .name = "none" },
    { .name = "failing", .fails = true },
    { .name = "failing-once", .fails = true, .once = true },
    { .name = "stuck", .is_stuck = true },
    { .name = "failing-without-words", .fails = true, .fails_without_words = true },
    { .name = "no-uid", .no_uid = true },
    { .name = "same-uid", .same_uid = true },
    { .name = "second-operator", .second = true },
    { .name = "much-emitted", .text_size = 1024, .copies = 100000 },
    { .name = "longest-key", .text_size = KEY_MAX, .keyed_by_text = true },
    { .name = "key-too-long", .text_size = KEY_MAX + 1, .keyed_by_text = true },
    { .name = "record-too-big", .text_size = VALUE_MAX + 1 },
    { .name = "patient", .is_patient = true },
    { .name = "held", .is_held = true },
    { .name = "mortal", .is_mortal = true },
    { .name = "value-too-big", .is_value = true },
};

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    (void)context;
    struct number number = { .number = (int64_t)index };
    return weir_collector_emit_copy(out, &number, sizeof number);
}

/* The one that all ways fail at. */
static weir_status
meet_the_500th(weir_context *context, const struct way *way)
{
    static atomic_int met;
    while (way->is_stuck) {
        pause();
    }
    if (!way->fails || (way->once && atomic_exchange(&met, 1) != 0)) {
        return WEIR_OK;
    }
    return way->fails_without_words
               ? WEIR_USER
               : weir_context_fail(context, WEIR_USER, "500 is not to my taste");
}

/* Gives a record its text, and makes as many of it as the way wants. */
static weir_status
widen(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    const struct way *way = weir_context_argument(context);
    const struct number *number = record;
    weir_status status = number->number == 500 ? meet_the_500th(context, way) : WEIR_OK;
    if (status != WEIR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < (way->copies != 0 ? way->copies : 1); i++) {
        size_t size = sizeof *number + (size_t)way->text_size;
        struct number *to = weir_collector_emit(out, size);
        if (to == NULL) {
            return WEIR_LIMIT;
        }
        *to = (struct number){ number->number, { sizeof *to, way->text_size } };
        memset(to + 1, 'x', way->text_size);
    }
    return WEIR_OK;
}

static const weir_function widen_function = { .size = sizeof(weir_function), .process = widen };

struct counter {
    weir_state *count;
    weir_state *text;
};

static weir_status
open_count(weir_context *context, void *self)
{
    struct counter *counter = self;
    weir_status status =
        weir_context_value_state(context, "seen", weir_type_of_kind(WEIR_I64), &counter->count);
    if (status == WEIR_OK) {
        status = weir_context_value_state(context, "texts", weir_context_input_type(context),
                                          &counter->text);
    }
    return status;
}

static weir_status
count(weir_context *context, void *self, const void *record, weir_collector *out)
{
    const struct way *way = weir_context_argument(context);
    struct counter *counter = self;
    void *seen = NULL;
    weir_status status = weir_value_upsert(counter->count, &seen, NULL);
    if (status != WEIR_OK) {
        return status;
    }
    *(int64_t *)seen += 1;
    if (way->is_value) {
        static char block[VALUE_MAX + 2 * sizeof(struct number)];
        struct number *value = (struct number *)(void *)block;
        *value = (struct number){ 1, { sizeof *value, VALUE_MAX } };
        status = weir_value_put(counter->text, weir_bytes_of(block, sizeof *value + VALUE_MAX));
    }
    struct number number = { *(int64_t *)seen, { 0, 0 } };
    if (way->is_mortal) { /* each number once, then */
        number.number = ((const struct number *)record)->number;
    }
    return status != WEIR_OK ? status : weir_collector_emit_copy(out, &number, sizeof number);
}

static weir_status
wait_at_checkpoint(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    const struct way *way = weir_context_argument(context);
    struct timespec two_seconds = { .tv_sec = 2 };
    if (way->is_patient) {
        nanosleep(&two_seconds, NULL);
    }
    while (way->is_held && access("hold", F_OK) == 0) {
        usleep(5000);
    }
    return WEIR_OK;
}

/* The first time that a checkpoint or savepoint is committed. */
static weir_status
die_once(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    const struct way *way = weir_context_argument(context);
    FILE *died = way->is_mortal && access("died", F_OK) != 0 ? fopen("died", "w") : NULL;
    if (died != NULL) {
        (void)fclose(died);
        raise(SIGKILL);
    }
    return WEIR_OK;
}

static const weir_function count_function = { .size = sizeof(weir_function),
                                              .instance_size = sizeof(struct counter),
                                              .initialize_state = open_count,
                                              .snapshot_state = wait_at_checkpoint,
                                              .notify_checkpoint_complete = die_once,
                                              .process = count };

static const struct way *
find_way(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            return &ways[i];
        }
    }
    return NULL;
}

static weir_status
mistakes(weir_environment *environment, int argc, char **argv)
{
    const struct way *way = find_way(argc, argv);
    const char *rate = "0";
    const char *directory = NULL;
    const char *events = "1000000";
    for (int i = 2; i + 1 < argc; i += 2) {
        const char **to = strcmp(argv[i], "--output") == 0   ? &directory
                          : strcmp(argv[i], "--events") == 0 ? &events
                                                             : &rate;
        *to = argv[i + 1];
    }
    if (way == NULL) {
        return weir_environment_fail(environment, WEIR_INVALID,
                                     "usage: mistakes WAY [--rate R]"
                                     " [--events N] [--output DIR]");
    }
    weir_generator_source_options source = { .size = sizeof source, .generate = generate };
    source.count = strtoull(events, NULL, 10);
    source.records_per_second = strtod(rate, NULL);
    weir_file_sink_options sink = { sizeof sink, directory, WEIR_FORMAT_SPACES };
    const weir_field fields[] = { WEIR_FIELD(struct number, number, I64),
                                  WEIR_FIELD(struct number, text, STRING) };
    const weir_type *type =
        weir_environment_struct(environment, "number", sizeof(struct number), fields, 2);
    weir_environment_name_job(environment, "mistakes");
    weir_stream *stream = weir_generator_source(environment, "numbers", &source, type);
    weir_stream_uid(stream, "numbers");
    stream = weir_stream_flat_map(stream, "widen", &widen_function, way, sizeof *way, type);
    const char *key = way->keyed_by_text ? "text" : "number";
    stream = weir_stream_key_by(stream, key);
    stream = weir_stream_process(stream, "count", &count_function, way, sizeof *way, type);
    if (!way->no_uid) {
        weir_stream_uid(stream, way->same_uid ? "numbers" : "count");
    }
    if (way->second) {
        stream = weir_stream_key_by(stream, "number");
        stream = weir_stream_process(stream, "again", &count_function, way, sizeof *way, type);
        weir_stream_uid(stream, "again");
    }
    weir_stream_uid(directory != NULL ? weir_file_sink(stream, &sink) : weir_discard_sink(stream),
                    "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(mistakes)
