# SPDX-License-Identifier: Apache-2.0
# Flink's own command line client against running weir jobs: its lines and its exit codes are the judge.

load client

nobody=00000000000000000000000000000000

@test "list shows the job as running" {
    start
    flink list
    code_is 0
    prints '^-+ Running/Restarting Jobs -+$'
    prints "^[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9:]{8} : $job : wordcount \(RUNNING\)$"
    prints '^No scheduled jobs\.$'
    flink list -a
    code_is 0
    prints "$job : wordcount \(RUNNING\)$"
}

@test "after a savepoint and a cancel the job goes on exactly from it" {
    start
    flink savepoint -type native "$job"
    code_is 0
    prints "^Triggering savepoint for job $job\.$"
    prints '^Savepoint completed\. Path: '
    prints '^You can resume your program from this savepoint with the run command\.$'
    savepoint=$(path_in_output)
    [[ $savepoint == "$PWD/savepoints/savepoint-${job:0:6}-"* ]]
    [ -f "$savepoint/_metadata" ]
    flink cancel "$job"
    code_is 0
    prints "^Cancelling job $job\.$"
    prints "^Cancelled job $job\.$"
    wait_for_end 0
    finish_from "$savepoint"
    assert_exactly_once
}

@test "a savepoint is made where the client says, beneath the allowed roots" {
    start -D weir.rest.savepoint-roots="$PWD/elsewhere"
    flink savepoint -type native "$job" "$PWD/elsewhere/deep"
    code_is 0
    prints "^Savepoint completed\. Path: $PWD/elsewhere/deep/savepoint-"
    flink savepoint -type native "$job" "$PWD/forbidden"
    code_is 1
    prints 'is not allowed'
    [ ! -e forbidden ]
}

@test "a detached savepoint is triggered and not waited for" {
    start
    flink savepoint -type native -detached "$job"
    code_is 0
    prints '^Successfully trigger manual savepoint, triggerId: [0-9a-f]{32}$'
    for _ in $(seq 100); do
        [ -f "$(echo savepoints/savepoint-*/_metadata)" ] && break
        sleep 0.1
    done
    [ -f "$(echo savepoints/savepoint-*/_metadata)" ]
}

@test "checkpoints are made by hand" {
    start
    flink checkpoint "$job"
    code_is 0
    prints "^Checkpoint 1 for job $job completed\.$"
    flink checkpoint -full "$job"
    code_is 0
    prints "^Checkpoint\(FULL\) 2 for job $job completed\.$"
    [ -f "checkpoints/$job/chk-2/_metadata" ]
}

@test "stop takes a savepoint and ends the job, which goes on exactly" {
    start
    flink stop -type native "$job"
    code_is 0
    prints "^Suspending job \"$job\" with a NATIVE savepoint\.$"
    prints '^Savepoint completed\. Path: '
    savepoint=$(path_in_output)
    wait_for_end 0
    finish_from "$savepoint"
    assert_exactly_once
}

@test "stop with a path and a drain ends the job for good" {
    start -D weir.rest.savepoint-roots="$PWD/elsewhere"
    flink stop -type native --drain -p "$PWD/elsewhere" "$job"
    code_is 0
    prints "^Draining job \"$job\" with a NATIVE savepoint\.$"
    prints "^Savepoint completed\. Path: $PWD/elsewhere/savepoint-"
    wait_for_end 0
    find output -type f ! -path '*/.*' | grep -q .
}

@test "a savepoint is disposed of" {
    start
    flink savepoint -type native "$job"
    code_is 0
    savepoint=$(path_in_output)
    flink savepoint -d "$savepoint"
    code_is 0
    prints "^Disposing savepoint '$savepoint'\.$"
    prints "^Savepoint '$savepoint' disposed\.$"
    [ ! -e "$savepoint" ]
    flink savepoint -d "$savepoint"
    code_is 1
    prints "Failed to dispose the savepoint '$savepoint'"
    prints 'Cannot find checkpoint or savepoint'
}

@test "a job that is not there is an error for every verb" {
    start
    for verb in "cancel" "stop -type native" "savepoint -type native" "checkpoint"; do
        # shellcheck disable=SC2086
        flink $verb "$nobody"
        code_is 1
        prints "$nobody|could not be found"
    done
    flink list
    prints "$job : wordcount \(RUNNING\)$"
}

@test "canonical is refused, and nothing is made" {
    start
    flink savepoint -type canonical "$job"
    code_is 1
    prints 'use native'
    flink stop -type canonical "$job"
    code_is 1
    prints 'use native'
    flink savepoint "$job"
    code_is 1
    prints 'use native'
    [ ! -e savepoints ]
    flink list
    prints "$job : wordcount \(RUNNING\)$"
}

@test "a savepoint that fails tells why" {
    start
    : >savepoints # no directory
    flink savepoint -type native "$job"
    code_is 1
    prints 'savepoints'
    flink list
    prints "$job : wordcount \(RUNNING\)$"
}

@test "with a token file only who has a token is answered" {
    (umask 077 && echo "operate 0123456789abcdef0123456789abcdef0123456789abc" >tokens)
    export FLINK_REST_CLIENT_HEADERS="Authorization:Bearer 0123456789abcdef0123456789abcdef0123456789abc"
    start -D rest.token-file="$PWD/tokens"
    flink checkpoint "$job"
    code_is 0
    FLINK_REST_CLIENT_HEADERS='Authorization:Bearer 0123456789abcdef0123456789abcdef0123456789abd' flink list
    code_is 1
    prints '[Tt]oken|Unauthorized'
    unset FLINK_REST_CLIENT_HEADERS
    flink checkpoint "$job"
    code_is 1
    said 'checkpoint 1 is complete'
    ! grep -rq 0123456789abcdef0123456789abcdef0123456789abc weir.1 runtime
}

@test "Flink's own classes read every answer, in every phase" {
    start -D restart-strategy.type=none -D execution.checkpointing.tolerable-failed-checkpoints=1000
    read_all
    flink checkpoint "$job"
    code_is 0
    flink savepoint -type native "$job"
    code_is 0
    : >checkpoints/"$job"/chk-3 # a checkpoint that fails
    flink checkpoint "$job"
    code_is 1
    read_all
    prints "^read /jobs/$job/checkpoints/details/1 as CheckpointStatistics$"
    prints "^read /jobs/$job/checkpoints/details/3 as CheckpointStatistics$"
}
