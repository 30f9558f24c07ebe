/* SPDX-License-Identifier: Apache-2.0 */
/* config_fuzz: any bytes as a configuration file, under each of the names that mean something.
 * Taken or refused; each refusal says the file.
 *
 *   input   u8 which name | file
 */
#include "fuzz/fuzz.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = { "weir.yaml", "config.yaml", "flink-conf.yaml" };

static char last_words[4096];

/* Takes the place of words.c's: what is said is looked at, not shown. */
void
cli_say(char level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(last_words, sizeof last_words, format, arguments);
    va_end(arguments);
    fuzz_expect(level == 'w' || level == 'e');
    fuzz_expect(size > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[512];
    char path[600];
    if (size == 0) {
        return 0;
    }
    snprintf(folder, sizeof folder, WEIR_BINARY_DIR "/fuzz-config-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/%s", folder, names[data[0] % 3]);
    (void)mkdir(folder, 0777); /* there already: fine */
    FILE *file = fopen(path, "wb");
    fuzz_expect(file != NULL);
    fuzz_expect(fwrite(data + 1, 1, size - 1, file) == size - 1);
    fuzz_expect(fclose(file) == 0);
    weir_options *options = NULL;
    fuzz_expect(weir_options_create(NULL, &options) == WEIR_OK);
    last_words[0] = '\0';
    int code = cli_read_config(options, path);
    fuzz_expect(code == CLI_OK || code == CLI_USAGE);
    fuzz_expect(code == CLI_OK || strstr(last_words, names[data[0] % 3]) != NULL);
    weir_options_destroy(options);
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}
