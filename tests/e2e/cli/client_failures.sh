# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# client_failures.sh: the verbs that ask a running job, when something is wrong: every failure has words and its exit code.

every_asking_verb_says_that_nothing_runs() {
    for verb in savepoint checkpoint stop cancel top; do
        run "$weir" $verb
        code_is 3
        prints_nothing
        says "no running job of this user \(looked in $place/runtime\)"
        run "$weir" $verb 0123456789abcdef0123456789abcdef
        code_is 3
    done
}

every_asking_verb_wants_one_of_two_jobs() {
    begin_sums one
    local one=$id
    begin_sums two
    for verb in savepoint checkpoint stop cancel top; do
        run "$weir" $verb
        code_is 2
        prints_nothing
        says '2 jobs run: give the id or name of one'
        says "^  $one  one \(RUNNING\)$"
        says "^  $id  two \(RUNNING\)$"
        run "$weir" $verb nonesuch
        code_is 3
        says "no running job has the id or name 'nonesuch'"
        says "^  $one  one \(RUNNING\)$"
    done
    kill -0 "$pid" || fail "a job was ended"
}

two_jobs_of_one_name_are_told_apart_by_their_ids() {
    begin_sums same
    local one=$id
    mkdir elsewhere
    begin same -D execution.checkpointing.dir=elsewhere -- "$sequence_sum" --events 2000000 --rate 100 --output other
    run "$weir" cancel same
    code_is 2
    says "'same' may be any of 2 running jobs"
    run "$weir" cancel "$one"
    code_is 0
    run "$weir" cancel same
    code_is 0
    prints "^Cancelled job $id\.$"
}

canonical_is_refused_by_name() {
    begin_sums sums
    run "$weir" savepoint -type canonical "$id"
    code_is 2
    says 'canonical format are not built yet, use native'
    run "$weir" stop --type canonical "$id"
    code_is 2
    run "$weir" savepoint -type odd "$id"
    code_is 2
    kill -0 "$pid" || fail "the job has ended"
    [ -z "$(ls savepoints 2>/dev/null)" ] || fail "something was made"
}

without_a_savepoint_directory_flinks_words_are_said() {
    "$weir" run -d "${every[@]}" "$sequence_sum" --events 2000000 --rate 100 --output output >begun 2>begun.err
    id=$(sed -nE 's/^Job has been submitted with JobID //p' begun)
    children+=("$(registered pid)")
    run "$weir" savepoint
    code_is 2
    says 'execution.checkpointing.savepoint-dir\] is not set'
    run "$weir" savepoint -o json "$id"
    code_is 2
    prints '^\{"status": "FAILED", "error": ".*", "job-id": "'"$id"'"\}$'
    run "$weir" savepoint "$id" /elsewhere
    code_is 2
    says "'/elsewhere' is not allowed"
}

a_savepoint_that_fails_says_why() {
    begin_sums sums
    : >savepoints
    run "$weir" savepoint "$id"
    code_is 1
    says "could not trigger a savepoint for the job $id: "
    kill -0 "$pid" || fail "the job has ended"
}

what_is_no_savepoint_is_not_disposed() {
    mkdir precious
    : >precious/file
    run "$weir" savepoint -d precious
    code_is 2
    says 'neither a savepoint nor a checkpoint'
    [ -e precious/file ] || fail "it was removed"
    run "$weir" savepoint -d missing
    code_is 3
    begin_sums sums
    until_true 'ls checkpoints/*/chk-*/_metadata >/dev/null 2>&1'
    run "$weir" savepoint -d "checkpoints/$id"
    [ "$code" -ne 0 ] || fail "a running job's checkpoints were disposed"
}

what_takes_too_long_is_a_timeout_and_goes_on() {
    : >hold
    begin held -D execution.checkpointing.interval=1h -- "$mistakes" held --rate 1000
    run "$weir" savepoint --timeout 300ms "$id"
    code_is 6
    says 'not over within --timeout; it goes on'
    rm hold
    until_true 'ls savepoints/savepoint-*/_metadata >/dev/null 2>&1'
    run "$weir" savepoint --timeout nonsense "$id"
    code_is 2
}

a_job_that_goes_away_in_the_middle_is_told() {
    : >hold
    begin held -D execution.checkpointing.interval=1h -- "$mistakes" held --rate 1000
    start "$weir" savepoint "$id"
    until_true 'grep -q "Waiting for response" out'
    kill -KILL "$pid"
    wait_child
    code_is 3
    says "could not trigger a savepoint for the job $id: "
    says 'not reachable|went away'
}

a_job_that_does_not_answer_is_told() {
    begin_sums sums
    kill -STOP "$pid"
    run "$weir" checkpoint --timeout 300ms
    code_is 6
    says 'does not answer'
    says 'no running job that answers is meant'
    run "$weir" list --timeout 300ms
    code_is 6
    prints 'No running jobs\.'
    kill -CONT "$pid"
    run "$weir" checkpoint
    code_is 0
}

progress_is_shown_on_a_terminal() {
    : >hold
    begin held -D execution.checkpointing.interval=1h -p 2 -- "$mistakes" held --rate 1000
    TERM=xterm script -qec "'$weir' savepoint $id; echo left with \$?" /dev/null >out 2>err </dev/null &
    child=$!
    until_true 'grep -qE "savepoint 1: [0-9]+ of [0-9]+ subtasks acknowledged" out'
    rm hold
    wait_child
    prints 'left with 0'
    prints 'Savepoint completed'
}

an_address_that_nobody_listens_at_is_not_reachable() {
    for verb in list savepoint checkpoint stop cancel top; do
        run "$weir" $verb -m 127.0.0.1:1
        code_is 3
        says '127.0.0.1:1 is not reachable'
    done
    for address in localhost nonsense:x http:// 'http://user@localhost:1' 'localhost:1/#a' 'gopher://localhost:1'; do
        run "$weir" list -m "$address"
        [ "$code" -ne 0 ] || fail "-m $address is taken"
        prints_nothing
    done
}

tokens_are_kept_safe() {
    local token
    token=$(printf 'y%.0s' {1..43})
    printf 'operate %s\n' "$token" >tokens
    chmod 600 tokens
    begin_sums sums -D rest.port=0 -D "rest.token-file=$place/tokens"
    local url
    url=$(registered url)
    run "$weir" list -m "$url"
    code_is 2
    says 'give a token by --token-file or WEIR_TOKEN_FILE'
    printf 'operate %s\n' "${token}zz" >wrong
    chmod 600 wrong
    run "$weir" list -m "$url" --token-file wrong
    code_is 2
    chmod 644 tokens
    run "$weir" list -m "$url" --token-file tokens
    code_is 2
    says 'can be read by others: chmod 600 it'
    chmod 600 tokens
    run "$weir" list -m http://192.0.2.1:8081 --token-file tokens
    code_is 2
    says 'for anybody to read'
    run "$weir" list -m "$url" --token-file missing
    code_is 3
    printf 'boss %s\n' "$token" >wrong
    run "$weir" list -m "$url" --token-file wrong
    code_is 2
    says 'line 1 is neither a token nor'
    : >wrong
    run "$weir" list -m "$url" --token-file wrong
    code_is 2
    says 'holds no token'
    ! grep -qF "$token" out err begun.err || fail "a token was said"
}

a_runtime_directory_of_others_is_not_believed() {
    mkdir -m 0777 runtime
    chmod 777 runtime
    run "$weir" list
    code_is 1
    says "is not this user's alone"
    chmod 700 runtime
    mv runtime real
    ln -s real runtime
    run "$weir" list
    code_is 1
    says 'cannot be looked up'
}

foreign_registrations_are_passed_over() {
    begin_sums sums
    local hex=0123456789abcdef0123456789abcdef
    printf 'not json' >runtime/$hex.1.json
    printf '{"job-id":"%s","socket":"/nowhere"}' "$hex" >runtime/$hex.2.json
    mkdir runtime/$hex.3.json
    ln -s /etc/passwd runtime/$hex.4.json
    : >runtime/other.json
    run "$weir" list
    code_is 0
    [ "$(grep -c ' : ' out)" -eq 1 ] || fail "more than one job is listed"
    prints " : $id : sums \(RUNNING\)$"
    [ ! -e runtime/$hex.1.json ] && [ ! -e runtime/$hex.2.json ] || fail "what nobody holds is still there"
    [ -e runtime/other.json ] && [ -L runtime/$hex.4.json ] || fail "what is no registration was removed"
}

answer_with() { # PATH=JSON...: a server in the background that says what it is told; its URL is in $url
    command -v python3 >/dev/null || exit 77
    python3 - "$@" >port 2>/dev/null <<'END' &
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = dict(one.split("=", 1) for one in sys.argv[1:]).get(self.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write((body or "[" * 100000).encode())
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
END
    children+=("$!")
    until_true '[ -s port ]'
    url=http://127.0.0.1:$(cat port)
}

without_its_module_the_client_says_so() {
    bring_programs
    run bin/weir list -m localhost:1
    code_is 1
    says 'needs the module libweir-http.so'
    run bin/weir version
    code_is 0
}

options_for_other_clusters_are_told_why() {
    local verb
    for verb in list savepoint checkpoint stop cancel top; do
        run "$weir" $verb -t yarn-session
        code_is 2
        says "weir $verb has no '-t' of Flink's: it asks this user's jobs, or the server of -m HOST:PORT"
        run "$weir" $verb -yid application_1
        code_is 2
        says "no '-yid' of Flink's"
    done
}

durations_are_flinks() {
    local duration
    for duration in 1 20ms '5 s' 90s 2m '3 min' 1h; do
        run "$weir" list --timeout "$duration"
        code_is 0
    done
    for duration in '' s 1d -1 1.5s '1  days' 10000000000; do
        run "$weir" list --timeout "$duration"
        code_is 2
    done
}

a_server_of_another_kind_is_told() {
    local hex=0123456789abcdef0123456789abcdef
    answer_with /a/jobs/overview=hello /b/jobs/overview='{}' /c/jobs/overview='{"jobs":[{"jid":"'$hex'",
        "name":"a\u001b[2J\u009bb","state":"RUNNING\n"},3,{"jid":"short"},{"jid":{}}]}'
    run "$weir" list -m "$url/a"
    code_is 1
    says 'no JSON object'
    run "$weir" list -m "$url/b"
    code_is 1
    says 'no list of jobs'
    run "$weir" list -m "$url/c"
    code_is 0
    prints " : $hex : a\?\[2J\?\?b \(RUNNING\?\)$"
    run "$weir" list -m "$url/d"
    code_is 3
    says 'HTTP 404'
}

a_cluster_of_flinks_is_listed_in_its_order() {
    local overview='' at state
    for at in 1:FINISHED 2:CREATED 3:RUNNING 5:RESTARTING 4:RUNNING 6:INITIALIZING 7:CANCELED; do
        state=${at#*:}
        overview+=',{"jid":"'$(printf '%032d' "${at%:*}")'","name":"job '${at%:*}'","start-time":'${at%:*}'000,
            "end-time":-1,"duration":5,"state":"'$state'","last-modification":1,"tasks":{}}'
    done
    answer_with /jobs/overview="{\"jobs\":[${overview:1}]}"
    run env TZ=UTC "$weir" list -m "$url" -a
    code_is 0
    local zeros=0000000000000000000000000000000
    prints_exactly "Waiting for response...
------------------ Running/Restarting Jobs -------------------
01.01.1970 00:00:03 : ${zeros}3 : job 3 (RUNNING)
01.01.1970 00:00:04 : ${zeros}4 : job 4 (RUNNING)
01.01.1970 00:00:05 : ${zeros}5 : job 5 (RESTARTING)
--------------------------------------------------------------
----------------------- Scheduled Jobs -----------------------
01.01.1970 00:00:02 : ${zeros}2 : job 2 (CREATED)
01.01.1970 00:00:06 : ${zeros}6 : job 6 (INITIALIZING)
--------------------------------------------------------------
---------------------- Terminated Jobs -----------------------
01.01.1970 00:00:01 : ${zeros}1 : job 1 (FINISHED)
01.01.1970 00:00:07 : ${zeros}7 : job 7 (CANCELED)
--------------------------------------------------------------"
    run "$weir" top -m "$url"
    code_is 2
    says '5 jobs run'
}
