/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of paths: what a client may name, and more than 200 spellings of what it may not, judged by
 * what there is on the disk afterwards.
 *
 *   DIRECTORY/savepoints          the root: link -> ../outside, and more such links below it
 *   DIRECTORY/savepoints-evil     a name that begins like the root's
 *   DIRECTORY/outside/victim      a real savepoint, which must stay; nothing may come beside it
 */
#include "rig.h"

#include "serve/paths.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TEXT_MAX = 3000,
    ROUNDS = 60000 /* of a millisecond */
};

/* --- the scene --- */

static const char *
place(const struct rig *rig, const char *rest)
{
    static char path[4][TEXT_MAX];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, TEXT_MAX, "%s/%s", rig->directory, rest);
    return out;
}

static void
plant_links(struct rig *rig)
{
    assert_int_equal(0, symlink("../outside", place(rig, "savepoints/link")));
    assert_int_equal(0, symlink(place(rig, "outside"), place(rig, "savepoints/absolute")));
    assert_int_equal(0, symlink("../outside/later", place(rig, "savepoints/dangling")));
    assert_int_equal(0, symlink("later/../../outside", place(rig, "savepoints/detour")));
    assert_int_equal(0, symlink("loop", place(rig, "savepoints/loop")));
    assert_int_equal(0, symlink("/proc/self/root", place(rig, "savepoints/proc")));
    assert_int_equal(0, symlink("inner", place(rig, "savepoints/inside")));
    assert_int_equal(0, mkdir(place(rig, "savepoints/inner"), 0700));
    assert_int_equal(0, symlink("../../outside", place(rig, "savepoints/inner/link")));
}

/* A running job, a victim, links, and a working directory of the test's own. */
static void
set_scene(struct rig *rig)
{
    rig_init(rig);
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_RUNNING);
    rig_savepoint(rig);
    const weir_job_view *view = rig_view(rig);
    assert_int_equal(0, mkdir(place(rig, "outside"), 0700));
    assert_int_equal(0, mkdir(place(rig, "savepoints-evil"), 0700));
    assert_int_equal(0, mkdir(place(rig, "work"), 0700));
    assert_int_equal(
        0, rename(view->checkpoints.latest_savepoint->path, place(rig, "outside/victim")));
    weir_job_view_free(view);
    plant_links(rig);
    assert_int_equal(0, chdir(place(rig, "work")));
}

static uint64_t seen;

static int
add_entry(const char *path, const struct stat *found, int kind, struct FTW *level)
{
    (void)found;
    (void)kind;
    (void)level;
    for (const char *at = path; *at != '\0'; at++) {
        seen = seen * 31 + (unsigned char)*at;
    }
    return 0;
}

/* A number for all names outside of the root and of the job's checkpoints. */
static uint64_t
outside_print(struct rig *rig)
{
    static const char *const names[] = { "outside", "savepoints-evil", "work" };
    seen = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(0, nftw(place(rig, names[i]), add_entry, 16, FTW_PHYS));
    }
    return seen;
}

/* --- asking --- */

/* Where it is, once it is there; NULL: it failed. */
static const char *
await(struct rig *rig, const char *path)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct rig_answer *answer = rig_get(rig, "%s", path);
        assert_int_equal(200, answer->code);
        if (strcmp(rig_text_at(answer->json, "status.id"), "COMPLETED") == 0) {
            const json_t *operation = rig_at(answer->json, "operation");
            return json_string_value(json_object_get(operation, "location"));
        }
        usleep(500);
    }
    fail_msg("waited for too long");
    return NULL;
}

static unsigned accepted;

/* A savepoint there: refused, or made beneath the root. `text` as it stands in JSON. */
static void
try_target(struct rig *rig, const char *text)
{
    char body[TEXT_MAX + 200];
    char path[TEXT_MAX];
    char real[PATH_MAX];
    char root[PATH_MAX];
    snprintf(body, sizeof body, "{\"formatType\":\"NATIVE\",\"target-directory\":\"%s\"}", text);
    struct rig_answer *answer = rig_post(rig, rig_path(rig, "/savepoints"), body);
    if (answer->code != 202) {
        assert_int_equal(400, answer->code);
        /* what may not be written to is not stopped into either */
        snprintf(body, sizeof body, "{\"formatType\":\"NATIVE\",\"targetDirectory\":\"%s\"}", text);
        assert_int_equal(400, rig_post(rig, rig_path(rig, "/stop"), body)->code);
        return;
    }
    accepted++;
    snprintf(path, sizeof path, "%s/%s", rig_path(rig, "/savepoints"),
             rig_text_at(answer->json, "request-id"));
    const char *location = await(rig, path);
    if (location != NULL) {
        assert_non_null(realpath(location, real));
        assert_non_null(realpath(place(rig, "savepoints"), root));
        size_t size = strlen(root);
        assert_memory_equal(root, real, size);
        assert_int_equal('/', real[size]);
    }
}

static void
try_disposal(struct rig *rig, const char *text)
{
    char body[TEXT_MAX + 200];
    char path[TEXT_MAX];
    snprintf(body, sizeof body, "{\"savepoint-path\":\"%s\"}", text);
    struct rig_answer *answer = rig_post(rig, "/savepoint-disposal", body);
    if (answer->code != 202) {
        assert_int_equal(400, answer->code);
        return;
    }
    accepted++;
    snprintf(path, sizeof path, "/savepoint-disposal/%s", rig_text_at(answer->json, "request-id"));
    await(rig, path);
}

/* --- spellings --- */

/* Of "..", as they stand in JSON; some are not even that. */
static const char *const dots[] = { "..",
                                    "%2e%2e",
                                    "%2E%2e",
                                    ".%2e",
                                    "%2e.",
                                    "%252e%252e",
                                    "%25252e%25252e",
                                    "..%00",
                                    "..\\u0000",
                                    "%c0%ae%c0%ae",
                                    "%e0%80%ae%e0%80%ae",
                                    "\xc0\xae\xc0\xae",
                                    "\xe0\x80\xae\xe0\x80\xae",
                                    "\\u002e\\u002e",
                                    "\\uff0e\\uff0e",
                                    "\\u2025",
                                    ".\\u200b.",
                                    "..;",
                                    "..%3b",
                                    "...",
                                    "....",
                                    ".. ",
                                    "..\\t",
                                    "..\\r\\n",
                                    "%u002e%u002e" };
static const char *const slashes[] = { "/",   "//",     "/./", "\\\\",    "%2f",     "%252f",
                                       "%5c", "%c0%af", "\\/", "\\u2215", "\xc0\xaf" };

/* Behind DIRECTORY/savepoints: what ends in the last word, if links are followed or names confused.
 */
static const char *const beneath_root[] = { "/link",
                                            "/link/x",
                                            "/link/victim",
                                            "/link/.",
                                            "/link//x",
                                            "/absolute",
                                            "/absolute/x",
                                            "/absolute/victim",
                                            "/dangling",
                                            "/dangling/x",
                                            "/detour",
                                            "/detour/x",
                                            "/loop",
                                            "/loop/x",
                                            "/inside/x",
                                            "/inner/link",
                                            "/inner/link/x",
                                            "/inner/link/victim",
                                            "/inner/../link/x",
                                            "/x/../../outside",
                                            "/x/y/../../../outside/x",
                                            "/.",
                                            "/..",
                                            "/../",
                                            "/../outside/victim",
                                            "-evil",
                                            "-evil/x",
                                            "/../savepoints-evil/x",
                                            "/link/victim/_metadata" };
/* Not behind anything. %s: DIRECTORY. */
static const char *const absolute[] = { "%s/outside",
                                        "%s/outside/victim",
                                        "file:%s/outside/victim",
                                        "file://%s/outside/victim",
                                        "file:///%s/outside/victim",
                                        "file://localhost%s/outside/victim",
                                        "file://127.0.0.1%s/outside/victim",
                                        "file:%s/savepoints/../outside/victim",
                                        "FILE:%s/outside/victim",
                                        "jar:file:%s/outside/victim",
                                        "hdfs://%s/outside/victim",
                                        "//%s/outside/victim",
                                        " %s/savepoints/x",
                                        "%s/outside/victim ",
                                        "/proc/self/root%s/outside/victim",
                                        "/proc/self/cwd/../outside/victim",
                                        "/proc/1/root%s/outside/victim",
                                        "/dev/fd/3",
                                        "../outside/victim",
                                        "./../outside/victim",
                                        "outside",
                                        "victim",
                                        "file:../outside/victim",
                                        "file:outside",
                                        "~/victim",
                                        "$PWD/victim",
                                        "/",
                                        "//",
                                        ".",
                                        "..",
                                        "" };

/* Fewer than 20 bytes before TEXT_MAX are left to the caller. */
static unsigned
try_all(struct rig *rig, void (*attempt)(struct rig *rig, const char *text))
{
    char text[TEXT_MAX];
    unsigned count = 0;
    for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
        for (size_t j = 0; j < sizeof slashes / sizeof slashes[0]; j++, count++) {
            snprintf(text, sizeof text, "%s/savepoints%s%s%soutside%svictim", rig->directory,
                     slashes[j], dots[i], slashes[j], slashes[j]);
            attempt(rig, text);
        }
    }
    for (size_t i = 0; i < sizeof beneath_root / sizeof beneath_root[0]; i++, count++) {
        snprintf(text, sizeof text, "%s/savepoints%s", rig->directory, beneath_root[i]);
        attempt(rig, text);
    }
    for (size_t i = 0; i < sizeof absolute / sizeof absolute[0]; i++, count++) {
        const char *hole = strstr(absolute[i], "%s");
        int before = hole != NULL ? (int)(hole - absolute[i]) : (int)strlen(absolute[i]);
        snprintf(text, sizeof text, "%.*s%s%s", before, absolute[i],
                 hole != NULL ? rig->directory : "", hole != NULL ? hole + 2 : "");
        attempt(rig, text);
    }
    return count;
}

TEST(no_spelling_of_a_target_escapes)
{
    struct rig rig;
    set_scene(&rig);
    uint64_t before = outside_print(&rig);
    unsigned count = try_all(&rig, try_target);
    assert_true(count >= 200);
    assert_true(accepted > 0); /* odd names beneath the root are names */
    assert_int_equal(before, outside_print(&rig));
    print_message("%u spellings, %u of them names beneath the root\n", count, accepted);
    assert_int_equal(0, chdir("/"));
    rig_fini(&rig);
}

TEST(no_spelling_of_a_savepoint_removes_outside)
{
    struct rig rig;
    set_scene(&rig);
    uint64_t before = outside_print(&rig);
    assert_true(try_all(&rig, try_disposal) >= 200);
    assert_int_equal(before, outside_print(&rig));
    assert_int_equal(0, access(place(&rig, "outside/victim/_metadata"), R_OK));
    /* it would have been removed, had it been allowed to */
    weir_error error;
    assert_ok(weir_savepoint_dispose(place(&rig, "outside/victim"), &error), &error);
    assert_int_equal(0, chdir("/"));
    rig_fini(&rig);
}

/* --- what may be named --- */

static weir_status
check(struct rig *rig, enum wr_client_path kind, const char *asked, const char *expected)
{
    char out[WR_CLIENT_PATH_MAX + 1] = "";
    weir_error error = { .status = WEIR_OK };
    weir_status status = wr_client_path(rig->options, kind, asked, out, &error);
    if (status == WEIR_OK) {
        assert_string_equal(expected, out);
    } else {
        assert_int_equal(WEIR_INVALID, status);
        assert_int_equal(WEIR_INVALID, error.status);
        assert_true(error.message[0] != '\0');
    }
    return status;
}

#define TARGET(asked, expected)   check(&rig, WR_CLIENT_TARGET, asked, expected)
#define SNAPSHOT(asked, expected) check(&rig, WR_CLIENT_SNAPSHOT, asked, expected)

TEST(paths_beneath_any_root_are_taken)
{
    struct rig rig;
    char relative[WR_CLIENT_PATH_MAX];
    rig_init(&rig);
    assert_int_equal(0, chdir(rig.directory));
    rig_set(&rig, "weir.rest.savepoint-roots", "/srv/one,file:///srv/two/,own");
    static const char *const plain[] = { "/srv/one/a",   "/srv/two/a/b", "/srv/one/a,b",
                                         "/srv/one/...", "/srv/one/.a",  "/srv/one/%2e%2e" };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        assert_int_equal(WEIR_OK, TARGET(plain[i], plain[i]));
        assert_int_equal(WEIR_OK, SNAPSHOT(plain[i], plain[i]));
    }
    assert_int_equal(WEIR_OK, TARGET("file:/srv//one/./a/", "/srv/one/a"));
    assert_int_equal(WEIR_OK, TARGET("file:///srv/one/a", "/srv/one/a"));
    assert_int_equal(WEIR_OK, TARGET(place(&rig, "savepoints/x"), place(&rig, "savepoints/x")));
    assert_int_equal(WEIR_OK, TARGET(place(&rig, "checkpoints/x"), place(&rig, "checkpoints/x")));
    char here[WR_CLIENT_PATH_MAX / 2];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(relative, sizeof relative, "%s/own/a", here);
    assert_int_equal(WEIR_OK, TARGET(relative, relative));
    /* a root is a target, and no snapshot */
    assert_int_equal(WEIR_OK, TARGET("/srv/one/", "/srv/one"));
    assert_int_equal(WEIR_INVALID, SNAPSHOT("/srv/one/", NULL));
    assert_int_equal(WEIR_INVALID, TARGET("/srv/onea", NULL));
    assert_int_equal(WEIR_INVALID, TARGET("/srv", NULL));
    assert_int_equal(WEIR_INVALID, TARGET("/srv/two/../one/a", NULL));
    assert_int_equal(0, chdir("/"));
    rig_fini(&rig);
}

TEST(the_way_to_a_root_may_have_links)
{
    struct rig rig;
    char roots[TEXT_MAX];
    rig_init(&rig);
    assert_int_equal(0, mkdir(place(&rig, "real"), 0700));
    assert_int_equal(0, symlink("real", place(&rig, "named")));
    assert_int_equal(0, symlink("real", place(&rig, "savepoints")));
    snprintf(roots, sizeof roots, "%s", place(&rig, "named"));
    rig_set(&rig, "weir.rest.savepoint-roots", roots);
    assert_int_equal(WEIR_OK, TARGET(place(&rig, "named/a"), place(&rig, "named/a")));
    assert_int_equal(WEIR_OK, TARGET(place(&rig, "savepoints/a"), place(&rig, "savepoints/a")));
    assert_int_equal(WEIR_INVALID, TARGET(place(&rig, "real/a"), NULL));
    rig_fini(&rig);
}

TEST(paths_end_at_their_limits)
{
    struct rig rig;
    char path[WR_CLIENT_PATH_MAX + 2];
    rig_init(&rig);
    assert_int_equal(0, mkdir(place(&rig, "savepoints"), 0700));
    size_t size = (size_t)snprintf(path, sizeof path, "%s/", place(&rig, "savepoints"));
    memset(path + size, 'n', NAME_MAX + 1);
    path[size + NAME_MAX] = '\0';
    assert_int_equal(WEIR_OK, TARGET(path, path));
    path[size + NAME_MAX] = 'n';
    path[size + NAME_MAX + 1] = '\0';
    assert_int_equal(WEIR_INVALID, TARGET(path, NULL));
    for (size_t i = size; i < WR_CLIENT_PATH_MAX; i++) {
        path[i] = (i - size) % 2 == 0 ? 'n' : '/';
    }
    path[WR_CLIENT_PATH_MAX - 1] = 'n';
    path[WR_CLIENT_PATH_MAX] = '\0';
    char expected[sizeof path];
    snprintf(expected, sizeof expected, "%s", path);
    assert_int_equal(WEIR_OK, TARGET(path, expected));
    path[WR_CLIENT_PATH_MAX] = 'n';
    path[WR_CLIENT_PATH_MAX + 1] = '\0';
    assert_int_equal(WEIR_INVALID, TARGET(path, NULL));
    rig_fini(&rig);
}
