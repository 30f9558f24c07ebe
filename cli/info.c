/* SPDX-License-Identifier: Apache-2.0 */
/* info: shows the plan of a job without running it. */
#include "cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void
print_help(FILE *out)
{
    fputs("Example:\n"
          "  weir info -p 2 wordcount.so --input words.txt\n"
          "\n"
          "Usage: weir info [options] JOB.so [job arguments]\n"
          "\n"
          "  -p, --parallelism N   parallelism of operators that set none\n"
          "  -D KEY=VALUE          set an option\n"
          "      --config FILE     read options from a file\n"
          "  -h, --help            this text\n",
          out);
}

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

int
cli_info(int argc, char **argv)
{
    static const struct option options_known[] = {
        { "parallelism", required_argument, NULL, 'p' },
        { "config", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = NULL;
    const char *assignments[64];
    size_t assignment_count = 0;
    char parallelism[64] = "";
    optind = 1;
    for (int option;
         (option = getopt_long_only(argc, argv, "+p:D:h", options_known, NULL)) != -1;) {
        if (option == 'h') {
            print_help(stdout);
            return CLI_OK;
        }
        if (option == 'p') {
            snprintf(parallelism, sizeof parallelism, "parallelism.default=%s", optarg);
        } else if (option == 'c') {
            config = optarg;
        } else if (option == 'D' && assignment_count < 64) {
            assignments[assignment_count++] = optarg;
        } else {
            cli_say('e', "see weir info --help");
            return CLI_USAGE;
        }
    }
    if (optind >= argc) {
        cli_say('e', "JOB.so is missing: see weir info --help");
        return CLI_USAGE;
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
        code = load_and_print(options, argc - optind, argv + optind);
    }
    weir_options_destroy(options);
    return code;
}
