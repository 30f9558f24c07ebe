/* SPDX-License-Identifier: Apache-2.0 */
/* option_value: values from text, with Flink's rules and labels (its TimeUtils, MemorySize and
 * ConfigurationUtils): a whole number, blanks, a unit in any case; no unit means milliseconds or
 * bytes; sizes count in 1024s. Beyond Flink, "us" stands for the micro sign and "KiB" for
 * "kibibytes".
 *
 * All parsing is by hand: the C library's depends on the host's locale, and takes signs,
 * hexadecimal and trailing bytes where a configuration file must not have them.
 */
#include "base/option_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NUMBER_SIZE = 128,
    FRACTION_DIGITS_MAX = 15
};

struct unit {
    const char *labels; /* separated by '|' */
    int64_t multiply;
    int64_t divide;
};

static const struct unit durations[] = {
    { "ms|milli|millis|millisecond|milliseconds", 1, 1 },
    { "s|sec|secs|second|seconds", 1000, 1 },
    { "min|m|minute|minutes", 60 * 1000, 1 },
    { "h|hour|hours", 3600 * 1000, 1 },
    { "d|day|days", 24 * 3600 * 1000, 1 },
    { "\xc2\xb5s|\xce\xbcs|us|micro|micros|microsecond|microseconds", 1, 1000 },
    { "ns|nano|nanos|nanosecond|nanoseconds", 1, 1000000 },
};
static const char duration_help[] = "a duration such as '200 ms', '10 s', '5 min', '1 h' or '1 d'";

static const struct unit sizes[] = {
    { "b|bytes", 1, 1 },
    { "k|kb|kib|kibibytes", 1LL << 10, 1 },
    { "m|mb|mib|mebibytes", 1LL << 20, 1 },
    { "g|gb|gib|gibibytes", 1LL << 30, 1 },
    { "t|tb|tib|tebibytes", 1LL << 40, 1 },
};
static const char size_help[] = "a size such as '4096', '64 kb', '32 mb' or '2 gb'";

const char *
wr_option_part(const char *parts, size_t index, size_t *out_size)
{
    const char *at = parts;
    for (; index > 0; index--) {
        at = strchr(at, '|');
        if (at == NULL) {
            return NULL;
        }
        at++;
    }
    size_t size = strcspn(at, "|");
    if (size == 0) {
        return NULL;
    }
    *out_size = size;
    return at;
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_same_word(const char *one, size_t one_size, const char *two, size_t two_size)
{
    if (one_size != two_size) {
        return false;
    }
    for (size_t i = 0; i < one_size; i++) {
        if (lower(one[i]) != lower(two[i])) {
            return false;
        }
    }
    return true;
}

/* The index of `text` among the parts, in any case; -1: it is none of them. */
static int
find_part(const char *parts, const char *text, size_t text_size)
{
    size_t size = 0;
    const char *part;
    for (int i = 0; (part = wr_option_part(parts, (size_t)i, &size)) != NULL; i++) {
        if (is_same_word(part, size, text, text_size)) {
            return i;
        }
    }
    return -1;
}

/* Reads digits at *at into *out_number and moves *at behind them; false: none, or more than fit. */
static bool
read_digits(const char **at, int64_t *out_number)
{
    int64_t number = 0;
    const char *digit = *at;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *digit - '0', &number)) {
            return false;
        }
    }
    if (digit == *at) {
        return false;
    }
    *at = digit;
    *out_number = number;
    return true;
}

static bool
parse_int(const char *text, int64_t *out_number)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') {
        text++;
    }
    int64_t number = 0;
    if (!read_digits(&text, &number) || *text != '\0') {
        return false;
    }
    *out_number = negative ? -number : number;
    return true;
}

static bool
parse_float(const char *text, double *out_real)
{
    bool negative = *text == '-';
    if (negative) {
        text++;
    }
    int64_t whole = 0;
    if (!read_digits(&text, &whole)) {
        return false;
    }
    int64_t part = 0;
    double scale = 1;
    if (*text == '.') {
        const char *first = ++text;
        if (!read_digits(&text, &part) || text - first > FRACTION_DIGITS_MAX) {
            return false;
        }
        for (; first < text; first++) {
            scale *= 10; /* exact up to 10^22, so that the division below rounds once */
        }
    }
    int64_t joined = 0;
    if (*text != '\0' || __builtin_mul_overflow(whole, (int64_t)scale, &joined) ||
        __builtin_add_overflow(joined, part, &joined)) {
        return false;
    }
    double real = (double)joined / scale;
    *out_real = negative ? -real : real;
    return true;
}

static bool
parse_with_unit(const char *text, const struct unit *units, size_t unit_count, int64_t *out_number)
{
    int64_t number = 0;
    if (!read_digits(&text, &number)) {
        return false;
    }
    text += strspn(text, " \t");
    if (*text == '\0') {
        *out_number = number;
        return true;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (find_part(units[i].labels, text, strlen(text)) >= 0) {
            if (__builtin_mul_overflow(number, units[i].multiply, &number)) {
                return false;
            }
            *out_number = number / units[i].divide;
            return true;
        }
    }
    return false;
}

/* Text without the blanks around it, in a buffer of NUMBER_SIZE; false: too long to be a number. */
static bool
trim(const char *text, char *out)
{
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) {
        size--;
    }
    if (size >= NUMBER_SIZE) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool
parse(const weir_option_info *info, const char *text, struct wr_option_value *value)
{
    switch (info->type) {
    case WEIR_OPTION_TEXT:
        return true;
    case WEIR_OPTION_BOOL:
        value->number = find_part("false|true", text, strlen(text));
        return value->number >= 0;
    case WEIR_OPTION_INT:
        return parse_int(text, &value->number);
    case WEIR_OPTION_FLOAT:
        return parse_float(text, &value->real);
    case WEIR_OPTION_DURATION:
        return parse_with_unit(text, durations, sizeof durations / sizeof durations[0],
                               &value->number);
    case WEIR_OPTION_BYTES:
        return parse_with_unit(text, sizes, sizeof sizes / sizeof sizes[0], &value->number);
    case WEIR_OPTION_CHOICE:
        value->number = find_part(info->choices, text, strlen(text));
        return value->number >= 0;
    default:
        return false;
    }
}

static void
say_what_was_expected(const weir_option_info *info, char *why)
{
    const char *help = "text";
    switch (info->type) {
    case WEIR_OPTION_BOOL:
        help = "'true' or 'false'";
        break;
    case WEIR_OPTION_INT:
        help = "a whole number";
        break;
    case WEIR_OPTION_FLOAT:
        help = "a number such as '0.4'";
        break;
    case WEIR_OPTION_DURATION:
        help = duration_help;
        break;
    case WEIR_OPTION_BYTES:
        help = size_help;
        break;
    case WEIR_OPTION_CHOICE:
        snprintf(why, WR_OPTION_WHY_SIZE, "expected one of %s", info->choices);
        return;
    case WEIR_OPTION_TEXT:
    default:
        break;
    }
    snprintf(why, WR_OPTION_WHY_SIZE, "expected %s", help);
}

/* False: the value is outside the row's limits; `why` then names the one it breaks. */
static bool
is_within_limits(const weir_option_info *info, const struct wr_option_value *value, char *why)
{
    bool counts = info->type == WEIR_OPTION_INT || info->type == WEIR_OPTION_DURATION ||
                  info->type == WEIR_OPTION_BYTES;
    bool within = true;
    if (info->type == WEIR_OPTION_FLOAT) {
        within = value->real >= (double)info->minimum && value->real <= (double)info->maximum;
    } else if (counts) {
        within = value->number >= info->minimum && value->number <= info->maximum;
    }
    if (within) {
        return true;
    }
    const char *unit = info->type == WEIR_OPTION_DURATION ? " ms"
                       : info->type == WEIR_OPTION_BYTES  ? " bytes"
                                                          : "";
    if (info->maximum == INT64_MAX) {
        snprintf(why, WR_OPTION_WHY_SIZE, "the least is %" PRId64 "%s", info->minimum, unit);
    } else {
        snprintf(why, WR_OPTION_WHY_SIZE, "the limits are %" PRId64 " and %" PRId64 "%s",
                 info->minimum, info->maximum, unit);
    }
    return false;
}

weir_status
wr_option_parse(const weir_option_info *info, const char *text, struct wr_option_value *out_value,
                char *out_why)
{
    struct wr_option_value value = { 0 };
    char trimmed[NUMBER_SIZE] = "";
    if (info->type != WEIR_OPTION_TEXT && (!trim(text, trimmed) || !parse(info, trimmed, &value))) {
        say_what_was_expected(info, out_why);
        return WEIR_INVALID;
    }
    if (!is_within_limits(info, &value, out_why)) {
        return WEIR_INVALID;
    }
    *out_value = value;
    return WEIR_OK;
}
