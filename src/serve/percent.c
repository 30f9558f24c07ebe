/* SPDX-License-Identifier: Apache-2.0 */
/* percent: decodes exactly once; "%2525" is "%25". */
#include "serve/percent.h"

static int
hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool
wr_percent_decode(const char *text, size_t size, char *out, size_t room)
{
    size_t used = 0;
    for (size_t at = 0; at < size; at++) {
        char letter = text[at];
        if (letter == '%') {
            int high = size - at > 2 ? hex_value(text[at + 1]) : -1;
            int low = size - at > 2 ? hex_value(text[at + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            letter = (char)(high * 16 + low);
            at += 2;
        }
        if (letter == '\0' || used + 1 >= room) {
            return false;
        }
        out[used++] = letter;
    }
    if (room == 0) {
        return false;
    }
    out[used] = '\0';
    return true;
}
