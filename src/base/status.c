/* SPDX-License-Identifier: Apache-2.0 */
/* status: names and meanings of the statuses, both from WEIR_STATUS_MAP. A number that is none of
 * them (a user's function may return anything) gets words too. */
#include "weir/status.h"

const char *
weir_status_name(weir_status status)
{
    switch (status) {
#define NAME_CASE(name, number, meaning, next) \
    case WEIR_##name:                          \
        return #name;
        WEIR_STATUS_MAP(NAME_CASE)
#undef NAME_CASE
    default:
        return "UNKNOWN";
    }
}

const char *
weir_status_meaning(weir_status status)
{
    switch (status) {
#define MEANING_CASE(name, number, meaning, next) \
    case WEIR_##name:                             \
        return meaning;
        WEIR_STATUS_MAP(MEANING_CASE)
#undef MEANING_CASE
    default:
        return "not a status of weir's";
    }
}
