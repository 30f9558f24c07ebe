#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docs/operating.md, typed as it stands there: what needs neither a port nor root.
load support
load operating

@test "a configuration is looked at before it is used" {
    documented 'weir doctor --config weir.yaml' >findings || [ $? -eq 1 ]
    has findings '^(ok|warning) +execution.checkpointing.dir'
    documented 'weir config --config weir.yaml execution.checkpointing.interval' >values
    has values '10 ?s'
    has values 'weir.yaml'
}

@test "a job is started and found and looked at" {
    documented 'weir run -d --resume --config weir.yaml visits.so out'
    documented 'weir list' >listed
    has listed ' : visits \(RUNNING\)'
    documented 'weir list -o json' | grep -q '"name": *"visits"'
    documented 'weir top' >screen
    has screen 'visits +RUNNING'
    documented 'weir top -o json visits' | grep -q '"state": *"RUNNING"'
    documented 'weir checkpoint visits' >said
    has said '^Checkpoint [0-9]+ for job'
    [ -n "$(find state/weir -name 'visits-*.log')" ]
}

@test "a job is upgraded by a savepoint and loses nothing" {
    documented 'weir run -d --resume --config weir.yaml visits.so out'
    documented 'weir savepoint visits' >said
    has said 'Savepoint completed. Path: '
    documented 'weir savepoint -d savepoints/savepoint-*'
    [ -z "$(find savepoints -name 'savepoint-*')" ]
    until_true '[ "$(weir top -o json | sed -nE "s/.*\"records-in\": *([0-9]+).*/\1/p" | head -n 1)" != 0 ]'
    documented 'weir stop visits' >said
    has said 'Savepoint completed. Path: '
    before=$(committed out)
    run weir run --resume --config weir.yaml visits.so out
    [ "$status" -eq 0 ]
    [[ $output == *FINISHED* ]]
    documented 'weir run -d -s savepoints/savepoint-* --config weir.yaml visits.so out'
    until_true 'weir checkpoint visits >/dev/null && [ "$(committed out)" -gt "$before" ]'
    weir stop visits
    counted_once
}

@test "a supervised job outlives its process" {
    in_background documented 'weir run --supervise --resume --config weir.yaml visits.so out'
    until_true 'weir list 2>/dev/null | grep -q "(RUNNING)"'
    first=$(sed -nE 's/.*"pid" *: *([0-9]+).*/\1/p' runtime/*.json)
    weir checkpoint visits
    kill -KILL "$first"
    until_true 'weir list 2>/dev/null | grep -q "(RUNNING)"'
    second=$(sed -nE 's/.*"pid" *: *([0-9]+).*/\1/p' runtime/*.json)
    [ "$second" -ne "$first" ]
    has stderr 'ended by signal 9'
    weir stop visits
    ends_with 0
    counted_once
}
