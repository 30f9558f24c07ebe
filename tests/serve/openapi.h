/* SPDX-License-Identifier: Apache-2.0 */
/* tests/serve/openapi.h: docs/reference/openapi.yaml as JSON, and whether a value fits one of its
 * schemas.
 *
 * Of JSON Schema it knows what that file uses; any other keyword fails the test, so that none is
 * passed over.
 */
#ifndef WEIR_TESTS_SERVE_OPENAPI_H
#define WEIR_TESTS_SERVE_OPENAPI_H

#include <jansson.h>
#include <stdbool.h>

enum {
    OPENAPI_WORDS = 1024
};

struct openapi {
    json_t *root;
    json_t *seen; /* the property schemas that a value was held against: {"<address>": true} */
};

/* Fails the test where the file cannot be read. */
void openapi_open(struct openapi *openapi);
void openapi_close(struct openapi *openapi);

/* "/jobs/:jobid" -> what stands at "/jobs/{jobid}"; NULL: nothing. */
const json_t *openapi_operation(const struct openapi *openapi, const char *method,
                                const char *pattern);
/* Of an answer with this code, "default" where it has none of its own, as JSON; NULL: none. */
const json_t *openapi_schema(const struct openapi *openapi, const json_t *operation, unsigned code);
/* Follows a "$ref"; what has none is itself. */
const json_t *openapi_resolve(const struct openapi *openapi, const json_t *value);

/* False: the words say where it does not, and why. */
bool openapi_fits(const struct openapi *openapi, const json_t *schema, const json_t *value,
                  char words[OPENAPI_WORDS]);
/* Whether a value has ever been held against this property schema. */
bool openapi_was_seen(const struct openapi *openapi, const json_t *property);

#endif /* WEIR_TESTS_SERVE_OPENAPI_H */
