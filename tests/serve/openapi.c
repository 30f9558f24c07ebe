/* SPDX-License-Identifier: Apache-2.0 */
/* openapi: the file, and what stands where in it. Schemas are held against values by schema.c. */
#include "openapi.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* --- YAML to JSON --- */

static json_t *
scalar(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    char *end;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return json_string(text);
    }
    if (strcmp(text, "null") == 0 || strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return text[0] == 'n' ? json_null() : json_boolean(text[0] == 't');
    }
    long long whole = strtoll(text, &end, 10);
    return text[0] != '\0' && *end == '\0' ? json_integer(whole) : json_string(text);
}

static json_t *
convert(yaml_document_t *document, const yaml_node_t *node)
{
    assert_non_null(node);
    if (node->type == YAML_SCALAR_NODE) {
        return scalar(node);
    }
    if (node->type == YAML_SEQUENCE_NODE) {
        json_t *array = json_array();
        const yaml_node_item_t *item = node->data.sequence.items.start;
        for (; item < node->data.sequence.items.top; item++) {
            json_array_append_new(array,
                                  convert(document, yaml_document_get_node(document, *item)));
        }
        return array;
    }
    json_t *object = json_object();
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        const char *name = (const char *)key->data.scalar.value;
        if (json_object_get(object, name) != NULL) {
            fail_msg("openapi.yaml: '%s' stands twice", name);
        }
        json_object_set_new(object, name,
                            convert(document, yaml_document_get_node(document, pair->value)));
    }
    return object;
}

void
openapi_open(struct openapi *openapi)
{
    yaml_parser_t parser;
    yaml_document_t document;
    FILE *file = fopen(WEIR_SOURCE_DIR "/docs/reference/openapi.yaml", "rb");
    assert_non_null(file);
    assert_true(yaml_parser_initialize(&parser));
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &document)) {
        fail_msg("openapi.yaml:%zu: %s", parser.problem_mark.line + 1, parser.problem);
    }
    openapi->root = convert(&document, yaml_document_get_root_node(&document));
    openapi->seen = json_object();
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    fclose(file);
}

void
openapi_close(struct openapi *openapi)
{
    json_decref(openapi->root);
    json_decref(openapi->seen);
}

/* --- what stands where --- */

const json_t *
openapi_resolve(const struct openapi *openapi, const json_t *value)
{
    const char *reference = json_string_value(json_object_get(value, "$ref"));
    if (reference == NULL) {
        return value;
    }
    const json_t *at = openapi->root;
    assert_int_equal(0, strncmp(reference, "#/", 2));
    for (const char *word = reference + 2; word != NULL;) {
        char name[128];
        const char *end = strchr(word, '/');
        size_t size = end != NULL ? (size_t)(end - word) : strlen(word);
        assert_true(size < sizeof name);
        memcpy(name, word, size);
        name[size] = '\0';
        at = json_object_get(at, name);
        word = end != NULL ? end + 1 : NULL;
    }
    if (at == NULL) {
        fail_msg("openapi.yaml: %s points nowhere", reference);
    }
    return at;
}

const json_t *
openapi_operation(const struct openapi *openapi, const char *method, const char *pattern)
{
    char path[256];
    char verb[16];
    size_t size = 0;
    bool in_name = false;
    for (const char *at = pattern;; at++) {
        assert_true(size + 3 < sizeof path);
        if (in_name && (*at == '/' || *at == '\0')) {
            path[size++] = '}';
            in_name = false;
        }
        in_name = in_name || *at == ':';
        path[size++] = *at == ':' ? '{' : *at;
        if (*at == '\0') {
            break;
        }
    }
    snprintf(verb, sizeof verb, "%s", method);
    for (char *at = verb; *at != '\0'; at++) {
        *at = (char)(*at | 0x20);
    }
    return json_object_get(json_object_get(json_object_get(openapi->root, "paths"), path), verb);
}

const json_t *
openapi_schema(const struct openapi *openapi, const json_t *operation, unsigned code)
{
    char text[16];
    snprintf(text, sizeof text, "%u", code);
    const json_t *responses = json_object_get(operation, "responses");
    const json_t *response = json_object_get(responses, text);
    if (response == NULL && code >= 400) {
        response = json_object_get(responses, "default");
    }
    const json_t *content = json_object_get(openapi_resolve(openapi, response), "content");
    const json_t *plain = json_object_get(content, "application/json");
    const json_t *problem = json_object_get(content, "application/problem+json");
    return json_object_get(plain != NULL ? plain : problem, "schema");
}
