/* SPDX-License-Identifier: Apache-2.0 */
/* state/lent.h: what the dispatch has lent of a state. In the dev and sanitizer builds a copy is
 * lent instead of the engine's own bytes, so that whoever writes or reads it too late is found. For
 * the files of this room. Thread: task.
 */
#ifndef WR_STATE_LENT_H
#define WR_STATE_LENT_H

#include "base/buffer.h"
#include "weir/type.h"

enum {
    WR_LENT_POISON = 0xDB /* what is read of a copy that was lent until the call before */
};

struct wr_lent {
    struct wr_buffer copies[2]; /* in turn: lent, and poisoned since */
    struct wr_buffer expected;  /* of the one that is lent for reading: what must still be there */
    uint8_t turn;               /* which of the copies was lent last */
    bool is_out;                /* it is lent */
    bool is_returned;           /* it was; still readable, until the verb that took it back ends */
    void *place;                /* of a value lent for change: the engine's; else NULL */
};

void wr_lent_init(struct wr_lent *lent);
/* Looks at what was poisoned a last time. */
void wr_lent_fini(struct wr_lent *lent);
/* A verb begins: what was lent for change goes to its place; what was lent for reading must be as
 * it was. The copy can still be read: the verb's arguments may stand in it. */
void wr_lent_take_back(struct wr_lent *lent);
/* A verb ends: what was taken back is poisoned. */
void wr_lent_poison(struct wr_lent *lent);
/* Puts a copy in the place of what a verb lends for reading; data NULL stays. Without memory it
 * changes nothing. */
void wr_lent_give(struct wr_lent *lent, weir_bytes *pieces[], size_t count);
/* Likewise a value of this size that is lent for change. */
void wr_lent_give_place(struct wr_lent *lent, void **place, size_t size);

/* What the verbs call: nothing at all in the release build. */
#ifdef WEIR_DEV
static const bool wr_lends_copies = true;
#else
static const bool wr_lends_copies = false;
#endif

static inline void
wr_lent_enter(struct wr_lent *lent)
{
    if (wr_lends_copies) {
        wr_lent_take_back(lent);
    }
}

static inline void
wr_lent_leave(struct wr_lent *lent)
{
    if (wr_lends_copies) {
        wr_lent_poison(lent);
    }
}

static inline void
wr_lent_bytes(struct wr_lent *lent, weir_bytes *bytes)
{
    if (wr_lends_copies) {
        wr_lent_give(lent, &bytes, 1);
    }
}

static inline void
wr_lent_entry(struct wr_lent *lent, weir_bytes *key, weir_bytes *value)
{
    if (wr_lends_copies) {
        wr_lent_give(lent, (weir_bytes *[]){ key, value }, 2);
    }
}

static inline void
wr_lent_place(struct wr_lent *lent, void **place, size_t size)
{
    if (wr_lends_copies) {
        wr_lent_give_place(lent, place, size);
    }
}

#endif /* WR_STATE_LENT_H */
