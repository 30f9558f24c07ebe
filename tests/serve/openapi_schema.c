/* SPDX-License-Identifier: Apache-2.0 */
/* openapi_schema: whether a value fits a schema. */
#include "openapi.h"

#include "support/test.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One walk: where it is in the value, and what it has found. */
struct walk {
    const struct openapi *openapi;
    char path[256];
    char *words; /* OPENAPI_WORDS */
};

static bool fits(struct walk *walk, const json_t *schema, const json_t *value);

__attribute__((format(printf, 2, 3))) static bool
no(struct walk *walk, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(walk->words, OPENAPI_WORDS, "at '%s': %s", walk->path, what);
    return false;
}

/* Goes one name deeper; the size to come back to. */
static size_t
enter(struct walk *walk, const char *name)
{
    size_t size = strlen(walk->path);
    snprintf(walk->path + size, sizeof walk->path - size, ".%s", name);
    return size;
}

/* --- types and values --- */

static bool
is_of(const json_t *value, const char *type)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(type, "boolean") == 0;
    case JSON_NULL:
    default:
        return strcmp(type, "null") == 0;
    }
}

static bool
check_type(struct walk *walk, const json_t *rule, const json_t *value)
{
    if (json_is_string(rule)) {
        return is_of(value, json_string_value(rule))
                   ? true
                   : no(walk, "it is no %s", json_string_value(rule));
    }
    for (size_t i = 0; i < json_array_size(rule); i++) {
        if (is_of(value, json_string_value(json_array_get(rule, i)))) {
            return true;
        }
    }
    return no(walk, "it is of none of the types");
}

static bool
check_enum(struct walk *walk, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(rule); i++) {
        if (json_equal(json_array_get(rule, i), value)) {
            return true;
        }
    }
    return no(walk, "'%s' is none of the values",
              json_is_string(value) ? json_string_value(value) : "it");
}

static bool
check_const(struct walk *walk, const json_t *rule, const json_t *value)
{
    return json_equal(rule, value) ? true : no(walk, "it is not the one value");
}

static bool
check_pattern(struct walk *walk, const json_t *rule, const json_t *value)
{
    regex_t pattern;
    assert_int_equal(0, regcomp(&pattern, json_string_value(rule), REG_EXTENDED | REG_NOSUB));
    bool matches =
        !json_is_string(value) || regexec(&pattern, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&pattern);
    return matches ? true : no(walk, "'%s' does not match", json_string_value(value));
}

static bool
check_minimum(struct walk *walk, const json_t *rule, const json_t *value)
{
    return !json_is_number(value) || json_number_value(value) >= json_number_value(rule)
               ? true
               : no(walk, "%g is too small", json_number_value(value));
}

static bool
check_maximum(struct walk *walk, const json_t *rule, const json_t *value)
{
    return !json_is_number(value) || json_number_value(value) <= json_number_value(rule)
               ? true
               : no(walk, "%g is too large", json_number_value(value));
}

/* --- arrays --- */

static bool
check_items(struct walk *walk, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", i);
        size_t back = enter(walk, name);
        if (!fits(walk, rule, json_array_get(value, i))) {
            return false;
        }
        walk->path[back] = '\0';
    }
    return true;
}

static bool
check_min_items(struct walk *walk, const json_t *rule, const json_t *value)
{
    return !json_is_array(value) || (json_int_t)json_array_size(value) >= json_integer_value(rule)
               ? true
               : no(walk, "too few items");
}

static bool
check_max_items(struct walk *walk, const json_t *rule, const json_t *value)
{
    return !json_is_array(value) || (json_int_t)json_array_size(value) <= json_integer_value(rule)
               ? true
               : no(walk, "too many items");
}

/* --- objects --- */

static bool
check_required(struct walk *walk, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; json_is_object(value) && i < json_array_size(rule); i++) {
        const char *name = json_string_value(json_array_get(rule, i));
        if (json_object_get(value, name) == NULL) {
            return no(walk, "'%s' is missing", name);
        }
    }
    return true;
}

static void
mark(const struct walk *walk, const json_t *property)
{
    char address[32];
    snprintf(address, sizeof address, "%p", (const void *)property);
    json_object_set_new(walk->openapi->seen, address, json_true());
}

bool
openapi_was_seen(const struct openapi *openapi, const json_t *property)
{
    char address[32];
    snprintf(address, sizeof address, "%p", (const void *)property);
    return json_object_get(openapi->seen, address) != NULL;
}

/* Properties and additionalProperties together: each member is one or the other. */
static bool
check_members(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    if (properties == NULL && others == NULL) {
        return true; /* one of several forms */
    }
    assert_non_null(others); /* what is not named must be said to be allowed, or not */
    void *at = json_object_iter((json_t *)(uintptr_t)value);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *property = json_object_get(properties, name);
        const json_t *rule = property != NULL ? property : others;
        size_t back = enter(walk, name);
        if (json_is_false(rule)) {
            return no(walk, "nobody knows it");
        }
        mark(walk, rule);
        if (!json_is_true(rule) && !fits(walk, rule, json_object_iter_value(at))) {
            return false;
        }
        walk->path[back] = '\0';
    }
    return true;
}

/* --- all together --- */

static bool
check_one_of(struct walk *walk, const json_t *rule, const json_t *value)
{
    size_t count = 0;
    size_t back = strlen(walk->path);
    for (size_t i = 0; i < json_array_size(rule); i++) {
        count += fits(walk, json_array_get(rule, i), value);
        walk->path[back] = '\0';
    }
    if (count == 1) {
        return true;
    }
    return count > 1 ? no(walk, "it fits %zu of the forms", count)
                     : no(walk, "it fits no form; the last: %.200s", walk->words);
}

static const struct {
    const char *keyword;
    bool (*check)(struct walk *walk, const json_t *rule, const json_t *value); /* NULL: words */
} rules[] = {
    { "type", check_type },
    { "enum", check_enum },
    { "const", check_const },
    { "pattern", check_pattern },
    { "minimum", check_minimum },
    { "maximum", check_maximum },
    { "items", check_items },
    { "minItems", check_min_items },
    { "maxItems", check_max_items },
    { "required", check_required },
    { "oneOf", check_one_of },
    { "properties", NULL }, /* check_members, as the next */
    { "additionalProperties", NULL },
    { "description", NULL },
    { "default", NULL },
};

static bool
check_rule(struct walk *walk, const char *keyword, const json_t *rule, const json_t *value)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(rules[i].keyword, keyword) == 0) {
            return rules[i].check == NULL || rules[i].check(walk, rule, value);
        }
    }
    fail_msg("openapi.yaml: the tests do not know the keyword '%s'", keyword);
    return false;
}

static bool
fits(struct walk *walk, const json_t *schema, const json_t *value)
{
    schema = openapi_resolve(walk->openapi, schema);
    assert_true(json_is_object(schema));
    void *at = json_object_iter((json_t *)(uintptr_t)schema);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)schema, at)) {
        if (!check_rule(walk, json_object_iter_key(at), json_object_iter_value(at), value)) {
            return false;
        }
    }
    return !json_is_object(value) || check_members(walk, schema, value);
}

bool
openapi_fits(const struct openapi *openapi, const json_t *schema, const json_t *value,
             char words[OPENAPI_WORDS])
{
    struct walk walk = { .openapi = openapi, .words = words };
    words[0] = '\0';
    return fits(&walk, schema, value);
}
