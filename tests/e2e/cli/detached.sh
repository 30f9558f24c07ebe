# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# detached.sh: jobs in the background, from `run -d` to their end.

run_d_prints_the_job_id_and_leaves() {
    begin_sums sums
    [ -n "$pid" ] || fail "it has not registered itself"
    [ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ] || fail "it is in our session"
    local log
    log=$(sed -nE 's/.*process '"$pid"', log (.*)$/\1/p' begun.err)
    [ "$(stat -c %a "$log")" = 600 ] || fail "the log $log is not ours alone"
    [ "$(stat -c %a state/weir)" = 700 ] || fail "the directory of logs is not ours alone"
    grep -q 'STARTED EMPTY' "$log" || fail "its words are not in $log"
    kill -TERM "$pid"
    has_ended "$pid"
    grep -q 'go on with:' "$log" || fail "it did not end well"
}

run_d_tells_why_a_job_does_not_run() {
    run "$weir" run -d "$sequence_sum" --keys 0
    code_is 2
    prints_nothing
    says 'usage: sequence_sum'
    says 'did not come to run; its log: '
    run "$weir" run -d missing.so
    code_is 3
    says 'missing.so'
    run "$weir" run -d -D no.such.key=1 "$sequence_sum"
    code_is 2
    says 'no.such.key'
    [ -z "$(find runtime -name '*.json')" ] || fail "something runs"
}

run_d_shows_what_it_started_as_json() {
    run "$weir" run -d -o json "$sequence_sum" --events 10
    code_is 0
    says_nothing
    prints '^\{"job-id": "[0-9a-f]{32}", "process": [0-9]+, "log": "'"$place"'/state/weir/sequence_sum-[^"]*\.log"\}$'
}

run_d_needs_a_place_for_its_log() {
    run env -u XDG_STATE_HOME -u HOME "$weir" run -d "$sequence_sum"
    code_is 1
    says 'set XDG_STATE_HOME or HOME'
    : >taken
    run env XDG_STATE_HOME="$place/taken" "$weir" run -d "$sequence_sum"
    code_is 1
    says "$place/taken/weir, cannot be made"
    run env -u XDG_STATE_HOME HOME="$place/home" "$weir" run -d "$sequence_sum" --events 10
    code_is 0
    ls home/.local/state/weir/sequence_sum-*.log >/dev/null || fail "no log below the home"
}

a_detached_job_survives_kill_9() {
    begin sums -- "$sequence_sum" --events 4000 --rate 2000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    kill -KILL "$pid"
    has_ended "$pid"
    run "$weir" list
    code_is 0
    prints 'No running jobs\.'
    [ -z "$(ls runtime)" ] || fail "what the killed job left is still there: $(ls runtime)"
    begin sums -s latest:checkpoints -- "$sequence_sum" --events 4000 --output output
    until_true '[ "$(committed)" -eq 4000 ]'
    sums_are_right output
}

a_detached_supervised_job_gets_a_successor() {
    begin sums --supervise -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.attempts=5 \
        -D restart-strategy.fixed-delay.delay=10ms -- "$sequence_sum" --events 2000000 --rate 2000 --output output
    local first=$pid
    until_true '[ "$(committed)" -gt 100 ]'
    kill -KILL "$first"
    has_ended "$first"
    until_true '[ -n "$(registered pid)" ] && [ "$(registered pid)" != '"$first"' ]'
    until_true '"$weir" list | grep -q "$id : sums (RUNNING)"'
    run "$weir" stop "$id"
    code_is 0
    has_ended "$(sed -nE 's/.*process ([0-9]+), log .*/\1/p' begun.err)"
}

a_job_without_a_server_is_detached_as_well() {
    "$weir" run -d -D weir.rest.socket=false "$sequence_sum" --events 2000 --rate 1000 --output output >out 2>err ||
        fail "it does not begin"
    prints '^Job has been submitted with JobID [0-9a-f]{32}$'
    until_true '[ "$(committed)" -eq 2000 ]'
}
