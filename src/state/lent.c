/* SPDX-License-Identifier: Apache-2.0 */
/* lent: copies in turn.
 *
 *   copy a   LENT --next verb begins--> RETURNED --it ends--> POISONED --verb after that lends-->
 * ... copy b   POISONED ----------------> LENT by that verb
 *
 * A write behind the call that ended the loan is found when the copy is lent again, or the state
 * goes; a read gives poison. The memory is not the state's: no budget knows of it.
 */
#include "state/lent.h"

#include "base/check.h"
#include "base/memory.h"
#include "weir/type.h"

#include <string.h>

void
wr_lent_init(struct wr_lent *lent)
{
    weir_alloc alloc = wr_memory_system();
    *lent = (struct wr_lent){ .turn = 0 };
    wr_buffer_init(&lent->copies[0], &alloc);
    wr_buffer_init(&lent->copies[1], &alloc);
    wr_buffer_init(&lent->expected, &alloc);
}

static void
check_poison(const struct wr_buffer *copy)
{
    for (size_t i = 0; i < copy->size; i++) {
        bool a_value_was_written_after_the_call_that_ended_its_loan =
            copy->data[i] != WR_LENT_POISON;
        wr_assert(!a_value_was_written_after_the_call_that_ended_its_loan);
    }
}

void
wr_lent_fini(struct wr_lent *lent)
{
    if (lent->is_out || lent->is_returned) {
        wr_buffer_clear(&lent->copies[lent->turn]); /* nothing was to be seen of it yet */
    }
    check_poison(&lent->copies[0]);
    check_poison(&lent->copies[1]);
    wr_buffer_fini(&lent->copies[0]);
    wr_buffer_fini(&lent->copies[1]);
    wr_buffer_fini(&lent->expected);
}

void
wr_lent_take_back(struct wr_lent *lent)
{
    if (!lent->is_out) {
        return;
    }
    const struct wr_buffer *copy = &lent->copies[lent->turn];
    lent->is_out = false;
    lent->is_returned = true;
    if (lent->place != NULL) {
        memcpy(lent->place, copy->data, copy->size);
        lent->place = NULL;
        return;
    }
    bool a_value_lent_for_reading_was_written =
        copy->size != 0 && memcmp(copy->data, lent->expected.data, copy->size) != 0;
    wr_assert(!a_value_lent_for_reading_was_written);
}

void
wr_lent_poison(struct wr_lent *lent)
{
    if (!lent->is_returned) {
        return;
    }
    /* The verb may have lent the other copy meanwhile. */
    struct wr_buffer *copy = &lent->copies[lent->is_out ? lent->turn ^ 1 : lent->turn];
    memset(copy->data, WR_LENT_POISON, copy->size);
    lent->is_returned = false;
}

/* The other copy, with room for so much. NULL: no memory. */
static uint8_t *
take_turn(struct wr_lent *lent, size_t size)
{
    struct wr_buffer *copy = &lent->copies[lent->turn ^ 1];
    check_poison(copy);
    wr_buffer_clear(copy);
    wr_buffer_clear(&lent->expected);
    /* 8 bytes where there are none, so that an empty value has a place too */
    uint8_t *room = wr_buffer_extend(copy, size != 0 ? size : 8);
    if (room == NULL) {
        wr_buffer_clear(copy);
        return NULL;
    }
    memset(room, 0, copy->size);
    lent->turn ^= 1;
    lent->is_out = true;
    return room;
}

void
wr_lent_give(struct wr_lent *lent, weir_bytes *pieces[], size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += pieces[i]->data != NULL ? weir_round8(pieces[i]->size) : 0;
    }
    uint8_t *room = take_turn(lent, size);
    if (room == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (pieces[i]->data != NULL) {
            memcpy(room, pieces[i]->data, pieces[i]->size);
            pieces[i]->data = room;
            room += weir_round8(pieces[i]->size);
        }
    }
    const struct wr_buffer *copy = &lent->copies[lent->turn];
    wr_buffer_put(&lent->expected, copy->data, copy->size);
    lent->is_out = lent->expected.size == copy->size; /* else it is never looked at */
}

void
wr_lent_give_place(struct wr_lent *lent, void **place, size_t size)
{
    uint8_t *room = take_turn(lent, weir_round8(size));
    if (room == NULL) {
        return;
    }
    memcpy(room, *place, size);
    lent->copies[lent->turn].size = size; /* what goes back */
    lent->place = *place;
    *place = room;
}
