/* SPDX-License-Identifier: Apache-2.0 */
/* body: a request's JSON object against the table of its fields. */
#include "serve/body.h"

#include <stdint.h>
#include <string.h>

static const struct wr_body_field *
find(const struct wr_body_field *fields, size_t field_count, const char *name)
{
    for (size_t i = 0; i < field_count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

/* False: another type. */
static bool
take(const struct wr_body_field *field, const json_t *value)
{
    if (json_is_null(value)) {
        return true;
    }
    if (field->text != NULL && json_is_string(value)) {
        *field->text = json_string_value(value);
        return true;
    }
    if (field->flag != NULL && json_is_boolean(value)) {
        *field->flag = json_is_true(value);
        return true;
    }
    return false;
}

bool
wr_body_read(const struct wr_request *request, const char *format,
             const struct wr_body_field *fields, size_t field_count, struct wr_answer *answer)
{
    const char *name;
    json_t *value;
    /* jansson's loop takes no const; nothing is changed */
    json_object_foreach((json_t *)(uintptr_t)request->body, name, value)
    {
        const struct wr_body_field *field = find(fields, field_count, name);
        if (field == NULL) {
            wr_answer_fail(answer, 400,
                           "Request did not match expected format %s: it has no field \"%.100s\"",
                           format, name);
            return false;
        }
        if (!take(field, value)) {
            wr_answer_fail(answer, 400,
                           "Request did not match expected format %s: \"%s\" is to be %s", format,
                           name, field->text != NULL ? "a string" : "true or false");
            return false;
        }
    }
    return true;
}
