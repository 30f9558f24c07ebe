/* SPDX-License-Identifier: Apache-2.0 */
/* reach: takes the options of reach.h. */
#include "reach.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

const struct cli_foreign cli_reach_foreign[] = {
    { "t|target|e|executor|yid|yarnapplicationId|z|zookeeperNamespace",
      "it asks this user's jobs, or the server of -m HOST:PORT" },
    { NULL, NULL },
};

/* "90s", "5 min"; a number alone is milliseconds, as in Flink. */
static bool
parse_duration(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "", 1 },      { "ms", 1 },      { "s", 1000 },
                  { "m", 60000 }, { "min", 60000 }, { "h", 3600000 } };
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");
    if (digits == 0 || digits > 9) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].unit, unit) == 0) {
            *out_ms = strtoull(text, NULL, 10) * units[i].ms;
            return true;
        }
    }
    return false;
}

int
cli_reach_take(struct cli_reach *reach, const struct cli_parse *parse, int id)
{
    switch (id) {
    case 'm':
        reach->address = parse->argument;
        break;
    case CLI_ID_CACERT:
        reach->ca_file = parse->argument;
        break;
    case CLI_ID_TOKEN_FILE:
        reach->token_file = parse->argument;
        break;
    case CLI_ID_TIMEOUT:
        if (!parse_duration(parse->argument, &reach->timeout_ms)) {
            return cli_parse_refuse(parse, "--timeout wants a duration such as 90s or 5min, not %s",
                                    parse->argument);
        }
        break;
    case 'o':
        reach->is_json = parse->choice == 1;
        break;
    default:
        break;
    }
    return CLI_OK;
}
