/* SPDX-License-Identifier: Apache-2.0 */
/* replay: runs a fuzz target over the files of its corpus, and over so many changes of each, drawn
 * from a seed: bits turned, bytes set, parts cut out, copied and lengthened. In builds that have no
 * libFuzzer, so that what it found stays found.
 *
 *     NAME_fuzz [-runs=N] [-seed=N] CORPUS...       files, or folders of files
 */
#include "fuzz/fuzz.h"

#include "base/rng.h"

#include <dirent.h>
#include <string.h>

enum {
    INPUT_MOST = 1 << 20,
    CHANGES_MOST = 4
};

static uint8_t input[INPUT_MOST];
static uint8_t changed[2 * INPUT_MOST];

static void
run(const uint8_t *data, size_t size)
{
    /* Memory of its own size: one byte too far is seen. */
    uint8_t *copy = malloc(size != 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t
change(struct wr_rng *rng, size_t size)
{
    size_t at = size != 0 ? (size_t)wr_rng_below(rng, size) : 0;
    size_t part = size != 0 ? (size_t)wr_rng_below(rng, size - at) + 1 : 0;
    switch (wr_rng_below(rng, size != 0 ? 5 : 1)) {
    case 0: /* a byte more */
        memmove(changed + at + 1, changed + at, size - at);
        changed[at] = (uint8_t)wr_rng_next(rng);
        return size + 1;
    case 1:
        changed[at] ^= (uint8_t)(1U << wr_rng_below(rng, 8));
        return size;
    case 2:
        changed[at] = (uint8_t)(wr_rng_below(rng, 3) * 0x7f + wr_rng_below(rng, 2));
        return size;
    case 3: /* a part less */
        memmove(changed + at, changed + at + part, size - at - part);
        return size - part;
    default: /* a part over another */
        memmove(changed + wr_rng_below(rng, size - part + 1), changed + at, part);
        return size;
    }
}

static void
run_changed(size_t size, uint64_t runs, uint64_t seed)
{
    for (uint64_t i = 0; i < runs; i++) {
        struct wr_rng rng;
        wr_rng_init(&rng, seed + i);
        memcpy(changed, input, size);
        size_t changed_size = size;
        for (uint64_t count = 1 + wr_rng_below(&rng, CHANGES_MOST); count > 0; count--) {
            changed_size = change(&rng, changed_size);
        }
        run(changed, changed_size);
    }
}

static bool
run_file(const char *path, uint64_t runs, uint64_t seed)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    run(input, size);
    run_changed(size, runs, seed);
    return true;
}

/* How many files there were. */
static uint64_t
run_path(const char *path, uint64_t runs, uint64_t seed)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return run_file(path, runs, seed);
    }
    uint64_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            count += run_file(name, runs, seed);
        }
    }
    closedir(folder);
    return count;
}

int
main(int argc, char **argv)
{
    uint64_t runs = 0;
    uint64_t seed = 1;
    uint64_t count = 0;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0) {
            runs = strtoull(argv[i] + 6, NULL, 10);
        } else if (strncmp(argv[i], "-seed=", 6) == 0) {
            seed = strtoull(argv[i] + 6, NULL, 10);
        } else {
            count += run_path(argv[i], runs, seed);
        }
    }
    printf("%s: %llu files, %llu changes of each\n", argv[0], (unsigned long long)count,
           (unsigned long long)runs);
    return count != 0 ? 0 : 2;
}
