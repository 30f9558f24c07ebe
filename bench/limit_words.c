/* SPDX-License-Identifier: Apache-2.0 */
/* limit_words: the fused word count: what one core can do of it.
 *
 *   text --64 bytes--> mask of separators --> end of each word --> 16 bytes, cut, upper-cased,
 * hashed
 *        --32 words -----> probes of a flat table, whose lines were prefetched when the word was
 * hashed
 *
 * Envelope: 7.5 bytes a word; some 8 cycles to find, cut and hash it and 10 to count it, the table
 * being out of L2 but prefetched: expect 130-160 M words/s at 3.5 GHz.
 *
 * The same source is compiled three times, for SSE2, AVX2 and AVX-512; the processor chooses at run
 * time.
 */
#include "limit.h"

#include "harness.h"

#include <immintrin.h>
#include <string.h>

enum {
    SLOTS = 1 << 21, /* load 0.05 of 100,000 words: what is displaced costs a mispredicted branch */
    AHEAD = 32,
    WORD_MOST = 16
};

struct slot {
    uint64_t low; /* the word's bytes, zeros behind */
    uint64_t high;
    uint64_t count;
    uint64_t unused; /* a slot is never in two lines */
};

struct found {
    uint64_t low;
    uint64_t high;
    uint64_t home;
};

struct limit_words {
    struct slot slots[SLOTS];
    struct found found[AHEAD + 64];
    uint64_t distinct;
};

struct limit_words *
limit_words_create(void)
{
    return bench_memory(sizeof(struct limit_words));
}

void
limit_words_clear(struct limit_words *words)
{
    memset(words->slots, 0, sizeof words->slots);
    words->distinct = 0;
}

static inline uint64_t
home_of(uint64_t low, uint64_t high)
{
    uint64_t hash = (low ^ (high << 29 | high >> 35)) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
    return hash * UINT64_C(0xd6e8feb86659fd93) >> 43; /* 21 bits */
}

static inline void
count_word(struct limit_words *words, const struct found *word)
{
    for (uint64_t home = word->home;; home = (home + 1) % SLOTS) {
        struct slot *slot = &words->slots[home];
        if (((slot->low ^ word->low) | (slot->high ^ word->high)) == 0) {
            slot->count++;
            return;
        }
        if (slot->low == 0) {
            *slot = (struct slot){ word->low, word->high, 1, 0 };
            words->distinct++;
            return;
        }
    }
}

static void
count_found(struct limit_words *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        count_word(words, &words->found[i]);
    }
}

/* Bytes before and after the mask of a word of each length: cut[16 - size ...]. */
static const uint8_t cut[2 * WORD_MOST] = { 255, 255, 255, 255, 255, 255, 255, 255,
                                            255, 255, 255, 255, 255, 255, 255, 255 };

/* Takes the word of `size` bytes into found[at]; its place in the table is on its way afterwards.
 */
static inline __attribute__((always_inline)) void
take_word(struct limit_words *words, size_t at, const char *from, size_t size)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i kept = _mm_loadu_si128((const __m128i *)(const void *)(cut + WORD_MOST - size));
    __m128i lower = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('a' - 1)),
                                  _mm_cmplt_epi8(bytes, _mm_set1_epi8('z' + 1)));
    bytes = _mm_sub_epi8(bytes, _mm_and_si128(lower, _mm_set1_epi8('a' - 'A')));
    bytes = _mm_and_si128(bytes, kept);
    struct found *found = &words->found[at];
    _mm_storeu_si128((__m128i *)(void *)found, bytes);
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(bytes);
    uint64_t high = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes));
    found->home = home_of(low, high);
    __builtin_prefetch(&words->slots[found->home], 1);
}

/* Bit i: byte i of the 64 is a space or the end of a line. */
static inline __attribute__((always_inline)) uint64_t
separators_sse2(const char *at)
{
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + i * 16));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << i * 16;
    }
    return mask;
}

static inline __attribute__((target("avx2"))) uint64_t
separators_avx2(const char *at)
{
    uint64_t mask = 0;
    for (int i = 0; i < 2; i++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(at + i * 32));
        __m256i hit = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')),
                                      _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')));
        mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << i * 32;
    }
    return mask;
}

static inline __attribute__((target("avx512bw,avx512vl"))) uint64_t
separators_avx512(const char *at)
{
    __m512i bytes = _mm512_loadu_si512((const void *)at);
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' ')) |
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'));
}

/* The loop, the same for all. `ended` is where the last word ended, plus one: the next one's begin.
 */
#define RUN_BODY(separators)                                                        \
    uint64_t total = 0;                                                             \
    size_t count = 0, begin = 0;                                                    \
    for (size_t at = 0; at < text->size; at += 64) {                                \
        uint64_t mask = separators(text->data + at);                                \
        while (mask != 0) {                                                         \
            size_t end = at + (size_t)__builtin_ctzll(mask);                        \
            size_t size = end - begin;                                              \
            mask &= mask - 1;                                                       \
            if (size > WORD_MOST) {                                                 \
                bench_die("a word of %zu bytes is not of this bench's text", size); \
            }                                                                       \
            take_word(words, count, text->data + begin, size);                      \
            count += size != 0;                                                     \
            begin = end + 1;                                                        \
        }                                                                           \
        if (count >= AHEAD) {                                                       \
            count_found(words, count);                                              \
            total += count;                                                         \
            count = 0;                                                              \
        }                                                                           \
    }                                                                               \
    count_found(words, count);                                                      \
    return total + count;

static uint64_t
run_sse2(struct limit_words *words, const struct bench_text *text)
{
    RUN_BODY(separators_sse2)
}

static __attribute__((target("avx2,bmi,bmi2"))) uint64_t
run_avx2(struct limit_words *words, const struct bench_text *text)
{
    RUN_BODY(separators_avx2)
}

static __attribute__((target("avx2,bmi,bmi2,avx512f,avx512bw,avx512vl"))) uint64_t
run_avx512(struct limit_words *words, const struct bench_text *text)
{
    RUN_BODY(separators_avx512)
}

const char *
limit_words_code(void)
{
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return "avx512";
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? "avx2" : "sse2";
}

uint64_t
limit_words_run(struct limit_words *words, const struct bench_text *text)
{
    const char *code = limit_words_code();
    if (strcmp(code, "avx512") == 0) {
        return run_avx512(words, text);
    }
    return strcmp(code, "avx2") == 0 ? run_avx2(words, text) : run_sse2(words, text);
}

uint64_t
limit_words_find(const struct limit_words *words, const char *word, size_t size)
{
    struct found found = { 0 };
    if (size > WORD_MOST) {
        return 0;
    }
    memcpy(&found, word, size);
    for (uint64_t home = home_of(found.low, found.high);; home = (home + 1) % SLOTS) {
        const struct slot *slot = &words->slots[home];
        if (slot->low == found.low && slot->high == found.high) {
            return slot->count;
        }
        if (slot->low == 0) {
            return 0;
        }
    }
}

uint64_t
limit_words_distinct(const struct limit_words *words)
{
    return words->distinct;
}
