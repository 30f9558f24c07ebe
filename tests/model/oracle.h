/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/oracle.h: what the state must be, as arrays by the number of a key. A number stands
 * for a value: 0 is none, 1 the type's defaults (in a map: null), any other its own bytes. */
#ifndef WEIR_TESTS_ORACLE_H
#define WEIR_TESTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    KEYS_MOST = 160,
    CELLS = 160 * 48, /* of lists, and of maps, shared out over the keys there are */
    WINDOWS = 4,
    WINDOW_LIST_MOST = 12,
    PANES = 4,
    TTL_LIST_MOST = 12,
    TTL_MAP_KEYS = 8,
    TIMER_TIMES = 64
};

struct oracle_item {
    uint32_t number;
    int64_t written; /* when */
};

struct oracle_key {
    uint32_t value;
    uint32_t list_count;
    bool has_sum[WINDOWS];
    int64_t sum[WINDOWS];
    int64_t average_sum[WINDOWS];
    int64_t average_count[WINDOWS]; /* 0: none */
    uint32_t window_count[WINDOWS];
    uint32_t window[WINDOWS][WINDOW_LIST_MOST];
    uint32_t pane[PANES];
    struct oracle_item ttl_value;
    uint32_t ttl_list_count;
    struct oracle_item ttl_list[TTL_LIST_MOST]; /* expired ones too: they may still be there */
    struct oracle_item ttl_map[TTL_MAP_KEYS];
    uint64_t timers; /* bit n: one at time 10 n */
};

struct oracle {
    struct oracle_key keys[KEYS_MOST];
    uint32_t lists[CELLS]; /* key * list_room + index */
    uint32_t maps[CELLS];  /* key * map_room + map key */
};

#endif /* WEIR_TESTS_ORACLE_H */
