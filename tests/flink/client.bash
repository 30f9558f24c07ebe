# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# client.bash: a real weir job that listens on loopback, and Flink's own command line against it.
# In: WEIR_BUILD, FLINK_LIB.

weir=$WEIR_BUILD/weir
job_library=$WEIR_BUILD/examples/wordcount.so

# A directory, a config file of Flink's and an input of the test's own.
setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export WEIR_RUNTIME_DIR=$PWD/runtime
    mkdir conf
    echo '{}' >conf/config.yaml
    input_lines=3000
    awk -v lines="$input_lines" 'BEGIN { for (i = 1; i <= lines; i++) print "w" i % 50, "x" i % 7 }' >input
    life=0
}

teardown() {
    if [ -n "${weir_pid:-}" ]; then
        kill -KILL "$weir_pid" 2>/dev/null || true
        wait "$weir_pid" 2>/dev/null || true
    fi
}

# start [-D ...]...: begins the next life of the job and waits until it runs; sets job, port, weir_pid.
start() {
    life=$((life + 1))
    rm -rf runtime
    "$weir" run -p 2 -D rest.port=0 -D execution.checkpointing.dir="$PWD/checkpoints" \
        -D execution.checkpointing.savepoint-dir="$PWD/savepoints" \
        -D execution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION "$@" \
        "$job_library" --input input --rate 20 --output output >"weir.$life" 2>&1 3>&- &
    weir_pid=$!
    for _ in $(seq 300); do
        entry=$(find runtime -name '*.json' 2>/dev/null | head -n 1)
        if [ -n "$entry" ]; then
            job=$(basename "$entry" | cut -d. -f1)
            port=$(sed -n 's/.*"url": *"[^"]*:\([0-9]*\)".*/\1/p' "$entry")
            [ -n "$port" ] && flink list -r && [[ $output == *"$job"*"(RUNNING)"* ]] && return 0
        fi
        kill -0 "$weir_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "weir.$life"
    return 1
}

# flink VERB ...: runs it against the job; sets status and output.
flink() {
    local verb=$1
    shift
    export FLINK_CONF_DIR=$PWD/conf
    run java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$FLINK_LIB/*" \
        org.apache.flink.client.cli.CliFrontend "$verb" "$@" -m "127.0.0.1:${use_port:-$port}"
    output=$(grep -v '^SLF4J' <<<"$output" || true)
}

# Everything that is read, taken apart by Flink's own classes.
read_all() {
    run java -Xmx256m -cp "$FLINK_LIB/*" "$BATS_TEST_DIRNAME/Reader.java" "http://127.0.0.1:$port"
    code_is 0
}

# The last answer had this exit code.
code_is() {
    [ "$status" -eq "$1" ] || { echo "exit code $status instead of $1:"; echo "$output"; return 1; }
}

# A line of the last answer matches.
prints() {
    grep -Eq -- "$1" <<<"$output" || { echo "no '$1' in:"; echo "$output"; return 1; }
}

# What weir itself said in this life.
said() {
    grep -Eq -- "$1" "weir.$life" || { echo "no '$1' in:"; cat "weir.$life"; return 1; }
}

# wait_for_end CODE: the job's process ends by itself.
wait_for_end() {
    local code=0
    for _ in $(seq 600); do
        kill -0 "$weir_pid" 2>/dev/null || break
        sleep 0.1
    done
    wait "$weir_pid" || code=$?
    weir_pid=
    [ "$code" -eq "$1" ] || { echo "weir ended with $code"; cat "weir.$life"; return 1; }
}

# finish_from SAVEPOINT: the next life, as fast as it can, to the end of the input.
finish_from() {
    life=$((life + 1))
    "$weir" run -p 2 -s "$1" "$job_library" --input input --output output >"weir.$life" 2>&1 3>&-
}

# The savepoint that the last answer names.
path_in_output() {
    sed -n 's/^Savepoint completed\. Path: //p' <<<"$output"
}

# Each word has been counted once for each time that it is in the input: the highest count of a word is how often it
# is there, and there are as many lines as words.
assert_exactly_once() {
    tr ' ' '\n' <input | tr 'a-z' 'A-Z' | sort | uniq -c | awk '{ print $2 "," $1 }' | sort >expected
    find output -type f ! -path '*/.*' -exec cat {} + | tr -d '()' >counted
    awk -F, '$2 > highest[$1] { highest[$1] = $2 } END { for (word in highest) print word "," highest[word] }' counted |
        sort >highest
    diff expected highest
    [ "$(wc -l <counted)" -eq $((2 * input_lines)) ]
    [ "$(sort -u counted | wc -l)" -eq $((2 * input_lines)) ]
}
