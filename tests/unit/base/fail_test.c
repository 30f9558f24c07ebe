/* SPDX-License-Identifier: Apache-2.0 */
/* fail_test: failures in words. */
#include "support/test.h"

#include "base/fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

TEST(fail_keeps_words_status_and_birthplace)
{
    weir_error err = { 0 };
    assert_int_equal(wr_fail(&err, WEIR_CORRUPT, "block %d of %s", 7, "chk-3"), WEIR_CORRUPT);
    assert_int_equal(err.status, WEIR_CORRUPT);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.message, "block 7 of chk-3");
    assert_non_null(strstr(err.file, "fail_test.c"));
    assert_true(err.line > 0);
    assert_int_equal(wr_fail(NULL, WEIR_LIMIT, "nobody listens"), WEIR_LIMIT);
}

TEST(fail_errno_says_why)
{
    weir_error err = { 0 };
    assert_int_equal(wr_fail_errno(&err, ENOSPC, "cannot write %s", "x"), WEIR_IO);
    assert_string_equal(err.message, "cannot write x: No space left on device");
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_int_equal(wr_fail_errno(&err, ENOMEM, "cannot map"), WEIR_NOMEM);
    assert_int_equal(err.status, WEIR_NOMEM);
}

TEST(fail_cuts_long_words_in_the_middle)
{
    static char path[5000];
    memset(path, 'p', sizeof path - 1);
    weir_error err = { 0 };
    weir_status status = wr_fail_errno(&err, EACCES, "cannot open %s", path);
    assert_int_equal(status, WEIR_IO);
    assert_int_equal(strlen(err.message), WEIR_ERROR_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message, "cannot open ppp", 15);
    assert_non_null(strstr(err.message, "p ... p"));
    assert_non_null(strstr(err.message, "p: Permission denied"));
}

TEST(fail_never_splits_a_character)
{
    for (size_t shift = 0; shift < 4; shift++) {
        char path[4001];
        size_t size = shift;
        memset(path, 'a', shift);
        while (size + 3 < sizeof path) {
            memcpy(path + size, "\xe2\x82\xac", 3);
            size += 3;
        }
        path[size] = '\0';
        weir_error err = { 0 };
        assert_int_equal(wr_fail(&err, WEIR_INVALID, "%s", path), WEIR_INVALID);
        const char *gap = strstr(err.message, " ... ");
        assert_non_null(gap);
        assert_int_equal((size_t)(gap - err.message - (ptrdiff_t)shift) % 3, 0);
        assert_int_equal(strlen(gap + 5) % 3, 0);
    }
}

TEST(fail_takes_words_that_fit_exactly_and_cuts_one_more)
{
    char words[WEIR_ERROR_MESSAGE_SIZE + 1];
    memset(words, 'w', sizeof words);
    words[WEIR_ERROR_MESSAGE_SIZE - 1] = '\0';
    weir_error err = { 0 };
    assert_int_equal(wr_fail(&err, WEIR_INVALID, "%s", words), WEIR_INVALID);
    assert_string_equal(err.message, words);
    words[WEIR_ERROR_MESSAGE_SIZE - 1] = 'w';
    words[WEIR_ERROR_MESSAGE_SIZE] = '\0';
    assert_int_equal(wr_fail(&err, WEIR_INVALID, "%s", words), WEIR_INVALID);
    assert_non_null(strstr(err.message, " ... "));
}

TEST(fail_context_goes_in_front)
{
    weir_error err = { 0 };
    weir_status status = wr_fail(&err, WEIR_CORRUPT, "bad block");
    status = wr_fail_context(&err, status, "restore of '%s': ", "counts");
    assert_int_equal(status, WEIR_CORRUPT);
    assert_string_equal(err.message, "restore of 'counts': bad block");
    assert_int_equal(wr_fail_context(NULL, WEIR_IO, "x"), WEIR_IO);
}

TEST(fail_may_quote_its_own_message)
{
    weir_error err = { 0 };
    snprintf(err.message, sizeof err.message, "inner");
    assert_int_equal(wr_fail(&err, WEIR_USER, "outer: %s", err.message), WEIR_USER);
    assert_string_equal(err.message, "outer: inner");
}

TEST(status_has_name_and_meaning)
{
    assert_string_equal(weir_status_name(WEIR_OK), "OK");
    assert_string_equal(weir_status_name(WEIR_UNSUPPORTED), "UNSUPPORTED");
    assert_string_equal(weir_status_name((weir_status)77), "UNKNOWN");
    assert_string_equal(weir_status_meaning(WEIR_NOMEM), "allocation refused");
}

TEST(fail_context_of_a_failure_without_words_is_still_that_failure)
{
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(wr_fail_context(&err, WEIR_NOMEM, "input: "), WEIR_NOMEM);
    assert_int_equal(err.status, WEIR_NOMEM);
    assert_string_equal(err.message, "input: allocation refused");
}
