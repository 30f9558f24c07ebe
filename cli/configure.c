/* SPDX-License-Identifier: Apache-2.0 */
/* configure: options from file and environment. flag > WEIR_* > file > default. */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* execution.checkpointing.interval -> WEIR_EXECUTION_CHECKPOINTING_INTERVAL */
static void
variable_of(const char *key, char *out, size_t room)
{
    size_t at = (size_t)snprintf(out, room, "%s", strncmp(key, "weir.", 5) == 0 ? "" : "WEIR_");
    for (; *key != '\0' && at + 1 < room; key++) {
        out[at++] = *key == '.' || *key == '-' ? '_' : (char)toupper((unsigned char)*key);
    }
    out[at] = '\0';
}

static int
read_variables(weir_options *options)
{
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = weir_option_at(i);
        char name[160];
        variable_of(info->key, name, sizeof name);
        const char *value = getenv(name);
        if (value == NULL || !info->supported) {
            continue;
        }
        weir_error error = { 0 };
        if (weir_options_set(options, info->key, value, WEIR_LEVEL_ENVIRONMENT, name, &error) !=
            WEIR_OK) {
            cli_say('e', "%s", error.message);
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

int
cli_configure(const char *config_file, weir_options **out_options)
{
    weir_options *options = NULL;
    if (weir_options_create(NULL, &options) != WEIR_OK) {
        cli_say('e', "no memory");
        return CLI_FAILED;
    }
    const char *path = config_file != NULL ? config_file : getenv("WEIR_CONFIG");
    int code = path != NULL && path[0] != '\0' ? cli_read_config(options, path) : CLI_OK;
    if (code == CLI_OK) {
        code = read_variables(options);
    }
    if (code != CLI_OK) {
        weir_options_destroy(options);
        return code;
    }
    *out_options = options;
    return CLI_OK;
}

int
cli_set(weir_options *options, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment) {
        cli_say('e', "-D %s: key=value is wanted", assignment);
        return CLI_USAGE;
    }
    char key[256];
    if (equals - assignment >= (ptrdiff_t)sizeof key) {
        cli_say('e', "-D: the key is too long");
        return CLI_USAGE;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    weir_error error = { 0 };
    weir_status status =
        weir_options_set(options, key, equals + 1, WEIR_LEVEL_COMMAND, "-D", &error);
    if (status != WEIR_OK) {
        cli_say('e', "%s", error.message);
        return CLI_USAGE;
    }
    return CLI_OK;
}
