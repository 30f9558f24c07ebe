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

static __m128i
load_16(const char *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

/* Each of a to z becomes upper case; all else stays. */
static __m128i
upper_case(__m128i bytes)
{
    __m128i is_lower = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('a' - 1)),
                                     _mm_cmplt_epi8(bytes, _mm_set1_epi8('z' + 1)));
    return _mm_sub_epi8(bytes, _mm_and_si128(is_lower, _mm_set1_epi8('a' - 'A')));
}

/* Bit i: byte i of the block is a space. */
static uint64_t
spaces(const char *block)
{
    const __m128i space = _mm_set1_epi8(' ');
    uint64_t mask = 0;
    for (int i = 0; i < BLOCK / 16; i++) {
        __m128i is_space = _mm_cmpeq_epi8(load_16(block + i * 16), space);
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_space) << i * 16;
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

static uint64_t
load_4(const char *from)
{
    uint32_t bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

/* The word's bytes and zeros behind; `left` is how many may be read from its begin. */
static inline __attribute__((always_inline)) __m128i
load_word(const char *word, size_t size, size_t left)
{
    static const uint8_t kept[32] = { 255, 255, 255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 255, 255, 255 };
    if (__builtin_expect(left >= 16, 1)) {
        return _mm_and_si128(load_16(word), load_16((const char *)kept + 16 - size));
    }
    if (size >= 4 && size <= 12) { /* parts that may overlap */
        size_t second = size < 8 ? size - 4 : 4;
        uint64_t low = load_4(word) | load_4(word + second) << (8 * second);
        uint64_t high = load_4(word + size - 4) >> (4 * (12 - size)) >> (4 * (12 - size));
        return _mm_set_epi64x((long long)high, (long long)low);
    }
    char padded[16] = { 0 };
    memcpy(padded, word, size);
    return load_16(padded);
}

/* A word of up to 16 bytes: its record's last eight bytes are filled up with zeros, as a block's
 * always are. */
static inline __attribute__((always_inline)) weir_status
emit_short(const char *word, size_t size, size_t left, weir_collector *out)
{
    size_t second =
        (size > 8) * sizeof(uint64_t); /* where the other eight bytes go, if there are */
    struct word_count *record = weir_collector_emit(out, sizeof *record + 8 + second);
    if (record == NULL) {
        return WEIR_LIMIT;
    }
    *record = (struct word_count){ { sizeof *record, (uint32_t)size }, 1 };
    __m128i bytes = upper_case(load_word(word, size, left));
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(bytes);
    uint64_t high = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes));
    high = second != 0 ? high : low;
    memcpy(record + 1, &low, sizeof low);
    memcpy((char *)(record + 1) + second, &high, sizeof high);
    return WEIR_OK;
}

static weir_status
emit_long(const char *word, size_t size, weir_collector *out)
{
    struct word_count *record = weir_collector_emit(out, sizeof *record + size);
    if (record == NULL) {
        return WEIR_LIMIT;
    }
    *record = (struct word_count){ { sizeof *record, (uint32_t)size }, 1 };
    unsigned char *to = (unsigned char *)(record + 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)word[i];
        to[i] = (unsigned char)(byte - ((unsigned char)(byte - 'a') < 26) * 32);
    }
    return WEIR_OK;
}

static inline __attribute__((always_inline)) weir_status
emit_word(const char *word, const char *end, const char *line_end, weir_collector *out)
{
    size_t size = (size_t)(end - word);
    if (size == 0) {
        return WEIR_OK;
    }
    return __builtin_expect(size <= 16, 1) ? emit_short(word, size, (size_t)(line_end - word), out)
                                           : emit_long(word, size, out);
}

/* Splits on single spaces; what is empty between two of them is dropped. */
static weir_status
split_line(const char *line, size_t size, weir_collector *out)
{
    const char *begin = line;
    const char *line_end = line + size;
    for (size_t at = 0; at < size; at += BLOCK) {
        const char *block = line + at;
        uint64_t mask = size - at >= BLOCK ? spaces(block) : spaces_of_rest(block, size - at, size);
        for (; mask != 0; mask &= mask - 1) {
            const char *end = block + __builtin_ctzll(mask);
            weir_status status = emit_word(begin, end, line_end, out);
            if (status != WEIR_OK) {
                return status; /* the task has the words */
            }
            begin = end + 1;
        }
    }
    return emit_word(begin, line_end < begin ? begin : line_end, line_end, out);
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
