# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# support.bash: what the tests of commands share. Each runs in an empty directory of its own, with the weir of WEIR_BUILD
# first on the path, and with nothing of the user's: no configuration, a runtime directory of its own.
#
#   documented 'weir info wordcount.so'      a command as README.md, docs/ or a verb's help has it, word for word.
#   documented <<'END' ... END               the same where it has quotes or several lines.
# tests/commands/covered looks for these: every documented command must stand in one.

setup() {
    source_tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir -m 0700 runtime home state
    export PATH=${WEIR_BUILD:?}:$PATH
    export WEIR_RUNTIME_DIR=$PWD/runtime HOME=$PWD/home XDG_STATE_HOME=$PWD/state
    unset WEIR_CONFIG WEIR_TOKEN_FILE NO_COLOR CLICOLOR_FORCE NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID XDG_RUNTIME_DIR
    children=()
    if declare -F prepare >/dev/null; then
        prepare
    fi
}

teardown() {
    local child entry
    for child in "${children[@]}"; do
        kill -KILL "$child" 2>/dev/null || true
    done
    # What runs in the background on its own stands in our runtime directory.
    for entry in "$BATS_TEST_TMPDIR"/runtime/*.json; do
        [ -e "$entry" ] || continue
        child=$(sed -nE 's/.*"pid" *: *([0-9]+).*/\1/p' "$entry")
        [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
    done
}

documented() {
    local text=${1-$(cat)}
    eval "$text"
}

# in_background COMMAND...: its pid is in $child; what it says in the files stdout and stderr.
in_background() {
    "$@" >stdout 2>stderr </dev/null 3>&- &
    child=$!
    children+=("$child")
}

# until_true CONDITION: at most 30 seconds.
until_true() {
    local end=$((SECONDS + 30))
    while [ $SECONDS -lt $end ]; do
        if eval "$1"; then
            return 0
        fi
        sleep 0.02
    done
    echo "in 30 s it did not come true: $1"
    tail -n 20 stdout stderr 2>/dev/null
    return 1
}

# ends_with CODE: $child ends with it.
ends_with() {
    local code=0
    wait "$child" || code=$?
    if [ "$code" -ne "$1" ]; then
        echo "exit code $code, not $1"
        tail -n 20 stdout stderr
        return 1
    fi
}

# has FILE REGEX
has() {
    grep -qE -- "$2" "$1" || {
        echo "$1 has no line like $2:"
        cat "$1"
        return 1
    }
}

lacks() {
    ! grep -E -- "$2" "$1" || {
        echo "$1 has a line like $2"
        return 1
    }
}

committed() { # [DIRECTORY]: lines in committed files
    cat "${1:-output}"/part-* 2>/dev/null | wc -l
}

newest_checkpoint() {
    find checkpoints -path '*/chk-*/_metadata' -printf '%h\n' 2>/dev/null | grep -v '/\.' | sort -V | tail -n 1
}
