/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated file system against the real one: the same random calls on both, the same answers.
 *
 * Paths are drawn from few names, so that they collide; some end in a slash, in "." or in "..".
 * Left out: sizes of directories, which are each file system's own, and O_DIRECT.
 */
#include "base/rng.h"
#include "os/os.h"
#include "support/common_os_sim.h"
#include "support/test.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILES = 10,
    PATH_SIZE = 512,
    DATA_SIZE = 3000,
    NAMES = 64,
    STEPS = 5000,
    SYNC_EACH = 300
};

struct pair {
    bool open;
    bool directory;
    int real;
    int sim;
};

struct model {
    struct wr_os *real;
    struct wr_os *sim;
    struct os_sim *system;
    char root[64];
    struct wr_rng rng;
    uint64_t seed;
    int step;
    struct pair files[FILES];
    uint8_t data[DATA_SIZE];
    uint8_t real_data[DATA_SIZE];
    uint8_t sim_data[DATA_SIZE];
    unsigned successes;
};

static size_t
below(struct model *model, size_t bound)
{
    return (size_t)wr_rng_below(&model->rng, bound);
}

static void
agree(struct model *model, const char *what, const char *path, int real, int sim)
{
    if (real != sim) {
        print_error(
            "seed %llu step %d: %s %s: the real system says %d (%s), the simulated one %d\n",
            (unsigned long long)model->seed, model->step, what, path, real, strerror(real), sim);
        os_sim_tree_print(model->system, stderr);
        fail();
    }
    model->successes += real == 0;
}

/* A path below the root, in both worlds. */
static void
draw_path(struct model *model, char real[PATH_SIZE], char sim[PATH_SIZE])
{
    static const char *const names[] = { "a", "b", "c", "dd" };
    char tail[128] = "";
    size_t depth = 1 + below(model, 3);
    for (size_t i = 0; i < depth; i++) {
        strcat(tail, "/");
        strcat(tail, names[below(model, 4)]);
        if (below(model, 40) == 0) {
            strcat(tail, below(model, 2) == 0 ? "/." : "/..");
        }
    }
    if (below(model, 25) == 0) {
        strcat(tail, below(model, 2) == 0 ? "/" : "//");
    }
    snprintf(real, PATH_SIZE, "%s%s", model->root, tail);
    snprintf(sim, PATH_SIZE, "/t%s", tail);
}

static struct pair *
draw_file(struct model *model, bool open)
{
    size_t first = below(model, FILES);
    for (size_t i = 0; i < FILES; i++) {
        struct pair *pair = &model->files[(first + i) % FILES];
        if (pair->open == open) {
            return pair;
        }
    }
    return NULL;
}

static void
step_open(struct model *model)
{
    char real[PATH_SIZE];
    char sim[PATH_SIZE];
    unsigned flags = 1 + (unsigned)below(model, 3);
    draw_path(model, real, sim);
    if (below(model, 8) == 0) {
        flags = WR_OPEN_READ | WR_OPEN_DIRECTORY;
    } else if (below(model, 2) == 0) {
        flags |= WR_OPEN_CREATE | (below(model, 4) == 0 ? WR_OPEN_EXCLUSIVE : 0);
    }
    flags |= below(model, 6) == 0 && (flags & WR_OPEN_WRITE) != 0 ? WR_OPEN_TRUNCATE : 0;
    struct pair *pair = draw_file(model, false);
    struct wr_os_stat stat;
    if (pair == NULL) {
        return;
    }
    int result = model->real->ops->open(model->real, real, flags, &pair->real);
    agree(model, "open", sim, result, model->sim->ops->open(model->sim, sim, flags, &pair->sim));
    if (result == 0) {
        assert_int_equal(model->sim->ops->stat(model->sim, sim, &stat), 0);
        pair->open = true;
        pair->directory = stat.kind == WR_OS_DIRECTORY;
    }
}

static void
step_close(struct model *model, struct pair *pair)
{
    int result = model->real->ops->close(model->real, pair->real);
    agree(model, "close", "", result, model->sim->ops->close(model->sim, pair->sim));
    pair->open = false;
}

static void
step_read(struct model *model, const struct pair *pair)
{
    size_t size = below(model, DATA_SIZE);
    uint64_t offset = below(model, 6000);
    size_t real = 0;
    size_t sim = 0;
    struct wr_os *r = model->real;
    struct wr_os *s = model->sim;
    if (below(model, 2) == 0) {
        int result = r->ops->pread(r, pair->real, model->real_data, size, offset, &real);
        agree(model, "pread", "", result,
              s->ops->pread(s, pair->sim, model->sim_data, size, offset, &sim));
    } else {
        int result = r->ops->read(r, pair->real, model->real_data, size, &real);
        agree(model, "read", "", result, s->ops->read(s, pair->sim, model->sim_data, size, &sim));
    }
    agree(model, "size of read", "", (int)real, (int)sim);
    assert_memory_equal(model->real_data, model->sim_data, real);
}

static void
step_write(struct model *model, const struct pair *pair)
{
    size_t size = below(model, DATA_SIZE);
    uint64_t offset = below(model, 6000);
    size_t real = 0;
    size_t sim = 0;
    struct wr_os *r = model->real;
    struct wr_os *s = model->sim;
    memset(model->data, (int)below(model, 256), size);
    if (below(model, 2) == 0) {
        int result = r->ops->pwrite(r, pair->real, model->data, size, offset, &real);
        agree(model, "pwrite", "", result,
              s->ops->pwrite(s, pair->sim, model->data, size, offset, &sim));
    } else {
        int result = r->ops->write(r, pair->real, model->data, size, &real);
        agree(model, "write", "", result, s->ops->write(s, pair->sim, model->data, size, &sim));
    }
    agree(model, "size of write", "", (int)real, (int)sim);
}

static void
step_other(struct model *model, const struct pair *pair)
{
    struct wr_os *r = model->real;
    struct wr_os *s = model->sim;
    uint64_t size = below(model, 7000);
    uint64_t sim_size = 0;
    switch (below(model, 4)) {
    case 0:
        agree(model, "truncate", "", r->ops->truncate(r, pair->real, size),
              s->ops->truncate(s, pair->sim, size));
        break;
    case 1:
        agree(model, "lock", "", r->ops->lock(r, pair->real), s->ops->lock(s, pair->sim));
        break;
    case 2:
        if (below(model, SYNC_EACH / 10) == 0) {
            agree(model, "sync", "", r->ops->sync(r, pair->real, true),
                  s->ops->sync(s, pair->sim, true));
        }
        break;
    default:
        agree(model, "file_size", "", r->ops->file_size(r, pair->real, &size),
              s->ops->file_size(s, pair->sim, &sim_size));
        assert_true(pair->directory || size == sim_size);
        break;
    }
}

static void
step_path(struct model *model)
{
    char real[PATH_SIZE];
    char sim[PATH_SIZE];
    char real_to[PATH_SIZE];
    char sim_to[PATH_SIZE];
    struct wr_os *r = model->real;
    struct wr_os *s = model->sim;
    struct wr_os_stat real_stat = { .size = 0 };
    struct wr_os_stat sim_stat = { .size = 0 };
    bool replace = below(model, 3) > 0;
    draw_path(model, real, sim);
    draw_path(model, real_to, sim_to);
    switch (below(model, 8)) {
    case 0:
        agree(model, "unlink", sim, r->ops->unlink(r, real), s->ops->unlink(s, sim));
        break;
    case 1:
        agree(model, "rmdir", sim, r->ops->rmdir(r, real), s->ops->rmdir(s, sim));
        break;
    case 2:
    case 3:
        agree(model, "mkdir", sim, r->ops->mkdir(r, real), s->ops->mkdir(s, sim));
        break;
    case 4:
        agree(model, "stat", sim, r->ops->stat(r, real, &real_stat),
              s->ops->stat(s, sim, &sim_stat));
        assert_int_equal(real_stat.kind, sim_stat.kind);
        assert_true(real_stat.kind == WR_OS_DIRECTORY || real_stat.size == sim_stat.size);
        break;
    default:
        agree(model, replace ? "rename" : "rename without replacing", sim_to,
              r->ops->rename(r, real, real_to, replace), s->ops->rename(s, sim, sim_to, replace));
        break;
    }
}

static int
by_text(const void *one, const void *two)
{
    return strcmp(one, two);
}

static size_t
list_names(struct wr_os *os, const char *path, char names[NAMES][WR_OS_NAME_MAX])
{
    struct wr_os_list *list = NULL;
    size_t count = 0;
    assert_int_equal(os->ops->list_open(os, path, &list), 0);
    while (count < NAMES && os->ops->list_next(os, list, names[count]) == 0) {
        count++;
    }
    os->ops->list_close(os, list);
    qsort(names, count, WR_OS_NAME_MAX, by_text);
    return count;
}

static void
compare_files(struct model *model, const char *real, const char *sim)
{
    size_t sizes[2] = { 0, 0 };
    int file = -1;
    for (int i = 0; i < 2; i++) {
        struct wr_os *os = i == 0 ? model->real : model->sim;
        static uint8_t bytes[2][16384];
        assert_int_equal(os->ops->open(os, i == 0 ? real : sim, WR_OPEN_READ, &file), 0);
        assert_int_equal(os->ops->pread(os, file, bytes[i], sizeof bytes[i], 0, &sizes[i]), 0);
        assert_int_equal(os->ops->close(os, file), 0);
        if (i == 1) {
            assert_int_equal(sizes[0], sizes[1]);
            assert_memory_equal(bytes[0], bytes[1], sizes[0]);
        }
    }
}

static void
compare_trees(struct model *model, const char *real, const char *sim)
{
    char(*names)[2][NAMES][WR_OS_NAME_MAX] = malloc(sizeof *names);
    assert_non_null(names);
    size_t count = list_names(model->real, real, (*names)[0]);
    assert_int_equal(count, list_names(model->sim, sim, (*names)[1]));
    for (size_t i = 0; i < count; i++) {
        char real_path[PATH_SIZE];
        char sim_path[PATH_SIZE];
        struct wr_os_stat stat;
        assert_string_equal((*names)[0][i], (*names)[1][i]);
        snprintf(real_path, sizeof real_path, "%.200s/%.200s", real, (*names)[0][i]);
        snprintf(sim_path, sizeof sim_path, "%.200s/%.200s", sim, (*names)[0][i]);
        assert_int_equal(model->sim->ops->stat(model->sim, sim_path, &stat), 0);
        if (stat.kind == WR_OS_DIRECTORY) {
            compare_trees(model, real_path, sim_path);
        } else {
            compare_files(model, real_path, sim_path);
        }
    }
    free(names);
}

static int
remove_one(const char *path, __attribute__((unused)) const struct stat *info,
           __attribute__((unused)) int kind, __attribute__((unused)) struct FTW *where)
{
    return remove(path);
}

static void
run_model(uint64_t seed)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->seed = seed;
    wr_rng_init(&model->rng, seed);
    snprintf(model->root, sizeof model->root, "/tmp/weir_sim_XXXXXX");
    assert_non_null(mkdtemp(model->root));
    model->real = wr_os_posix();
    model->system = os_sim_create(&(struct os_sim_config){ .seed = seed });
    model->sim = os_sim_os(model->system);
    os_sim_directory_put(model->system, "/t");
    for (model->step = 0; model->step < STEPS; model->step++) {
        size_t choice = below(model, 16);
        struct pair *pair = draw_file(model, true);
        if (choice < 3) {
            step_open(model);
        } else if (choice < 9 || pair == NULL) {
            step_path(model);
        } else if (choice < 10) {
            step_close(model, pair);
        } else if (choice < 12) {
            step_read(model, pair);
        } else if (choice < 15) {
            step_write(model, pair);
        } else {
            step_other(model, pair);
        }
        if (model->step % 1000 == 999) {
            compare_trees(model, model->root, "/t");
        }
    }
    assert_true(model->successes > STEPS / 4); /* else the paths never met */
    for (size_t i = 0; i < FILES; i++) {
        if (model->files[i].open) {
            step_close(model, &model->files[i]);
        }
    }
    assert_int_equal(os_sim_open_count(model->system), 0);
    os_sim_destroy(model->system);
    assert_int_equal(nftw(model->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(model);
}

TEST(simulated_files_answer_as_the_real_ones_over_20000_random_calls)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        run_model(seed);
    }
}
