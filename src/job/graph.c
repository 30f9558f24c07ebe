/* SPDX-License-Identifier: Apache-2.0 */
/* graph: what a job's main begins with: the environment, its options and types.
 *
 * The first mistake is kept; from then on every call answers NULL and changes nothing, so that a
 * job's main needs no checks and the user still sees what was wrong first. The streams are made in
 * nodes.c and partition.c.
 */
#include "job/graph.h"

#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

weir_status
weir_environment_create(const weir_alloc *alloc, const weir_options *options,
                        weir_environment **out_environment)
{
    if (out_environment == NULL) {
        return WEIR_INVALID;
    }
    weir_alloc from = alloc != NULL ? *alloc : wr_memory_system();
    weir_environment *environment = wr_memory_new(&from, sizeof *environment);
    if (environment == NULL) {
        return WEIR_NOMEM;
    }
    environment->alloc = from;
    wr_arena_init(&environment->arena, &environment->alloc);
    weir_status status = options != NULL ? weir_options_copy(options, &environment->options)
                                         : weir_options_create(&from, &environment->options);
    if (status != WEIR_OK) {
        weir_environment_destroy(environment);
        return status;
    }
    *out_environment = environment;
    return WEIR_OK;
}

void
weir_environment_destroy(weir_environment *environment)
{
    if (environment == NULL) {
        return;
    }
    for (struct wr_kept_type *kept = environment->types; kept != NULL; kept = kept->next) {
        weir_type_destroy(kept->type);
    }
    weir_options_destroy(environment->options);
    wr_arena_fini(&environment->arena);
    weir_alloc alloc = environment->alloc;
    wr_memory_free(&alloc, environment, sizeof *environment);
}

weir_status
weir_environment_fail(weir_environment *environment, weir_status status, const char *format, ...)
{
    if (environment == NULL || status == WEIR_OK) {
        return WEIR_INVALID;
    }
    if (environment->error.status == WEIR_OK) {
        va_list arguments;
        va_start(arguments, format);
        status =
            wr_fail_at_v(&environment->error, status, 0, __FILE__, __LINE__, format, arguments);
        va_end(arguments);
    }
    return status;
}

weir_status
weir_environment_usage(weir_environment *environment, int argc, char **argv, const char *usage)
{
    bool asked = false;
    for (int i = 1; i < argc; i++) {
        asked = asked || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    return weir_environment_fail(environment, asked ? WEIR_CANCELLED : WEIR_INVALID, "%s", usage);
}

weir_status
weir_environment_status(const weir_environment *environment, weir_error *err)
{
    if (environment == NULL) {
        return WEIR_INVALID;
    }
    if (environment->error.status != WEIR_OK && err != NULL) {
        *err = environment->error;
    }
    return environment->error.status;
}

bool
wr_environment_is_broken(const weir_environment *environment)
{
    return environment == NULL || environment->error.status != WEIR_OK;
}

const char *
wr_environment_keep_text(weir_environment *environment, const char *text)
{
    const char *kept = wr_arena_copy_text(&environment->arena, text);
    if (kept == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
    }
    return kept;
}

void
weir_environment_name_job(weir_environment *environment, const char *name)
{
    if (wr_environment_is_broken(environment)) {
        return;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > WR_NODE_NAME_MAX) {
        (void)weir_environment_fail(environment, WEIR_INVALID, "a job's name has 1 to %d bytes",
                                    WR_NODE_NAME_MAX);
        return;
    }
    environment->job_name = wr_environment_keep_text(environment, name);
}

const char *
wr_environment_job_name(const weir_environment *environment)
{
    const char *configured = weir_options_text(environment->options, "pipeline.name");
    if (configured != NULL) {
        return configured;
    }
    return environment->job_name != NULL ? environment->job_name : "weir-job";
}

void
weir_environment_set(weir_environment *environment, const char *key, const char *value)
{
    if (wr_environment_is_broken(environment)) {
        return;
    }
    weir_error error = { 0 };
    weir_status status = weir_options_set(environment->options, key, value, WEIR_LEVEL_JOB,
                                          "the job's code", &error);
    if (status != WEIR_OK) {
        (void)weir_environment_fail(environment, status, "%s", error.message);
    }
}

const weir_type *
weir_environment_struct(weir_environment *environment, const char *name, size_t size,
                        const weir_field *fields, size_t field_count)
{
    if (wr_environment_is_broken(environment)) {
        return NULL;
    }
    weir_error error = { 0 };
    weir_type *type = NULL;
    weir_status status = weir_type_create_struct(&environment->alloc, name, size, fields,
                                                 field_count, &type, &error);
    struct wr_kept_type *kept = NULL;
    if (status == WEIR_OK) {
        kept = wr_arena_new(&environment->arena, sizeof *kept);
        status = kept != NULL ? WEIR_OK : WEIR_NOMEM;
    }
    if (status != WEIR_OK) {
        weir_type_destroy(type);
        (void)weir_environment_fail(environment, status, "%s",
                                    error.status != WEIR_OK ? error.message
                                                            : "no memory for a type");
        return NULL;
    }
    *kept = (struct wr_kept_type){ .next = environment->types, .type = type };
    environment->types = kept;
    return type;
}
