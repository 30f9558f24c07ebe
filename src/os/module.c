/* SPDX-License-Identifier: Apache-2.0 */
/* module: finds a module of weir's own. */
#include "os/module.h"

#include "base/fail.h"
#include "os/file.h"

#include <stdio.h>
#include <string.h>

/* "<directory of the object that holds this code>/<below><name>" */
static weir_status
beside(struct wr_os *os, const char *below, const char *name, char out[WR_PATH_MAX],
       weir_error *err)
{
    static const char anchor = 0;
    char here[WR_PATH_MAX];
    char rest[WR_PATH_MAX];
    if (os->ops->object_path(os, &anchor, here, sizeof here) != 0) {
        return WEIR_NOT_FOUND;
    }
    char *slash = strrchr(here, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (snprintf(rest, sizeof rest, "%s%s", below, name) >= (int)sizeof rest) {
        return wr_fail(err, WEIR_LIMIT, "a module's name of %zu bytes is too long", strlen(name));
    }
    return wr_path_join(out, slash != NULL ? here : ".", rest, err);
}

weir_status
wr_module_load(struct wr_os *os, const char *name, void **out_object, weir_error *err)
{
    static const char *const places[] = { "", "weir/", "../", "../lib/", "../lib/weir/" };
    char path[WR_PATH_MAX];
    char words[512] = "";
    struct wr_os_stat found;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (beside(os, places[i], name, path, err) != WEIR_OK ||
            wr_path_stat(os, path, &found, NULL) != WEIR_OK) {
            continue;
        }
        if (os->ops->load(os, path, out_object, words, sizeof words) != 0) {
            return wr_fail(err, WEIR_INVALID, "%s does not load as a shared object: %s", path,
                           words);
        }
        return WEIR_OK;
    }
    if (os->ops->load_module(os, name, out_object, words, sizeof words) != 0) {
        return wr_fail(err, WEIR_NOT_FOUND,
                       "the module %s is neither beside the program or its library nor on the "
                       "loader's path (%s)",
                       name, words);
    }
    return WEIR_OK;
}
