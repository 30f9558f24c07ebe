/* SPDX-License-Identifier: Apache-2.0 */
/* metric_list: names, or names and values. */
#include "serve/metric_list.h"

#include "serve/look.h"

#include <string.h>

static bool
is_wanted(const char *wanted, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = wanted; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

bool
wr_metric_list_add(json_t *all, const char *wanted, const char *name, const char *value)
{
    if (wanted == NULL) {
        return json_array_append_new(all, json_pack("{s:s}", "id", name)) == 0;
    }
    if (!is_wanted(wanted, name)) {
        return true;
    }
    return json_array_append_new(
               all, json_pack("{s:s,s:o}", "id", name, "value", wr_json_text(value))) == 0;
}
