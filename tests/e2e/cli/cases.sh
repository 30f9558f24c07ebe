# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# cases.sh: what the command line does when all is well.

# --- help and usage ---

help_is_on_stdout_at_every_level() {
    for words in "--help" "-h" "help" "run --help" "run -h" "info --help" "demo --help" "config --help" "version --help"; do
        # shellcheck disable=SC2086
        run "$weir" $words
        code_is 0
        prints 'Usage: weir'
        says_nothing
        ! grep -qE '^.{81}' out || fail "a line of '$words' is longer than 80 columns"
    done
}

usage_errors_exit_2_with_words_on_stderr() {
    local words
    for words in "" "runn" "run" "run --no-such-option x.so" "run --fresh -s x $sequence_sum" "info" "demo now" \
        "version now" "run -p" "run -D novalue $sequence_sum" "run -D =x $sequence_sum"; do
        # shellcheck disable=SC2086
        run "$weir" $words
        code_is 2
        prints_nothing
        [ -s err ] || fail "no words for: weir $words"
    done
}

a_mistyped_verb_is_told_the_nearest() {
    run "$weir" rnu
    code_is 2
    says "did you mean 'run'"
}

a_jobs_own_arguments_are_its_own() {
    run "$weir" run "$sequence_sum" --evnts 3
    code_is 2
    says 'usage: sequence_sum'
    run "$weir" run "$sequence_sum" --keys 0
    code_is 2
}

version_prints_itself() {
    run "$weir" version
    code_is 0
    prints '^weir [0-9]+\.[0-9]+\.[0-9]+$'
    run "$weir" --version
    code_is 0
    prints '^weir [0-9]'
}

info_shows_the_plan_and_runs_nothing() {
    run "$weir" info -p 3 "$sequence_sum" --output output
    code_is 0
    says_nothing
    prints 'sequence_sum'
    prints 'parallelism 3'
    prints 'uid sums'
    prints 'keyed by key'
    [ ! -e output ] || fail "info has made the output directory"
}

# --- streams ---

data_is_on_stdout_and_words_on_stderr() {
    printf 'to be or not to be\n' >text
    run "$weir" run "$wordcount" --input text
    code_is 0
    [ "$(cat out)" = '(TO,1)
(BE,1)
(OR,1)
(NOT,1)
(TO,2)
(BE,2)' ] || fail "other counts"
    says 'STARTED EMPTY'
    says 'FINISHED'
    ! grep -q weir out || fail "words on stdout"
}

print_names_the_subtask_above_parallelism_one() {
    printf 'to be or not to be\n' >text
    run "$weir" run -p 2 "$wordcount" --input text
    code_is 0
    [ "$(grep -cE '^[12]> \([A-Z]+,[12]\)$' out)" -eq 6 ] || fail "not six lines 'N> (WORD,n)'"
}

quiet_leaves_warnings_and_errors_only() {
    printf 'a\n' >text
    run "$weir" run -q "${every[@]}" "$wordcount" --input text
    code_is 0
    says_nothing
}

a_full_stdout_is_an_error() {
    printf 'a b c\n' >text
    "$weir" run "$wordcount" --input text >/dev/full 2>err
    code=$?
    [ "$code" -ne 0 ] || fail "exit 0 although stdout is full"
    says 'No space left'
}

colour_obeys_the_environment() {
    run "$weir" rnu
    ! grep -q $'\033' err || fail "colour, and stderr is no terminal"
    CLICOLOR_FORCE=1 run "$weir" rnu
    grep -q $'\033' err || fail "no colour with CLICOLOR_FORCE"
    NO_COLOR=1 CLICOLOR_FORCE=1 run "$weir" rnu
    ! grep -q $'\033' err || fail "colour with NO_COLOR"
}

a_terminal_has_a_live_status_line() {
    local command="'$weir' run -D execution.checkpointing.interval=100ms -D execution.checkpointing.dir=checkpoints"
    command="$command '$sequence_sum' --events 100000 --rate 50000 --output output"
    TERM=xterm run script -qec "$command" typescript
    code_is 0
    grep -qE 'RUNNING  in [0-9,]+/s  out [0-9,]+/s  state .*chk-[0-9]+ ' typescript || fail "no status line on a terminal: $(tr '\r\033' '\n ' <typescript)"
    TERM=dumb run script -qec "$command --seed 2" typescript
    ! grep -q 'RUNNING  in' typescript || fail "a status line on a dumb terminal"
}

no_status_line_without_a_terminal() {
    run "$weir" run "${every[@]}" "$sequence_sum" --events 30000 --rate 30000 --output output
    code_is 0
    does_not_say 'RUNNING'
    ! grep -q $'\r' err || fail "a carriage return on stderr"
}

# --- stop and resume ---

sigterm_ends_well_and_the_printed_command_resumes() {
    local output="output with 'quotes"
    start "$weir" run "${every[@]}" "$sequence_sum" --events 20000 --rate 20000 --output "$place/$output"
    until_true '[ "$(committed "$output")" -gt 500 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    says 'STOPPED'
    says 'final checkpoint: '
    local last resume
    last=$(sed -n 's/.*final checkpoint: //p' err)
    [ -f "$last/_metadata" ] || fail "the final checkpoint $last is not there"
    resume=$(sed -n 's/^weir: go on with:  weir //p' err)
    [ -n "$resume" ] || fail "no command to go on with"
    [ "$(committed "$output")" -lt 20000 ] || fail "it was at its end already"
    eval "run '$weir' $resume"
    code_is 0
    says "restored from checkpoint"
    [ "$(cut -d' ' -f1 "$output"/part-* | sort -n | uniq | wc -l)" -eq 20000 ] || fail "not every index"
    [ "$(committed "$output")" -eq 20000 ] || fail "an index more than once"
}

sigint_is_as_sigterm() {
    start "$weir" run "${every[@]}" "$sequence_sum" --events 2000000 --rate 5000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    # A background process of a shell without job control ignores SIGINT, unless it sets a handler as we do.
    kill -INT "$child"
    wait_child
    code_is 0
    says 'STOPPED'
    [ -n "$(checkpoint)" ] || fail "no checkpoint is left"
}

a_stop_keeps_its_checkpoint_under_every_policy() {
    local policy
    for policy in NO_EXTERNALIZED_CHECKPOINTS DELETE_ON_CANCELLATION RETAIN_ON_CANCELLATION; do
        rm -rf checkpoints output
        start "$weir" run "${every[@]}" -D "execution.checkpointing.externalized-checkpoint-retention=$policy" \
            "$sequence_sum" --events 2000000 --rate 5000 --output output
        until_true '[ "$(committed)" -gt 100 ]'
        kill -TERM "$child"
        wait_child
        code_is 0
        [ -n "$(checkpoint)" ] || fail "no checkpoint is left under $policy"
    done
}

the_second_signal_ends_at_once() {
    local since
    start "$weir" run "$mistakes" patient --rate 5000 --output output
    until_true 'grep -q "no checkpoints are taken" err'
    sleep 0.3
    since=$(date +%s%N)
    kill -TERM "$child"
    sleep 0.4
    kill -INT "$child"
    wait_child
    code_is 130
    says 'ended at once'
    says 'latest:'
    [ $(($(date +%s%N) - since)) -lt 1500000000 ] || fail "it waited for the checkpoint"
    [ "$(committed)" -eq 0 ] || fail "it has committed"
}

without_interval_the_first_signal_commits() {
    start "$weir" run "$sequence_sum" --events 2000000 --rate 5000 --output output
    sleep 0.7
    [ "$(committed)" -eq 0 ] || fail "output was committed without a checkpoint"
    kill -TERM "$child"
    wait_child
    code_is 0
    [ "$(committed)" -gt 0 ] || fail "the stop did not commit"
    [ "$(grep -c 'no checkpoints are taken' err)" -eq 1 ] || fail "it is not said once that there are no checkpoints"
    says 'a crash loses all of it'
}

resume_goes_on_where_it_was() {
    printf 'a b\na b\n' >text
    start "$weir" run "${every[@]}" "$wordcount" --input text --follow --output output
    until_true '[ "$(committed)" -eq 4 ]'
    kill -KILL "$child"
    wait_child
    printf 'a\n' >>text
    start "$weir" run "${every[@]}" -s latest:checkpoints "$wordcount" --input text --follow --output output
    until_true '[ "$(committed)" -eq 5 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    says 'restored from checkpoint'
    grep -qx '(A,3)' output/part-* || fail "a was not counted on"
}

a_checkpoints_path_starts_a_new_job_id() {
    start "$weir" run "${every[@]}" "$sequence_sum" --events 3000 --rate 2000 --output output
    until_true '[ "$(committed)" -gt 300 ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    local from sums
    from=$(checkpoint)
    sums=$(cat "$from"/* | cksum)
    for form in "$from" "$from/_metadata" "file://$place/$from"; do
        rm -rf other again
        cp -r output again
        run "$weir" run -s "$form" -D execution.checkpointing.interval=30ms -D execution.checkpointing.dir=other \
            "$sequence_sum" --events 3000 --output again
        code_is 0
        [ "$(committed again)" -eq 3000 ] || fail "$(committed again) lines from $form"
        [ "$(cat "$from"/* | cksum)" = "$sums" ] || fail "the checkpoint that was read has changed"
    done
}

latest_of_a_finished_job_says_so() {
    run "$weir" run "${every[@]}" "$sequence_sum" --events 3000 --output output
    code_is 0
    [ -z "$(checkpoint)" ] || fail "the end of input keeps a checkpoint under the default policy"
    local sums
    sums=$(cat output/part-* | cksum)
    run "$weir" run "${every[@]}" -s latest:checkpoints "$sequence_sum" --events 3000 --output output
    code_is 0
    says 'FINISHED'
    [ "$(cat output/part-* | cksum)" = "$sums" ] || fail "the output has changed"
}

a_kill_between_the_last_commit_and_the_exit_is_finished() {
    LD_PRELOAD=$build/tests/e2e/libkill-preload.so KILL_CALL=finished.hidden.sync KILL_WHEN=after \
        KILL_CHECKPOINTS=$place/checkpoints KILL_OUTPUT=$place/output run \
        "$weir" run "${every[@]}" -D "execution.checkpointing.dir=$place/checkpoints" "$sequence_sum" --events 3000 \
        --output "$place/output"
    code_is 137
    [ "$(committed)" -eq 3000 ] || fail "not everything was committed"
    run "$weir" run -s latest:checkpoints "$sequence_sum" --events 3000 --output output
    code_is 0
    says 'FINISHED'
    [ "$(committed)" -eq 3000 ] || fail "the output has changed"
}

a_job_id_can_be_given() {
    run "$weir" run --job-id 0123456789abcdef0123456789abcdef "${every[@]}" "$sequence_sum" --events 100 --output output
    code_is 0
    [ -f checkpoints/0123456789abcdef0123456789abcdef/_finished ] || fail "another job id"
    run "$weir" run --job-id 0123 "${every[@]}" "$sequence_sum" --events 100 --output output
    code_is 2
    says '32'
}

other_jobs_share_a_checkpoint_directory() {
    printf 'a b\n' >text
    start "$weir" run "${every[@]}" "$sequence_sum" --events 2000000 --rate 2000 --output output
    until_true '[ "$(committed)" -gt 0 ]'
    local first=$child
    "$weir" run "${every[@]}" "$wordcount" --input text --output words >out2 2>err2 || fail "the other job: $(cat err2)"
    kill -TERM "$first"
    wait_child
    code_is 0
}

# --- configuration ---

config_files_are_read_in_all_their_forms() {
    printf 'a b\n' >text
    printf 'execution:\n  checkpointing:\n    interval: 30ms\n    dir: one\n' >weir.yaml
    printf 'execution.checkpointing.interval: 30ms\nexecution.checkpointing.dir: two\n' >flat.yaml
    mkdir flink
    printf 'jobmanager:\n  rpc:\n    address: localhost\nexecution:\n  checkpointing:\n    interval: 30ms\n    dir: three\nno:\n  such: key\n' >flink/config.yaml
    printf '# a comment\njobmanager.rpc.address: localhost\nexecution.checkpointing.interval: 30ms  # so\nstate.checkpoints.dir: four\n' >flink/flink-conf.yaml
    local file at=0 names=(one two three four)
    for file in weir.yaml flat.yaml flink/config.yaml flink/flink-conf.yaml; do
        run "$weir" run --config "$file" "$wordcount" --input text
        code_is 0
        prints '^\(A,1\)$'
        ls "${names[$at]}"/*/_finished >/dev/null 2>&1 || fail "$file: its checkpoint directory was not used"
        at=$((at + 1))
    done
    run "$weir" run --config flink/config.yaml "$wordcount" --input text
    WEIR_CONFIG=weir.yaml run "$weir" info "$wordcount" --input text
    code_is 0
}

a_key_of_flinks_that_is_not_to_be_had_is_a_warning_in_its_file_only() {
    mkdir flink
    printf 'state:\n  changelog:\n    enabled: true\n' >flink/config.yaml
    cp flink/config.yaml weir.yaml
    printf 'a\n' >text
    run "$weir" run --config flink/config.yaml "$wordcount" --input text
    code_is 0
    says 'warning.*state.changelog.enabled'
    run "$weir" run --config weir.yaml "$wordcount" --input text
    code_is 2
    says 'weir.yaml:3:[0-9]+: .*state.changelog.enabled.*weir does not have it'
}

flag_beats_environment_beats_file() {
    printf 'parallelism.default: 2\n' >weir.yaml
    run "$weir" info --config weir.yaml "$sequence_sum"
    prints 'parallelism 2'
    WEIR_PARALLELISM_DEFAULT=3 run "$weir" info --config weir.yaml "$sequence_sum"
    prints 'parallelism 3'
    WEIR_PARALLELISM_DEFAULT=3 run "$weir" info --config weir.yaml -D parallelism.default=5 "$sequence_sum"
    prints 'parallelism 5'
}

config_shows_values_and_where_they_came_from() {
    printf 'parallelism:\n  default: 2\n' >weir.yaml
    WEIR_PIPELINE_NAME='a "name"' run "$weir" config --config weir.yaml -D state.backend=hashmap --set
    code_is 0
    prints '^parallelism.default +2 +weir.yaml:2:'
    prints '^pipeline.name +a "name" +WEIR_PIPELINE_NAME$'
    prints '^state.backend.type +hashmap +-D$'
    [ "$(wc -l <out)" -eq 3 ] || fail "more than what is set"
    run "$weir" config
    prints '^execution.checkpointing.timeout +10 min +default$'
    prints '^execution.checkpointing.interval +- +default$'
    WEIR_PIPELINE_NAME='a "name"' run "$weir" config -o json pipeline.name state.checkpoints.dir
    code_is 0
    prints '^\[\{"key":"pipeline.name","value":"a \\"name\\"","origin":"WEIR_PIPELINE_NAME"\},$'
    prints '^\{"key":"execution.checkpointing.dir","value":null,"origin":"default"\}\]$'
    run "$weir" config execution.checkpointing.intervall
    code_is 2
    prints_nothing
    says "did you mean 'execution.checkpointing.interval'"
    run "$weir" config state.changelog.enabled
    code_is 2
    says 'weir does not have it'
}

# --- sources ---

a_directory_and_a_list_are_read() {
    mkdir texts
    printf 'a\n' >texts/one
    printf 'a' >texts/two
    printf 'a\n' >texts/.hidden
    printf 'a\r\n' >three
    run "$weir" run "$wordcount" --input texts,three
    code_is 0
    prints '^\(A,3\)$'
    ! grep -q 4 out || fail "the hidden file was read"
}

a_socket_is_counted_until_it_closes() {
    printf 'a b a\n' >lines
    "$build/tests/e2e/e2e-feed" port 1 <lines &
    children+=("$!")
    until_true '[ -s port ]'
    run "$weir" run "$wordcount" --host 127.0.0.1 --port "$(cat port)"
    code_is 0
    prints '^\(A,2\)$'
    prints '^\(B,1\)$'
    says 'at-most-once'
}

ill_formed_utf8_becomes_replacement_characters() {
    printf 'a\xffb \xc3( \xe2\x82 \xed\xa0\x80 ok\n' >text
    run "$weir" run "$wordcount" --input text
    code_is 0
    iconv -f utf-8 -t utf-8 out >/dev/null || fail "the output is no UTF-8"
    prints $'^\\(A\xef\xbf\xbdB,1\\)$'
    prints $'^\\(\xef\xbf\xbd\\(,1\\)$'
    prints $'^\\(\xef\xbf\xbd,1\\)$'
    prints '^\(OK,1\)$'
}

# --- restarted within the process ---

readonly restarting=(-D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.delay=10ms)

a_job_that_fails_once_is_restarted_and_its_output_is_right() {
    local engine incremental
    run "$weir" run -q "$mistakes" none --events 3000 --output expected
    for engine in hashmap rocksdb; do
        [ "$engine" = hashmap ] || [ -e "$build/libweir-rocksdb.so" ] || continue
        for incremental in false true; do
            rm -rf checkpoints output
            run "$weir" run -p 2 "${every[@]}" "${restarting[@]}" -D state.backend.type=$engine \
                -D state.backend.rocksdb.localdir="$PWD/engine" -D execution.checkpointing.incremental=$incremental \
                "$mistakes" failing-once --events 3000 --rate 3000 --output output
            code_is 0
            says 'warning: restarting in 0\.0 s \(fixed-delay\): .*500 is not to my taste'
            says 'restored from checkpoint [0-9]+: checkpoints/'
            says 'FINISHED: '
            diff <(sort expected/part-*) <(sort output/part-*) >/dev/null || fail "$engine: not the output of an undisturbed run"
            [ -z "$(checkpoint)" ] || fail "the end of input keeps a checkpoint"
            [ -z "$(ls -A engine 2>/dev/null)" ] || fail "the engine's files are left"
        done
    done
}

a_strategy_gives_up_after_its_attempts() {
    run "$weir" run "${every[@]}" "${restarting[@]}" -D restart-strategy.fixed-delay.attempts=3 "$mistakes" failing \
        --rate 10000 --output output
    code_is 1
    [ "$(grep -c 'restarting in 0.0 s (fixed-delay): ' err)" -eq 3 ] || fail "not three restarts"
    says 'warning: fixed-delay allows no more restarts'
    says 'error: the job failed: .*500 is not to my taste'
    run "$weir" run "${every[@]}" "${restarting[@]}" --fresh --no-restart "$mistakes" failing --rate 10000 --output other
    code_is 1
    does_not_say 'restarting in'
}

a_restart_is_seen_on_the_live_status_line() {
    local command="'$weir' run ${every[*]} -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.delay=1500ms"
    TERM=xterm run script -qec "$command '$mistakes' failing-once --events 3000 --rate 1000 --output output" typescript
    code_is 0
    tr '\r\033' '\n ' <typescript >lines
    grep -q 'weir  RUNNING  in ' lines || fail "no RUNNING: $(cat lines)"
    grep -q 'weir  RESTARTING  in 0/s  out 0/s  state 0 B' lines || fail "no RESTARTING: $(cat lines)"
    ! grep -qE 'ago.*weir: ' lines || fail "words behind the status line: $(cat lines)"
}

a_signal_while_a_job_waits_for_its_restart_ends_it_well() {
    start "$weir" run "${every[@]}" -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.delay=1h \
        "$mistakes" failing-once --rate 4000 --output output
    until_true 'grep -q "restarting in 3600.0 s" err'
    kill -TERM "$child"
    wait_child
    code_is 0
    says 'STOPPED: '
    says 'final checkpoint: '
    [ -n "$(checkpoint)" ] || fail "no checkpoint is left"
}

a_task_that_does_not_end_ends_the_process_with_its_name() {
    start "$weir" run "${every[@]}" -D weir.stop-timeout=300ms -D task.cancellation.interval=200ms \
        -D task.cancellation.timeout=700ms "$mistakes" stuck --rate 4000 --output output
    until_true '[ -s output/.weir.lock ]'
    sleep 0.5
    kill -TERM "$child"
    wait_child
    code_is 6
    says "warning: cancelled, and not ended yet: task 'numbers -> widen -> .*' \(1/1\)"
    says "error: task 'numbers -> widen -> .*' \(1/1\) did not end within task.cancellation.timeout \(700ms\)"
}

# --- supervised ---

# A supervised sequence_sum; its parent is $child, the process that runs the job $(job_process).
readonly supervised=(--supervise -D execution.checkpointing.interval=50ms -D execution.checkpointing.dir=checkpoints
    -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.delay=10ms)

job_process() { pgrep -P "$child" || true; }

completed() { find checkpoints -path '*/chk-*/_metadata' ! -path '*/.*' 2>/dev/null | grep -oE 'chk-[0-9]+' | sort -t- -k2n | tail -n 1; }

a_supervised_job_survives_kills() {
    run "$weir" run -q "$sequence_sum" --events 30000 --output expected
    start "$weir" run "${supervised[@]}" -D restart-strategy.fixed-delay.attempts=100 "$sequence_sum" \
        --events 30000 --rate 30000 --output output
    local signal killed before
    for signal in KILL SEGV KILL ABRT KILL; do
        before=$(completed)
        until_true '[ -n "$(job_process)" ] && [ "$(completed)" != "'"$before"'" ] || ! kill -0 "$child" 2>/dev/null'
        killed=$(job_process)
        [ -n "$killed" ] || break
        kill -"$signal" "$killed"
    done
    [ -n "$killed" ] || fail "the job ended before it was killed five times"
    wait_child
    code_is 0
    says 'ended by signal 9 \(Killed\); starting it again in 0\.0 s \(fixed-delay\)'
    says 'ended by signal 11'
    diff <(sort expected/part-*) <(sort output/part-*) >/dev/null || fail "the output is not that of an undisturbed run"
}

supervision_ends_with_its_strategy() {
    start "$weir" run "${supervised[@]}" -D restart-strategy.fixed-delay.attempts=1 "$sequence_sum" \
        --events 3000000 --rate 1000 --output output
    local first
    until_true '[ -n "$(completed)" ]'
    first=$(job_process)
    kill -KILL "$first"
    until_true '[ -n "$(job_process)" ] && [ "$(job_process)" != '"$first"' ]'
    kill -KILL "$(job_process)"
    wait_child
    code_is 1
    says 'fixed-delay allows no more restarts'
}

a_supervised_job_that_fails_is_started_again_by_its_parent_alone() {
    run "$weir" run "${supervised[@]}" -D restart-strategy.fixed-delay.attempts=2 "$mistakes" failing --rate 10000 --output output
    code_is 1
    [ "$(grep -c 'the job failed; starting it again in 0.0 s (fixed-delay)' err)" -eq 2 ] || fail "not two successors"
    says 'the job failed; fixed-delay allows no more restarts'
    does_not_say 'restarting in'
}

a_supervised_job_with_a_task_that_does_not_end_gets_a_successor() {
    run "$weir" run "${supervised[@]}" -D restart-strategy.fixed-delay.attempts=1 -D task.cancellation.timeout=300ms \
        -D execution.checkpointing.interval=400ms -D execution.checkpointing.min-pause=400ms \
        -D execution.checkpointing.timeout=300ms "$mistakes" stuck --rate 10000 --output output
    code_is 6
    [ "$(grep -c 'did not end within task.cancellation.timeout' err)" -eq 2 ] || fail "not two that hung"
    [ "$(grep -c 'starting it again in 0.0 s' err)" -eq 1 ] || fail "not one successor"
}

a_supervised_job_is_stopped_by_its_parent() {
    start "$weir" run "${supervised[@]}" "$sequence_sum" --events 3000000 --rate 1000 --output output
    until_true '[ -n "$(completed)" ]'
    kill -TERM "$child"
    wait_child
    code_is 0
    says 'final checkpoint'
    does_not_say 'starting it again'
    [ -z "$(job_process)" ] || fail "the job runs on"
}

# No checkpoint was ever complete: without the savepoint the successor would begin anew, beside what is committed.
a_supervised_job_that_dies_as_a_savepoint_ends_it_goes_on_from_that() {
    start "$weir" run "${supervised[@]}" -D execution.checkpointing.interval=1h -D pipeline.name=mortal \
        -D execution.checkpointing.savepoint-dir="$place/savepoints" -D restart-strategy.fixed-delay.attempts=3 \
        "$mistakes" mortal --rate 2000 --output output
    until_true '"$weir" list 2>/dev/null | grep -q "mortal (RUNNING)"'
    "$weir" stop mortal >stopped 2>&1 && fail "the stop of a job that died is said to have gone well"
    until_true 'grep -q "restored from checkpoint .*/savepoints/savepoint-" err'
    until_true '"$weir" list 2>/dev/null | grep -q "mortal (RUNNING)"'
    kill -TERM "$child"
    wait_child
    code_is 0
    says 'ended by signal 9 \(Killed\); starting it again'
    local lines
    lines=$(cat output/part-* | wc -l)
    [ "$lines" -gt 0 ] || fail "nothing was committed"
    cat output/part-* | grep -oE '[0-9]+' | sort -n | diff -q - <(seq 0 $((lines - 1))) >/dev/null || fail "lines are lost or there twice"
}

supervision_needs_a_directory() {
    run "$weir" run --supervise "$sequence_sum" --events 10
    code_is 2
    says 'execution.checkpointing.dir'
}

a_mistake_is_not_tried_again() {
    run "$weir" run "${supervised[@]}" "$sequence_sum" --keys 0
    code_is 2
    does_not_say 'starting it again'
}

# --- the other examples ---

silence_alerts_by_event_time() {
    printf '%s\n' '1 100' '2 110' '1 200' '2 230' '1 300' '2 300' '1 700' >readings
    run "$weir" run "$build/examples/silence.so" readings 150 20
    code_is 0
    printf '%s\n' '(1,300)' '(1,700)' '(2,300)' | diff - <(sort out) || fail 'other alerts'
}

limits_alerts_whichever_came_first_payment_or_rule() {
    awk 'BEGIN {
        for (i = 0; i < 1000; i++) total[i % 10] += 1 + i % 7
        for (a = 0; a < 10; a++) for (r = 0; r < 5; r++) if (total[a] > 100 * (1 + r)) print "(" a "," r ")"
    }' | sort >expected
    for parallelism in 1 3; do
        run "$weir" run -p $parallelism "$build/examples/limits.so"
        code_is 0
        sed 's/^[123]> //' out | sort | diff expected - || fail 'other alerts'
    done
}
