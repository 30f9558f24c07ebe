/* SPDX-License-Identifier: Apache-2.0 */
/* attacker: what a server on loopback may have to bear: clients that never finish a header, and
 * malformed requests at a steady rate. From threads of its own, on one core.
 */
#ifndef WEIR_BENCH_ATTACKER_H
#define WEIR_BENCH_ATTACKER_H

#include <stddef.h>
#include <stdint.h>

struct attack {
    uint16_t port;
    int core;
    size_t slow;       /* connections that send a byte of a header a second, and come again */
    uint64_t a_second; /* malformed requests, each on a connection of its own */
};

struct attack_count {
    uint64_t malformed; /* thrown at the port; where its queue was full not even taken in */
    uint64_t refused;   /* slow ones that were closed by the server */
    double seconds;
};

struct attacker;
struct attacker *attacker_start(const struct attack *attack);
void attacker_stop(struct attacker *attacker, struct attack_count *out_count);

#endif /* WEIR_BENCH_ATTACKER_H */
