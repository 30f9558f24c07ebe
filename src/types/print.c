/* SPDX-License-Identifier: Apache-2.0 */
/* print: values in the form that Flink's print sink gives them, that is Java's toString.
 *
 *     Tuple (a,b)    Row +I[a, b]    byte[] [1, -2]    Boolean true    Long 5    Double 1.0, 1.0E10
 *
 * A u64 is printed as the number that it is in C. Floating numbers take the fewest digits (two at
 * least) that read back as the same number, as in JDK 19 and later (older ones now and then give
 * one too many), plain from 10^-3 to below 10^7, else with an exponent.
 *
 * Printing never fails: what does not fit is counted and left out, as snprintf does. Nested structs
 * are a recursion that WEIR_NESTING_MAX bounds.
 */
#include "base/little.h"
#include "types/block.h"
#include "types/type.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct page {
    char *out;
    size_t room;
    size_t size; /* needed so far */
};

static void
put(struct page *page, const void *text, size_t size)
{
    if (page->size < page->room) {
        size_t left = page->room - page->size;
        memcpy(page->out + page->size, text, size < left ? size : left);
    }
    page->size += size;
}

static void
put_text(struct page *page, const char *text)
{
    put(page, text, strlen(text));
}

static void
put_unsigned(struct page *page, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(page, digits + at, sizeof digits - at);
}

static void
put_signed(struct page *page, int64_t number)
{
    if (number < 0) {
        put_text(page, "-");
        put_unsigned(page, 0 - (uint64_t)number);
    } else {
        put_unsigned(page, (uint64_t)number);
    }
}

/* A decimal number: 0.d1 d2 d3 ... times ten to the power `point`. */
struct decimal {
    char digits[20];
    int count;
    int point;
};

/* Reads "d.ddde+xx", whatever character the locale puts between. */
static struct decimal
decimal_of_text(const char *text)
{
    struct decimal decimal = { .count = 0 };
    const char *at = text;
    for (; *at != '\0' && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9' && decimal.count < (int)sizeof decimal.digits) {
            decimal.digits[decimal.count++] = *at;
        }
    }
    decimal.point = (*at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0) + 1;
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
    }
    return decimal;
}

static bool
reads_back(const char *text, double number, bool is_float)
{
    double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
    return back == number; /* finite and not zero, so equal means the same */
}

static struct decimal
shortest_decimal(double number, bool is_float)
{
    char text[48];
    int most = is_float ? 9 : 17;
    for (int digits = 2; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, number);
        if (reads_back(text, number, is_float)) {
            break;
        }
    }
    return decimal_of_text(text);
}

/* Digits from..to of the decimal, zeros where it has none; "0" if the range is empty. */
static void
put_digits(struct page *page, const struct decimal *decimal, int from, int to)
{
    for (int i = from; i < to; i++) {
        put(page, i >= 0 && i < decimal->count ? &decimal->digits[i] : "0", 1);
    }
    if (from >= to) {
        put(page, "0", 1);
    }
}

static void
put_floating(struct page *page, double number, bool is_float)
{
    if (isnan(number)) {
        put_text(page, "NaN");
        return;
    }
    if (signbit(number)) {
        put_text(page, "-");
        number = -number;
    }
    if (isinf(number)) {
        put_text(page, "Infinity");
        return;
    }
    if (!(number > 0)) {
        put_text(page, "0.0");
        return;
    }
    struct decimal decimal = shortest_decimal(number, is_float);
    bool is_plain = number >= 1e-3 && number < 1e7;
    int point = is_plain ? decimal.point : 1;
    put_digits(page, &decimal, 0, point);
    put_text(page, ".");
    put_digits(page, &decimal, point, decimal.count > point ? decimal.count : point);
    if (!is_plain) {
        put_text(page, "E");
        put_signed(page, decimal.point - 1);
    }
}

static void
put_bytes(struct page *page, weir_bytes bytes)
{
    const uint8_t *at = bytes.data;
    put_text(page, "[");
    for (size_t i = 0; i < bytes.size; i++) {
        if (i > 0) {
            put_text(page, ", ");
        }
        put_signed(page, (int8_t)at[i]);
    }
    put_text(page, "]");
}

static void
put_content(struct page *page, weir_kind kind, weir_bytes content)
{
    if (kind == WEIR_STRING) {
        put(page, content.data, content.size);
    } else {
        put_bytes(page, content);
    }
}

static void
put_scalar(struct page *page, weir_kind kind, const void *block, const uint8_t *fixed)
{
    float f32;
    double f64;
    weir_string string;
    switch (kind) {
    case WEIR_BOOL:
        put_text(page, fixed[0] != 0 ? "true" : "false");
        return;
    case WEIR_I8:
        put_signed(page, (int8_t)fixed[0]);
        return;
    case WEIR_U8:
        put_unsigned(page, fixed[0]);
        return;
    case WEIR_I16:
        put_signed(page, (int16_t)wr_get_u16(fixed));
        return;
    case WEIR_U16:
        put_unsigned(page, wr_get_u16(fixed));
        return;
    case WEIR_I32:
        put_signed(page, (int32_t)wr_get_u32(fixed));
        return;
    case WEIR_U32:
        put_unsigned(page, wr_get_u32(fixed));
        return;
    case WEIR_I64:
        put_signed(page, (int64_t)wr_get_u64(fixed));
        return;
    case WEIR_U64:
        put_unsigned(page, wr_get_u64(fixed));
        return;
    case WEIR_F32:
        memcpy(&f32, fixed, sizeof f32);
        put_floating(page, (double)f32, true);
        return;
    case WEIR_F64:
        memcpy(&f64, fixed, sizeof f64);
        put_floating(page, f64, false);
        return;
    case WEIR_STRING:
    case WEIR_BYTES:
        memcpy(&string, fixed, sizeof string);
        put_content(page, kind, weir_string_bytes(block, string));
        return;
    case WEIR_STRUCT:
    default:
        return;
    }
}

static void
put_value(struct page *page, const weir_type *type, const void *block, const uint8_t *fixed)
{
    if (type->kind != WEIR_STRUCT) {
        put_scalar(page, type->kind, block, fixed);
        return;
    }
    bool is_row = type->field_count > WR_TUPLE_FIELDS_MAX;
    put_text(page, is_row ? "+I[" : "(");
    for (size_t i = 0; i < type->field_count; i++) {
        if (i > 0) {
            put_text(page, is_row ? ", " : ",");
        }
        const weir_field *field = &type->fields[i];
        put_value(page, wr_field_type(field), block, fixed + field->offset);
    }
    put_text(page, is_row ? "]" : ")");
}

size_t
weir_type_print(const weir_type *type, const void *block, char *out, size_t room)
{
    struct page page = { .room = room };
    page.out = out;
    put_value(&page, type, block, block);
    return page.size;
}

size_t
wr_key_print(const weir_type *key_type, weir_bytes key, char *out, size_t room)
{
    struct page page = { .room = room };
    page.out = out;
    if (key_type->kind == WEIR_STRING || key_type->kind == WEIR_BYTES) {
        put_content(&page, key_type->kind, key);
    } else {
        put_value(&page, key_type, key.data, key.data);
    }
    return page.size;
}
