/* SPDX-License-Identifier: Apache-2.0 */
/* hear: puts files in the place of the two streams. */
#include "hear.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *
replace(int descriptor, int *out_kept)
{
    FILE *file = tmpfile();
    *out_kept = dup(descriptor);
    if (file == NULL || *out_kept < 0 || dup2(fileno(file), descriptor) < 0) {
        perror("hear");
        abort();
    }
    return file;
}

static void
take(FILE *file, int descriptor, int kept, char *out)
{
    dup2(kept, descriptor);
    close(kept);
    rewind(file);
    size_t size = fread(out, 1, HEAR_SIZE - 1, file);
    out[size] = '\0';
    fclose(file);
}

void
hear_begin(struct hear *hear)
{
    fflush(NULL);
    hear->out_file = replace(STDOUT_FILENO, &hear->kept_out);
    hear->err_file = replace(STDERR_FILENO, &hear->kept_err);
}

void
hear_end(struct hear *hear)
{
    fflush(NULL);
    take(hear->out_file, STDOUT_FILENO, hear->kept_out, hear->out);
    take(hear->err_file, STDERR_FILENO, hear->kept_err, hear->err);
}

bool
hear_has(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        return true;
    }
    fprintf(stderr, "'%s' is not in:\n%s\n", part, text);
    return false;
}
