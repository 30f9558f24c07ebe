/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h: from those who have something to say to the host's callbacks (weir/log.h).
 *
 * One log a job; its levels may change while it runs.
 * Thread: any; init, and what stands before the first record: host.
 */
#ifndef WR_BASE_LOG_H
#define WR_BASE_LOG_H

#include "weir/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

/* X(id, name) */
#define WR_LOG_MODULE_MAP(X)    \
    X(JOB, "job")               \
    X(CHECKPOINT, "checkpoint") \
    X(RESTORE, "restore")       \
    X(RESTART, "restart")       \
    X(STORAGE, "storage")       \
    X(OPERATOR, "operator")     \
    X(SERVER, "server")         \
    X(CLI, "cli")

enum wr_log_module {
#define WR_LOG_MODULE_ENUM(id, name) WR_LOG_##id,
    WR_LOG_MODULE_MAP(WR_LOG_MODULE_ENUM)
#undef WR_LOG_MODULE_ENUM
    WR_LOG_MODULE_COUNT
};

enum {
    WR_LOG_LINE_MAX = 1400 /* a message is cut here */
};

struct wr_log {
    _Atomic uint8_t levels[WR_LOG_MODULE_COUNT];
    /* Either may be NULL. */
    void (*text)(void *argument, char level, const char *text);
    void (*record)(void *argument, const weir_log_record *record);
    void *argument;
    int64_t (*now_ms)(void *clock);
    void *clock;
    const char *job_id; /* lent; "" until it is known */
};

/* What a record is about; lent. */
struct wr_log_about {
    enum wr_log_module module;
    weir_log_level level;
    weir_status status;
    uint64_t checkpoint_id;
    const char *operator_name; /* NULL: no operator's, and no subtask */
    uint32_t subtask;
};

/* -1: no such module. */
int wr_log_module_from(const char *name);
/* weir_log_level of the letters that callbacks of text know: 'e', 'w', 'i', 'd'. */
weir_log_level wr_log_level_of_letter(char letter);

/* Every module at that level. */
void wr_log_set_level(struct wr_log *log, weir_log_level level);
/* "checkpoint=DEBUG, storage=WARN". WEIR_INVALID: nothing is changed, the words say what is wrong.
 */
weir_status wr_log_set_levels(struct wr_log *log, const char *text, weir_error *err);

void wr_log_set_module(struct wr_log *log, enum wr_log_module module, weir_log_level level);
weir_log_level wr_log_level_of(const struct wr_log *log, enum wr_log_module module);
bool wr_log_passes(const struct wr_log *log, enum wr_log_module module, weir_log_level level);
void wr_log_say(struct wr_log *log, enum wr_log_module module, weir_log_level level,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
void wr_log_say_about(struct wr_log *log, const struct wr_log_about *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wr_log_say_about_v(struct wr_log *log, const struct wr_log_about *about, const char *format,
                        va_list arguments) __attribute__((format(printf, 3, 0)));
/* As it is; it passes. */
void wr_log_pass(struct wr_log *log, const weir_log_record *record);

#endif /* WR_BASE_LOG_H */
