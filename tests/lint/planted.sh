#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# planted.sh CASE: each checker is itself checked by a mistake planted in a small tree of its own: the mistake must
# be found and named, and the same tree without it must pass.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

fail() {
    echo "$1" >&2
    exit 1
}

# Runs a checker that must refuse, with these words in what it says.
refused() {
    local words=$1
    shift
    if "$@" >"$tree/said" 2>&1; then
        fail "not found: $words"
    fi
    grep -qF -- "$words" "$tree/said" || { cat "$tree/said" >&2; fail "refused, but not for: $words"; }
}

case ${1:-} in
names_finds_a_function_that_is_gone)
    echo 'First `wr_task_step`, in `src/runtime/task.c`.' >"$tree/page.md"
    "$root/tools/check_names" "$tree/page.md"
    echo 'Then `wr_task_stumble`, in `src/runtime/stumble.c`.' >>"$tree/page.md"
    refused 'wr_task_stumble' "$root/tools/check_names" "$tree/page.md"
    refused 'src/runtime/stumble.c' "$root/tools/check_names" "$tree/page.md"
    ;;
layers_finds_an_upward_include)
    mkdir -p "$tree/src/state" "$tree/src/runtime"
    echo '#include "base/memory.h"' >"$tree/src/state/value.c"
    "$root/tools/check_layers" "$tree"
    echo '#include "runtime/task.h"' >>"$tree/src/state/value.c"
    refused 'src/state/value.c:2: src/state may not include runtime/task.h' "$root/tools/check_layers" "$tree"
    ;;
layers_keeps_runtime_and_checkpoint_apart)
    mkdir -p "$tree/src/runtime" "$tree/src/checkpoint"
    echo '#include "checkpoint/coordinator.h"' >"$tree/src/runtime/task.c"
    refused 'src/runtime may not include checkpoint/coordinator.h' "$root/tools/check_layers" "$tree"
    echo '#include "base/fail.h"' >"$tree/src/runtime/task.c"
    echo '#  include "runtime/task.h"' >"$tree/src/checkpoint/coordinator.c"
    refused 'src/checkpoint may not include runtime/task.h' "$root/tools/check_layers" "$tree"
    ;;
layers_lets_the_command_line_see_public_headers_only)
    mkdir -p "$tree/cli"
    printf '#include "cli.h"\n#include "weir/job.h"\n' >"$tree/cli/main.c"
    "$root/tools/check_layers" "$tree"
    echo '#include "base/memory.h"' >>"$tree/cli/main.c"
    refused 'cli/main.c:3: cli may not include base/memory.h' "$root/tools/check_layers" "$tree"
    ;;
layers_refuses_a_way_around_the_rooms)
    mkdir -p "$tree/src/types"
    echo '#include "../state/backend.h"' >"$tree/src/types/type.c"
    refused 'does not say its room' "$root/tools/check_layers" "$tree"
    ;;
symbols_finds_malloc_and_time)
    for room in state types; do
        mkdir -p "$tree/CMakeFiles/room_$room.dir/src/$room"
    done
    state=$tree/CMakeFiles/room_state.dir/src/state/value.c.o
    types=$tree/CMakeFiles/room_types.dir/src/types/type.c.o
    clean='#include <string.h>
size_t weir_f(const char *p) { return strlen(p); }'
    cc -fno-builtin -c -x c -o "$state" - <<<"$clean"
    cc -fno-builtin -c -x c -o "$types" - <<<"$clean"
    "$root/tools/check_symbols" "$tree"
    cc -c -x c -o "$state" - <<<'#include <stdlib.h>
void *weir_f(void) { return malloc(1); }'
    refused 'state/value.c: calls malloc' "$root/tools/check_symbols" "$tree"
    cc -fno-builtin -c -x c -o "$state" - <<<"$clean"
    cc -c -x c -o "$types" - <<<'#include <time.h>
long weir_f(void) { return (long)time(NULL); }'
    refused 'types/type.c: calls time' "$root/tools/check_symbols" "$tree"
    ;;
symbols_finds_a_program_started_by_the_server)
    mkdir -p "$tree/CMakeFiles/serve_objects.dir/src/serve"
    server=$tree/CMakeFiles/serve_objects.dir/src/serve/jobs.c.o
    cc -w -c -x c -o "$server" - <<<'int MHD_run(void *daemon); int json_dumps(void *value);
int wr_f(void *p) { return MHD_run(p) + json_dumps(p); }'
    "$root/tools/check_symbols" "$tree"
    for call in system dlopen execve posix_spawn open unlink socket; do
        cc -w -c -x c -o "$server" - <<<"int $call(void *p); int wr_f(void *p) { return $call(p); }"
        refused "serve/jobs.c: calls $call," "$root/tools/check_symbols" "$tree"
    done
    ;;
tidy_finds_a_long_function)
    cp "$root/.clang-tidy" "$tree"
    {
        echo 'int weir_long(int n)'
        echo '{'
        for _ in $(seq 72); do
            echo '    n += n / 3;'
        done
        echo '    return n;'
        echo '}'
    } >"$tree/long.c"
    refused "function 'weir_long' exceeds recommended size" clang-tidy --quiet "$tree/long.c" -- -std=gnu11
    sed -i '3,12d' "$tree/long.c"
    clang-tidy --quiet "$tree/long.c" -- -std=gnu11
    ;;
clang_refuses_a_dropped_status)
    cat >"$tree/drop.c" <<'END'
#include "weir/options.h"
void weir_f(weir_options *options, weir_options **out_options);
void weir_f(weir_options *options, weir_options **out_options)
{
    weir_options_copy(options, out_options);
}
END
    refused 'ignoring return value' clang -Werror -fsyntax-only -std=gnu11 -I"$root/include" "$tree/drop.c"
    sed -i 's/    weir_options_copy/    (void)weir_options_copy/' "$tree/drop.c"
    clang -Werror -fsyntax-only -std=gnu11 -I"$root/include" "$tree/drop.c"
    ;;
clang_refuses_a_call_on_the_wrong_thread)
    cat >"$tree/role.c" <<'END'
#include "base/role.h"
void wr_f(void) WR_ON(coordinator);
void wr_g(void) WR_ON(task);
void wr_g(void)
{
    wr_f();
}
END
    refused "requires holding" clang -Werror -Wthread-safety -fsyntax-only -std=gnu11 -I"$root/include" \
        -I"$root/src" "$tree/role.c"
    ;;
cppcheck_finds_an_overrun)
    cat >"$tree/overrun.c" <<'END'
int weir_f(void);
int weir_f(void)
{
    int a[4] = { 0 };
    return a[4];
}
END
    refused arrayIndexOutOfBounds cppcheck --quiet --enable=warning --error-exitcode=1 -U__clang__ "$tree/overrun.c"
    ;;
*)
    fail "no such case: ${1:-}"
    ;;
esac
