/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount: lines -> upper-cased words -> (word, 1) -> keyed by word -> running count. */
#include <weir/connectors.h>
#include <weir/job.h>

#include <stdlib.h>
#include <string.h>

struct word_count {
    weir_string word;
    int64_t count;
};

static weir_status
emit_word(const char *begin, size_t size, weir_collector *out)
{
    struct word_count *record = weir_collector_emit(out, sizeof *record + size);
    if (record == NULL) {
        return WEIR_LIMIT;
    }
    *record = (struct word_count){ { sizeof *record, (uint32_t)size }, 1 };
    unsigned char *to = (unsigned char *)(record + 1);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)begin[i];
        to[i] = (unsigned char)(byte - ((unsigned char)(byte - 'a') < 26) * 32);
    }
    return WEIR_OK;
}

/* Splits the lines of a batch on single spaces; what is empty between two spaces is dropped. */
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

static const char usage[] = "usage: wordcount (--input PATH [--rate LINES_A_SECOND] [--follow]"
                            " | --host H --port P) [--output DIR | --discard]";

static weir_status
wordcount(weir_environment *environment, int argc, char **argv)
{
    const char *input = NULL, *rate = "0", *host = NULL, *port = NULL, *directory = NULL;
    const char *follow = NULL, *discard = NULL; /* have no value behind them */
    const char **const values[] = { &input, &rate, &host, &port, &directory, &follow, &discard };
    const char *const names[] = { "--input",  "--rate",   "--host",   "--port",
                                  "--output", "--follow", "--discard" };
    bool understood = true;
    for (int i = 1; i < argc && understood; i++) {
        size_t at = 0;
        while (at < 7 && strcmp(argv[i], names[at]) != 0) {
            at++;
        }
        understood = at < 7 && (at >= 5 || ++i < argc);
        *values[at % 7] = at < 5 ? argv[i] : "";
    }
    if (!understood || (input == NULL) == (host == NULL || port == NULL)) {
        return weir_environment_usage(environment, argc, argv, usage);
    }
    weir_file_source_options file = { sizeof file, input, strtod(rate, NULL), follow != NULL };
    weir_socket_source_options socket = { sizeof socket, host, port, 0, 0 };
    weir_file_sink_options output = { sizeof output, directory, WEIR_FORMAT_TUPLE };
    const weir_field fields[] = { WEIR_FIELD(struct word_count, word, STRING),
                                  WEIR_FIELD(struct word_count, count, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "word_count", sizeof(struct word_count), fields, 2);
    weir_environment_name_job(environment, "wordcount");
    weir_stream *lines = input != NULL ? weir_file_source(environment, &file)
                                       : weir_socket_source(environment, &socket);
    weir_stream_uid(lines, "lines");
    weir_stream *words = weir_stream_flat_map(lines, "split", &split, NULL, 0, type);
    weir_stream *counts = weir_stream_sum(weir_stream_key_by(words, "word"), "count");
    weir_stream_uid(counts, "counts");
    weir_stream_uid(directory != NULL ? weir_file_sink(counts, &output)
                    : discard != NULL ? weir_discard_sink(counts)
                                      : weir_print_sink(counts),
                    "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(wordcount)
