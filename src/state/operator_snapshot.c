/* SPDX-License-Identifier: Apache-2.0 */
/* operator_snapshot: a copy of the operator state, and its way into a file.
 *
 *   LIST block   {u32 size, bytes}...
 *   MAP block    {u32 key size, u32 value size (UINT32_MAX: null), key, value}...
 *
 * The copy holds types of its own: it may be written after the operator has been closed.
 */
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "state/operator_parts.h"

struct wr_operator_snapshot {
    weir_alloc alloc;
    struct wr_operator_state *copy;
    const struct weir_operator_list *list; /* being written; NULL: all are */
    const struct weir_broadcast *broadcast;
    size_t written; /* elements or entries of it */
    uint16_t state; /* its number in the file */
    bool in_block;
    size_t room_most;
};

/* Puts copies of all into an empty one. */
static weir_status
copy_all(const struct wr_operator_state *from, struct wr_operator_state *to, weir_error *err)
{
    for (const struct weir_operator_list *list = from->lists; list != NULL; list = list->next) {
        weir_operator_list *twin = NULL;
        WR_TRY(wr_operator_state_list(to, list->descriptor, &twin, err));
        if (!wr_operator_list_fill(twin, list)) {
            return WEIR_NOMEM;
        }
    }
    for (const struct weir_broadcast *broadcast = from->broadcasts; broadcast != NULL;
         broadcast = broadcast->next) {
        weir_broadcast *twin = NULL;
        WR_TRY(wr_operator_state_broadcast(to, broadcast->descriptor, &twin, err));
        if (!wr_broadcast_fill(twin, broadcast)) {
            return WEIR_NOMEM;
        }
    }
    return WEIR_OK;
}

weir_status
wr_operator_state_copy(const struct wr_operator_state *state,
                       struct wr_operator_snapshot **out_snapshot, weir_error *err)
{
    struct wr_operator_snapshot *snapshot = wr_memory_new(&state->alloc, sizeof *snapshot);
    weir_status status =
        snapshot != NULL
            ? wr_operator_state_create(&state->alloc, state->operator_name, &snapshot->copy)
            : WEIR_NOMEM;
    if (status == WEIR_OK) {
        status = copy_all(state, snapshot->copy, err);
    }
    if (status != WEIR_OK) {
        if (snapshot != NULL) {
            wr_operator_state_destroy(snapshot->copy);
            wr_memory_free(&state->alloc, snapshot, sizeof *snapshot);
        }
        return wr_fail(err, status, "operator '%s': no memory to copy its lists for a snapshot",
                       state->operator_name);
    }
    snapshot->alloc = state->alloc;
    snapshot->list = snapshot->copy->lists;
    snapshot->broadcast = snapshot->copy->broadcasts;
    *out_snapshot = snapshot;
    return WEIR_OK;
}

size_t
wr_operator_snapshot_count(const struct wr_operator_snapshot *snapshot)
{
    return wr_operator_state_count(snapshot->copy);
}

void
wr_operator_snapshot_describe(const struct wr_operator_snapshot *snapshot, size_t index,
                              weir_state_descriptor *out_descriptor, uint64_t *out_count)
{
    wr_operator_state_describe(snapshot->copy, index, out_descriptor, out_count);
}

/* What is being written: lists first. NULL: all is. */
static const weir_state_descriptor *
current(const struct wr_operator_snapshot *snapshot)
{
    if (snapshot->list != NULL) {
        return snapshot->list->descriptor;
    }
    return snapshot->broadcast != NULL ? snapshot->broadcast->descriptor : NULL;
}

/* As the keyed walk: what is larger than half of all buffers is written when half of them are free.
 */
static bool
has_room(struct wr_operator_snapshot *snapshot, const weir_block_writer *writer, size_t size)
{
    size_t room = weir_block_writer_room(writer);
    snapshot->room_most = room > snapshot->room_most ? room : snapshot->room_most;
    return room >= size || (room >= snapshot->room_most / 2 && room > 0);
}

/* One element or entry, lent; *out_size is what it takes in the block. */
struct unit {
    bool is_entry;
    weir_bytes key;
    weir_bytes value;
    size_t size;
};

static struct unit
unit_at(const struct wr_operator_snapshot *snapshot)
{
    struct unit unit = { .is_entry = snapshot->list == NULL };
    if (unit.is_entry) {
        wr_broadcast_at(snapshot->broadcast, snapshot->written, &unit.key, &unit.value);
        unit.size = 8 + unit.key.size + unit.value.size;
    } else {
        unit.value = weir_operator_list_at(snapshot->list, snapshot->written);
        unit.size = 4 + unit.value.size;
    }
    return unit;
}

static weir_status
write_unit(weir_block_writer *writer, const struct unit *unit)
{
    uint8_t head[8];
    uint32_t value_size =
        unit->is_entry && unit->value.data == NULL ? UINT32_MAX : (uint32_t)unit->value.size;
    size_t at = 0;
    if (unit->is_entry) {
        wr_put_u32(head, (uint32_t)unit->key.size);
        at = 4;
    }
    wr_put_u32(head + at, value_size);
    WR_TRY(weir_block_writer_write(writer, head, at + 4));
    if (unit->is_entry) {
        WR_TRY(weir_block_writer_write(writer, unit->key.data, unit->key.size));
    }
    return unit->value.size != 0
               ? weir_block_writer_write(writer, unit->value.data, unit->value.size)
               : WEIR_OK;
}

static weir_status
end_block(struct wr_operator_snapshot *snapshot, weir_block_writer *writer)
{
    weir_block block = { .kind = snapshot->list != NULL ? WEIR_BLOCK_LIST : WEIR_BLOCK_MAP,
                         .state = snapshot->state,
                         .entries = snapshot->written };
    snapshot->in_block = false;
    snapshot->written = 0;
    if (snapshot->list != NULL) {
        snapshot->list = snapshot->list->next;
    } else {
        snapshot->broadcast = snapshot->broadcast->next;
    }
    return weir_block_writer_end_block(writer, &block);
}

static weir_status
write_all(struct wr_operator_snapshot *snapshot, weir_block_writer *writer, size_t budget_bytes)
{
    size_t spent = 0;
    while (current(snapshot) != NULL && spent < budget_bytes) {
        if (!snapshot->in_block) {
            WR_TRY(weir_block_writer_add_state(writer, current(snapshot), &snapshot->state));
            snapshot->in_block = true;
        }
        size_t count = snapshot->list != NULL ? snapshot->list->count : snapshot->broadcast->count;
        if (snapshot->written == count) {
            WR_TRY(end_block(snapshot, writer));
            continue;
        }
        struct unit unit = unit_at(snapshot);
        if (!has_room(snapshot, writer, unit.size)) {
            break;
        }
        WR_TRY(write_unit(writer, &unit));
        snapshot->written++;
        spent += unit.size;
    }
    return WEIR_OK;
}

weir_status
wr_operator_snapshot_turn(struct wr_operator_snapshot *snapshot, weir_block_writer *writer,
                          size_t budget_bytes, bool *out_done, weir_error *err)
{
    weir_status status = write_all(snapshot, writer, budget_bytes > 0 ? budget_bytes : 1);
    if (status != WEIR_OK) {
        const weir_state_descriptor *descriptor = current(snapshot);
        return wr_fail(err, status, "snapshot of operator '%s', list '%s': writing failed",
                       snapshot->copy->operator_name, descriptor != NULL ? descriptor->name : "");
    }
    *out_done = current(snapshot) == NULL;
    return WEIR_OK;
}

void
wr_operator_snapshot_destroy(struct wr_operator_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    weir_alloc alloc = snapshot->alloc;
    wr_operator_state_destroy(snapshot->copy);
    wr_memory_free(&alloc, snapshot, sizeof *snapshot);
}
