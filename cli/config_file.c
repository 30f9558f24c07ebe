/* SPDX-License-Identifier: Apache-2.0 */
/* config_file: reads weir.yaml, and Flink's config.yaml and flink-conf.yaml as they are.
 *
 *   execution:                        execution.checkpointing.interval: 1 s
 *     checkpointing:            and   (flat, as in flink-conf.yaml)          are the same
 *       interval: 1 s
 *
 * A key that is not known is an error with line, column and the nearest key; in a file of Flink's
 * (told by its name) it is a warning, since such a file speaks to more than weir.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    KEY_MAX = 512,
    VALUE_MAX = 4096,
    DEPTH_MAX = 32
};

struct reader {
    weir_options *options;
    const char *path;
    bool flink; /* a file of Flink's: unknown keys are warnings */
};

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int
set_value(const struct reader *reader, const char *key, const char *value, size_t line,
          size_t column)
{
    char origin[512];
    snprintf(origin, sizeof origin, "%s:%zu:%zu", reader->path, line, column);
    weir_error error = { 0 };
    weir_status status =
        weir_options_set(reader->options, key, value, WEIR_LEVEL_FILE, origin, &error);
    if (status == WEIR_OK) {
        return CLI_OK;
    }
    bool foreign = weir_option_find(key) == NULL || status == WEIR_UNSUPPORTED;
    if (foreign && reader->flink) {
        cli_say('w', "%s", error.message);
        return CLI_OK;
    }
    cli_say('e', "%s", error.message);
    return CLI_USAGE;
}

/* --- flink-conf.yaml: "key: value" a line, nothing more --- */

static int
read_flat(const struct reader *reader, FILE *file)
{
    char line[KEY_MAX + VALUE_MAX];
    for (size_t number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        char *comment = strchr(line, '#');
        if (comment != NULL) {
            *comment = '\0';
        }
        char *key = line + strspn(line, " \t\r\n");
        if (*key == '\0') {
            continue;
        }
        char *colon = strstr(key, ": ");
        if (colon == NULL) {
            cli_say('w', "%s:%zu: not \"key: value\", passed over (as Flink does)", reader->path,
                    number);
            continue;
        }
        *colon = '\0';
        char *value = colon + 2;
        value += strspn(value, " \t");
        value[strcspn(value, "\r\n")] = '\0';
        for (size_t end = strlen(value);
             end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t');) {
            value[--end] = '\0';
        }
        int code = set_value(reader, key, value, number, (size_t)(key - line) + 1);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

/* --- YAML --- */

/* Where the parser stands: the dotted key so far, and how long it was at each level. */
struct place {
    char key[KEY_MAX];
    size_t lengths[DEPTH_MAX];
    size_t depth;
    bool wants_value; /* a key was read at this level */
    char list[VALUE_MAX];
    bool in_list;
};

static int
refuse(const struct reader *reader, const yaml_mark_t *mark, const char *words)
{
    cli_say('e', "%s:%zu:%zu: %s", reader->path, mark->line + 1, mark->column + 1, words);
    return CLI_USAGE;
}

static int
take_scalar(const struct reader *reader, struct place *place, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (place->in_list) {
        size_t used = strlen(place->list);
        snprintf(place->list + used, sizeof place->list - used, "%s%s", used != 0 ? ";" : "", text);
        return CLI_OK;
    }
    if (place->depth == 0) {
        return text[0] == '\0' ? CLI_OK
                               : refuse(reader, &event->start_mark, "a mapping of keys is wanted");
    }
    size_t base = place->lengths[place->depth - 1];
    if (!place->wants_value) {
        int size = snprintf(place->key + base, sizeof place->key - base, "%s%s",
                            base != 0 ? "." : "", text);
        if ((size_t)size >= sizeof place->key - base) {
            return refuse(reader, &event->start_mark, "the key is too long");
        }
        place->wants_value = true;
        return CLI_OK;
    }
    place->wants_value = false;
    return set_value(reader, place->key, text, event->start_mark.line + 1,
                     event->start_mark.column + 1);
}

static int
take_event(const struct reader *reader, struct place *place, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, place, event);
    case YAML_MAPPING_START_EVENT:
        if (place->depth == DEPTH_MAX || place->in_list) {
            return refuse(reader, &event->start_mark, "nested too deeply");
        }
        place->lengths[place->depth] = place->depth == 0 ? 0 : strlen(place->key);
        place->depth++;
        place->wants_value = false;
        return CLI_OK;
    case YAML_MAPPING_END_EVENT:
        place->depth--;
        place->wants_value = false;
        return CLI_OK;
    case YAML_SEQUENCE_START_EVENT:
        if (!place->wants_value) {
            return refuse(reader, &event->start_mark, "a mapping of keys is wanted");
        }
        place->in_list = true;
        place->list[0] = '\0';
        return CLI_OK;
    case YAML_SEQUENCE_END_EVENT:
        place->in_list = false;
        place->wants_value = false;
        return set_value(reader, place->key, place->list, event->start_mark.line + 1,
                         event->start_mark.column + 1);
    case YAML_ALIAS_EVENT:
        return refuse(reader, &event->start_mark, "aliases are not supported");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return CLI_OK;
}

static int
read_yaml(const struct reader *reader, FILE *file)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        cli_say('e', "no memory");
        return CLI_FAILED;
    }
    yaml_parser_set_input_file(&parser, file);
    struct place place = { .depth = 0 };
    int code = CLI_OK;
    bool more = true;
    while (code == CLI_OK && more) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            cli_say('e', "%s:%zu:%zu: %s", reader->path, parser.problem_mark.line + 1,
                    parser.problem_mark.column + 1,
                    parser.problem != NULL ? parser.problem : "not YAML");
            code = CLI_USAGE;
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        code = take_event(reader, &place, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return code;
}

int
cli_read_config(weir_options *options, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        int failure = errno; /* before words change it */
        cli_say('e', "%s: %s", path, strerror(failure));
        return failure == ENOENT ? CLI_NOT_FOUND : CLI_USAGE;
    }
    const char *name = base_name(path);
    bool flat = strcmp(name, "flink-conf.yaml") == 0;
    struct reader reader = { .options = options,
                             .path = path,
                             .flink = flat || strcmp(name, "config.yaml") == 0 };
    int code = flat ? read_flat(&reader, file) : read_yaml(&reader, file);
    fclose(file);
    return code;
}
