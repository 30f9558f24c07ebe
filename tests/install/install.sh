#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install.sh CASE BUILD PREFIX: builds a consumer against the tree installed in PREFIX, and runs it.
set -euo pipefail
case=$1 build=$2 prefix=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

library_dir=$(dirname "$(find "$prefix" -name weir.pc 2>/dev/null || true)")/..
export PKG_CONFIG_PATH=$library_dir/pkgconfig

says_ok() {
    [ "$("$@")" = ok ] || { echo "$1 did not say ok" >&2; exit 1; }
}

pkg() {
    local word
    for word in $(pkg-config "$@"); do
        printf '%s\n' "$word"
    done
}

by_pkg_config() { # NAME
    mapfile -t flags < <(pkg --cflags --libs "$1")
    cc -Wall -Wextra -Werror -o "$work/consumer" "$here/consumer.c" "${flags[@]}"
    LD_LIBRARY_PATH=$library_dir says_ok "$work/consumer"
    readelf -d "$work/consumer" | grep -qF "[lib$1.so.0]" || { echo "not linked with lib$1.so.0" >&2; exit 1; }
}

by_pkg_config_static() { # NAME
    mapfile -t cflags < <(pkg --cflags "$1")
    mapfile -t libs < <(pkg --static --libs "$1")
    cc -Wall -Wextra -Werror -o "$work/consumer" "$here/consumer.c" "${cflags[@]}" -Wl,-Bstatic "${libs[@]}" \
        -Wl,-Bdynamic
    says_ok "$work/consumer"
    if readelf -d "$work/consumer" | grep -qF libweir; then
        echo "still needs libweir" >&2
        exit 1
    fi
}

by_find_package() { # TARGET
    cat >"$work/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
find_package(Weir 0.1 REQUIRED)
add_executable(consumer $here/consumer.c)
target_link_libraries(consumer PRIVATE Weir::$1)
END
    cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log"
    ninja -C "$work/build" >>"$work/log" || { cat "$work/log" >&2; exit 1; }
    says_ok "$work/build/consumer"
}

case $case in
to_a_prefix)
    rm -rf "$prefix"
    cmake --install "$build" --prefix "$prefix" >/dev/null
    for file in bin/weir include/weir/job.h share/man/man1/weir.1 share/man/man1/weir-run.1 share/man/man5/weir.yaml.5 \
        share/bash-completion/completions/weir share/zsh/site-functions/_weir share/fish/vendor_completions.d/weir.fish; do
        [ -e "$prefix/$file" ] || { echo "$file is not installed" >&2; exit 1; }
    done
    cmp -s <(cd "$here/../../include/weir" && ls) <(cd "$prefix/include/weir" && ls) || { echo "headers differ" >&2; exit 1; }
    ;;
pkg_config_links_the_shared_library)
    by_pkg_config weir
    ;;
pkg_config_links_the_static_library)
    by_pkg_config_static weir
    ;;
pkg_config_links_the_state_library)
    by_pkg_config weir-state
    by_pkg_config_static weir-state
    ;;
find_package_links_the_shared_library)
    by_find_package weir
    ;;
find_package_links_the_static_library)
    by_find_package weir-static
    ;;
find_package_links_the_state_library)
    by_find_package weir-state
    by_find_package weir-state-static
    ;;
job_needs_cflags_alone)
    mapfile -t flags < <(pkg --cflags weir)
    cc -Wall -Wextra -shared -fPIC -o "$work/wordcount.so" "$here/../../examples/wordcount.c" "${flags[@]}"
    echo "to be or not to be" >"$work/words.txt"
    "$prefix/bin/weir" info "$work/wordcount.so" --input "$work/words.txt" >"$work/plan"
    grep -qi sum "$work/plan" || { cat "$work/plan" >&2; exit 1; }
    "$prefix/bin/weir" run "$work/wordcount.so" --input "$work/words.txt" >"$work/out" 2>"$work/said" ||
        { cat "$work/said" >&2; exit 1; }
    grep -qxF '(BE,2)' "$work/out" || { cat "$work/out" >&2; exit 1; }
    ;;
engine_needs_cflags_alone)
    # The example engine as its head says to build it: it passes the contract of all engines, and a job runs on it.
    mapfile -t flags < <(pkg --cflags weir)
    cc -Wall -Wextra -Werror -shared -fPIC -o "$work/sorted_array.so" "$here/../../examples/backend/sorted_array.c" \
        "${flags[@]}"
    [ "$(wc -l <"$here/../../examples/backend/sorted_array.c")" -lt 300 ] || { echo "no longer small" >&2; exit 1; }
    "$build/tests/contract/contract_state" "$work/sorted_array.so" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
    echo "to be or not to be" >"$work/words.txt"
    "$prefix/bin/weir" run -D "state.backend.type=$work/sorted_array.so" "$library_dir/weir/examples/wordcount.so" \
        --input "$work/words.txt" 2>"$work/said" >"$work/out" || { cat "$work/said" >&2; exit 1; }
    grep -qxF '(TO,2)' "$work/out" || { cat "$work/out" "$work/said" >&2; exit 1; }
    ;;
installed_examples_run)
    echo "to be or not to be" >"$work/words.txt"
    "$prefix/bin/weir" run "$library_dir/weir/examples/wordcount.so" --input "$work/words.txt" 2>/dev/null |
        grep -qxF '(TO,2)'
    ;;
installed_program_finds_its_library)
    env -u LD_LIBRARY_PATH "$prefix/bin/weir" version
    found=$(env -u LD_LIBRARY_PATH ldd "$prefix/bin/weir" | sed -nE 's/.*libweir\.so\.0 => ([^ ]+) .*/\1/p')
    [ "$found" -ef "$library_dir/libweir.so.0" ] || { echo "uses $found" >&2; exit 1; }
    ;;
readme_job_survives_kill_9)
    # The README's first job, as it stands there: run, killed, resumed, stopped; each running count is there once.
    sed -n '/^```c$/,/^```$/p' "$here/../../README.md" | sed '/^```/d' >"$work/visits.c"
    mapfile -t flags < <(pkg --cflags weir)
    cd "$work"
    cc -Wall -Wextra -shared -fPIC visits.c -o visits.so "${flags[@]}"
    settings=(-D execution.checkpointing.interval=100ms -D execution.checkpointing.dir=checkpoints)
    "$prefix/bin/weir" run "${settings[@]}" visits.so out 2>said &
    job=$!
    for _ in $(seq 100); do
        [ -z "$(find checkpoints -path '*/chk-[0-9]*/_metadata' 2>/dev/null)" ] || break
        sleep 0.1
    done
    kill -9 $job
    wait $job || true
    if "$prefix/bin/weir" run "${settings[@]}" visits.so out 2>said; then
        echo "a second plain run started from empty state" >&2
        exit 1
    fi
    # In the foreground: timeout would else signal twice, and a second signal ends the job at once.
    timeout --foreground --preserve-status -s TERM 2 "$prefix/bin/weir" run -s latest:checkpoints "${settings[@]}" visits.so out \
        2>said || { cat said >&2; exit 1; }
    cat out/part-* | sort -V | uniq >once
    cat out/part-* | sort -V | cmp - once || { echo "a count stands twice" >&2; exit 1; }
    for user in 0 1 2; do
        grep -c "^($user," once | xargs seq | sed "s/.*/($user,&)/"
    done >expected
    diff once expected >&2
    [ "$(wc -l <expected)" -gt 12 ] || { echo "too few counts to tell" >&2; exit 1; }
    ;;
*)
    echo "no such case: $case" >&2
    exit 2
    ;;
esac
