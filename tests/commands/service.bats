#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a service manager hears: a real datagram socket, whole processes.
load support

every=(-D execution.checkpointing.interval=50ms -D execution.checkpointing.dir=checkpoints)

prepare() {
    sequence_sum=$WEIR_BUILD/examples/sequence_sum.so
    listener=$WEIR_BUILD/tests/commands/notify_listener
    [ -x "$listener" ] && [ -e "$sequence_sum" ]
}

# listen [NAME]: what is said arrives in the file heard, one line each: pid, NAME=value.
listen() {
    export NOTIFY_SOCKET=${1:-$PWD/notify}
    "$listener" "$NOTIFY_SOCKET" >heard 2>&1 3>&- &
    children+=("$!")
    until_true 'grep -qx listening heard'
}

# order WORD...: the first lines that begin with these stand in this order.
order() {
    local word at before=0
    for word in "$@"; do
        at=$(grep -nE -m 1 -- "^[0-9]+ $word" heard | cut -d: -f1)
        [ -n "$at" ] || { echo "nothing heard like $word:"; cat heard; return 1; }
        [ "$at" -gt "$before" ] || { echo "$word came too early:"; cat heard; return 1; }
        before=$at
    done
}

# quiet: nothing more is on its way once the process has ended and its last word was heard.
last_word() {
    until_true 'grep -q EXIT_STATUS= heard'
}

@test "a service is ready when its job runs and says that it stops" {
    listen
    in_background weir run "${every[@]}" "$sequence_sum" --events 100000000 --rate 2000 --output output
    until_true 'grep -q "READY=1" heard'
    until_true 'grep -q "STATUS=running" heard'
    kill -TERM "$child"
    ends_with 0
    last_word
    order READY=1 STATUS=running STOPPING=1 'STATUS=STOPPED: .*/chk-[0-9]+$' EXIT_STATUS=0
    [ "$(grep -c 'READY=1' heard)" -eq 1 ]
    [ "$(grep -c 'STOPPING=1' heard)" -eq 1 ]
}

@test "a socket in the abstract namespace is heard as well" {
    listen "@weir-test-$BASHPID-$RANDOM"
    in_background weir run "$sequence_sum" --events 100 --output output
    ends_with 0
    last_word
    order READY=1 STOPPING=1 STATUS=FINISHED EXIT_STATUS=0
}

@test "a stop tells of its checkpoint and asks for time" {
    listen
    in_background weir run "${every[@]}" "$WEIR_BUILD/tests/e2e/jobs/mistakes.so" patient --rate 5000 --output output
    until_true 'grep -q READY=1 heard'
    kill -TERM "$child"
    until_true 'grep -q STOPPING=1 heard'
    until_true 'grep -qE "STATUS=stopping .*: checkpoint [0-9]+, [0-9] of [0-9] tasks" heard'
    ends_with 0
    last_word
    order READY=1 STOPPING=1 STATUS=stopping
    sed -n '/STOPPING=1/,$p' heard | grep -q EXTEND_TIMEOUT_USEC=
}

@test "a restore is told before ready" {
    in_background weir run "${every[@]}" "$sequence_sum" --events 100000000 --keys 400000 --output output
    until_true '[ "$(committed)" -gt 600000 ]'
    kill -TERM "$child"
    ends_with 0
    listen
    in_background env LD_PRELOAD="$WEIR_BUILD/tests/commands/libstuck.so" SLOW_READS=20 \
        weir run --resume "${every[@]}" "$sequence_sum" --events 100000000 --keys 400000 --output output
    until_true 'grep -q "READY=1" heard'
    kill -TERM "$child"
    ends_with 0
    last_word
    order 'STATUS=restoring sequence_sum: [0-9]+ % of [0-9.]+ MiB, 0 of 1 tasks' EXTEND_TIMEOUT_USEC= READY=1 STOPPING=1
}

@test "a watchdog is fed while the coordinator answers" {
    export WATCHDOG_USEC=100000
    listen
    in_background weir run "$sequence_sum" --events 100000000 --rate 100 --output output
    until_true '[ "$(grep -c WATCHDOG=1 heard)" -ge 5 ]'
    kill -TERM "$child"
    ends_with 0
}

@test "a coordinator that does not answer starves the watchdog" {
    export WATCHDOG_USEC=100000
    listen
    in_background env LD_PRELOAD="$WEIR_BUILD/tests/commands/libstuck.so" STUCK_FROM="$PWD/stuck" \
        weir run "$sequence_sum" --events 100000000 --rate 100 --output output
    until_true '[ "$(grep -c WATCHDOG=1 heard)" -ge 2 ]'
    touch stuck
    until_true '[ -e stuck.is ]' # an inspection hangs now
    count=$(grep -c WATCHDOG=1 heard)
    sleep 1
    [ "$(grep -c WATCHDOG=1 heard)" -eq "$count" ]
}

@test "a watchdog of another process is left alone" {
    export WATCHDOG_USEC=100000 WATCHDOG_PID=1
    listen
    in_background weir run "$sequence_sum" --events 100 --output output
    ends_with 0
    last_word
    lacks heard WATCHDOG
}

@test "a job that fails never says that it stops" {
    listen
    in_background weir run -D restart-strategy.type=none "$WEIR_BUILD/tests/e2e/jobs/mistakes.so" failing --events 1000
    ends_with 1
    last_word
    order 'STATUS=failed: ' EXIT_STATUS=1
    lacks heard STOPPING
}

@test "a run that never starts says why" {
    listen
    run weir run -D no.such.key=1 "$sequence_sum"
    [ "$status" -eq 2 ]
    last_word
    order 'STATUS=not started: usage or configuration invalid' EXIT_STATUS=2
    lacks heard READY
}

@test "a job that had reached its end before is no failure" {
    run weir run --resume "${every[@]}" "$sequence_sum" --events 100 --output output
    [ "$status" -eq 0 ]
    listen
    run weir run --resume "${every[@]}" "$sequence_sum" --events 100 --output output
    [ "$status" -eq 0 ]
    last_word
    order READY=1 'STATUS=nothing to do' EXIT_STATUS=0
}

@test "a supervised job that crashes is ready twice and stops once" {
    listen
    in_background weir run --supervise -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.attempts=5 \
        -D restart-strategy.fixed-delay.delay=100ms "${every[@]}" "$sequence_sum" --events 100000000 --rate 2000 --output output
    until_true 'grep -q READY=1 heard && [ "$(committed)" -gt 0 ]'
    has heard "^$child MAINPID=$child\$"
    first=$(sed -nE 's/^([0-9]+) READY=1$/\1/p' heard)
    [ "$first" -ne "$child" ]
    kill -KILL "$first"
    until_true '[ "$(grep -c READY=1 heard)" -eq 2 ]'
    has heard "^$child STATUS=the job's process was ended by signal 9"
    second=$(sed -nE 's/^([0-9]+) READY=1$/\1/p' heard | tail -n 1)
    [ "$second" -ne "$first" ]
    lacks heard STOPPING
    kill -TERM "$child"
    ends_with 0
    until_true "grep -q '^$child EXIT_STATUS=0\$' heard"
    has heard "^$second STOPPING=1\$"
}

@test "a socket that nobody can use is said and the job runs on" {
    export NOTIFY_SOCKET=relative/path
    run weir run "$sequence_sum" --events 100 --output output
    [ "$status" -eq 0 ]
    [[ $output == *"NOTIFY_SOCKET='relative/path' is neither a path nor @name"* ]]
    export NOTIFY_SOCKET=$PWD/nobody
    run weir run --allow-rewind "$sequence_sum" --events 100 --output other
    [ "$status" -eq 0 ]
    [ "$(grep -c 'does not hear' <<<"$output")" -eq 1 ]
}
