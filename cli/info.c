/* SPDX-License-Identifier: Apache-2.0 */
/* info: shows the plan of a job without running it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int
print_plan(weir_environment *environment)
{
    weir_error error = { 0 };
    size_t size = weir_environment_print_plan(environment, NULL, 0, &error);
    if (size == 0) {
        return cli_report(&error);
    }
    char *text = malloc(size + 1);
    if (text == NULL) {
        cli_say('e', "no memory");
        return CLI_FAILED;
    }
    (void)weir_environment_print_plan(environment, text, size + 1, &error);
    fputs(text, stdout);
    free(text);
    return CLI_OK;
}

static int
load_and_print(const weir_options *options, int argc, char **argv)
{
    weir_error error = { 0 };
    weir_job_library *library = NULL;
    weir_environment *environment = NULL;
    int code = CLI_OK;
    if (weir_job_library_open(argv[0], &library, &error) != WEIR_OK) {
        return cli_report(&error);
    }
    if (weir_environment_create(NULL, options, &environment) != WEIR_OK) {
        cli_say('e', "no memory");
        code = CLI_FAILED;
    } else if (weir_job_library_main(library, environment, argc, argv, &error) != WEIR_OK) {
        code = cli_report_job(&error);
    } else {
        code = print_plan(environment);
    }
    weir_environment_destroy(environment);
    weir_job_library_close(library);
    return code;
}

static int
run_info(int argc, char **argv)
{
    const char *config = NULL;
    const char *assignments[CLI_ASSIGNMENTS_MAX];
    size_t assignment_count = 0;
    char parallelism[64] = "";
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_info, argc, argv);
    for (int id; (id = cli_parse_next(&parse)) != CLI_PARSE_END;) {
        if (id == CLI_PARSE_LEAVE) {
            return parse.code;
        }
        if (id == 'p') {
            snprintf(parallelism, sizeof parallelism, "parallelism.default=%s", parse.argument);
        } else if (id == CLI_ID_CONFIG) {
            config = parse.argument;
        } else if (assignment_count == CLI_ASSIGNMENTS_MAX) {
            return cli_parse_refuse(&parse, "more than %d -D", CLI_ASSIGNMENTS_MAX);
        } else {
            assignments[assignment_count++] = parse.argument;
        }
    }
    weir_options *options = NULL;
    int code = cli_configure(config, &options);
    for (size_t i = 0; code == CLI_OK && i < assignment_count; i++) {
        code = cli_set(options, assignments[i]);
    }
    if (code == CLI_OK && parallelism[0] != '\0') {
        code = cli_set(options, parallelism);
    }
    if (code == CLI_OK) {
        code = load_and_print(options, parse.word_count, parse.words);
    }
    weir_options_destroy(options);
    return code;
}

static const char *const examples[] = {
    "weir info -p 2 wordcount.so --input words.txt",
    NULL,
};

static const struct cli_option options_known[] = {
    { .id = 'p',
      .letter = "p",
      .name = "parallelism",
      .argument = "N",
      .text = "Parallelism of operators that set none." },
    { 0 },
};

const struct cli_verb cli_verb_info = {
    .name = "info",
    .summary = "show a job's plan",
    .run = run_info,
    .usage = "[options] JOB.so [job arguments]",
    .examples = examples,
    .about = "Shows a job's operators, their parallelism and how they are connected, and runs "
             "nothing.",
    .options = options_known,
    .shared = CLI_SHARED_CONFIGURATION,
    .least_words = 1,
    .most_words = CLI_ANY_WORDS,
    .word_name = "JOB.so",
    .words_complete = CLI_COMPLETES_FILE,
    .stops_at_words = true,
};
