/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount_bench_job: the word count that is measured: lines -> upper-cased words -> (word, 1) ->
 * keyed by word -> running count -> counting sink, or committed files.
 *
 *     weir run wordcount_bench_job.so INPUT [OUTPUT]
 */
#include <weir/connectors.h>
#include <weir/job.h>

#include <emmintrin.h>
#include <string.h>

enum {
    BLOCK = 64 /* bytes looked at together: a bit each */
};

struct word_count {
    weir_string word;
    int64_t count;
};

/* Each of a to z in the eight bytes becomes upper case; all else stays. */
static uint64_t
upper_case(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t low = bytes & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'a') * ones;
    uint64_t past_z = low + (0x7f - 'z') * ones;
    uint64_t is_lower = (from_a ^ past_z) & ~bytes & 0x80 * ones;
    return bytes - (is_lower >> 2);
}

static uint32_t
load_4(const char *from)
{
    uint32_t bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

static void
store_4(char *to, uint64_t bytes)
{
    uint32_t low = (uint32_t)bytes;
    memcpy(to, &low, sizeof low);
}

/* 4 to 16 bytes as four parts that may overlap: words of any such length take the same way. */
static inline __attribute__((always_inline)) void
copy_short(char *to, const char *from, size_t size)
{
    size_t middle = size >> 3 << 2;
    size_t last = size - 4;
    uint64_t first = load_4(from) | (uint64_t)load_4(from + middle) << 32;
    uint64_t second = load_4(from + last - middle) | (uint64_t)load_4(from + last) << 32;
    first = upper_case(first);
    second = upper_case(second);
    store_4(to, first);
    store_4(to + middle, first >> 32);
    store_4(to + last - middle, second);
    store_4(to + last, second >> 32);
}

static inline __attribute__((always_inline)) void
copy_upper(char *to, const char *from, size_t size)
{
    if (size >= 4 && size <= 16) {
        copy_short(to, from, size);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)from[i];
        to[i] = (char)(byte - ((unsigned char)(byte - 'a') < 26) * 32);
    }
}

static inline __attribute__((always_inline)) weir_status
emit_word(const char *word, size_t size, weir_collector *out)
{
    struct word_count *record = weir_collector_emit(out, sizeof *record + size);
    if (record == NULL) {
        return WEIR_LIMIT;
    }
    *record = (struct word_count){ { sizeof *record, (uint32_t)size }, 1 };
    copy_upper((char *)(record + 1), word, size);
    return WEIR_OK;
}

/* Bit i: byte i of the block is a space. */
static uint64_t
spaces(const char *block)
{
    const __m128i space = _mm_set1_epi8(' ');
    uint64_t mask = 0;
    for (int i = 0; i < BLOCK / 16; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i * 16));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, space)) << i * 16;
    }
    return mask;
}

/* The same of the `size` bytes from `block` on, fewer than a block, which end a line of
 * `line_size`. */
static uint64_t
spaces_of_rest(const char *block, size_t size, size_t line_size)
{
    if (line_size >= BLOCK) { /* the line's last block holds them too */
        return size != 0 ? spaces(block + size - BLOCK) >> (BLOCK - size) : 0;
    }
    char padded[BLOCK] = { 0 };
    memcpy(padded, block, size);
    return spaces(padded);
}

/* Splits on single spaces; what is empty between two of them is dropped. */
static weir_status
split_line(const char *line, size_t size, weir_collector *out)
{
    const char *begin = line;
    for (size_t at = 0; at < size; at += BLOCK) {
        const char *block = line + at;
        uint64_t mask = size - at >= BLOCK ? spaces(block) : spaces_of_rest(block, size - at, size);
        for (; mask != 0; mask &= mask - 1) {
            const char *end = block + __builtin_ctzll(mask);
            if (end > begin && emit_word(begin, (size_t)(end - begin), out) != WEIR_OK) {
                return WEIR_LIMIT; /* the task has the words */
            }
            begin = end + 1;
        }
    }
    const char *end = line + size;
    return end > begin ? emit_word(begin, (size_t)(end - begin), out) : WEIR_OK;
}

static weir_status
split_lines(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)context, (void)self;
    for (size_t i = 0; i < weir_batch_count(batch); i++) {
        const weir_string *field = weir_batch_record(batch, i);
        weir_bytes line = weir_string_bytes(field, *field);
        if (split_line(line.data, line.size, out) != WEIR_OK) {
            return WEIR_LIMIT;
        }
    }
    return WEIR_OK;
}

static const weir_function split = { .size = sizeof split, .process_batch = split_lines };

static weir_status
wordcount(weir_environment *environment, int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        return weir_environment_fail(environment, WEIR_INVALID,
                                     "usage: wordcount_bench_job INPUT [OUTPUT]");
    }
    weir_file_source_options input = { .size = sizeof input, .path = argv[1] };
    weir_file_sink_options output = { .size = sizeof output, .directory = argv[2] };
    const weir_field fields[] = { WEIR_FIELD(struct word_count, word, STRING),
                                  WEIR_FIELD(struct word_count, count, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "word_count", sizeof(struct word_count), fields, 2);
    weir_environment_name_job(environment, "wordcount_bench");
    weir_stream *lines = weir_stream_uid(weir_file_source(environment, &input), "lines");
    weir_stream *words = weir_stream_flat_map(lines, "split", &split, NULL, 0, type);
    weir_stream *counts = weir_stream_sum(weir_stream_key_by(words, "word"), "count");
    weir_stream_uid(counts, "counts");
    weir_stream_uid(argc == 3 ? weir_file_sink(counts, &output) : weir_discard_sink(counts),
                    "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(wordcount)
