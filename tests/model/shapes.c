/* SPDX-License-Identifier: Apache-2.0 */
/* shapes: what keys and values look like, of which types. */
#include "model/world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weir_type *
struct_of(const char *name, size_t words)
{
    static const char *const names[7] = { "a", "b", "c", "d", "e", "f", "g" };
    weir_field fields[7];
    for (size_t i = 0; i < words; i++) {
        fields[i] = (weir_field){ names[i], WEIR_I64, (uint32_t)i * 8, 8, NULL, NULL };
    }
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    EXPECT(weir_type_create_struct(&alloc, name, words * 8, fields, words, &type, NULL) == WEIR_OK);
    return type;
}

void
shapes_choose(struct world *world, struct wr_rng *rng)
{
    static const weir_kind key_kinds[KEY_SHAPES] = {
        [KEY_I64] = WEIR_I64, [KEY_I32] = WEIR_I32, [KEY_STRING] = WEIR_STRING
    };
    world->key_shape = (enum key_shape)wr_rng_below(rng, KEY_SHAPES);
    world->value_shape = (enum value_shape)wr_rng_below(rng, VALUE_SHAPES);
    world->element_shape = wr_rng_below(rng, 2) == 0 ? VALUE_I64 : VALUE_STRING;
    if (world->key_shape == KEY_PAIR) {
        world->key_struct = struct_of("pair", 2);
    }
    if (world->value_shape == VALUE_48 || world->value_shape == VALUE_56) {
        world->value_struct = struct_of("wide", world->value_shape == VALUE_48 ? 6 : 7);
    }
    world->average_type = struct_of("average", 2);
    world->key_type = world->key_struct != NULL ? world->key_struct
                                                : weir_type_of_kind(key_kinds[world->key_shape]);
    world->value_type = shape_type(world, world->value_shape);
    world->element_type = shape_type(world, world->element_shape);
}

const weir_type *
shape_type(const struct world *world, enum value_shape shape)
{
    static const weir_kind kinds[VALUE_SHAPES] = {
        [VALUE_I64] = WEIR_I64, [VALUE_I16] = WEIR_I16, [VALUE_STRING] = WEIR_STRING
    };
    return shape == VALUE_48 || shape == VALUE_56 ? world->value_struct
                                                  : weir_type_of_kind(kinds[shape]);
}

void
shapes_destroy(struct world *world)
{
    weir_type_destroy(world->key_struct);
    weir_type_destroy(world->value_struct);
    weir_type_destroy(world->average_type);
}

static size_t
key_bytes(enum key_shape shape, uint32_t number, uint8_t bytes[KEY_SIZE_MOST])
{
    int64_t wide = (int64_t)number * 1000003;
    memset(bytes, 0, KEY_SIZE_MOST);
    switch (shape) {
    case KEY_I64:
        memcpy(bytes, &wide, 8);
        return 8;
    case KEY_I32:
        memcpy(bytes, &number, 4);
        return 4;
    case KEY_PAIR:
        memcpy(bytes, &wide, 8);
        memcpy(bytes + 8, &number, 4);
        return 16;
    case KEY_STRING: /* 1 to 40 bytes: in the slot and in the slab */
        return (size_t)snprintf((char *)bytes, KEY_SIZE_MOST, "%u%.*s", number,
                                (int)(number * 7 % 36), "abcdefghijklmnopqrstuvwxyzabcdefghijkl");
    case KEY_SHAPES:
    default:
        abort();
    }
}

uint32_t
shape_key_number(const struct world *world, weir_bytes key)
{
    for (uint32_t i = 0; i < world->key_count; i++) {
        if (key.size == world->keys[i].size &&
            memcmp(key.data, world->keys[i].data, key.size) == 0) {
            return i;
        }
    }
    return KEYS_MOST;
}

void
shapes_make_keys(struct world *world)
{
    for (uint32_t i = 0; i < world->key_count; i++) {
        size_t size = key_bytes(world->key_shape, i, world->key_bytes[i]);
        world->keys[i] = weir_key_make(world->key_type, weir_bytes_of(world->key_bytes[i], size),
                                       world->rig.max_parallelism, world->rig.seed);
    }
}

size_t
shape_value(enum value_shape shape, uint32_t number, uint8_t bytes[VALUE_SIZE_MOST])
{
    static const size_t sizes[VALUE_SHAPES] = {
        [VALUE_I64] = 8, [VALUE_I16] = 2, [VALUE_48] = 48, [VALUE_56] = 56, [VALUE_STRING] = 8
    };
    size_t size = sizes[shape];
    if (shape == VALUE_STRING) {
        weir_string head = { 8, number == 1 ? 0 : number % 400 };
        memset(bytes, 0, 8 + weir_round8(head.size));
        memcpy(bytes, &head, sizeof head);
        memset(bytes + 8, (int)('a' + number % 26), head.size);
        return 8 + weir_round8(head.size);
    }
    memset(bytes, 0, size);
    for (size_t at = 0; number != 1 && at < size; at += 2) { /* 1: the type's defaults */
        uint16_t part = (uint16_t)(number * (at + 1));
        memcpy(bytes + at, &part, 2);
    }
    return size;
}

bool
shape_is(enum value_shape shape, uint32_t number, weir_bytes bytes)
{
    uint8_t expected[VALUE_SIZE_MOST];
    size_t size = shape_value(shape, number, expected);
    return bytes.data != NULL && bytes.size == size && memcmp(bytes.data, expected, size) == 0;
}
