/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of throwables: the bytes that Flink's client reads as an exception. It does so in `make
 * test-flink`; here stands what it then read.
 */
#include "rig.h"

#include "serve/throwable.h"

#include <string.h>

/* The fields that the client reads, as they end the stream. */
static const json_t *
make(const char *words)
{
    json_t *json = wr_throwable_json("org.example.Broken", words);
    assert_non_null(json);
    assert_int_equal(3, json_object_size(json));
    assert_string_equal("org.example.Broken", rig_text_at(json, "class"));
    return json;
}

TEST(a_failure_is_the_java_object_that_was_read_by_java)
{
    static const char golden[] =
        "rO0ABXNyAClvcmcuYXBhY2hlLmZsaW5rLnV0aWwuU2VyaWFsaXplZFRocm93YWJsZWUWnfUfpxPzAgAD"
        "TAAZZnVsbFN0cmluZ2lmaWVkU3RhY2tUcmFjZXQAEkxqYXZhL2xhbmcvU3RyaW5nO0wAFm9yaWdpbmFs"
        "RXJyb3JDbGFzc05hbWV0ABJMamF2YS9sYW5nL1N0cmluZztbABNzZXJpYWxpemVkRXhjZXB0aW9udAAC"
        "W0J4cgATamF2YS5sYW5nLkV4Y2VwdGlvbtD9Hz4aOxzEAgAAeHIAE2phdmEubGFuZy5UaHJvd2FibGXV"
        "xjUnOXe4ywMABEwABWNhdXNldAAVTGphdmEvbGFuZy9UaHJvd2FibGU7TAANZGV0YWlsTWVzc2FnZXQA"
        "EkxqYXZhL2xhbmcvU3RyaW5nO1sACnN0YWNrVHJhY2V0AB5bTGphdmEvbGFuZy9TdGFja1RyYWNlRWxl"
        "bWVudDtMABRzdXBwcmVzc2VkRXhjZXB0aW9uc3QAEExqYXZhL3V0aWwvTGlzdDt4cHB0AA1ubyBzcGFj"
        "ZSBsZWZ0cHB4dAAib3JnLmV4YW1wbGUuQnJva2VuOiBubyBzcGFjZSBsZWZ0CnQAEm9yZy5leGFtcGxl"
        "LkJyb2tlbnA=";
    const json_t *json = make("no space left");
    assert_string_equal("org.example.Broken: no space left\n", rig_text_at(json, "stack-trace"));
    assert_string_equal(golden, rig_text_at(json, "serialized-throwable"));
    json_decref((json_t *)(uintptr_t)json);
}

TEST(words_of_any_bytes_and_length_are_shown)
{
    static char words[5000];
    const json_t *json = make("na\xc3\xafve \xf0\x9f\x98\x80");
    assert_string_equal("org.example.Broken: na\xc3\xafve \xf0\x9f\x98\x80\n",
                        rig_text_at(json, "stack-trace"));
    json_decref((json_t *)(uintptr_t)json);
    json = make("bad \xff\xc3(");
    assert_string_equal("org.example.Broken: bad ?"
                        "?(\n",
                        rig_text_at(json, "stack-trace"));
    json_decref((json_t *)(uintptr_t)json);
    /* four bytes each: six in Java's encoding, cut between two of them */
    for (size_t i = 0; i + 1 < sizeof words; i++) {
        words[i] = "\xf0\x9f\x98\x80"[i % 4];
    }
    json = make(words);
    const char *trace = rig_text_at(json, "stack-trace");
    assert_int_equal(strlen("org.example.Broken: ") + 2048 + 1, strlen(trace));
    assert_true(strlen(rig_text_at(json, "serialized-throwable")) > 2 * 3072 / 3 * 4);
    json_decref((json_t *)(uintptr_t)json);
    /* one more byte in front: not a whole letter at the end */
    memmove(words + 1, words, sizeof words - 2);
    words[0] = 'x';
    json = make(words);
    assert_int_equal(strlen("org.example.Broken: ") + 2045 + 1,
                     strlen(rig_text_at(json, "stack-trace")));
    json_decref((json_t *)(uintptr_t)json);
}
