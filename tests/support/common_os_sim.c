/* SPDX-License-Identifier: Apache-2.0 */
/* sim: a whole system in memory: its life, processes, clock and trace, and the table itself.
 *
 * Everything that happens is a function of the config, of what the test set up, and of the calls
 * made: no real clock, no address, no real randomness enters. Hence the trace hash is the same for
 * the same seed, and a failure replays.
 *
 * One thread: wait moves the clock to its timeout and returns, thread_start refuses.
 */
#include "support/common_os_sim.h"

#include "base/hash.h"
#include "support/common_os_sim_inner.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t wait_ns_max = 24ULL * 3600 * 1000000000; /* a longer one is "until woken" */

const char *
os_sim_op_name(enum os_sim_op op)
{
    static const char *const names[] = {
#define OS_SIM_OP_NAME(name, text) text,
        OS_SIM_OP_MAP(OS_SIM_OP_NAME)
#undef OS_SIM_OP_NAME
    };
    return op < OS_SIM_OP_COUNT ? names[op] : "?";
}

struct os_sim_process *
sim_process(struct wr_os *os)
{
    return (struct os_sim_process *)os; /* embedded first */
}

int64_t
sim_wall_ms(const struct os_sim *sim)
{
    return sim->wall_offset_ms + (int64_t)(sim->now_ns / 1000000);
}

bool
os_sim_power_is_off(const struct os_sim *sim)
{
    return sim->power_off_at != 0 && sim->operations > sim->power_off_at;
}

int
sim_begin(struct os_sim_process *process, enum os_sim_op op)
{
    struct os_sim *sim = process->sim;
    if (process->dead) {
        return EIO;
    }
    sim->operations++;
    sim->operations_of[op]++;
    if (os_sim_power_is_off(sim)) {
        return EIO;
    }
    sim->now_ns += sim->cost_ns[op];
    return 0;
}

static void
trace_fold(struct os_sim *sim, uint64_t word)
{
    sim->trace_hash = wr_hash64_word(word, sim->trace_hash);
}

static void
trace_fold_text(struct os_sim *sim, const char *text)
{
    if (text != NULL) {
        trace_fold(sim, wr_hash64(text, strlen(text), 1));
    }
}

static void
trace_add(struct os_sim *sim, int process, const struct sim_event *event)
{
    trace_fold(sim, (uint64_t)event->op << 32 | (uint32_t)process);
    trace_fold(sim, (uint64_t)(uint32_t)event->file << 32 | (uint32_t)event->result);
    trace_fold(sim, event->offset);
    trace_fold(sim, event->size);
    trace_fold(sim, sim->now_ns);
    trace_fold_text(sim, event->path);
    trace_fold_text(sim, event->path_to);
    if (event->data != NULL && event->result == 0) {
        trace_fold(sim, wr_hash64(event->data, event->size, 2));
    }
    struct sim_trace_line *line = &sim->trace[sim->trace_count++ % SIM_TRACE];
    *line = (struct sim_trace_line){ .number = sim->operations,
                                     .at_ns = sim->now_ns,
                                     .op = event->op,
                                     .process = process,
                                     .file = event->file,
                                     .result = event->result,
                                     .offset = event->offset,
                                     .size = event->size };
    if (event->path != NULL) {
        snprintf(line->path, sizeof line->path, "%.55s%s%.55s", event->path,
                 event->path_to == NULL ? "" : " -> ",
                 event->path_to == NULL ? "" : event->path_to);
    }
}

int
sim_end(struct os_sim_process *process, const struct sim_event *event)
{
    if (!process->dead && !os_sim_power_is_off(process->sim)) {
        trace_add(process->sim, process->id, event);
    }
    return event->result;
}

static uint64_t
sim_monotonic_ns(struct wr_os *os)
{
    struct os_sim *sim = sim_process(os)->sim;
    if (sim->config.clock_step_ns != 0 && !sim_process(os)->dead) {
        sim->now_ns += wr_rng_below(&sim->clock_rng, sim->config.clock_step_ns + 1);
    }
    return sim->now_ns;
}

static int64_t
sim_wall_now_ms(struct wr_os *os)
{
    (void)sim_monotonic_ns(os);
    return sim_wall_ms(sim_process(os)->sim);
}

static int
sim_random(struct wr_os *os, void *buffer, size_t size)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_RANDOM);
    if (result == 0) {
        for (size_t i = 0; i < size; i++) {
            ((uint8_t *)buffer)[i] = (uint8_t)(wr_rng_next(&process->sim->rng) >> 32);
        }
    }
    return sim_end(
        process,
        &(struct sim_event){
            .op = OS_SIM_RANDOM, .file = -1, .data = buffer, .size = size, .result = result });
}

static int
sim_thread_start(struct wr_os *os, const char *name,
                 __attribute__((unused)) void (*run)(void *argument),
                 __attribute__((unused)) void *argument,
                 __attribute__((unused)) struct wr_os_thread **out_thread)
{
    struct os_sim_process *process = sim_process(os);
    int result = sim_begin(process, OS_SIM_THREAD_START);
    result = result == 0 ? ENOSYS : result;
    return sim_end(process,
                   &(struct sim_event){
                       .op = OS_SIM_THREAD_START, .file = -1, .path = name, .result = result });
}

static void
sim_thread_join(__attribute__((unused)) struct wr_os *os,
                __attribute__((unused)) struct wr_os_thread *thread)
{
}

/* Nobody can wake us. A wait without end returns early after a millisecond, which the door allows.
 */
static void
sim_wait(struct wr_os *os, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    if (atomic_load(word) == expected) {
        sim_process(os)->sim->now_ns += timeout_ns > wait_ns_max ? 1000000 : timeout_ns;
    }
}

static void
sim_wake(__attribute__((unused)) struct wr_os *os, __attribute__((unused)) _Atomic uint32_t *word)
{
}

static unsigned
sim_cpu_count(struct wr_os *os)
{
    return sim_process(os)->sim->config.cpu_count;
}

static uint64_t
sim_memory_bytes(struct wr_os *os)
{
    return sim_process(os)->sim->config.memory_bytes;
}

static uint64_t
sim_resident_bytes(__attribute__((unused)) struct wr_os *os)
{
    return 0;
}

static int
sim_process_id(struct wr_os *os)
{
    return sim_process(os)->id;
}

static void
sim_process_end(struct wr_os *os, int code, const char *words)
{
    struct os_sim_process *process = sim_process(os);
    if (process->end_words[0] == '\0') {
        process->end_code = code;
        snprintf(process->end_words, sizeof process->end_words, "%s", words);
    }
}

const char *
os_sim_process_ended(const struct wr_os *os, int *out_code)
{
    const struct os_sim_process *process = (const struct os_sim_process *)(const void *)os;
    *out_code = process->end_code;
    return process->end_words[0] != '\0' ? process->end_words : NULL;
}

static const struct wr_os_ops sim_ops = {
    .size = sizeof(struct wr_os_ops),
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .reads_open = sim_reads_open,
    .read_begin = sim_read_begin,
    .read_end = sim_read_end,
    .reads_close = sim_reads_close,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .file_size = sim_file_size,
    .lock = sim_lock,
    .stat = sim_stat,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .rmdir = sim_rmdir,
    .list_open = sim_list_open,
    .list_next = sim_list_next,
    .list_close = sim_list_close,
    .connect = sim_connect,
    .monotonic_ns = sim_monotonic_ns,
    .wall_ms = sim_wall_now_ms,
    .random = sim_random,
    .thread_start = sim_thread_start,
    .thread_join = sim_thread_join,
    .wait = sim_wait,
    .wake = sim_wake,
    .cpu_count = sim_cpu_count,
    .memory_bytes = sim_memory_bytes,
    .resident_bytes = sim_resident_bytes,
    .process_id = sim_process_id,
    .process_end = sim_process_end,
    .load = sim_load,
    .symbol = sim_symbol,
    .unload = sim_unload,
    .load_module = sim_load, /* its libraries have no place */
    .object_path = sim_object_path,
};

struct os_sim *
os_sim_create(const struct os_sim_config *config)
{
    struct os_sim *sim = sim_new(sizeof *sim);
    /* Thousands of systems come and go: malloc must not give the memory back each time (5x). */
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    (void)mallopt(M_MMAP_THRESHOLD, 16 << 20);
    if (config != NULL) {
        sim->config = *config;
    }
    struct os_sim_config *c = &sim->config;
    c->wall_ms = c->wall_ms == 0 ? 1735689600000 : c->wall_ms;
    c->cpu_count = c->cpu_count == 0 ? 1 : c->cpu_count;
    c->memory_bytes = c->memory_bytes == 0 ? 1ULL << 30 : c->memory_bytes;
    c->file_limit = c->file_limit == 0 ? 1024 : c->file_limit;
    sim->wall_offset_ms = c->wall_ms;
    sim->now_ns = 1000000000; /* 0 is easily taken for "never" */
    sim->next_process_id = 1000;
    sim->trace_hash = wr_hash64_word(c->seed, 3);
    wr_rng_init(&sim->rng, wr_hash64_word(c->seed, 4));
    wr_rng_init(&sim->clock_rng, wr_hash64_word(c->seed, 5));
    sim_image_init(&sim->image);
    sim_image_init(&sim->base);
    return sim;
}

struct os_sim *
sim_successor(const struct os_sim *sim, struct sim_image *image, uint64_t salt)
{
    struct os_sim_config config = sim->config;
    config.seed = wr_hash64_word(config.seed ^ salt, sim->operations + 1);
    struct os_sim *made = os_sim_create(&config);
    made->wall_offset_ms = sim_wall_ms(sim);
    made->next_process_id = sim->next_process_id + 1;
    memcpy(made->cost_ns, sim->cost_ns, sizeof made->cost_ns);
    sim_world_copy_libraries(made, sim);
    sim_image_fini(&made->image);
    made->image = *image;
    os_sim_log_reset(made);
    return made;
}

struct os_sim *
os_sim_copy(const struct os_sim *sim)
{
    struct sim_image image;
    sim_image_copy(&image, &sim->image);
    sim_image_collect(&image);
    return sim_successor(sim, &image, 0);
}

void
os_sim_destroy(struct os_sim *sim)
{
    if (sim == NULL) {
        return;
    }
    while (sim->processes != NULL) {
        struct os_sim_process *process = sim->processes;
        sim->processes = process->next;
        sim_process_drop_files(process);
        sim_process_drop_lists(process);
        free(process->files);
        free(process);
    }
    sim_world_fini(sim);
    sim_log_fini(sim);
    sim_image_fini(&sim->image);
    sim_image_fini(&sim->base);
    free(sim);
}

struct wr_os *
os_sim_process_create(struct os_sim *sim)
{
    struct os_sim_process *process = sim_new(sizeof *process);
    process->os.ops = &sim_ops;
    process->sim = sim;
    process->id = sim->next_process_id++;
    process->file_count = 8;
    process->files = sim_new(process->file_count * sizeof *process->files);
    for (int i = 0; i < 3; i++) {
        process->files[i].kind = SIM_STREAM;
        process->files[i].output = i == 0 ? NULL : &sim->output[i - 1];
    }
    process->next = sim->processes;
    sim->processes = process;
    return &process->os;
}

struct wr_os *
os_sim_os(struct os_sim *sim)
{
    if (sim->main == NULL) {
        sim->main = sim_process(os_sim_process_create(sim));
    }
    return &sim->main->os;
}

void
os_sim_process_kill(struct os_sim *sim, struct wr_os *os)
{
    struct os_sim_process *process = sim_process(os);
    if (process->dead) {
        return;
    }
    sim_process_drop_files(process);
    process->dead = true;
    sim->main = sim->main == process ? NULL : sim->main;
    sim->operations_of[OS_SIM_KILL]++;
    trace_add(sim, process->id, &(struct sim_event){ .op = OS_SIM_KILL, .file = -1 });
}

void
os_sim_kill(struct os_sim *sim)
{
    sim->power_off_at = 0;
    for (struct os_sim_process *at = sim->processes; at != NULL; at = at->next) {
        os_sim_process_kill(sim, &at->os);
    }
}

void
os_sim_power_off_at(struct os_sim *sim, uint64_t operation)
{
    sim->power_off_at = operation;
}

size_t
os_sim_open_count(const struct os_sim *sim)
{
    size_t count = 0;
    for (const struct os_sim_process *at = sim->processes; at != NULL; at = at->next) {
        for (size_t i = 3; i < at->file_count; i++) {
            count += at->files[i].kind != SIM_FREE;
        }
    }
    return count;
}

void
os_sim_advance_ns(struct os_sim *sim, uint64_t ns)
{
    sim->now_ns += ns;
}

uint64_t
os_sim_now_ns(const struct os_sim *sim)
{
    return sim->now_ns;
}

void
os_sim_jump_wall_ms(struct os_sim *sim, int64_t ms)
{
    sim->wall_offset_ms += ms;
}

void
os_sim_set_cost_ns(struct os_sim *sim, enum os_sim_op op, uint64_t ns)
{
    sim->cost_ns[op] = ns;
}

uint64_t
os_sim_operation_count(const struct os_sim *sim)
{
    return sim->operations;
}

uint64_t
os_sim_operation_count_of(const struct os_sim *sim, enum os_sim_op op)
{
    return sim->operations_of[op];
}

uint64_t
os_sim_trace_hash(const struct os_sim *sim)
{
    return sim->trace_hash;
}

void
os_sim_trace_print(const struct os_sim *sim, FILE *out)
{
    uint64_t first = sim->trace_count > SIM_TRACE ? sim->trace_count - SIM_TRACE : 0;
    for (uint64_t i = first; i < sim->trace_count; i++) {
        const struct sim_trace_line *line = &sim->trace[i % SIM_TRACE];
        fprintf(out, "%8llu %10.6f s  process %d  %s", (unsigned long long)line->number,
                (double)line->at_ns / 1e9, line->process, os_sim_op_name(line->op));
        if (line->path[0] != '\0') {
            fprintf(out, " %s", line->path);
        }
        if (line->file >= 0) {
            fprintf(out, " file %d", line->file);
        }
        fprintf(out, " at %llu size %zu: %s\n", (unsigned long long)line->offset, line->size,
                line->result == 0 ? "ok" : strerror(line->result));
    }
}
