/* SPDX-License-Identifier: Apache-2.0 */
/* option_fuzz: any key with any value: taken, or refused with words; what is taken can be read.
 *
 *   input   text of a key | '=' | text of a value; or u8 below 0x20, which row | text of a value
 */
#include "fuzz/fuzz.h"

#include "weir/options.h"

#include <string.h>

static void
read_back(const weir_options *options, const weir_option_info *info)
{
    switch (info->type) {
    case WEIR_OPTION_BOOL:
        (void)weir_options_bool(options, info->key);
        break;
    case WEIR_OPTION_INT: {
        int64_t number = weir_options_int(options, info->key);
        fuzz_expect(number >= info->minimum && number <= info->maximum);
        break;
    }
    case WEIR_OPTION_FLOAT: {
        double number = weir_options_float(options, info->key);
        fuzz_expect(number >= (double)info->minimum && number <= (double)info->maximum);
        break;
    }
    case WEIR_OPTION_DURATION:
        fuzz_expect(weir_options_duration_ms(options, info->key) <= (uint64_t)info->maximum);
        break;
    case WEIR_OPTION_BYTES:
        fuzz_expect(weir_options_bytes(options, info->key) <= (uint64_t)info->maximum);
        break;
    case WEIR_OPTION_TEXT:
    case WEIR_OPTION_CHOICE:
        fuzz_expect(weir_options_text(options, info->key) != NULL);
        break;
    }
}

static void
set(const char *key, const char *value)
{
    weir_options *options = NULL;
    weir_error error = { 0 };
    fuzz_expect(weir_options_create(NULL, &options) == WEIR_OK);
    weir_status status = weir_options_set(options, key, value, WEIR_LEVEL_COMMAND, "-D", &error);
    const weir_option_info *info = weir_option_find(key);
    if (status == WEIR_OK) {
        fuzz_expect(info != NULL);
        if (weir_options_is_set(options, info->key)) {
            read_back(options, info);
        }
    } else {
        fuzz_expect(status == WEIR_INVALID || status == WEIR_UNSUPPORTED);
        fuzz_expect(error.message[0] != '\0' && strlen(error.message) < sizeof error.message);
    }
    if (info == NULL) {
        (void)weir_option_nearest(key);
    }
    weir_options_destroy(options);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    fuzz_expect(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    char *equals = strchr(text, '=');
    if (size != 0 && data[0] < 0x20) {
        for (size_t row = data[0]; row < weir_option_count(); row += 0x20) {
            set(weir_option_at(row)->key, text + 1);
        }
    } else if (equals != NULL) {
        *equals = '\0';
        set(text, equals + 1);
    }
    free(text);
    return 0;
}
