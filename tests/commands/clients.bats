#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The examples of the verbs that ask a running job. It is found by the runtime directory, as an operator's would be.
load support

id=1f2b5df5a66154aca61fcb26193792be

prepare() {
    [ -e "$WEIR_BUILD/libweir-serve.so" ] || skip "no REST server in this build"
    [ -e "$WEIR_BUILD/libweir-http.so" ] || skip "no HTTP client in this build"
    cp "$WEIR_BUILD"/examples/sequence_sum.so .
}

# start [OPTION...]: a job that goes on until it is stopped.
start() {
    in_background weir run --job-id $id -D pipeline.name=wordcount -D execution.checkpointing.interval=1s \
        -D execution.checkpointing.dir=checkpoints -D execution.checkpointing.savepoint-dir=savepoints \
        "$@" sequence_sum.so --events 100000000 --rate 1000 --output output
    until_true 'weir list 2>/dev/null | grep -q "(RUNNING)"'
}

savepoints() {
    find savepoints -mindepth 1 -maxdepth 1 -name 'savepoint-1f2b5d-*'
}

@test "examples of list show it" {
    documented 'weir list' | tee listed
    until_true '[ "$(weir list | wc -l)" -ge 2 ]'
    has listed 'No running jobs'
    start
    documented 'weir list' >listed
    has listed " : $id : wordcount \(RUNNING\)"
    documented 'weir list -a -o json' >listed
    has listed "\"id\": *\"$id\""
}

@test "a server on a port is asked by its address" {
    start -D rest.port=0
    url=$(sed -nE 's/.*"url" *: *"([^"]+)".*/\1/p' runtime/*.json)
    weir list -m "${url#http://}" >listed
    has listed " : $id : wordcount \(RUNNING\)"
}

@test "examples of savepoint make one and remove one" {
    start
    documented 'weir savepoint' >said
    has said 'Savepoint completed. Path: '
    documented 'weir savepoint 1f2b5df5a66154aca61fcb26193792be savepoints' >said
    has said 'Savepoint completed. Path: '
    [ "$(savepoints | wc -l)" -eq 2 ]
    mv "$(savepoints | head -n 1)" savepoints/savepoint-1f2b5d-bb1e257f0dab
    documented 'weir savepoint -d savepoints/savepoint-1f2b5d-bb1e257f0dab'
    [ "$(savepoints | wc -l)" -eq 1 ]
}

@test "examples of checkpoint make one" {
    start -D execution.checkpointing.interval=1h
    documented 'weir checkpoint' >said
    has said "^Checkpoint 1 for job $id completed"
    documented 'weir checkpoint --full 1f2b5df5a66154aca61fcb26193792be' >said
    has said "^Checkpoint.* 2 for job $id completed"
}

@test "examples of stop end it with a savepoint" {
    start
    documented 'weir stop' >said
    has said 'Savepoint completed. Path: '
    ends_with 0
    start --fresh --allow-rewind
    documented 'weir stop --savepointPath savepoints 1f2b5df5a66154aca61fcb26193792be' >said
    has said 'Savepoint completed. Path: '
    ends_with 0
    [ "$(savepoints | wc -l)" -eq 2 ]
    start --fresh --allow-rewind
    documented 'weir stop --drain wordcount' >said
    has said 'Savepoint completed. Path: '
    ends_with 0
    [ "$(savepoints | wc -l)" -eq 3 ]
}

@test "examples of cancel end it at once" {
    start
    documented 'weir cancel'
    ends_with 0
    start --fresh --allow-rewind
    documented 'weir cancel 1f2b5df5a66154aca61fcb26193792be'
    ends_with 0
}

@test "examples of top show it" {
    start
    documented 'weir top' >screen
    has screen 'wordcount +RUNNING'
    documented 'weir top -o json wordcount' >screen
    has screen '"state": *"RUNNING"'
}

@test "examples of doctor look for what would go wrong" {
    mkdir checkpoints
    documented 'weir doctor' >findings || [ $? -eq 1 ]
    has findings '^ok +version'
    documented 'weir doctor -D execution.checkpointing.dir=checkpoints -o json' >findings || [ $? -eq 1 ]
    has findings 'execution.checkpointing.dir'
    run documented 'weir doctor --ready'
    [ "$status" -eq 3 ]
    start
    documented 'weir doctor --ready'
}
