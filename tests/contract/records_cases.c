/* SPDX-License-Identifier: Apache-2.0 */
/* Records that no engine of ours would write, in files whose checksums are right: refused with
 * words, whatever is wrong with them. */
#include "contract/contract.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <string.h>

struct record {
    weir_state_kind kind;
    const char *what;
    uint32_t key_size;
    uint32_t value_size; /* as it says */
    uint32_t key_group;  /* 100: the key's own */
    uint64_t entries;
    size_t payload; /* bytes of the value that are there */
    uint32_t inner; /* the first word of the value: of a list the size of its first element */
    weir_status expected;
};

static const struct record records[] = {
    { WEIR_STATE_VALUE, "sound", 8, 8, 100, 1, 8, 7, WEIR_OK },
    { WEIR_STATE_VALUE, "cut off", 8, 800, 100, 1, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "no key", 0, 8, 100, 1, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "short key", 7, 8, 100, 1, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "short value", 8, 4, 100, 1, 4, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "long value", 8, 16, 100, 1, 16, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "another's key group", 8, 8, 99, 1, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "more entries than there are", 8, 8, 100, 2, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_VALUE, "fewer entries than there are", 8, 8, 100, 0, 8, 7, WEIR_CORRUPT },
    { WEIR_STATE_LIST, "sound", 8, 12, 100, 1, 12, 8, WEIR_OK },
    { WEIR_STATE_LIST, "element cut off", 8, 12, 100, 1, 12, 80, WEIR_CORRUPT },
    { WEIR_STATE_LIST, "short element", 8, 8, 100, 1, 8, 4, WEIR_CORRUPT },
    { WEIR_STATE_LIST, "cut size", 8, 3, 100, 1, 3, 0, WEIR_CORRUPT },
    { WEIR_STATE_MAP, "cut sizes", 8, 4, 100, 1, 4, 8, WEIR_CORRUPT },
    { WEIR_STATE_MAP, "key cut off", 8, 16, 100, 1, 16, 800, WEIR_CORRUPT },
};

static void
write_record(struct contract *c, const struct record *record, weir_block_writer *writer)
{
    static const int64_t number_key = 42;
    uint8_t bytes[64] = { 0 };
    weir_state_descriptor descriptor = describe(record->kind, "records", i64_type());
    descriptor.map_key_type = record->kind == WEIR_STATE_MAP ? i64_type() : NULL;
    weir_key key = weir_key_make(i64_type(), weir_bytes_of(&number_key, 8), c->rig.max_parallelism,
                                 c->rig.seed);
    weir_block block = { .kind = WEIR_BLOCK_RECORDS,
                         .key_group = record->key_group == 100
                                          ? key.key_group
                                          : (key.key_group + 1) % c->rig.max_parallelism,
                         .entries = record->entries };
    OK(weir_block_writer_add_state(writer, &descriptor, &block.state));
    memcpy(bytes, &record->key_size, 4);
    memcpy(bytes + 4, &record->value_size, 4);
    memcpy(bytes + 8, &number_key, record->key_size);
    memcpy(bytes + 8 + record->key_size, &record->inner, record->payload < 4 ? record->payload : 4);
    OK(weir_block_writer_write(writer, bytes, 8 + record->key_size + record->payload));
    OK(weir_block_writer_end_block(writer, &block));
}

/* A file of one record, as a set. */
static void
write_file(struct contract *c, const struct record *record, struct engine_file *out_file)
{
    struct engine_rig *rig = &c->rig;
    *out_file = (struct engine_file){ .id = rig->next_id++, .last = rig->max_parallelism - 1 };
    snprintf(out_file->path, sizeof out_file->path, "%s/records-%llu", rig->directory,
             (unsigned long long)out_file->id);
    struct wr_state_file_parameters parameters = { .os = rig->os,
                                                   .executor = &rig->executor,
                                                   .alloc = wr_memory_system(),
                                                   .path = out_file->path,
                                                   .identity = { .checkpoint_id = out_file->id,
                                                                 .subtask = 3 },
                                                   .buffer_size = 4096,
                                                   .reply_to = &rig->replies,
                                                   .reply_parker = &rig->parker };
    weir_block_writer *writer = NULL;
    struct wr_state_file_reply reply = { .context = c };
    OK(wr_state_file_create(&parameters, &writer, &rig->error));
    write_record(c, record, writer);
    OK(wr_state_file_finish(writer, &reply));
    engine_rig_io(rig);
    assert_non_null(wr_mailbox_pop(&rig->replies));
    assert_ok(reply.result.status, &reply.result.error);
    out_file->size = reply.result.size;
    out_file->crc = reply.result.crc;
    wr_state_file_destroy(writer);
}

CASE(records_that_make_no_sense_are_refused)
{
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct engine_file file;
        write_file(c, &records[i], &file);
        struct engine_set set = { .block_count = 1, .blocks = { &file } };
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
        c->rig.error.message[0] = 0;
        weir_status status = engine_task_restore(&c->rig, &c->task, &set);
        weir_status expected = c->rig.engine->keeps_files ? WEIR_VERSION : records[i].expected;
        if (status != expected) {
            print_error("%s: %s\n", records[i].what, c->rig.error.message);
        }
        assert_int_equal(status, expected);
        assert_true(expected == WEIR_OK || c->rig.error.message[0] != 0);
    }
    if (!c->rig.engine->keeps_files) {
        struct engine_file file;
        write_file(c, &records[0], &file);
        struct engine_set set = { .block_count = 1, .blocks = { &file } };
        restart(c, &set);
        assert_int_equal(get(c, make_value(c, "records", i64_type()), 42, -1), 7);
    }
}
