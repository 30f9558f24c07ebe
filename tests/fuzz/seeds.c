/* SPDX-License-Identifier: Apache-2.0 */
/* seeds: writes the corpora of state_file_fuzz and manifest_fuzz anew: a file of every kind of
 * state, full and with changes, by keys of numbers and of text; a manifest with something of
 * everything. To be run when a format has a new version.
 *
 *     fuzz_seeds CORPUS
 */
#include "support/state_rig.h"
#include "unit/snapshot/manifest_scene.h"

#include "fuzz/fuzz.h"

enum {
    KEYS = 6,
    FULL = 1,
    CHANGES = 2
};

struct word {
    weir_string text;
    char content[8];
};

void
test_assert_ok(int status, const struct weir_error *error, const char *call, const char *file,
               int line)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "%s:%d: %s returned %s: %s\n", file, line, call,
                weir_status_name((weir_status)status), error != NULL ? error->message : "");
        exit(1);
    }
}

static void
write_file(const char *corpus, const char *name, char first, weir_bytes bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputc(first, file) == EOF ||
        fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file) != 0) {
        fprintf(stderr, "%s cannot be written\n", path);
        exit(1);
    }
}

static weir_state *
make_state(struct rig *rig, weir_backend *backend, weir_state_kind kind, const char *name,
           const weir_type *type)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = kind,
                                         .name = name,
                                         .type = type,
                                         .map_key_type = kind == WEIR_STATE_MAP
                                                             ? weir_type_of_kind(WEIR_STRING)
                                                             : NULL };
    weir_state *state = NULL;
    assert_ok(weir_backend_create_state(backend, &descriptor, &state, &rig->error), &rig->error);
    return state;
}

/* Something of each under this key. */
static void
fill(weir_state *const states[4], const weir_key *key, int64_t number)
{
    struct word word = { { offsetof(struct word, content), 5 }, "words" };
    weir_bytes number_bytes = weir_bytes_of(&number, sizeof number);
    for (size_t i = 0; i < 4; i++) {
        weir_state_bind(states[i], key);
    }
    assert_ok(weir_value_put(states[0], number_bytes), NULL);
    assert_ok(weir_value_put(states[1], weir_bytes_of(&word, sizeof word)), NULL);
    assert_ok(weir_list_add(states[2], number_bytes), NULL);
    assert_ok(weir_list_add(states[2], number_bytes), NULL);
    assert_ok(weir_map_put(states[3], weir_bytes_of_text("one"), number_bytes), NULL);
    assert_ok(weir_map_put(states[3], weir_bytes_of_text("none"), weir_bytes_of(NULL, 0)), NULL);
}

static void
begin_file(struct rig *rig, uint64_t id, struct rig_file *out_file)
{
    char path[64];
    rig_path(id, path);
    *out_file = (struct rig_file){ .id = id };
    struct wr_state_file_parameters parameters = { .os = rig->os,
                                                   .executor = &rig->executor,
                                                   .alloc = wr_memory_system(),
                                                   .path = path,
                                                   .identity = rig_identity(id),
                                                   .buffer_size = 4096,
                                                   .may_change = true,
                                                   .reply_to = &rig->replies,
                                                   .reply_parker = &rig->parker };
    assert_ok(wr_state_file_create(&parameters, &out_file->writer, &rig->error), &rig->error);
}

static void
take(struct rig *rig, weir_backend *backend, uint64_t id, const char *corpus, const char *name,
     char first)
{
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    begin_file(rig, id, &file);
    weir_snapshot_parameters parameters = {
        .size = sizeof parameters, .checkpoint_id = id, .writer = file.writer, .incremental = true
    }; /* the first is full */
    assert_ok(weir_backend_snapshot_begin(backend, &parameters, &snapshot, &rig->error),
              &rig->error);
    for (bool done = false; !done;) {
        assert_ok(weir_backend_snapshot_turn(backend, snapshot, 4096, &done, &rig->error),
                  &rig->error);
        rig_io(rig);
    }
    rig_file_finish(rig, &file);
    weir_backend_snapshot_end(backend, snapshot, true);
    char path[64];
    size_t size = 0;
    rig_path(id, path);
    const uint8_t *bytes = os_sim_file_get(rig->sim, path, &size);
    write_file(corpus, name, first, weir_bytes_of(bytes, size));
}

static void
write_state_files(const char *corpus, const weir_type *key_type)
{
    static const char *const texts[KEYS] = { "", "a", "key", "a longer key than twelve", "x", "y" };
    struct rig rig;
    bool is_text = weir_type_kind(key_type) == WEIR_STRING;
    rig_init(&rig);
    rig.seed = 7;
    rig.max_parallelism = 4;
    weir_backend *backend = rig_open(&rig, key_type);
    weir_state *const states[4] = {
        make_state(&rig, backend, WEIR_STATE_VALUE, "numbers", weir_type_of_kind(WEIR_I64)),
        make_state(&rig, backend, WEIR_STATE_VALUE, "words", weir_type_of_kind(WEIR_STRING)),
        make_state(&rig, backend, WEIR_STATE_LIST, "lists", weir_type_of_kind(WEIR_I64)),
        make_state(&rig, backend, WEIR_STATE_MAP, "maps", weir_type_of_kind(WEIR_I64))
    };
    for (uint64_t id = FULL; id <= CHANGES; id++) {
        for (int64_t number = 0; number < (id == FULL ? KEYS : 1); number++) {
            weir_key key = is_text ? rig_key(&rig, key_type, texts[number], strlen(texts[number]))
                                   : rig_number(&rig, &number);
            fill(states, &key, number);
        }
        char name[64];
        snprintf(name, sizeof name, "state_file/%s-%s", is_text ? "text" : "number",
                 id == FULL ? "full" : "changes");
        take(&rig, backend, id, corpus, name, is_text ? 's' : 'n');
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

static void
write_manifest(const char *corpus)
{
    struct manifest_scene scene;
    struct wr_buffer bytes;
    weir_error error;
    weir_alloc alloc = wr_memory_system();
    manifest_scene_init(&scene, &alloc);
    wr_buffer_init(&bytes, &alloc);
    assert_ok(wr_manifest_encode(&scene.manifest, &bytes, &error), &error);
    write_file(corpus, "manifest/everything", 'm', weir_bytes_of(bytes.data, bytes.size));
    scene.manifest.operator_count = 0;
    wr_buffer_clear(&bytes);
    assert_ok(wr_manifest_encode(&scene.manifest, &bytes, &error), &error);
    write_file(corpus, "manifest/no-operators", 'm', weir_bytes_of(bytes.data, bytes.size));
    wr_buffer_fini(&bytes);
    wr_manifest_fini(&scene.manifest);
    weir_type_destroy(scene.pair);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds CORPUS\n");
        return 2;
    }
    write_state_files(argv[1], weir_type_of_kind(WEIR_I64));
    write_state_files(argv[1], weir_type_of_kind(WEIR_STRING));
    write_manifest(argv[1]);
    return 0;
}
