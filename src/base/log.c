/* SPDX-License-Identifier: Apache-2.0 */
/* log: what passes is handed to the host, as a record and, where it wants that, as text. */
#include "base/log.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

static const char *const module_names[WR_LOG_MODULE_COUNT] = {
#define MODULE_NAME(id, name) name,
    WR_LOG_MODULE_MAP(MODULE_NAME)
#undef MODULE_NAME
};

static const char *const level_names[] = { "OFF", "ERROR", "WARN", "INFO", "DEBUG" };

enum {
    LEVEL_COUNT = sizeof level_names / sizeof level_names[0]
};

/* --- names --- */

const char *
weir_log_module(size_t index)
{
    return index < WR_LOG_MODULE_COUNT ? module_names[index] : NULL;
}

const char *
weir_log_level_name(weir_log_level level)
{
    return (size_t)level < LEVEL_COUNT ? level_names[level] : "?";
}

static bool
is_word(const char *text, size_t size, const char *upper)
{
    if (strlen(upper) != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        bool is_lower = text[i] >= 'a' && text[i] <= 'z';
        if ((is_lower ? text[i] - 'a' + 'A' : text[i]) != upper[i]) {
            return false;
        }
    }
    return true;
}

static bool
find_level(const char *text, size_t size, weir_log_level *out_level)
{
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (is_word(text, size, level_names[i])) {
            *out_level = (weir_log_level)i;
            return true;
        }
    }
    return false;
}

static int
find_module(const char *text, size_t size)
{
    for (int i = 0; i < WR_LOG_MODULE_COUNT; i++) {
        if (strlen(module_names[i]) == size && memcmp(text, module_names[i], size) == 0) {
            return i;
        }
    }
    return -1;
}

weir_status
weir_log_level_from(const char *name, weir_log_level *out_level)
{
    if (name == NULL || out_level == NULL || !find_level(name, strlen(name), out_level)) {
        return WEIR_INVALID;
    }
    return WEIR_OK;
}

int
wr_log_module_from(const char *name)
{
    return name != NULL ? find_module(name, strlen(name)) : -1;
}

weir_log_level
wr_log_level_of_letter(char letter)
{
    switch (letter) {
    case 'e':
        return WEIR_LOG_ERROR;
    case 'w':
        return WEIR_LOG_WARN;
    case 'd':
        return WEIR_LOG_DEBUG;
    default:
        return WEIR_LOG_INFO;
    }
}

/* --- levels --- */

void
wr_log_set_module(struct wr_log *log, enum wr_log_module module, weir_log_level level)
{
    /* relaxed: nothing is read because of it but itself */
    atomic_store_explicit(&log->levels[module], (uint8_t)level, memory_order_relaxed);
}

void
wr_log_set_level(struct wr_log *log, weir_log_level level)
{
    for (int i = 0; i < WR_LOG_MODULE_COUNT; i++) {
        wr_log_set_module(log, (enum wr_log_module)i, level);
    }
}

static void
name_modules(char *out, size_t room)
{
    size_t at = 0;
    for (int i = 0; i < WR_LOG_MODULE_COUNT && at < room; i++) {
        int size = snprintf(out + at, room - at, "%s%s", i != 0 ? ", " : "", module_names[i]);
        at += size > 0 ? (size_t)size : 0;
    }
}

/* From "module=LEVEL" on; *out_size: how much of it is read. */
static weir_status
read_one(const char *text, int *out_module, weir_log_level *out_level, size_t *out_size,
         weir_error *err)
{
    size_t size = strcspn(text, ", ");
    size_t name_size = strcspn(text, "=, ");
    *out_size = size;
    *out_module = find_module(text, name_size);
    if (*out_module < 0) {
        char known[200];
        name_modules(known, sizeof known);
        return wr_fail(err, WEIR_INVALID, "'%.*s' is no module: %s", (int)name_size, text, known);
    }
    if (name_size == size || !find_level(text + name_size + 1, size - name_size - 1, out_level)) {
        return wr_fail(err, WEIR_INVALID,
                       "'%.*s': a level is OFF, ERROR, WARN, INFO or DEBUG, as in %s=DEBUG",
                       (int)size, text, module_names[*out_module]);
    }
    return WEIR_OK;
}

weir_status
wr_log_set_levels(struct wr_log *log, const char *text, weir_error *err)
{
    int wanted[WR_LOG_MODULE_COUNT];
    for (int i = 0; i < WR_LOG_MODULE_COUNT; i++) {
        wanted[i] = -1;
    }
    for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", ")) {
        int module;
        weir_log_level level = WEIR_LOG_OFF;
        size_t size;
        WR_TRY(read_one(text, &module, &level, &size, err));
        wanted[module] = (int)level;
        text += size;
    }
    for (int i = 0; i < WR_LOG_MODULE_COUNT; i++) {
        if (wanted[i] >= 0) {
            wr_log_set_module(log, (enum wr_log_module)i, (weir_log_level)wanted[i]);
        }
    }
    return WEIR_OK;
}

weir_log_level
wr_log_level_of(const struct wr_log *log, enum wr_log_module module)
{
    return (weir_log_level)atomic_load_explicit(&log->levels[module], memory_order_relaxed);
}

bool
wr_log_passes(const struct wr_log *log, enum wr_log_module module, weir_log_level level)
{
    return level <= wr_log_level_of(log, module);
}

/* --- records --- */

void
wr_log_pass(struct wr_log *log, const weir_log_record *record)
{
    static const char letters[] = "?ewid";
    if (log->record != NULL) {
        log->record(log->argument, record);
    }
    if (log->text != NULL) {
        log->text(log->argument, letters[record->level], record->message);
    }
}

void
wr_log_say_about_v(struct wr_log *log, const struct wr_log_about *about, const char *format,
                   va_list arguments)
{
    if (!wr_log_passes(log, about->module, about->level) ||
        (log->record == NULL && log->text == NULL)) {
        return;
    }
    char line[WR_LOG_LINE_MAX];
    int size = vsnprintf(line, sizeof line, format, arguments);
    weir_log_record record = {
        .size = sizeof record,
        .level = about->level,
        .time_ms = log->now_ms(log->clock),
        .module = module_names[about->module],
        .message = size < 0 ? format : line,
        .job_id = log->job_id,
        .operator_name = about->operator_name,
        .subtask = about->operator_name != NULL ? (int32_t)about->subtask : -1,
        .status = about->status,
        .checkpoint_id = about->checkpoint_id,
    };
    wr_log_pass(log, &record);
}

void
wr_log_say_about(struct wr_log *log, const struct wr_log_about *about, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    wr_log_say_about_v(log, about, format, arguments);
    va_end(arguments);
}

void
wr_log_say(struct wr_log *log, enum wr_log_module module, weir_log_level level, const char *format,
           ...)
{
    struct wr_log_about about = { .module = module, .level = level };
    va_list arguments;
    va_start(arguments, format);
    wr_log_say_about_v(log, &about, format, arguments);
    va_end(arguments);
}
