/* SPDX-License-Identifier: Apache-2.0 */
/* complete: what may stand where the cursor is, for the shells' completion. A verb of its own that
 * nobody types: weir complete INDEX WORD..., where WORD number INDEX is being typed (0 is weir).
 *
 * Prints what the shell itself should offer (files, directories or words: nothing), then a line for
 * each candidate: the word, and behind a tab what it is. A candidate that ends in '=' wants no
 * blank behind it. Says nothing on stderr and always exits 0: a shell cannot show it.
 */
#include "cli.h"
#include "client/registry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PREFIX_SIZE = 512
};

/* The line as far as the cursor. */
struct line {
    char **words; /* [0] is weir */
    int count;    /* before the one that is typed */
    const char *typed;
    const struct cli_verb *verb;
    const struct cli_option *pending; /* its argument is typed */
    int operand_count;
    bool is_past_options;
};

/* What has been found; printed at once, but for the kind, which comes first. */
struct found {
    const char *kind;
    char *text; /* lines */
    size_t size;
    FILE *lines;
};

static void
offer(struct found *found, const char *typed, const char *before, const char *word,
      const char *behind, const char *what)
{
    char candidate[2 * PREFIX_SIZE];
    snprintf(candidate, sizeof candidate, "%s%s%s", before, word, behind);
    if (strncasecmp(candidate, typed, strlen(typed)) == 0) {
        const char *end = strstr(what, ". "); /* the first sentence is enough */
        fprintf(found->lines, "%s\t%.*s\n", candidate,
                end != NULL ? (int)(end - what) : (int)strlen(what), what);
    }
}

/* --- the words before --- */

static bool
is_word_of(const char *words, const char *name, size_t name_size)
{
    for (size_t size = 0; cli_next_word(&words, &size);) {
        if (size == name_size && strncmp(words, name, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_named(const struct cli_option *option, const char *name, size_t size)
{
    return (option->name != NULL && strlen(option->name) == size &&
            strncmp(option->name, name, size) == 0) ||
           (option->letter != NULL && strlen(option->letter) == size &&
            strncmp(option->letter, name, size) == 0) ||
           is_word_of(option->aliases, name, size);
}

/* The option that a word gives; NULL: none. *out_argument is what stands in the same word. */
static const struct cli_option *
option_of(const struct cli_verb *verb, const char *word, const char **out_argument)
{
    const char *name = word + strspn(word, "-");
    size_t size = strcspn(name, "=");
    const struct cli_option *option;
    *out_argument = NULL;
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        if (is_named(option, name, size)) {
            *out_argument = name[size] == '=' ? name + size + 1 : NULL;
            return option;
        }
    }
    for (size_t i = 0; word[1] != '-' && (option = cli_option_at(verb, i)) != NULL; i++) {
        if (option->letter != NULL && option->letter[1] == '\0' && option->argument != NULL &&
            option->letter[0] == name[0]) {
            *out_argument = name + 1; /* -Dkey=value, -p2 */
            return option;
        }
    }
    return NULL;
}

static void
read_line(struct line *line)
{
    line->verb = line->count > 1 ? cli_verb_find(line->words[1]) : NULL;
    for (int i = 2; line->verb != NULL && i < line->count; i++) {
        const char *word = line->words[i];
        const char *argument = NULL;
        if (line->pending != NULL) {
            line->pending = NULL;
        } else if (line->is_past_options || word[0] != '-' || word[1] == '\0') {
            line->operand_count++;
            line->is_past_options = line->is_past_options || line->verb->stops_at_words;
        } else if (strcmp(word, "--") == 0) {
            line->is_past_options = true;
        } else {
            const struct cli_option *option = option_of(line->verb, word, &argument);
            if (option != NULL && option->argument != NULL && argument == NULL) {
                line->pending = option;
            }
        }
    }
}

/* --- what may follow --- */

static void
offer_words(struct found *found, const char *typed, const char *before, const char *words)
{
    for (size_t size = 0; cli_next_word(&words, &size);) {
        char word[PREFIX_SIZE];
        snprintf(word, sizeof word, "%.*s", (int)size, words);
        offer(found, typed, before, word, "", "");
    }
}

static void
offer_keys(struct found *found, const char *typed, const char *before, const char *behind)
{
    for (size_t i = 0; i < weir_option_count(); i++) {
        const weir_option_info *info = weir_option_at(i);
        if (info->supported) {
            offer(found, typed, before, info->key, behind, info->text);
        }
    }
}

/* KEY=VALUE; `before` is what stands before it in the same word. */
static void
offer_assignment(struct found *found, const char *typed, const char *before)
{
    const char *assignment = typed + strlen(before);
    const char *equals = strchr(assignment, '=');
    char key[PREFIX_SIZE];
    if (equals == NULL) {
        offer_keys(found, typed, before, "=");
        return;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    const weir_option_info *info = weir_option_find(key);
    char head[2 * PREFIX_SIZE];
    snprintf(head, sizeof head, "%s%s=", before, key);
    if (info != NULL && info->type == WEIR_OPTION_BOOL) {
        offer_words(found, typed, head, "true|false");
    } else if (info != NULL && info->type == WEIR_OPTION_CHOICE) {
        offer_words(found, typed, head, info->choices);
    } else if (info != NULL && info->default_text != NULL) {
        offer(found, typed, head, info->default_text, "", "default");
    }
}

static void
offer_jobs(struct found *found, const char *typed, const char *before)
{
    struct cli_registry registry = { .jobs = NULL };
    if (cli_registry_read(&registry) == CLI_OK) {
        for (size_t i = 0; i < registry.count; i++) {
            offer(found, typed, before, registry.jobs[i].job_id, "", registry.jobs[i].name);
        }
    }
    cli_registry_free(&registry);
}

static void
offer_verbs(struct found *found, const char *typed)
{
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        if (!cli_verbs[i]->is_hidden) {
            offer(found, typed, "", cli_verbs[i]->name, "", cli_verbs[i]->summary);
        }
    }
}

static void
offer_kind(struct found *found, enum cli_completes completes, const char *typed, const char *before)
{
    switch (completes) {
    case CLI_COMPLETES_FILE:
        found->kind = "files";
        break;
    case CLI_COMPLETES_DIRECTORY:
        found->kind = "directories";
        break;
    case CLI_COMPLETES_ASSIGNMENT:
        offer_assignment(found, typed, before);
        break;
    case CLI_COMPLETES_KEY:
        offer_keys(found, typed, before, "");
        break;
    case CLI_COMPLETES_JOB:
        offer_jobs(found, typed, before);
        break;
    case CLI_COMPLETES_VERB:
        offer_verbs(found, typed);
        break;
    case CLI_COMPLETES_NOTHING:
        break;
    }
}

static void
offer_argument(struct found *found, const struct cli_option *option, const char *typed,
               const char *before)
{
    if (option->choices != NULL) {
        offer_words(found, typed, before, option->choices);
    } else {
        offer_kind(found, option->completes, typed, before);
    }
}

/* With one dash or two, as many as were typed; letters only where nothing is typed behind the dash.
 */
static void
offer_options(struct found *found, const struct cli_verb *verb, const char *typed)
{
    const struct cli_option *option;
    bool has_two = typed[1] == '-';
    for (size_t i = 0; (option = cli_option_at(verb, i)) != NULL; i++) {
        if (option->deprecated != NULL) {
            continue;
        }
        if (option->letter != NULL && !has_two) {
            offer(found, typed, "-", option->letter, "", option->text);
        }
        if (option->name != NULL) {
            offer(found, typed, has_two || typed[1] == '\0' ? "--" : "-", option->name, "",
                  option->text);
        }
    }
}

static void
find_candidates(const struct line *line, struct found *found)
{
    const char *typed = line->typed;
    const char *argument = NULL;
    if (line->count <= 1) {
        offer_verbs(found, typed);
        offer_words(found, typed, "", "help|--help|--version");
    } else if (line->verb == NULL) {
        if (strcmp(line->words[1], "help") == 0) {
            offer_verbs(found, typed);
        }
    } else if (line->pending != NULL && !(line->pending->argument_is_optional && typed[0] == '-')) {
        offer_argument(found, line->pending, typed, "");
    } else if (typed[0] == '-' && !line->is_past_options) {
        offer_options(found, line->verb, typed);
        const struct cli_option *option = option_of(line->verb, typed, &argument);
        if (ftell(found->lines) == 0 && option != NULL && argument != NULL) { /* -Dkey, --name= */
            char before[PREFIX_SIZE];
            snprintf(before, sizeof before, "%.*s", (int)(argument - typed), typed);
            offer_argument(found, option, typed, before);
        }
    } else if (line->verb->stops_at_words && line->operand_count != 0) {
        found->kind = "files"; /* the job's own arguments */
    } else if (line->verb->word_choices != NULL) {
        offer_words(found, typed, "", line->verb->word_choices);
    } else {
        offer_kind(found, line->verb->words_complete, typed, "");
    }
}

static int
run_complete(int argc, char **argv)
{
    char *end = NULL;
    long index = argc > 2 ? strtol(argv[1], &end, 10) : -1;
    if (index < 0 || *end != '\0') {
        return CLI_OK;
    }
    struct line line = { .words = argv + 2,
                         .count = (int)index < argc - 2 ? (int)index : argc - 2 };
    line.typed = line.count + 2 < argc ? argv[2 + line.count] : "";
    struct found found = { .kind = "words" };
    found.lines = open_memstream(&found.text, &found.size);
    if (found.lines == NULL || freopen("/dev/null", "w", stderr) == NULL) {
        return CLI_OK;
    }
    read_line(&line);
    find_candidates(&line, &found);
    if (fclose(found.lines) == 0) {
        printf("%s\n%s", found.kind, found.text);
    }
    free(found.text);
    return CLI_OK;
}

const struct cli_verb cli_verb_complete = {
    .name = "complete",
    .summary = "what the shells' completion asks",
    .run = run_complete,
    .usage = "INDEX WORD...",
    .most_words = CLI_ANY_WORDS,
    .is_hidden = true,
};
