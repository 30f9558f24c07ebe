/* SPDX-License-Identifier: Apache-2.0 */
/* consumer: a program that links the installed libweir and knows nothing of the tree it came from.
 */
#include <weir/options.h>
#include <weir/type.h>

#include <stdio.h>
#include <string.h>

int
main(void)
{
    weir_options *options = NULL;
    weir_error error;
    if (weir_options_create(NULL, &options) != WEIR_OK) {
        return 1;
    }
    if (weir_options_set(options, "parallelism.default", "3", WEIR_LEVEL_JOB, "consumer.c",
                         &error) != WEIR_OK ||
        weir_options_int(options, "parallelism.default") != 3) {
        return 1;
    }
    weir_options_destroy(options);
    if (strcmp(weir_type_name(weir_type_of_kind(WEIR_I64)), "i64") != 0) {
        return 1;
    }
    puts("ok");
    return 0;
}
