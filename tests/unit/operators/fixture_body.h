/* SPDX-License-Identifier: Apache-2.0 */
/* fixture_body.h: the fixture's functions. Included by one test file of each binary. */
#include "unit/operators/fixture.h"

#include "base/fail.h"
#include "os/file.h"
#include "types/key.h"

#include <stdio.h>
#include <stdlib.h>

/* --- fakes of the job's graph --- */

void
made_init(weir_environment *environment)
{
    memset(environment, 0, sizeof *environment);
    environment->stream.environment = environment;
}

weir_status
weir_environment_fail(weir_environment *environment, weir_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)wr_fail_at_v(&environment->error, status, 0, __FILE__, __LINE__, format, arguments);
    va_end(arguments);
    return status;
}

static weir_stream *
keep(weir_environment *environment, const char *name, const weir_function *function,
     const void *argument, size_t argument_size)
{
    struct made *made = &environment->made;
    memset(made, 0, sizeof *made);
    made->function = *function;
    snprintf(made->name, sizeof made->name, "%s", name);
    assert_true(argument_size <= sizeof made->argument);
    if (argument_size != 0) {
        memcpy(made->argument, argument, argument_size);
    }
    made->argument_size = argument_size;
    return &environment->stream;
}

weir_stream *
weir_environment_source(weir_environment *environment, const char *name,
                        const weir_function *function, const void *argument, size_t argument_size,
                        const weir_type *type)
{
    weir_stream *stream = keep(environment, name, function, argument, argument_size);
    stream->type = type;
    environment->made.type = type;
    return stream;
}

weir_stream *
weir_stream_process(weir_stream *stream, const char *name, const weir_function *function,
                    const void *argument, size_t argument_size, const weir_type *type)
{
    if (stream == NULL) {
        return NULL;
    }
    (void)keep(stream->environment, name, function, argument, argument_size);
    stream->environment->made.type = type;
    return stream;
}

weir_stream *
weir_stream_sink(weir_stream *stream, const char *name, const weir_function *function,
                 const void *argument, size_t argument_size)
{
    return stream != NULL ? keep(stream->environment, name, function, argument, argument_size)
                          : NULL;
}

weir_stream *
weir_stream_stateful(weir_stream *stream)
{
    if (stream != NULL) {
        stream->environment->made.stateful = true;
    }
    return stream;
}

weir_stream *
weir_stream_parallelism(weir_stream *stream, uint32_t parallelism)
{
    if (stream != NULL) {
        stream->environment->made.parallelism = parallelism;
    }
    return stream;
}

weir_environment *
weir_stream_environment(weir_stream *stream)
{
    return stream != NULL ? stream->environment : NULL;
}

const weir_type *
weir_stream_type(const weir_stream *stream)
{
    return stream != NULL ? stream->type : NULL;
}

const size_t *
weir_stream_key_fields(const weir_stream *stream, size_t *out_count)
{
    static const size_t first = 0;
    bool keyed = stream != NULL && !stream->is_unkeyed;
    if (out_count != NULL) {
        *out_count = keyed ? 1 : 0;
    }
    return keyed ? &first : NULL;
}

/* --- records --- */

void
records_add(struct records *records, const void *block, size_t size)
{
    assert_true(records->count < LIFE_RECORDS_MAX);
    void *copy = calloc(1, weir_round8(size) + 8);
    memcpy(copy, block, size);
    records->blocks[records->count] = copy;
    records->sizes[records->count++] = size;
}

void
records_add_text(struct records *records, const char *text)
{
    struct {
        weir_string string;
        char text[4096];
    } block = { .string = { sizeof(weir_string), (uint32_t)strlen(text) } };
    assert_true(strlen(text) < sizeof block.text);
    memcpy(block.text, text, strlen(text));
    records_add(records, &block, sizeof block.string + strlen(text));
}

const char *
records_text(const struct records *records, size_t index)
{
    assert_true(index < records->count);
    char *block = records->blocks[index];
    weir_string string;
    memcpy(&string, block, sizeof string);
    block[string.offset + string.size] = '\0'; /* behind it are spare bytes */
    return block + string.offset;
}

void
records_free(struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        free(records->blocks[i]);
    }
    records->count = 0;
    records->taken = 0;
}

static weir_status
feed_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
          weir_poll *out_poll)
{
    (void)self;
    (void)max_records;
    struct life *life = *(struct life *const *)weir_context_argument(context);
    struct records *feed = &life->feed;
    if (feed->taken == feed->count) {
        *out_poll = feed->has_ended ? WEIR_POLL_END : WEIR_POLL_IDLE;
        return WEIR_OK;
    }
    *out_poll = WEIR_POLL_MORE;
    size_t at = feed->taken++;
    return weir_collector_emit_copy(out, feed->blocks[at], feed->sizes[at]);
}

static weir_status
capture_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    (void)out;
    struct life *life = *(struct life *const *)weir_context_argument(context);
    records_add(&life->captured, record, weir_context_record_size(context));
    return WEIR_OK;
}

static const weir_function feed_function = { .size = sizeof(weir_function), .poll = feed_poll };
static const weir_function capture_function = { .size = sizeof(weir_function),
                                                .process = capture_process };

/* --- a life --- */

static void
keep_log(void *argument, char level, const char *text)
{
    struct life *life = argument;
    size_t used = strlen(life->log);
    snprintf(life->log + used, sizeof life->log - used, "%c %s\n", level, text);
}

static int64_t
no_time(void *clock)
{
    (void)clock;
    return 0;
}

static weir_status
snapshot_path(void *argument, uint64_t checkpoint_id, const char *name, char *out, weir_error *err)
{
    struct life *life = argument;
    char directory[128];
    snprintf(directory, sizeof directory, "/checkpoints/%s/%llu", life->attempt,
             (unsigned long long)checkpoint_id);
    os_sim_directory_put(life->sim, directory);
    return wr_path_join(out, directory, name, err);
}

void
life_init(struct life *life, struct os_sim *sim, struct wr_os *os, unsigned number,
          const struct made *made)
{
    memset(life, 0, sizeof *life);
    life->sim = sim;
    life->os = os;
    life->made = made;
    life->uid = "tested";
    life->parallelism = 1;
    life->pause_ns = 1000001;
    snprintf(life->attempt, sizeof life->attempt, "%032x", number);
    life->alloc = wr_memory_system();
}

static void
add_operator(struct life *life, const weir_function *function, const void *argument,
             const char *uid, const weir_type *input, const weir_type *output)
{
    struct wr_task_operator *added = &life->operators[life->operator_count];
    *added = (struct wr_task_operator){ .function = function,
                                        .argument = argument,
                                        .name = uid,
                                        .uid = uid,
                                        .input_type = input,
                                        .output_type = output,
                                        .max_parallelism = 128 };
    added->id[0] = (uint8_t)(life->operator_count + 1);
    life->operator_count++;
}

static void
make_operators(struct life *life, struct life **self)
{
    const struct made *made = life->made;
    weir_error err = { .status = WEIR_OK };
    if (life->feed_type != NULL) {
        add_operator(life, &feed_function, self, "feed", NULL, life->feed_type);
    }
    life->tested = life->operator_count;
    add_operator(life, &made->function, made->argument, life->uid, life->feed_type, made->type);
    if (made->type != NULL) {
        add_operator(life, &capture_function, self, "capture", made->type, NULL);
    }
    if (life->key_field_count > 0) {
        struct wr_task_operator *keyed = &life->operators[life->tested];
        assert_ok(wr_key_plan_create(&life->alloc, life->feed_type, life->key_fields,
                                     life->key_field_count, &life->key_plan, &err),
                  &err);
        keyed->key_plan = life->key_plan;
        keyed->key_fields = life->key_fields;
        keyed->key_field_count = life->key_field_count;
    }
}

static void
make_restore(struct life *life, const struct life *from)
{
    for (uint32_t i = 0; i < life->operator_count; i++) {
        struct wr_operator_restore *restore = &life->operators[i].restore;
        const struct wr_task_report *report = from->acknowledged;
        assert_non_null(report);
        const struct wr_operator_snapshot_result *result = &report->snapshots[i];
        *restore = (struct wr_operator_restore){ .restored = true,
                                                 .finished = result->finished,
                                                 .checkpoint_id = report->checkpoint_id };
        if (result->files.count == 0) {
            continue;
        }
        const struct wr_file_entry *own = &result->files.entries[result->files.count - 1];
        struct wr_restore_file *file = &life->files[i];
        char *path = calloc(1, WR_PATH_MAX);
        snprintf(path, WR_PATH_MAX, "/checkpoints/%s/%llu/%s", from->attempt,
                 (unsigned long long)report->checkpoint_id, own->file);
        *file = (struct wr_restore_file){ .path = path,
                                          .identity = { .checkpoint_id = report->checkpoint_id,
                                                        .subtask = from->subtask },
                                          .size = own->size,
                                          .crc = own->crc,
                                          .keyed = result->keyed };
        memcpy(file->identity.attempt, from->environment.attempt_bytes, 16);
        memcpy(file->identity.operator_id, from->operators[i].id, 16);
        restore->files = file;
        restore->file_count = 1;
        for (uint32_t j = 0; j < result->list_count; j++) {
            life->lists[i][j] =
                (struct wr_restore_list){ .state = &result->states[result->lists[j].state],
                                          .count = result->lists[j].count };
        }
        restore->lists = life->lists[i];
        restore->list_count = result->list_count;
    }
}

static void
take_reports(struct life *life)
{
    struct wr_letter *letter;
    while ((letter = wr_mailbox_pop(&life->reports)) != NULL) {
        struct wr_task_report *report = (struct wr_task_report *)(void *)letter;
        switch (report->kind) {
        case WR_TASK_INITIALIZED:
            life->initialized = true;
            break;
        case WR_TASK_ACKNOWLEDGED:
            wr_task_report_free(&life->alloc, life->acknowledged);
            life->acknowledged = report;
            continue;
        case WR_TASK_DRAINED:
            life->drained = true;
            break;
        case WR_TASK_NOTIFIED:
            life->notified = report->checkpoint_id;
            break;
        case WR_TASK_DECLINED:
        case WR_TASK_FAILED:
            life->failed = true;
            life->failure = report->error;
            break;
        case WR_TASK_ENDED:
            life->ended = true;
            break;
        default:
            fail();
        }
        wr_task_report_free(&life->alloc, report);
    }
}

static void
run(struct life *life)
{
    bool more = true;
    for (int steps = 0; more; steps++) {
        assert_true(steps < 1000000);
        uint64_t wake_at_ns;
        more = wr_task_step(life->task, &wake_at_ns) == WR_STEP_PROGRESS;
        while (wr_executor_step(&life->io)) {
            more = true;
        }
        take_reports(life);
    }
}

static void
send(struct life *life, enum wr_task_letter_kind kind, uint64_t checkpoint_id)
{
    struct wr_task_letter *letter = wr_memory_new(&life->alloc, sizeof *letter);
    letter->kind = kind;
    letter->checkpoint_id = checkpoint_id;
    letter->checkpoint_kind = WR_CHECKPOINT_PERIODIC;
    wr_task_send(life->task, letter);
    run(life);
}

void
life_start(struct life *life, const struct life *from)
{
    weir_error err = { .status = WEIR_OK };
    struct life **self = calloc(1, sizeof(struct life *));
    *self = life;
    assert_ok(weir_options_create(&life->alloc, &life->options), NULL);
    if (life->max_line != NULL) {
        assert_ok(weir_options_set(life->options, "weir.source.max-line", life->max_line,
                                   WEIR_LEVEL_COMMAND, NULL, &err),
                  &err);
    }
    wr_executor_init(&life->io, life->os);
    wr_parker_init(&life->parker, life->os);
    wr_parker_init(&life->reports_parker, life->os);
    wr_mailbox_init(&life->reports);
    life->says =
        (struct wr_log){ .text = keep_log, .argument = life, .now_ms = no_time, .job_id = "" };
    wr_log_set_level(&life->says, WEIR_LOG_INFO);
    make_operators(life, self);
    if (from != NULL) {
        make_restore(life, from);
    }
    life->environment = (struct wr_task_environment){
        .os = life->os,
        .io = &life->io,
        .alloc = life->alloc,
        .state_alloc = life->alloc,
        .list_alloc = life->alloc,
        .snapshot_alloc = life->alloc,
        .network_alloc = life->alloc,
        .options = life->options,
        .backend_factory = weir_backend_factory_hashmap(),
        .hash_seed = 1,
        .job_name = "test",
        .job_id = "00000000000000000000000000000001",
        .attempt = life->attempt,
        .exactly_once = true,
        .checkpointing = !life->no_checkpointing,
        .allow_rewind = life->allow_rewind,
        .take_over = life->take_over,
        .batch_count = 16,
        .emit_limit_bytes = 64 << 20,
        .snapshot_path = snapshot_path,
        .snapshot_path_argument = life,
        .log = &life->says,
        .reports = &life->reports,
        .reports_parker = &life->reports_parker,
    };
    memcpy(life->environment.attempt_bytes, life->attempt + 16, 16);
    struct wr_task_parameters parameters = { .environment = &life->environment,
                                             .subtask = life->subtask,
                                             .parallelism = life->parallelism,
                                             .operators = life->operators,
                                             .operator_count = life->operator_count,
                                             .parker = &life->parker };
    assert_ok(wr_task_create(&parameters, &life->task, &err), &err);
    send(life, WR_TASK_INITIALIZE, 0);
    if (!life->failed) {
        assert_true(life->initialized);
        send(life, WR_TASK_START, 0);
    }
}

void
life_run(struct life *life)
{
    os_sim_advance_ns(life->sim,
                      life->pause_ns); /* an idle feed is asked again after a millisecond */
    run(life);
}

void
life_snapshot(struct life *life, uint64_t checkpoint_id)
{
    life_run(life);
    send(life, WR_TASK_TRIGGER, checkpoint_id);
    if (!life->failed) {
        assert_non_null(life->acknowledged);
        assert_int_equal(life->acknowledged->checkpoint_id, checkpoint_id);
    }
}

void
life_complete(struct life *life, uint64_t checkpoint_id)
{
    send(life, WR_TASK_COMPLETE, checkpoint_id);
}

void
life_abort(struct life *life, uint64_t checkpoint_id)
{
    send(life, WR_TASK_ABORT, checkpoint_id);
}

void
life_finish(struct life *life)
{
    send(life, WR_TASK_FINISH, 0);
    assert_true(life->ended);
}

void
life_fini(struct life *life)
{
    if (!life->ended) {
        send(life, WR_TASK_CANCEL, 0);
    }
    life_run(life);
    assert_true(life->ended);
    wr_task_report_free(&life->alloc, life->acknowledged);
    wr_task_destroy(life->task);
    free((void *)(uintptr_t)life->files[0].path);
    free((void *)(uintptr_t)life->files[1].path);
    free((void *)(uintptr_t)life->files[2].path);
    free((void *)(uintptr_t)life->operators[life->tested == 0 ? 1 : 0].argument);
    wr_key_plan_destroy(life->key_plan);
    weir_options_destroy(life->options);
    records_free(&life->feed);
    records_free(&life->captured);
}
