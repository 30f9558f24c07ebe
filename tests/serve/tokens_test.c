/* SPDX-License-Identifier: Apache-2.0 */
/* The token file: who may read it, what stands in it, and whom it lets in. */
#include "serve/tokens.h"

#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBSERVE "obsobsobsobsobsobsobsobsobsobsobsobsobsobs0"
#define READS   "readreadreadreadreadreadreadreadreadread-_1"
#define OPERATE "opopopopopopopopopopopopopopopopopopopopop2"

static const char usual[] = "# who may what\n"
                            "observe " OBSERVE "\n"
                            "\n"
                            "  read-state\t" READS "  \r\n"
                            "operate " OPERATE;

struct token_file {
    char directory[64];
    char path[80];
};

static void
write_tokens(struct token_file *file, const char *text, size_t size, mode_t mode)
{
    snprintf(file->directory, sizeof file->directory, "%s", "/tmp/weir-tokens-XXXXXX");
    assert_non_null(mkdtemp(file->directory));
    snprintf(file->path, sizeof file->path, "%s/tokens", file->directory);
    FILE *out = fopen(file->path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(file->path, mode), 0);
}

static void
remove_tokens(const struct token_file *file)
{
    assert_int_equal(unlink(file->path), 0);
    assert_int_equal(rmdir(file->directory), 0);
}

static weir_status
read_tokens(const char *text, size_t size, mode_t mode, struct wr_tokens **out_tokens,
            weir_error *error)
{
    struct token_file file;
    write_tokens(&file, text, size, mode);
    *error = (weir_error){ .message = "" };
    weir_status status = wr_tokens_read(file.path, out_tokens, error);
    remove_tokens(&file);
    return status;
}

TEST(each_token_has_the_role_of_its_line)
{
    struct wr_tokens *tokens = NULL;
    weir_error error;
    assert_ok(read_tokens(usual, strlen(usual), 0600, &tokens, &error), &error);
    assert_int_equal(wr_tokens_role(tokens, "Bearer " OBSERVE), WR_ROLE_OBSERVE);
    assert_int_equal(wr_tokens_role(tokens, "bearer " READS), WR_ROLE_READ_STATE);
    assert_int_equal(wr_tokens_role(tokens, "BEARER   " OPERATE), WR_ROLE_OPERATE);
    wr_tokens_free(tokens);
}

TEST(what_is_not_exactly_a_token_is_nobody)
{
    static const char *const wrong[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        OPERATE,
        "Basic " OPERATE,
        "Bearer" OPERATE,
        "Bearer " OPERATE "x",
        "Bearer " OPERATE " ",
        "Bearer " OPERATE ",",
        "Bearer x" OPERATE,
        "Bearer opopopopopopopopopopopopopopopopopopopopop",
        "Bearer opopopopopopopopopopopopopopopopopopopopop3",
        "Bearer Opopopopopopopopopopopopopopopopopopopopop2",
        "Bearer operate " OPERATE,
    };
    struct wr_tokens *tokens = NULL;
    weir_error error;
    assert_ok(read_tokens(usual, strlen(usual), 0600, &tokens, &error), &error);
    assert_int_equal(wr_tokens_role(tokens, NULL), WR_ROLE_NONE);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (wr_tokens_role(tokens, wrong[i]) != WR_ROLE_NONE) {
            fail_msg("'%s' is let in", wrong[i]);
        }
    }
    char long_one[1000] = "Bearer ";
    memset(long_one + 7, 'a', sizeof long_one - 8);
    assert_int_equal(wr_tokens_role(tokens, long_one), WR_ROLE_NONE);
    /* each letter changed, one at a time */
    for (size_t i = 0; i < sizeof OPERATE - 1; i++) {
        char near[80];
        snprintf(near, sizeof near, "Bearer %s", OPERATE);
        near[7 + i] = near[7 + i] == 'Z' ? 'Y' : 'Z';
        assert_int_equal(wr_tokens_role(tokens, near), WR_ROLE_NONE);
    }
    wr_tokens_free(tokens);
}

TEST(a_file_that_others_may_use_is_refused)
{
    static const mode_t modes[] = { 0604, 0640, 0620, 0610, 0602, 0601, 0666, 0660, 0444 };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct wr_tokens *tokens = NULL;
        weir_error error;
        assert_int_equal(read_tokens(usual, strlen(usual), modes[i], &tokens, &error),
                         WEIR_INVALID);
        assert_non_null(strstr(error.message, "chmod 600"));
        assert_null(tokens);
    }
}

/* And no words of a refusal hold a part of a token. */
TEST(a_line_that_is_wrong_is_told_by_its_number_alone)
{
    static const struct {
        const char *text;
        const char *words;
    } bad[] = {
        { "", "holds no token" },
        { "# nothing\n\n", "holds no token" },
        { OPERATE "\n", "line 1" },
        { "\nadmin " OPERATE "\n", "line 2" },
        { "operate\n", "line 1" },
        { "operate opopopopopopopopopopopopopopopopopopopopop\n", "line 1" },
        { "operate " OPERATE "=\n", "line 1" },
        { "operate " OPERATE " " READS "\n", "line 1" },
        { "operate opopopopopopopopopopopopopopopopop+op/opop2\n", "line 1" },
        { "Operate " OPERATE "\n", "line 1" },
        { "observe " OPERATE "\noperate " OPERATE "\n", "line 2" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wr_tokens *tokens = NULL;
        weir_error error;
        assert_int_equal(read_tokens(bad[i].text, strlen(bad[i].text), 0600, &tokens, &error),
                         WEIR_INVALID);
        if (strstr(error.message, bad[i].words) == NULL || strstr(error.message, "opop") != NULL ||
            strstr(error.message, "read-_1") != NULL) {
            fail_msg("%zu: %s", i, error.message);
        }
    }
    struct wr_tokens *tokens = NULL;
    weir_error error;
    static const char binary[] = "operate " OPERATE "\0\n";
    assert_int_equal(read_tokens(binary, sizeof binary - 1, 0600, &tokens, &error), WEIR_INVALID);
}

TEST(there_are_sixty_four_tokens_at_most)
{
    for (unsigned count = WR_TOKENS_MAX; count <= WR_TOKENS_MAX + 1; count++) {
        struct wr_tokens *tokens = NULL;
        weir_error error;
        char text[8192];
        size_t size = 0;
        for (unsigned i = 0; i < count; i++) {
            size += (size_t)snprintf(text + size, sizeof text - size, "observe %041u_-\n", i);
        }
        weir_status status = read_tokens(text, size, 0600, &tokens, &error);
        assert_int_equal(status, count == WR_TOKENS_MAX ? WEIR_OK : WEIR_INVALID);
        wr_tokens_free(tokens);
    }
}

TEST(what_is_no_file_of_a_sensible_size_is_refused)
{
    struct wr_tokens *tokens = NULL;
    weir_error error;
    struct token_file file;
    assert_int_equal(wr_tokens_read("/nowhere/tokens", &tokens, &error), WEIR_NOT_FOUND);
    write_tokens(&file, "", 0, 0600);
    assert_int_equal(wr_tokens_read(file.directory, &tokens, &error), WEIR_INVALID);
    assert_int_equal(truncate(file.path, 64 * 1024 + 1), 0);
    assert_int_equal(wr_tokens_read(file.path, &tokens, &error), WEIR_INVALID);
    assert_int_equal(unlink(file.path), 0);
    assert_int_equal(mkfifo(file.path, 0600), 0);
    assert_int_equal(wr_tokens_read(file.path, &tokens, &error), WEIR_INVALID); /* nor waited for */
    remove_tokens(&file);
}
