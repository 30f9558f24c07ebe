/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_fuzz: any bytes as the file of a subtask's state: opened, its states looked at, its
 * operator lists read, its keyed blocks restored into the in-memory engine, and what that holds
 * iterated. Checksums are put right first, or nothing would come past them; but for inputs that
 * begin with 'r'. Every refusal has words.
 *
 *   input   u8 | state file
 */
#include "fuzz/fuzz.h"

#include "base/crc32c.h"
#include "base/little.h"
#include "base/memory.h"
#include "snapshot/state_file.h"
#include "snapshot/state_file_format.h"
#include "support/common_os_sim.h"
#include "weir/state.h"

#include <string.h>

enum {
    MAX_PARALLELISM = 4,
    LEAST = WR_HEADER_SIZE + WR_DIRECTORY_HEAD_SIZE + 4 + WR_FOOTER_SIZE
};

#define PATH "/state"

/* --- checksums --- */

/* Where the directory is, if the footer makes sense. */
static bool
find_directory(const uint8_t *footer, size_t size, size_t *out_at, size_t *out_size)
{
    *out_at = (size_t)wr_get_u64(footer + WR_FOOTER_DIRECTORY_OFFSET);
    *out_size = (size_t)wr_get_u64(footer + WR_FOOTER_DIRECTORY_SIZE);
    size_t end = size - WR_FOOTER_SIZE;
    return *out_at >= WR_HEADER_SIZE && *out_at <= end && *out_size <= end - *out_at &&
           *out_size >= WR_DIRECTORY_HEAD_SIZE + sizeof(uint32_t);
}

/* The entries of blocks end the directory, before its checksum. */
static void
put_blocks_right(uint8_t *bytes, size_t directory_at, size_t directory_size)
{
    uint8_t *directory = bytes + directory_at;
    uint64_t count = wr_get_u64(directory + 8);
    size_t room = directory_size - WR_DIRECTORY_HEAD_SIZE - sizeof(uint32_t);
    count = count < room / WR_BLOCK_ENTRY_SIZE ? count : room / WR_BLOCK_ENTRY_SIZE;
    uint8_t *entry = directory + directory_size - sizeof(uint32_t) - count * WR_BLOCK_ENTRY_SIZE;
    for (uint64_t i = 0; i < count; i++, entry += WR_BLOCK_ENTRY_SIZE) {
        uint64_t at = wr_get_u64(entry + WR_BLOCK_ENTRY_OFFSET);
        uint64_t size = wr_get_u64(entry + WR_BLOCK_ENTRY_LENGTH);
        if (at <= directory_at && size <= directory_at - at) {
            wr_put_u32(entry + WR_BLOCK_ENTRY_CRC, wr_crc32c(0, bytes + at, (size_t)size));
        }
    }
}

/* What only repeats something else is made to. */
static void
put_footer_right(const uint8_t *header, uint8_t *footer, size_t end)
{
    uint64_t at = wr_get_u64(footer + WR_FOOTER_DIRECTORY_OFFSET);
    if (at <= end) {
        wr_put_u64(footer + WR_FOOTER_DIRECTORY_SIZE, end - at);
    }
    memcpy(footer + WR_FOOTER_CHECKPOINT, header + WR_HEADER_CHECKPOINT, sizeof(uint64_t));
    memcpy(footer + WR_FOOTER_OPERATOR, header + WR_HEADER_OPERATOR, 16);
    memcpy(footer + WR_FOOTER_SUBTASK, header + WR_HEADER_SUBTASK, sizeof(uint32_t));
    memcpy(footer + WR_FOOTER_VERSION, header + WR_HEADER_VERSION, sizeof(uint32_t));
    memcpy(footer + WR_FOOTER_MAGIC, WR_STATE_FILE_FOOTER_MAGIC, WR_STATE_FILE_MAGIC_SIZE);
}

static void
put_right(uint8_t *bytes, size_t size)
{
    uint8_t *footer = bytes + size - WR_FOOTER_SIZE;
    size_t at;
    size_t directory_size;
    memcpy(bytes, WR_STATE_FILE_MAGIC, WR_STATE_FILE_MAGIC_SIZE);
    put_footer_right(bytes, footer, size - WR_FOOTER_SIZE);
    if (find_directory(footer, size, &at, &directory_size)) {
        put_blocks_right(bytes, at, directory_size);
        wr_put_u32(bytes + at + directory_size - sizeof(uint32_t),
                   wr_crc32c(0, bytes + at, directory_size - sizeof(uint32_t)));
    }
    uint32_t header_crc = wr_crc32c(0, bytes, WR_HEADER_CRC);
    wr_put_u32(bytes + WR_HEADER_CRC, header_crc);
    wr_put_u32(footer + WR_FOOTER_HEADER_CRC, header_crc);
    wr_put_u32(footer + WR_FOOTER_CRC, wr_crc32c(0, footer, WR_FOOTER_CRC));
}

/* --- reading --- */

static void
expect_refusal(weir_status status, const weir_error *error)
{
    fuzz_expect(status == WEIR_CORRUPT || status == WEIR_VERSION || status == WEIR_UNSUPPORTED ||
                status == WEIR_LIMIT || status == WEIR_INVALID || status == WEIR_NOMEM);
    fuzz_expect(error->message[0] != '\0');
}

static weir_status
look_at_element(void *argument, size_t index, weir_bytes value)
{
    (void)index;
    weir_error error;
    return weir_type_check_block(argument, value.data, value.size, &error);
}

/* What the dispatch gives on is well formed. */
static weir_status
look_at_entry(void *argument, const weir_key *key, weir_bytes value)
{
    const weir_state_descriptor *descriptor = argument;
    weir_error error;
    fuzz_expect(key->key_group < MAX_PARALLELISM);
    if (value.size != 0) {
        fuzz_expect(weir_type_check_block(descriptor->type, value.data, value.size, &error) ==
                    WEIR_OK);
    }
    return WEIR_OK;
}

static void
look_at_states(weir_backend *backend, const weir_block_reader *reader)
{
    for (size_t i = 0; i < weir_block_reader_state_count(reader); i++) {
        weir_state_descriptor descriptor;
        weir_state *state = NULL;
        weir_error error = { 0 };
        weir_block_reader_state(reader, i, &descriptor);
        if (descriptor.list_mode != WEIR_LIST_NONE || descriptor.kind == WEIR_STATE_BROADCAST ||
            descriptor.has_timestamps || descriptor.kind == WEIR_STATE_REDUCING ||
            descriptor.kind == WEIR_STATE_AGGREGATING) {
            continue;
        }
        descriptor.size = sizeof descriptor;
        weir_status status = weir_backend_create_state(backend, &descriptor, &state, &error);
        if (status == WEIR_OK) {
            fuzz_expect(weir_state_iterate(state, look_at_entry, &descriptor) == WEIR_OK);
        }
    }
}

static void
restore(weir_block_reader *reader, const weir_type *key_type)
{
    weir_alloc alloc = wr_memory_system();
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = MAX_PARALLELISM,
                                           .key_group_last = MAX_PARALLELISM - 1,
                                           .state_alloc = alloc,
                                           .snapshot_alloc = alloc,
                                           .key_type = key_type,
                                           .hash_seed = 7,
                                           .operator_name = "fuzz" };
    weir_backend *backend = NULL;
    weir_error error = { 0 };
    fuzz_expect(weir_backend_open(weir_backend_factory_hashmap(), &parameters, &backend, &error) ==
                WEIR_OK);
    weir_status status = weir_backend_restore(backend, reader, &error);
    if (status == WEIR_OK) {
        look_at_states(backend, reader);
    } else {
        expect_refusal(status, &error);
    }
    weir_backend_close(backend);
}

static void
read_lists(weir_block_reader *reader)
{
    for (size_t i = 0; i < weir_block_reader_state_count(reader); i++) {
        weir_state_descriptor descriptor;
        weir_error error = { 0 };
        weir_block_reader_state(reader, i, &descriptor);
        if (descriptor.list_mode != WEIR_LIST_NONE) {
            union {
                const weir_type *given;
                void *passed;
            } type = { descriptor.type };
            weir_status status =
                wr_state_file_list(reader, descriptor.name, look_at_element, type.passed, &error);
            fuzz_expect(status != WEIR_INVALID);
        }
    }
}

/* What the manifest would say of it. */
static bool
has_changes(const uint8_t *bytes, size_t size)
{
    size_t at;
    size_t directory_size;
    return find_directory(bytes + size - WR_FOOTER_SIZE, size, &at, &directory_size) &&
           (wr_get_u32(bytes + at + 4) & WR_DIRECTORY_HAS_CHANGES) != 0;
}

static void
read_file(struct wr_os *os, const uint8_t *bytes, size_t size, bool is_text_keyed)
{
    struct wr_state_file_open open = { .os = os,
                                       .alloc = wr_memory_system(),
                                       .path = PATH,
                                       .size = size,
                                       .crc = wr_crc32c(0, bytes, size),
                                       .key_group_last = MAX_PARALLELISM - 1,
                                       .has_changes = has_changes(bytes, size),
                                       .writer_key_group_last = MAX_PARALLELISM - 1 };
    open.identity.checkpoint_id = wr_get_u64(bytes + WR_HEADER_CHECKPOINT);
    open.identity.subtask = wr_get_u32(bytes + WR_HEADER_SUBTASK);
    memcpy(open.identity.attempt, bytes + WR_HEADER_ATTEMPT, sizeof open.identity.attempt);
    memcpy(open.identity.operator_id, bytes + WR_HEADER_OPERATOR, sizeof open.identity.operator_id);
    weir_block_reader *reader = NULL;
    weir_error error = { 0 };
    weir_status status = wr_state_file_open(&open, &reader, &error);
    if (status != WEIR_OK) {
        expect_refusal(status, &error);
        return;
    }
    read_lists(reader);
    restore(reader, weir_type_of_kind(is_text_keyed ? WEIR_STRING : WEIR_I64));
    wr_state_file_close(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < LEAST + 1) {
        return 0;
    }
    uint8_t *bytes = malloc(size - 1);
    fuzz_expect(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] != 'r') {
        put_right(bytes, size - 1);
    }
    struct os_sim_config config = { .seed = 7, .no_log = true };
    struct os_sim *sim = os_sim_create(&config);
    os_sim_file_put(sim, PATH, bytes, size - 1);
    read_file(os_sim_os(sim), bytes, size - 1, data[0] == 's');
    fuzz_expect(os_sim_open_count(sim) == 0);
    os_sim_destroy(sim);
    free(bytes);
    return 0;
}
