#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cli_test.sh BUILD CASE: one case of the command line on real files, in an empty directory of its own. Each function
# below that is named like a sentence is a case, and a ctest entry. The other files of this folder hold them.
set -uo pipefail
readonly here=$(cd "$(dirname "$0")" && pwd)
readonly build=$(cd "$1" && pwd)
readonly case=$2
readonly weir=$build/weir
readonly wordcount=$build/examples/wordcount.so
readonly sequence_sum=$build/examples/sequence_sum.so
readonly jobs=$build/tests/e2e/jobs
readonly mistakes=$jobs/mistakes.so
unset WEIR_CONFIG NO_COLOR CLICOLOR_FORCE

place=$(mktemp -d "${TMPDIR:-/tmp}/weir-cli-XXXXXX")
chmod 777 "$place"
cd "$place" || exit 1
export WEIR_RUNTIME_DIR=$place/runtime XDG_STATE_HOME=$place/state
unset WEIR_TOKEN_FILE
children=()

# shellcheck disable=SC2317
clean() {
    for child in "${children[@]}"; do
        kill -KILL "$child" 2>/dev/null
    done
    chmod -R u+rwx "$place" 2>/dev/null
    rm -rf "$place"
}
trap clean EXIT

fail() {
    printf 'FAILED: %s\n' "$*"
    for file in out err; do
        [ -s "$file" ] && printf -- '--- std%s:\n' "$file" && head -c 4000 "$file"
    done
    exit 1
}

# run COMMAND...: into the files out and err; the exit code is kept.
code=0
run() {
    "$@" >out 2>err </dev/null
    code=$?
}

code_is() {
    [ "$code" -eq "$1" ] || fail "exit code $code, not $1"
}

# says REGEX: on stderr. prints REGEX: on stdout. The other two: not a byte there.
says() { grep -qE -- "$1" err || fail "stderr does not say: $1"; }
does_not_say() { ! grep -qE -- "$1" err || fail "stderr says: $1"; }
prints() { grep -qE -- "$1" out || fail "stdout does not have: $1"; }
prints_nothing() { [ ! -s out ] || fail "stdout is not empty"; }
says_nothing() { [ ! -s err ] || fail "stderr is not empty"; }

# start COMMAND...: in the background; its pid is in $child, its words in out and err.
start() {
    "$@" >out 2>err </dev/null &
    child=$!
    children+=("$child")
}

# until CONDITION: at most 15 seconds.
until_true() {
    for ((i = 0; i < 750; i++)); do
        if eval "$1"; then
            return 0
        fi
        sleep 0.02
    done
    fail "in 15 s it did not come true: $1"
}

# wait_child: its exit code is kept.
wait_child() {
    wait "$child"
    code=$?
}

# "${unprivileged[@]}" COMMAND...: as nobody where we are root.
unprivileged=()
if [ "$(id -u)" -eq 0 ]; then
    unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi

# Where nobody can reach the build, its programs are copied.
bring_programs() {
    mkdir -p bin/examples
    cp "$weir" "$build"/libweir.so.0 bin/
    cp "$build"/examples/*.so bin/examples/
    chmod -R a+rX bin
}

# committed [DIR]: lines in committed files.
committed() {
    cat "${1:-output}"/part-* 2>/dev/null | wc -l
}

checkpoint() {
    find checkpoints -path '*/chk-*/_metadata' -printf '%h\n' 2>/dev/null | grep -v '/\.' | sort -V | tail -n 1
}

readonly every=(-D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=checkpoints)

# shellcheck source=cases.sh
. "$here/cases.sh"
# shellcheck source=bad_input.sh
. "$here/bad_input.sh"
# shellcheck source=client.sh
. "$here/client.sh"
# shellcheck source=client_failures.sh
. "$here/client_failures.sh"
# shellcheck source=detached.sh
. "$here/detached.sh"
# shellcheck source=tables.sh
. "$here/tables.sh"
# shellcheck source=doctor.sh
. "$here/doctor.sh"
# shellcheck source=logs.sh
. "$here/logs.sh"
# shellcheck source=rest.sh
. "$here/rest.sh"
# shellcheck source=secrets.sh
. "$here/secrets.sh"

declare -F "$case" >/dev/null || { echo "no case $case"; exit 2; }
"$case"
