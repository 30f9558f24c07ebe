/* SPDX-License-Identifier: Apache-2.0 */
/* assignment_check: may this job go on from this snapshot? Every refusal says which operator, what
 * it was and is, and the line or flag that goes on. Nothing is refused for an operator that wrote
 * no state, and nothing ever starts empty where state was: it is mapped, refused, or dropped by the
 * user's word.
 */
#include "checkpoint/assignment.h"

#include "base/check.h"
#include "base/fail.h"
#include "checkpoint/nearest.h"
#include "checkpoint/shape.h"
#include "types/type.h"

#include <stdio.h>
#include <string.h>

enum {
    TYPE_WORDS_SIZE = 240,
    NEAREST_WORDS_SIZE = 400
};

/* "'counts' (uid 'c1'), 'sums' (no uid)" */
static void
describe_nearest(const struct wr_assignment_operator *operators, size_t operator_count,
                 const struct wr_manifest_operator *old, char words[NEAREST_WORDS_SIZE])
{
    size_t nearest[WR_NEAREST_MAX];
    size_t count = wr_nearest_operators(operators, operator_count, old->name, old->uid, nearest);
    size_t size = 0;
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct wr_assignment_operator *near = &operators[nearest[i]];
        bool has_uid = near->uid[0] != '\0';
        int wanted = snprintf(words + size, NEAREST_WORDS_SIZE - size, "%s'%.40s' (%s%.40s%s)",
                              i == 0 ? "" : ", ", near->name, has_uid ? "uid '" : "no uid",
                              near->uid, has_uid ? "'" : "");
        wr_assert(wanted > 0 && size + (size_t)wanted < NEAREST_WORDS_SIZE);
        size += (size_t)wanted;
    }
}

static weir_status
refuse_missing(const struct wr_manifest *manifest, const struct wr_manifest_operator *old,
               const struct wr_assignment_operator *operators, size_t operator_count,
               weir_error *err)
{
    char nearest[NEAREST_WORDS_SIZE];
    describe_nearest(operators, operator_count, old, nearest);
    const char *uid = old->uid[0] != '\0' ? old->uid : "...";
    return wr_fail(err, WEIR_VERSION,
                   WR_SHAPE_WORDS "Cannot map checkpoint/savepoint state for operator %s to the "
                                  "new program, because the operator is not available in the new "
                                  "program. If you want to allow to skip this, you can set the "
                                  "--allowNonRestoredState option on the CLI (-n). Else give the "
                                  "operator that takes its state over uid(\"%s\"); nearest in the "
                                  "job: %s",
                   manifest->checkpoint_id, old->name, old->uid, old->name, uid,
                   operator_count > 0 ? nearest : "nothing");
}

/* Flink's KG6. */
static weir_status
check_max_parallelism(const struct wr_manifest *manifest, const struct wr_manifest_operator *old,
                      struct wr_assignment_operator *operator_, weir_error *err)
{
    if (operator_->parallelism > old->max_parallelism) {
        return wr_fail(err, WEIR_VERSION,
                       WR_SHAPE_WORDS "the maximum parallelism (%u) of the restored state is lower "
                                      "than the configured parallelism (%u); run with parallelism "
                                      "%u or less",
                       manifest->checkpoint_id, old->name, old->uid, old->max_parallelism,
                       operator_->parallelism, old->max_parallelism);
    }
    if (operator_->max_parallelism_set && operator_->max_parallelism != old->max_parallelism) {
        return wr_fail(err, WEIR_VERSION,
                       WR_SHAPE_WORDS "the maximum parallelism (%u) of the restored state differs "
                                      "from the configured one (%u); set %u, or leave it unset to "
                                      "take it from the snapshot",
                       manifest->checkpoint_id, old->name, old->uid, old->max_parallelism,
                       operator_->max_parallelism, old->max_parallelism);
    }
    operator_->max_parallelism = old->max_parallelism;
    return WEIR_OK;
}

/* "i64", or "word_key {string word, i32 length}", cut at the buffer's end. */
static void
describe_type(const weir_type *type, char words[TYPE_WORDS_SIZE])
{
    size_t field_count = weir_type_field_count(type);
    int size =
        snprintf(words, TYPE_WORDS_SIZE, "%s%s", weir_type_name(type), field_count > 0 ? " {" : "");
    for (size_t i = 0; i < field_count && size < TYPE_WORDS_SIZE; i++) {
        const weir_field *field = weir_type_field(type, i);
        size += snprintf(words + size, (size_t)(TYPE_WORDS_SIZE - size), "%s %s%s",
                         weir_type_name(wr_field_type(field)), field->name,
                         i + 1 < field_count ? ", " : "}");
    }
}

static weir_status
check_key_type(const struct wr_manifest *manifest, const struct wr_manifest_operator *old,
               const struct wr_assignment_operator *operator_, weir_error *err)
{
    if (old->key_type == NULL) {
        return WEIR_OK; /* not keyed then: keyed state starts empty */
    }
    char was[TYPE_WORDS_SIZE];
    describe_type(old->key_type, was);
    if (operator_->key_type == NULL) {
        return wr_fail(err, WEIR_VERSION,
                       WR_SHAPE_WORDS "its state is keyed by %s, the job's operator '%s' is not "
                                      "keyed; put the key_by back",
                       manifest->checkpoint_id, old->name, old->uid, was, operator_->name);
    }
    if (!weir_type_equal(old->key_type, operator_->key_type)) {
        char is[TYPE_WORDS_SIZE];
        describe_type(operator_->key_type, is);
        return wr_fail(err, WEIR_VERSION,
                       WR_SHAPE_WORDS "its state is keyed by %s, the job's operator '%s' by %s; "
                                      "key by the first again, or give the operator another uid",
                       manifest->checkpoint_id, old->name, old->uid, was, operator_->name, is);
    }
    return WEIR_OK;
}

/* Whether finish() was called is known per old subtask: rescaled, it would be called twice or
 * never. */
static weir_status
check_finished(const struct wr_manifest *manifest, const struct wr_manifest_operator *old,
               const struct wr_assignment_operator *operator_, weir_error *err)
{
    uint32_t finished = 0;
    for (uint32_t i = 0; i < old->subtask_count; i++) {
        finished += old->subtasks[i].finished;
    }
    bool is_partly = finished > 0 && finished < old->parallelism;
    if (is_partly && operator_->has_finish && operator_->parallelism != old->parallelism) {
        return wr_fail(err, WEIR_VERSION,
                       WR_SHAPE_WORDS "%u of its %u subtasks had finished, so it cannot be "
                                      "restored with parallelism %u; run with parallelism %u",
                       manifest->checkpoint_id, old->name, old->uid, finished, old->parallelism,
                       operator_->parallelism, old->parallelism);
    }
    return WEIR_OK;
}

static size_t
find_operator(const struct wr_assignment_operator *operators, size_t operator_count,
              const uint8_t id[16])
{
    size_t i = 0;
    while (i < operator_count && memcmp(operators[i].id, id, 16) != 0) {
        i++;
    }
    return i;
}

weir_status
wr_assignment_check(const struct wr_manifest *manifest, struct wr_assignment_operator *operators,
                    size_t operator_count, bool allow_non_restored_state, bool *out_new,
                    weir_error *err)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *old = &manifest->operators[i];
        WR_TRY(wr_shape_check(manifest, old, err));
        size_t found = find_operator(operators, operator_count, old->id);
        if (found == operator_count) {
            if (wr_shape_has_state(old) && !allow_non_restored_state) {
                return refuse_missing(manifest, old, operators, operator_count, err);
            }
            continue;
        }
        struct wr_assignment_operator *operator_ = &operators[found];
        WR_TRY(check_finished(manifest, old, operator_, err));
        if (wr_shape_has_state(old)) {
            WR_TRY(check_max_parallelism(manifest, old, operator_, err));
            WR_TRY(check_key_type(manifest, old, operator_, err));
        }
    }
    for (size_t i = 0; i < operator_count && out_new != NULL; i++) {
        out_new[i] = wr_manifest_find(manifest, operators[i].id) == NULL;
    }
    return WEIR_OK;
}
