/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount: lines -> upper-cased words -> (word, 1) -> keyed by word -> running count. */
#include <weir/connectors.h>
#include <weir/job.h>

#include <stdio.h>
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
    record->word = (weir_string){ .offset = sizeof *record, .size = (uint32_t)size };
    record->count = 1;
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
    (void)context;
    (void)self;
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
                return WEIR_LIMIT;
            }
            at++;
        }
    }
    return WEIR_OK;
}

static const weir_function split = { .size = sizeof split, .process_batch = split_lines };

static const char usage[] =
    "wordcount (--input PATH[,PATH...] [--rate LINES_PER_SECOND] [--follow]"
    " | --host HOST --port PORT [--reconnect N]) [--output DIR | --discard]";

static weir_status
wordcount(weir_environment *environment, int argc, char **argv)
{
    weir_file_source_options file = { .size = sizeof file };
    weir_socket_source_options socket = { .size = sizeof socket, .reconnect_delay_ms = 500 };
    weir_file_sink_options output = { .size = sizeof output };
    bool discard = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) {
            printf("usage: %s\n", usage);
            return WEIR_CANCELLED; /* not a job to be run */
        } else if (strcmp(argv[i], "--follow") == 0) {
            file.follow = true;
        } else if (strcmp(argv[i], "--discard") == 0) {
            discard = true;
        } else if (value != NULL && strcmp(argv[i], "--input") == 0) {
            file.path = argv[++i];
        } else if (value != NULL && strcmp(argv[i], "--rate") == 0) {
            file.lines_per_second = strtod(argv[++i], NULL);
        } else if (value != NULL && strcmp(argv[i], "--host") == 0) {
            socket.host = argv[++i];
        } else if (value != NULL && strcmp(argv[i], "--port") == 0) {
            socket.port = argv[++i];
        } else if (value != NULL && strcmp(argv[i], "--reconnect") == 0) {
            socket.reconnect_attempts = (int32_t)strtol(argv[++i], NULL, 10);
        } else if (value != NULL && strcmp(argv[i], "--output") == 0) {
            output.directory = argv[++i];
        } else {
            return weir_environment_fail(environment, WEIR_INVALID, "%s: not understood\nusage: %s",
                                         argv[i], usage);
        }
    }
    if ((file.path == NULL) == (socket.host == NULL || socket.port == NULL)) {
        return weir_environment_fail(environment, WEIR_INVALID, "one input is needed\nusage: %s",
                                     usage);
    }
    const weir_field fields[] = { WEIR_FIELD(struct word_count, word, STRING),
                                  WEIR_FIELD(struct word_count, count, I64) };
    const weir_type *type =
        weir_environment_struct(environment, "word_count", sizeof(struct word_count), fields, 2);
    weir_environment_name_job(environment, "wordcount");
    weir_stream *lines = file.path != NULL ? weir_file_source(environment, &file)
                                           : weir_socket_source(environment, &socket);
    weir_stream *words =
        weir_stream_flat_map(weir_stream_uid(lines, "lines"), "split", &split, NULL, 0, type);
    weir_stream *counts =
        weir_stream_uid(weir_stream_sum(weir_stream_key_by(words, "word"), "count"), "counts");
    weir_stream *sink = output.directory != NULL ? weir_file_sink(counts, &output)
                        : discard                ? weir_discard_sink(counts)
                                                 : weir_print_sink(counts);
    weir_stream_uid(sink, "sink");
    return weir_environment_status(environment, NULL);
}

WEIR_JOB(wordcount)
