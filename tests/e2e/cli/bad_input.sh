# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bad_input.sh: what users get wrong, and what the machine does to them. Each: an exit code, and words that help.

# --- inputs ---

missing_input_is_named() {
    run "$weir" run "$wordcount" --input nowhere
    code_is 3
    says 'nowhere'
    says 'no such file'
}

unreadable_directory_is_named() {
    mkdir secret
    printf 'a\n' >secret/text
    chmod 700 secret
    [ "$(id -u)" -eq 0 ] || chmod 000 secret
    bring_programs
    run "${unprivileged[@]}" bin/weir run bin/examples/wordcount.so --input secret
    code_is 1
    says 'secret'
    says 'Permission denied'
}

refused_socket_is_named() {
    run "$weir" run "$wordcount" --host 127.0.0.1 --port 1
    code_is 1
    says '127.0.0.1:1'
    says 'Connection refused'
}

unknown_host_is_named() {
    run "$weir" run "$wordcount" --host no-such-host.invalid --port 1
    code_is 1
    says 'no-such-host.invalid'
}

line_over_the_limit_names_file_and_offset() {
    printf 'a b\n' >text
    yes x | tr '\n' ' ' | head -c 1048576 >>text
    printf '\n' >>text
    run "$weir" run -q "$wordcount" --input text --discard
    code_is 0
    printf 'b\n' >text
    yes x | tr '\n' ' ' | head -c 1048577 >>text
    printf '\n' >>text
    run "$weir" run "$wordcount" --input text --discard
    code_is 1
    says 'text'
    says 'offset 2'
    says 'weir.source.max-line'
}

# --- snapshots ---

missing_snapshot_is_not_found() {
    run "$weir" run -s nowhere "$sequence_sum"
    code_is 3
    says "Cannot find checkpoint or savepoint file/directory 'nowhere'"
    mkdir empty
    run "$weir" run -s latest:empty "$sequence_sum"
    code_is 3
    run "$weir" run -s empty "$sequence_sum"
    code_is 3
}

# A stopped run of sequence_sum; its checkpoint is in $made.
make_checkpoint() {
    start "$weir" run "${every[@]}" "$@" "$sequence_sum" --events 2000000 --rate 5000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    made=$(checkpoint)
    [ -n "$made" ] || fail "no checkpoint"
}

snapshot_of_another_job_is_refused() {
    make_checkpoint
    run "$weir" run -s "$made" "$mistakes" none --events 10
    code_is 4
    says "$made"
    run "$weir" run -s latest:checkpoints "$mistakes" none --events 10
    [ "$code" -eq 3 ] || [ "$code" -eq 4 ] || fail "exit code $code"
    says "mistakes"
}

a_plain_run_beside_a_checkpoint_is_refused_with_both_ways_on() {
    make_checkpoint
    run "$weir" run "${every[@]}" "$sequence_sum" --events 100 --output other
    code_is 2
    says "$made"
    says '-s latest:checkpoints'
    says '--fresh'
    [ ! -e other ] || fail "it has begun nevertheless"
    run "$weir" run "${every[@]}" --fresh "$sequence_sum" --events 100 --output other
    code_is 0
    says 'STARTED EMPTY'
    [ "$(committed other)" -eq 100 ] || fail "not started empty"
}

several_job_ids_are_listed() {
    make_checkpoint
    rm -rf output
    make_checkpoint --fresh
    run "$weir" run -s latest:checkpoints "$sequence_sum" --events 100 --output other
    code_is 2
    for id in $(ls checkpoints); do
        says "$id"
    done
}

parallelism_above_the_maximum_is_refused() {
    run "$weir" run -p 5 -D pipeline.max-parallelism=4 "$sequence_sum"
    code_is 2
    says 'max parallelism'
    says "'events'"
}

changed_max_parallelism_is_refused() {
    make_checkpoint -D pipeline.max-parallelism=16
    run "$weir" run -s "$made" -D pipeline.max-parallelism=32 "$sequence_sum" --events 10 --output other
    code_is 4
    says '16'
    says '32'
    run "$weir" run -s "$made" -p 17 "$sequence_sum" --events 10 --output other
    [ "$code" -eq 2 ] || [ "$code" -eq 4 ] || fail "exit code $code"
    says '16'
}

# A stopped run of mistakes with or without its second operator.
make_other_checkpoint() {
    start "$weir" run "${every[@]}" "$mistakes" "$1" --rate 5000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    made=$(checkpoint)
}

missing_operator_is_named_and_left_behind_with_n() {
    make_other_checkpoint second-operator
    run "$weir" run -s "$made" "$mistakes" none --events 10 --output output
    code_is 4
    says "again"
    says '(-n|allowNonRestoredState)'
    run "$weir" run -n -s "$made" "$mistakes" none --events 10 --output output
    code_is 0
}

new_operator_starts_empty_and_it_is_said() {
    make_other_checkpoint none
    run "$weir" run -s "$made" "$mistakes" second-operator --events 10 --output output
    code_is 0
    says "again.*starts empty"
}

every_damaged_checkpoint_is_refused_with_file_and_offset() {
    make_checkpoint -p 2 -D execution.checkpointing.data-inline-threshold=0
    local seed words refused=0
    for seed in $(seq 1 200); do
        rm -rf damaged other
        cp -r "$made" damaged
        cp -r output other
        words=$("$build/tests/e2e/e2e-damage" damaged "$seed") || fail "nothing was damaged"
        run "$weir" run -s damaged "$sequence_sum" --events 2000 --output other
        [ "$code" -eq 5 ] || fail "exit code $code, not 5, for $words (seed $seed)"
        says "damaged/${words%%:*}"
        says 'offset [0-9]+|bytes long, the manifest says [0-9]+'
        refused=$((refused + 1))
    done
    echo "$refused/200 refused"
}

a_missing_file_of_a_checkpoint_is_named() {
    make_checkpoint -D execution.checkpointing.data-inline-threshold=0
    local file
    file=$(ls "$made"/*.state | head -n 1)
    rm "$file"
    run "$weir" run -s "$made" "$sequence_sum" --events 10 --output other
    [ "$code" -eq 5 ] || [ "$code" -eq 3 ] || fail "exit code $code"
    says "$(basename "$file")"
}

a_damaged_latest_is_named_with_the_next_older() {
    make_checkpoint -D execution.checkpointing.num-retained=3
    local id=${made##*chk-}
    printf 'x' >>"$made/_metadata"
    run "$weir" run -s latest:checkpoints "$sequence_sum" --events 10 --output other
    code_is 5
    says "chk-$id"
    says "chk-$((id - 1))|older"
}

# --- graphs ---

stateful_operator_without_uid_is_refused() {
    run "$weir" run "$mistakes" no-uid
    code_is 2
    says "operator 'count'"
    says 'weir_stream_uid'
    run "$weir" info "$mistakes" no-uid
    code_is 2
}

two_operators_with_one_uid_are_refused() {
    run "$weir" run "$mistakes" same-uid
    code_is 2
    says "'numbers' and 'count'"
}

a_failing_function_is_told_with_operator_and_record() {
    run "$weir" run "$mistakes" failing
    code_is 1
    says "operator 'widen' \(1/1\), record 501: 500 is not to my taste"
    run "$weir" run "$mistakes" failing-without-words
    code_is 1
    says "operator 'widen'.*record 501"
}

a_failed_job_keeps_its_last_checkpoint() {
    run "$weir" run "${every[@]}" -D restart-strategy.type=none "$mistakes" failing --rate 2000 --output output
    code_is 1
    says 'last completed checkpoint'
    says 'go on with:'
    [ -n "$(checkpoint)" ] || fail "no checkpoint is left"
}

# --- limits ---

a_key_over_its_limit_is_refused() {
    run "$weir" run "$mistakes" longest-key --events 100
    code_is 0
    run "$weir" run "$mistakes" key-too-long --events 100
    code_is 1
    says "operator 'count'"
    says 'limit'
}

a_record_over_its_limit_is_refused() {
    run "$weir" run "$mistakes" record-too-big --events 10
    code_is 1
    says '16777216'
}

a_value_over_its_limit_is_refused_at_the_write() {
    run "$weir" run "$mistakes" value-too-big --events 10
    code_is 1
    says "state 'texts'"
    says 'limit'
}

too_much_emitted_for_one_record_is_refused() {
    run "$weir" run -D weir.task.emit-limit=1mb "$mistakes" much-emitted
    code_is 1
    says "operator 'widen'"
    says 'weir.task.emit-limit'
}

the_memory_budget_is_a_failure_with_words() {
    run "$weir" run -D taskmanager.memory.managed.size=2mb "$mistakes" none
    code_is 1
    says "state '(seen|texts)'"
    says 'taskmanager.memory.managed.size'
}

# --- options ---

an_unknown_key_is_told_with_line_column_and_nearest() {
    printf 'parallelism.default: 2\nexecution:\n  checkpointing:\n    intervall: 1s\n' >weir.yaml
    run "$weir" run --config weir.yaml "$sequence_sum"
    code_is 2
    says "weir.yaml:4:[0-9]+: .*execution.checkpointing.intervall.*did you mean 'execution.checkpointing.interval'"
    run "$weir" run -D execution.checkpointing.intervall=1s "$sequence_sum"
    code_is 2
    says "did you mean 'execution.checkpointing.interval'"
}

a_wrong_value_is_told_with_line_and_column() {
    printf 'parallelism.default: many\n' >weir.yaml
    run "$weir" run --config weir.yaml "$sequence_sum"
    code_is 2
    says "weir.yaml:1:22: .*'many'"
    printf 'parallelism.default: 0\n' >weir.yaml
    run "$weir" run --config weir.yaml "$sequence_sum"
    code_is 2
    run "$weir" run -p 0 "$sequence_sum"
    code_is 2
    WEIR_PARALLELISM_DEFAULT=x run "$weir" run "$sequence_sum"
    code_is 2
    says 'WEIR_PARALLELISM_DEFAULT'
}

a_file_that_is_no_yaml_is_told_with_its_line() {
    printf 'a: b\n  c: [\n' >weir.yaml
    run "$weir" run --config weir.yaml "$sequence_sum"
    code_is 2
    says 'weir.yaml:[0-9]+:[0-9]+: '
    run "$weir" run --config nowhere.yaml "$sequence_sum"
    code_is 3
    says 'nowhere.yaml'
}

what_weir_does_not_have_is_refused_by_name() {
    run "$weir" run -D execution.checkpointing.storage=filesystem "$sequence_sum"
    code_is 2
    says 'execution.checkpointing.dir'
    run "$weir" run -D execution.checkpointing.interval=1s -D execution.checkpointing.dir=s3://bucket/x "$sequence_sum"
    code_is 2
    says s3
    run "$weir" run -D state.backend.type=forst "$sequence_sum"
    code_is 2
    says "no engine 'forst'"
    run "$weir" run -D state.backend.type=./nowhere.so "$sequence_sum"
    code_is 3
    says 'nowhere.so'
    run "$weir" run -D state.backend.type="$sequence_sum" "$sequence_sum"
    code_is 2
    says 'not a state backend'
}

checkpoints_without_a_directory_stay_in_memory_and_that_is_said() {
    run "$weir" run -D execution.checkpointing.interval=20ms "$sequence_sum" --events 500 --rate 5000 --output output
    code_is 0
    says 'process.s memory'
    says 'execution.checkpointing.dir'
}

# Engines' own files inlined in the manifest are unfolded again, for more subtasks than wrote them; what an engine had
# on disk goes with its job.
rocksdb_is_restored_from_jobmanager_storage() {
    [ -e "$build/libweir-rocksdb.so" ] || { echo "skipped: no engine rocksdb in this build"; exit 77; }
    local engine=(-D state.backend.type=rocksdb -D state.backend.rocksdb.localdir="$PWD/engine")
    make_checkpoint -p 2 "${engine[@]}" -D execution.checkpointing.storage=jobmanager
    [ "$(ls "$made")" = _metadata ] || fail "there are files: $(ls "$made")"
    run "$weir" run -p 3 -s "$made" "${engine[@]}" "$sequence_sum" --events 5000 --output output
    code_is 0
    [ "$(ls engine)" = "" ] || fail "the engine left something: $(ls engine)"
}

small_state_stands_in_the_manifest() {
    make_checkpoint
    [ "$(ls "$made")" = _metadata ] || fail "there are files: $(ls "$made")"
    [ "$(ls "$made/../shared")" = "" ] || fail "something is shared"
    run "$weir" run -s "$made" "$sequence_sum" --events 2000 --output output
    code_is 0
}

# --- the job's shared object ---

a_job_that_is_none_is_refused() {
    run "$weir" run nowhere.so
    code_is 3
    printf 'text\n' >text.so
    run "$weir" run ./text.so
    code_is 2
    says 'text.so'
    run "$weir" run "$jobs/no_job.so"
    code_is 2
    says 'WEIR_JOB'
    run "$weir" info "$jobs/no_job.so"
    code_is 2
}

a_job_of_another_abi_is_refused_before_it_is_called() {
    run "$weir" run "$jobs/other_abi.so"
    code_is 4
    says 'ABI 42'
}

# --- two processes ---

a_second_process_on_the_checkpoint_directory_is_refused_with_the_pid() {
    start "$weir" run "${every[@]}" "$sequence_sum" --events 2000000 --rate 5000 --output output
    until_true '[ -n "$(checkpoint)" ]'
    "$weir" run --fresh "${every[@]}" "$sequence_sum" --events 10 --output other 2>err2
    local second=$?
    [ $second -eq 1 ] || fail "exit code $second, not 1"
    grep -q "$child" err2 || fail "the holder's pid $child is not named: $(cat err2)"
    grep -q -- '--take-over' err2 || fail "--take-over is not named: $(cat err2)"
    kill -TERM "$child"
    wait_child
    code_is 0
}

a_second_process_on_the_output_directory_is_refused_with_the_pid() {
    start "$weir" run "${every[@]}" "$sequence_sum" --events 2000000 --rate 5000 --output output
    until_true '[ "$(committed)" -gt 0 ]'
    "$weir" run -D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=elsewhere "$sequence_sum" \
        --events 10 --output output 2>err2
    local second=$?
    [ $second -eq 1 ] || fail "exit code $second, not 1: $(cat err2)"
    grep -q "$child" err2 || fail "the holder's pid $child is not named: $(cat err2)"
    kill -TERM "$child"
    wait_child
    code_is 0
}

a_second_plain_run_into_the_same_output_is_a_rewind() {
    run "$weir" run "${every[@]}" "$sequence_sum" --events 1000 --output output
    code_is 0
    run "$weir" run -D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=elsewhere "$sequence_sum" \
        --events 1000 --output output
    code_is 2
    says '--allow-rewind'
    [ "$(committed)" -eq 1000 ] || fail "the output has changed"
    run "$weir" run --allow-rewind "$sequence_sum" --events 1000 --output output
    code_is 0
    [ "$(committed)" -eq 2000 ] || fail "not written twice"
}

an_older_checkpoint_than_the_output_is_a_rewind_with_both_ids() {
    start "$weir" run "${every[@]}" -D execution.checkpointing.num-retained=64 "$sequence_sum" --events 2000000 --rate 5000 \
        --output output
    until_true '[ "$(committed)" -gt 500 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    made=$(checkpoint)
    local last older
    last=$(printf '%s\n' output/part-* | cut -d- -f3 | sort -n | tail -n 1)
    older=$(dirname "$made")/chk-$((last - 2))
    run "$weir" run -s "$older" "$sequence_sum" --events 10 --output output
    code_is 2
    says "checkpoint $((last - 2))"
    says "what checkpoint $last committed"
}

# --- the disk ---

a_read_only_checkpoint_directory_is_named() {
    mkdir checkpoints
    chmod 755 checkpoints
    [ "$(id -u)" -eq 0 ] || chmod 555 checkpoints
    bring_programs
    run "${unprivileged[@]}" bin/weir run "${every[@]}" bin/examples/sequence_sum.so --events 10 --output output
    code_is 1
    says 'checkpoints'
    says 'Permission denied'
}

# Takes the right to make a checkpoint away, or gives it back.
set_rights() {
    find checkpoints -mindepth 2 -maxdepth 2 -name '.*' -type d -exec chmod "$1" {} +
}

a_failed_checkpoint_fails_the_job_with_the_thresholds_message() {
    bring_programs
    start "${unprivileged[@]}" bin/weir run "${every[@]}" -D restart-strategy.type=none bin/examples/sequence_sum.so --events 20000 --rate 10000 --output output
    until_true '[ "$(committed)" -gt 500 ]'
    set_rights 555
    wait_child
    code_is 1
    says 'Exceeded checkpoint tolerable failure threshold'
    says 'Permission denied|errno 13'
    says 'checkpoints/'
    find checkpoints -type d -exec chmod 755 {} +
    run "${unprivileged[@]}" bin/weir run "${every[@]}" -s latest:checkpoints bin/examples/sequence_sum.so --events 20000 --output output
    code_is 0
    [ "$(cut -d' ' -f1 output/part-* | sort -nu | wc -l)" -eq 20000 ] || fail "events were lost"
    [ "$(committed)" -eq 20000 ] || fail "events are there twice"
}

tolerated_failures_go_on_and_recover_when_freed() {
    bring_programs
    start "${unprivileged[@]}" bin/weir run "${every[@]}" -D execution.checkpointing.tolerable-failed-checkpoints=1000 \
        bin/examples/sequence_sum.so --events 2000000 --rate 5000 --output output
    until_true '[ "$(committed)" -gt 300 ]'
    set_rights 555
    until_true 'grep -q "Permission denied" err'
    sleep 0.2
    local before
    before=$(committed)
    set_rights 755
    until_true '[ "$(committed)" -gt "$before" ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    [ "$(cut -d' ' -f1 output/part-* | sort -nu | wc -l)" -eq "$(committed)" ] || fail "events are there twice"
}

# In a mount namespace with a small file system at ./small.
a_full_checkpoint_directory_loses_nothing() {
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        echo "skipped: a file system of its own needs root"
        exit 77
    fi
    mkdir small
    export weir sequence_sum place
    run unshare -m bash -c '
        mount -t tmpfs -o size=400k none small || exit 77
        "$weir" run -D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=small \
            -D execution.checkpointing.tolerable-failed-checkpoints=1000 "$sequence_sum" --events 2000000 \
            --rate 5000 --output output &
        job=$!
        sleep 0.5
        # What the drop of an older checkpoint frees is filled as well.
        for ((i = 0; i < 15; i++)); do
            dd if=/dev/zero of=small/filler-$i bs=1k >/dev/null 2>&1
            sleep 0.02
        done
        sleep 0.2
        before=$(cat output/part-* | wc -l)
        rm small/filler-*
        for ((i = 0; i < 200; i++)); do
            sleep 0.02
            [ "$(cat output/part-* | wc -l)" -le "$before" ] || break
        done
        [ "$(cat output/part-* | wc -l)" -gt "$before" ] || { echo "no checkpoint after the disk was freed" >&2; exit 9; }
        kill -TERM $job
        wait $job'
    [ "$code" -ne 77 ] || { echo "skipped: no mount"; exit 77; }
    code_is 0
    says 'No space left'
    [ "$(cut -d' ' -f1 output/part-* | sort -nu | wc -l)" -eq "$(committed)" ] || fail "events are there twice"
}

a_full_checkpoint_directory_fails_the_job_by_default() {
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        echo "skipped: a file system of its own needs root"
        exit 77
    fi
    mkdir small
    export weir sequence_sum
    run unshare -m bash -c '
        mount -t tmpfs -o size=400k none small || exit 77
        "$weir" run -D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=small \
            -D restart-strategy.type=none "$sequence_sum" --events 20000 --rate 5000 --output output &
        job=$!
        sleep 0.5
        for ((i = 0; i < 15; i++)); do
            dd if=/dev/zero of=small/filler-$i bs=1k >/dev/null 2>&1
            sleep 0.02
        done
        wait $job
        code=$?
        rm small/filler-*
        [ $code -eq 1 ] || exit $((100 + code))
        "$weir" run -s latest:small "$sequence_sum" --events 20000 --output output'
    [ "$code" -ne 77 ] || { echo "skipped: no mount"; exit 77; }
    code_is 0
    says 'Exceeded checkpoint tolerable failure threshold.*small.*No space left'
    [ "$(cut -d' ' -f1 output/part-* | sort -nu | wc -l)" -eq 20000 ] || fail "events were lost"
    [ "$(committed)" -eq 20000 ] || fail "events are there twice"
}
