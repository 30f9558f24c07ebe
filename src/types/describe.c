/* SPDX-License-Identifier: Apache-2.0 */
/* describe: says a type. Nested structs are said in place, a recursion that WEIR_NESTING_MAX
 * bounds. */
#include "types/describe.h"

#include "types/type.h"

struct line {
    char *out;
    size_t room; /* without the NUL */
    size_t size;
    bool is_cut;
};

static void
say(struct line *line, const char *text)
{
    size_t size = strlen(text);
    size_t left = line->room - line->size;
    if (size > left) {
        line->is_cut = true;
        size = left;
    }
    memcpy(line->out + line->size, text, size);
    line->size += size;
}

static void
say_type(struct line *line, const weir_type *type)
{
    if (type->kind != WEIR_STRUCT) {
        say(line, type->name);
        return;
    }
    say(line, "struct ");
    say(line, type->name);
    say(line, " {");
    for (size_t i = 0; i < type->field_count && !line->is_cut; i++) {
        say(line, i > 0 ? ", " : "");
        say(line, type->fields[i].name);
        say(line, ": ");
        say_type(line, wr_field_type(&type->fields[i]));
    }
    say(line, "}");
}

const char *
wr_type_describe(const weir_type *type, char *out, size_t room)
{
    if (room == 0) {
        return out;
    }
    struct line line = { out, room - 1, 0, false };
    say_type(&line, type);
    if (line.is_cut && line.size >= 3) {
        memcpy(out + line.size - 3, "...", 3);
    }
    out[line.size] = '\0';
    return out;
}
