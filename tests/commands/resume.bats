#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# weir run --resume: one command for the first start and for all others, that never starts empty by accident.
load support

every=(-D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=checkpoints)

prepare() {
    sequence_sum=$WEIR_BUILD/examples/sequence_sum.so
}

# stopped [OPTION...]: a run that was stopped with a final checkpoint.
stopped() {
    local before
    before=$(committed)
    in_background weir run --resume "${every[@]}" "$@" "$sequence_sum" --events 200000 --rate 4000 --output output
    until_true '[ "$(committed)" -gt $((before + 100)) ]'
    kill -TERM "$child"
    ends_with 0
}

@test "the same command begins and goes on and knows the end" {
    stopped
    has stderr 'STARTED EMPTY'
    before=$(committed)
    run weir run --resume "${every[@]}" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 0 ]
    [[ $output == *'restored from checkpoint'* ]]
    [ "$before" -lt 200000 ] && [ "$(committed)" -eq 200000 ]
    run weir run --resume "${every[@]}" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 0 ]
    [[ $output == *FINISHED* ]]
    [ "$(committed)" -eq 200000 ]
}

@test "the command that it tells to go on with goes on" {
    stopped
    command=$(sed -nE 's/.*go on with:  (weir run .*)/\1/p' stderr)
    [[ $command == *latest:* && $command != *--resume* ]]
    eval "$command --rate 1000000"
    [ "$(committed)" -eq 200000 ]
}

@test "a damaged checkpoint is not passed over" {
    stopped
    printf 'x' >>"$(newest_checkpoint)/_metadata"
    run weir run --resume "${every[@]}" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 5 ]
    [[ $output == *_metadata* ]]
}

@test "checkpoints of another job alone are no reason to begin" {
    stopped
    run weir run --resume "${every[@]}" -D pipeline.name=renamed "$sequence_sum" --events 200000 --output other
    [ "$status" -eq 4 ]
    [[ $output == *renamed* && $output == *sequence_sum* ]]
    [ ! -e other ]
}

@test "several jobs of that name are listed and not chosen from" {
    stopped
    rm -rf output
    in_background weir run --fresh "${every[@]}" "$sequence_sum" --events 200000 --rate 4000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    kill -TERM "$child"
    ends_with 0
    run weir run --resume "${every[@]}" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 2 ]
    for id in checkpoints/*; do
        [[ $output == *"${id#checkpoints/}"* ]]
    done
}

@test "a first start may be from a savepoint of another life" {
    stopped
    mv checkpoints old
    path=$(find old -path '*/chk-*/_metadata' -printf '%h\n' | sort -V | tail -n 1)
    run weir run --resume "${every[@]}" -D execution.state-recovery.path="$path" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 0 ]
    [[ $output == *'restored from checkpoint'*old* ]]
    [ "$(committed)" -eq 200000 ]
}

@test "a later start is not from that savepoint again" {
    stopped
    mv checkpoints old
    path=$(find old -path '*/chk-*/_metadata' -printf '%h\n' | sort -V | tail -n 1)
    stopped -D execution.state-recovery.path="$path"
    run weir run --resume "${every[@]}" -D execution.state-recovery.path="$path" "$sequence_sum" --events 200000 --output output
    [ "$status" -eq 0 ]
    [[ $output == *'restored from checkpoint'*' checkpoints/'* ]]
    [ "$(committed)" -eq 200000 ]
}

@test "what contradicts it is refused" {
    for words in "--resume --fresh" "--resume -s somewhere" "--fresh -s somewhere"; do
        # shellcheck disable=SC2086
        run weir run "${every[@]}" $words "$sequence_sum"
        [ "$status" -eq 2 ]
        [[ $output == *contradict* ]]
    done
    run weir run --resume "$sequence_sum"
    [ "$status" -eq 2 ]
    [[ $output == *execution.checkpointing.dir* ]]
}
