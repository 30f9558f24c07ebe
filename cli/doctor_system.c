/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_system: this weir's modules, and what the machine gives a job. */
#include "cli.h"
#include "client/http.h"
#include "doctor.h"
#include "module.h"
#include "weir/engine.h"
#include "weir/serve.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum {
    LEAST_FILES = 1024,
    LEAST_FILES_ROCKSDB = 16384,
    FIRST_YEAR = 2024 /* no clock that is right shows an earlier one */
};

/* --- modules --- */

static void
look_at_rocksdb(struct cli_doctor *doctor)
{
    const weir_backend_factory *factory = NULL;
    weir_error error = { 0 };
    const char *engine = weir_options_text(doctor->options, "state.backend.type");
    bool is_needed = engine != NULL && strcasestr(engine, "rocksdb") != NULL;
    weir_status status = weir_backend_factory_find("rocksdb", &factory, &error);
    if (status == WEIR_OK) {
        cli_doctor_add(doctor, "rocksdb", CLI_FINDING_OK, NULL, "the engine rocksdb is there");
    } else if (status == WEIR_NOT_FOUND && !is_needed) {
        cli_doctor_add(doctor, "rocksdb", CLI_FINDING_OK, NULL,
                       "not installed, and the configuration does not ask for it");
    } else {
        cli_doctor_add(doctor, "rocksdb", CLI_FINDING_ERROR,
                       "install the module that came with this weir", "%s", error.message);
    }
}

static void
look_at_module(struct cli_doctor *doctor, const char *check, const char *file, const char *symbol,
               const char *without)
{
    bool is_there = false;
    void *object = cli_module_open(file, &is_there);
    const uint32_t *table = object != NULL ? dlsym(object, symbol) : NULL;
    if (object == NULL && is_there) {
        cli_doctor_add(doctor, check, CLI_FINDING_ERROR,
                       "install the module that came with this weir, and what it needs",
                       "%s does not load: %s", file, dlerror());
        return;
    }
    if (object == NULL) {
        cli_doctor_add(doctor, check, CLI_FINDING_WARNING, without, "%s is not there", file);
        return;
    }
    bool is_ours = false;
    if (table != NULL && strcmp(check, "serve") == 0) {
        const weir_serve_table *serve = (const void *)table;
        is_ours = serve->magic == WEIR_SERVE_MAGIC && serve->version == WEIR_SERVE_ABI;
    } else if (table != NULL) {
        const struct cli_http_table *http = (const void *)table;
        is_ours = http->magic == CLI_HTTP_MAGIC && http->version == CLI_HTTP_VERSION;
    }
    if (is_ours) {
        cli_doctor_add(doctor, check, CLI_FINDING_OK, NULL, "%s is there", file);
    } else {
        cli_doctor_add(doctor, check, CLI_FINDING_ERROR,
                       "install the module that came with this weir",
                       "%s is of another version than weir %s", file, CLI_VERSION);
    }
}

void
cli_doctor_modules(struct cli_doctor *doctor)
{
    cli_doctor_add(doctor, "version", CLI_FINDING_OK, NULL, "weir %s", CLI_VERSION);
    look_at_rocksdb(doctor);
    look_at_module(doctor, "serve", "libweir-serve.so", "weir_serve_module",
                   "install it: without it no job can be asked while it runs");
    look_at_module(doctor, "http", "libweir-http.so", "weir_http_module",
                   "install it: without it weir list, stop, savepoint and so on do not work");
}

/* --- memory --- */

static uint64_t
read_number(const char *path)
{
    char text[64] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return UINT64_MAX;
    }
    char *line = fgets(text, sizeof text, file);
    fclose(file);
    char *end = text;
    unsigned long long number = line != NULL ? strtoull(text, &end, 10) : 0;
    return end != text ? (uint64_t)number : UINT64_MAX; /* "max" */
}

/* The least limit of our cgroup (version 2) and all above it; UINT64_MAX: none. */
static uint64_t
group_limit(void)
{
    char line[2048];
    FILE *file = fopen("/proc/self/cgroup", "re");
    uint64_t least = UINT64_MAX;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::/", 4) != 0) {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        for (char *path = line + 3; path != NULL;) {
            char name[4096];
            snprintf(name, sizeof name, "/sys/fs/cgroup%s/memory.max", path);
            uint64_t limit = read_number(name);
            least = limit < least ? limit : least;
            char *slash = strrchr(path, '/');
            if (slash == NULL) {
                break;
            }
            *slash = '\0';
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    uint64_t old = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    return old < least ? old : least;
}

void
cli_doctor_memory(struct cli_doctor *doctor)
{
    const weir_options *options = doctor->options;
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t group = group_limit();
    uint64_t limit = group < machine ? group : machine;
    double fraction = weir_options_float(options, "taskmanager.memory.managed.fraction");
    uint64_t state = weir_options_is_set(options, "taskmanager.memory.managed.size")
                         ? weir_options_bytes(options, "taskmanager.memory.managed.size")
                         : (uint64_t)(fraction * (double)limit);
    uint64_t wanted = state + weir_options_bytes(options, "taskmanager.network.memory.size");
    char words[4][32];
    cli_print_bytes(words[0], sizeof words[0], state);
    cli_print_bytes(words[1], sizeof words[1], wanted);
    cli_print_bytes(words[2], sizeof words[2], limit);
    const char *whose = group < machine ? "the control group" : "the machine";
    if (wanted > limit) {
        cli_doctor_add(doctor, "memory", CLI_FINDING_ERROR,
                       "lower taskmanager.memory.managed.size, or give more: the system would end "
                       "the process",
                       "state and channels may take %s, %s gives %s", words[1], whose, words[2]);
    } else if ((double)wanted > 0.9 * (double)limit) {
        cli_doctor_add(doctor, "memory", CLI_FINDING_WARNING,
                       "lower taskmanager.memory.managed.size: the job's code and the system need "
                       "some too",
                       "state and channels may take %s of the %s that %s gives", words[1], words[2],
                       whose);
    } else {
        cli_doctor_add(doctor, "memory", CLI_FINDING_OK, NULL,
                       "%s for state, %s with channels, of the %s of %s", words[0], words[1],
                       words[2], whose);
    }
}

/* --- limits --- */

static void
look_at_files(struct cli_doctor *doctor)
{
    struct rlimit limit;
    const char *engine = weir_options_text(doctor->options, "state.backend.type");
    bool is_rocksdb = engine != NULL && strcasestr(engine, "rocksdb") != NULL;
    rlim_t least = is_rocksdb ? LEAST_FILES_ROCKSDB : LEAST_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur < least) {
        cli_doctor_add(doctor, "open-files", CLI_FINDING_WARNING,
                       "raise it: ulimit -n, or LimitNOFILE= in the unit",
                       "%llu files may be open at once, %llu are wanted",
                       (unsigned long long)limit.rlim_cur, (unsigned long long)least);
    } else {
        cli_doctor_add(doctor, "open-files", CLI_FINDING_OK, NULL, "%llu files may be open at once",
                       (unsigned long long)limit.rlim_cur);
    }
}

static void
look_at_huge_pages(struct cli_doctor *doctor)
{
    char text[128] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    bool is_read = file != NULL && fgets(text, sizeof text, file) != NULL;
    if (file != NULL) {
        fclose(file);
    }
    if (is_read && strstr(text, "[never]") == NULL) {
        cli_doctor_add(doctor, "huge-pages", CLI_FINDING_OK, NULL, "transparent huge pages: %s",
                       strstr(text, "[always]") != NULL ? "always" : "madvise");
    } else {
        cli_doctor_add(doctor, "huge-pages", CLI_FINDING_WARNING,
                       "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled, as root: large "
                       "state is slower without",
                       "transparent huge pages: %s", is_read ? "never" : "not in this kernel");
    }
}

static void
look_at_clock(struct cli_doctor *doctor)
{
    struct timex state = { .modes = 0 };
    time_t now = time(NULL);
    struct tm date = { .tm_year = 0 };
    gmtime_r(&now, &date);
    if (date.tm_year + 1900 < FIRST_YEAR) {
        cli_doctor_add(doctor, "clock", CLI_FINDING_ERROR, "set the clock",
                       "the clock shows the year %d", date.tm_year + 1900);
    } else if (adjtimex(&state) == TIME_ERROR && (state.status & STA_UNSYNC) != 0) {
        cli_doctor_add(doctor, "clock", CLI_FINDING_WARNING,
                       "run chrony or systemd-timesyncd, unless the host of this container does: "
                       "processing time and the times of checkpoints are the clock's",
                       "the clock is not synchronised");
    } else {
        cli_doctor_add(doctor, "clock", CLI_FINDING_OK, NULL, "the clock is set");
    }
}

void
cli_doctor_limits(struct cli_doctor *doctor)
{
    look_at_files(doctor);
    look_at_huge_pages(doctor);
    look_at_clock(doctor);
}
