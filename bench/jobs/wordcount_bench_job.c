/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount_bench_job: the word count that is measured: lines -> upper-cased words -> (word, 1) -> keyed by
 * word -> running count -> counting sink, or committed files.
 *
 *     weir run wordcount_bench_job.so INPUT [OUTPUT]
 */
#include <weir/connectors.h>
#include <weir/job.h>

#include <string.h>

struct word_count {
    weir_string word;
    int64_t count;
};

static weir_status
emit_word(const char *word, size_t size, weir_collector *out)
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

static weir_status
split_lines(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)context, (void)self;
    for (size_t i = 0; i < weir_batch_count(batch); i++) {
        const weir_string *field = weir_batch_record(batch, i);
        weir_bytes line = weir_string_bytes(field, *field);
        const char *at = line.data;
        const char *end = at + line.size;
        while (at < end) {
            const char *begin = at;
            while (at < end && *at != ' ') {
                at++;
            }
            if (at > begin && emit_word(begin, (size_t)(at - begin), out) != WEIR_OK) {
                return WEIR_LIMIT; /* the task has the words */
            }
            at++;
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
