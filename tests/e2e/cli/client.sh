# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# client.sh: the verbs that ask a running job, when all is well. Their lines on stdout are those of Flink 1.20's client.

# begin NAME [OPTIONS] -- JOB [ARGUMENTS]: in the background; its id is in $id, its pid in $pid.
begin() { # as above
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    "$weir" run -d -D pipeline.name="$name" "${every[@]}" -D execution.checkpointing.savepoint-dir="$place/savepoints" \
        "${options[@]}" "$@" >begun 2>begun.err || fail "the job does not begin: $(cat begun.err)"
    id=$(sed -nE 's/^Job has been submitted with JobID ([0-9a-f]{32})$/\1/p' begun)
    [ -n "$id" ] && [ "$(wc -l <begun)" -eq 1 ] || fail "run -d prints: $(cat begun)"
    pid=$(registered pid)
    children+=("$pid")
}

registered() { # KEY: of the job $id
    sed -nE 's/.*"'"$1"'": *"?([^",]+)"?.*/\1/p' runtime/"$id".*.json
}

# begin_sums NAME [OPTIONS]: events without an end, numbered and summed.
begin_sums() { # as above
    begin "$@" -- "$sequence_sum" --events 2000000 --rate 4000 --output "output-$1"
}

prints_exactly() { # LINES: all of stdout
    [ "$(cat out)" = "$1" ] || fail "stdout is not:
$1"
}

has_ended() { # PID: nobody may have asked yet how it ended
    until_true "! grep -qsE '^State:.[^Z]' /proc/$1/status"
}

# sums_are_right DIRECTORY: its lines are those of an undisturbed run, from some line on to the end of 4000 events.
sums_are_right() { # as above
    "$weir" run -q -D execution.checkpointing.interval=1h "$sequence_sum" --events 4000 --output reference 2>/dev/null
    cat reference/part-* | sort -n >right
    cat "$1"/part-* | sort -n >given
    [ "$(wc -l <right)" -eq 4000 ] || fail "the reference is not whole"
    [ -s given ] || fail "no line in $1"
    tail -n "$(wc -l <given)" right | cmp -s - given || fail "the lines of $1 are not those of one run"
}

date_of() { # MS: as list shows it
    date -d "@$(($1 / 1000))" '+%d.%m.%Y %H:%M:%S'
}

# --- list ---

list_says_that_nothing_runs() {
    run "$weir" list
    code_is 0
    says_nothing
    prints_exactly 'Waiting for response...
No running jobs.
No scheduled jobs.'
    run "$weir" list -r
    prints_exactly 'Waiting for response...
No running jobs.'
    run "$weir" list -s
    prints_exactly 'Waiting for response...
No scheduled jobs.'
    run "$weir" list -o json
    code_is 0
    prints_exactly '{"jobs": []}'
}

list_shows_running_jobs_in_flinks_lines() {
    begin_sums one
    local one=$id start
    start=$(date_of "$(registered start-time)")
    run "$weir" list
    code_is 0
    says_nothing
    prints_exactly "Waiting for response...
------------------ Running/Restarting Jobs -------------------
$start : $one : one (RUNNING)
--------------------------------------------------------------
No scheduled jobs."
    begin_sums two
    run "$weir" list --running
    code_is 0
    [ "$(grep -cE '^[0-9.]{10} [0-9:]{8} : [0-9a-f]{32} : (one|two) \(RUNNING\)$' out)" -eq 2 ] || fail "not both are there"
    run "$weir" list -o json
    prints '^\{"jobs": \[\{"id": "'"$one"'", "name": "one", "state": "RUNNING", '
}

# --- which job ---

a_job_is_named_by_id_beginning_of_it_or_name() {
    begin_sums wanted
    local wanted=$id
    begin_sums other
    for name in "$wanted" "${wanted:0:12}" wanted "$(tr a-f A-F <<<"$wanted")"; do
        run "$weir" checkpoint "$name"
        code_is 0
        prints "^Triggering checkpoint for job $wanted\.$"
    done
}

the_one_running_job_need_not_be_named() {
    begin_sums alone
    run "$weir" checkpoint
    code_is 0
    says "the one running job: $id \(alone\)"
    prints "^Triggering checkpoint for job $id\.$"
}

# --- savepoint ---

a_savepoint_is_made_and_a_run_goes_on_from_it() {
    begin sums -D execution.checkpointing.interval=1h -- "$sequence_sum" --events 4000 --rate 2000 --output output
    run "$weir" savepoint "$id"
    code_is 0
    local path
    path=$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' out)
    prints_exactly "Triggering savepoint for job $id.
Waiting for response...
Savepoint completed. Path: $path
You can resume your program from this savepoint with the run command."
    [ -f "$path/_metadata" ] || fail "no savepoint at $path"
    [[ $path == "$place/savepoints/savepoint-${id:0:6}-"* ]] || fail "it is not where the job says: $path"
    kill -KILL "$pid" || fail "the job has ended"
    has_ended "$pid"
    run "$weir" run -s "$path" "${every[@]}" -D pipeline.name=sums "$sequence_sum" --events 4000 --output output
    code_is 0
    sums_are_right output
    [ "$(committed)" -eq 4000 ] || fail "$(committed) lines"
}

a_savepoint_goes_where_it_is_told() {
    begin_sums sums
    mkdir savepoints
    run "$weir" savepoint "$id" "$place/savepoints/mine"
    code_is 0
    prints "^Savepoint completed\. Path: $place/savepoints/mine/savepoint-"
    run "$weir" savepoint ./savepoints/ours
    code_is 0
    prints "^Savepoint completed\. Path: $place/savepoints/ours/savepoint-"
    run "$weir" savepoint -o json sums savepoints/theirs
    code_is 0
    prints '^\{"job-id": "'"$id"'", "status": "COMPLETED", "path": "'"$place"'/savepoints/theirs/savepoint-[^"]*"\}$'
}

a_detached_savepoint_gives_its_trigger_id() {
    begin_sums sums
    run "$weir" savepoint -detached "$id"
    code_is 0
    local trigger
    trigger=$(sed -nE 's/^Successfully trigger manual savepoint, triggerId: ([0-9a-f]{32})$/\1/p' out)
    prints_exactly "Triggering savepoint in detached mode for job $id.
Successfully trigger manual savepoint, triggerId: $trigger"
    until_true 'ls savepoints/savepoint-*/_metadata >/dev/null 2>&1'
}

native_is_flinks_word_too() {
    begin_sums sums
    run "$weir" savepoint -type native "$id"
    code_is 0
    run "$weir" savepoint --type NATIVE "$id"
    code_is 0
}

a_savepoint_is_disposed() {
    begin_sums sums
    run "$weir" stop "$id"
    code_is 0
    local path
    path=$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' out)
    run "$weir" savepoint -d "$path"
    code_is 0
    prints_exactly "Disposing savepoint '$path'.
Waiting for response...
Savepoint '$path' disposed."
    [ ! -e "$path" ] || fail "it is still there"
}

a_server_disposes_a_savepoint() {
    begin_sums sums -D rest.port=0
    run "$weir" savepoint "$id"
    code_is 0
    local path url
    path=$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' out)
    url=$(registered url)
    run "$weir" savepoint -m "$url" --dispose "$path"
    code_is 0
    prints_exactly "Disposing savepoint '$path'.
Waiting for response...
Savepoint '$path' disposed."
    [ ! -e "$path" ] || fail "it is still there"
}

# --- checkpoint ---

a_checkpoint_is_made_now() {
    begin_sums sums -D execution.checkpointing.interval=1h
    run "$weir" checkpoint "$id"
    code_is 0
    prints_exactly "Triggering checkpoint for job $id.
Waiting for response...
Checkpoint 1 for job $id completed.
You can resume your program from this checkpoint with the run command."
    [ -f "checkpoints/$id/chk-1/_metadata" ] || fail "no checkpoint 1"
    run "$weir" checkpoint -full "$id"
    code_is 0
    prints "^Checkpoint\(FULL\) 2 for job $id completed\.$"
    run "$weir" checkpoint --full -o json "$id"
    prints_exactly "{\"job-id\": \"$id\", \"status\": \"COMPLETED\", \"checkpoint-id\": 3}"
}

# --- stop ---

a_job_is_stopped_and_goes_on_exactly() {
    begin sums -- "$sequence_sum" --events 4000 --rate 2000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    run "$weir" stop "$id"
    code_is 0
    local path
    path=$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' out)
    prints_exactly "Suspending job \"$id\" with a NATIVE savepoint.
Triggering stop-with-savepoint for job $id.
Waiting for response...
Savepoint completed. Path: $path"
    has_ended "$pid"
    [ "$(committed)" -lt 4000 ] || fail "it had reached its end before"
    run "$weir" run -s "$path" -D pipeline.name=sums "$sequence_sum" --events 4000 --output output
    code_is 0
    sums_are_right output
    [ "$(committed)" -eq 4000 ] || fail "$(committed) lines"
}

a_job_is_drained() {
    begin sums -- "$sequence_sum" --events 4000 --rate 2000 --output output
    until_true '[ "$(committed)" -gt 100 ]'
    run "$weir" stop -d -p "$place/savepoints/drained" "$id"
    code_is 0
    prints "^Draining job \"$id\" with a NATIVE savepoint\.$"
    local path drained
    path=$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' out)
    [[ $path == "$place/savepoints/drained/savepoint-"* ]] || fail "it is not where it was told: $path"
    has_ended "$pid"
    drained=$(committed)
    [ "$drained" -lt 4000 ] || fail "it had reached its end before"
    # Its sources have ended, as far as the savepoint goes.
    run "$weir" run -s "$path" "${every[@]}" -D pipeline.name=sums "$sequence_sum" --events 4000 --output output
    code_is 0
    [ "$(committed)" -eq "$drained" ] || fail "from a drained savepoint it went on"
}

stop_understands_flinks_ways_to_name_the_job() {
    begin_sums sums
    run "$weir" stop --savepointPath "$id"
    code_is 0
    prints "^Suspending job \"$id\""
    prints "^Savepoint completed\. Path: $place/savepoints/savepoint-"
    has_ended "$pid"
    begin_sums again
    run "$weir" stop "$id" -p
    code_is 0
    has_ended "$pid"
}

a_detached_stop_gives_its_trigger_id() {
    begin_sums sums -D weir.rest.shutdown-wait=0s
    run "$weir" stop -detached "$id"
    code_is 0
    prints "^Triggering stop-with-savepoint in detached mode for job $id\.$"
    prints '^Successfully trigger stop-with-savepoint in detached mode, triggerId: [0-9a-f]{32}$'
    has_ended "$pid"
    ls savepoints/savepoint-*/_metadata >/dev/null || fail "no savepoint"
}

# --- cancel ---

a_job_is_cancelled() {
    begin_sums sums
    run "$weir" cancel "$id"
    code_is 0
    prints_exactly "Cancelling job $id.
Cancelled job $id."
    has_ended "$pid"
    [ -z "$(ls savepoints 2>/dev/null)" ] || fail "a savepoint was made"
}

a_job_is_cancelled_behind_a_savepoint_with_flinks_warning() {
    begin_sums sums
    run "$weir" cancel -s "$place/savepoints" "$id"
    code_is 0
    local path
    path=$(sed -nE 's/^Cancelled job .* Savepoint stored in (.*)\.$/\1/p' out)
    prints_exactly "DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use \"stop\" instead.
Cancelling job $id with NATIVE savepoint to $place/savepoints.
Cancelled job $id. Savepoint stored in $path."
    [ -f "$path/_metadata" ] || fail "no savepoint at $path"
    has_ended "$pid"
    begin_sums again
    run "$weir" cancel -s "$id"
    code_is 0
    prints "^Cancelling job $id with NATIVE savepoint to default savepoint directory\.$"
}

# --- by the network ---

a_port_is_asked_with_a_token() {
    local token
    token=$(printf 'x%.0s' {1..43})
    printf 'observe %s\noperate %s\n' "${token}o" "${token}p" >tokens
    chmod 600 tokens
    begin_sums sums -D rest.port=0 -D "rest.token-file=$place/tokens"
    local url
    url=$(registered url)
    run "$weir" list -m "$url" --token-file tokens
    code_is 0
    prints " : $id : sums \(RUNNING\)$"
    run env WEIR_TOKEN_FILE="$place/tokens" "$weir" stop -m "${url#http://}" "$id"
    code_is 0
    has_ended "$pid"
    ! grep -rqF "$token" begun begun.err out err state || fail "a token was said"
}

certificates_are_checked() {
    command -v openssl >/dev/null || exit 77
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out certificate.pem -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    chmod 600 key.pem
    begin_sums sums -D rest.port=0 -D "weir.rest.tls.certificate=$place/certificate.pem" \
        -D "weir.rest.tls.key=$place/key.pem"
    local url
    url=$(registered url)
    [[ $url == https://* ]] || fail "its URL is $url"
    run "$weir" list -m "$url" --cacert certificate.pem
    code_is 0
    prints " : $id : sums \(RUNNING\)$"
    run "$weir" list -m "$url"
    code_is 1
    says 'certificate'
    prints_nothing
}

# --- top ---

top_looks_once_without_a_terminal() {
    begin_sums sums
    until_true 'ls checkpoints/*/chk-*/_metadata >/dev/null 2>&1'
    run "$weir" top "$id"
    code_is 0
    prints "^weir top  sums  RUNNING for 0:00:[0-9]{2}  $id$"
    prints '^records  in [0-9,]+/s  out [0-9,]+/s$'
    prints '^checkpoints  [0-9]+ completed, 0 failed; chk-[0-9]+ '
    prints '^Source: events .* 1  RUNNING '
    prints '^sum '
    prints '^MEMORY '
    run "$weir" top -o json "$id"
    code_is 0
    prints '"records-in-per-second": [0-9.]+'
    prints '"states": \[\{"operator": '
}

top_lives_on_a_terminal_until_q() {
    begin_sums sums
    mkfifo keys
    TERM=xterm script -qec "stty rows 30 cols 90; '$weir' top $id; echo left with \$?" /dev/null <keys >out 2>err &
    local screen=$!
    exec 9>keys
    until_true 'grep -q RUNNING out'
    printf p >&9
    until_true 'grep -q PAUSED out'
    printf q >&9
    exec 9>&-
    wait "$screen"
    prints 'left with 0'
    grep -q $'\033\[?1049h' out && grep -q $'\033\[?1049l' out || fail "the screen was not given back"
}
