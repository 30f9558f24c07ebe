# SPDX-License-Identifier: Apache-2.0
# weir's command line against a cluster of Flink's, beside Flink's own client: the same lines, the same outcome. What
# differs from one call to the next (numbers of checkpoints, the end of a savepoint's name) is taken out of both.

weir=$WEIR_BUILD/weir

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir conf
    echo '{}' >conf/config.yaml
    java -Xmx512m -cp "$FLINK_LIB/*:$FLINK_CLUSTER/*:$FLINK_CLUSTER" Cluster "$BATS_FILE_TMPDIR" 6 >cluster 2>cluster.err 3>&- &
    echo $! >cluster.pid
    for _ in $(seq 600); do
        if grep -q '^REST ' cluster; then
            return 0
        fi
        kill -0 "$(cat cluster.pid)" 2>/dev/null || break
        sleep 0.1
    done
    cat cluster.err
    return 1
}

teardown_file() {
    kill -KILL "$(cat "$BATS_FILE_TMPDIR/cluster.pid")" || true
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
    url=$(sed -n 's/^REST //p' cluster)
}

ours() { # VERB ...
    "$weir" "$@" -m "$url" >ours.out 2>ours.err
}

flinks() { # VERB ...
    FLINK_CONF_DIR=$PWD/conf java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$FLINK_LIB/*" \
        org.apache.flink.client.cli.CliFrontend "$1" -m "${url#http://}" "${@:2}" >flinks.out 2>flinks.err
}

job() { # NUMBER: its id
    "$weir" list -m "$url" -a -o json | grep -oE '"id": "[0-9a-f]{32}", "name": "sums '"$1"'"' | cut -d'"' -f4
}

# The lines of both, but for what differs from call to call.
assert_same_lines() { # OUR_JOB FLINKS_JOB
    local client
    for client in ours flinks; do
        sed -E "s/$1|$2/JOB/g; s/savepoint-[0-9a-f]{6}-[0-9a-f]{12}/savepoint-NAME/; s/(Checkpoint(\(FULL\))?) [0-9]+/\1 N/
            s/triggerId: [0-9a-f]{32}/triggerId: ID/" "$client.out" >"$client.lines"
    done
    diff ours.lines flinks.lines
    [ -s ours.lines ]
}

@test "list says what Flink's client says" {
    ours list
    flinks list
    assert_same_lines none none
    [ "$(grep -c ' (RUNNING)$' ours.out)" -ge 1 ]
    ours list -a
    flinks list -a
    assert_same_lines none none
}

@test "savepoints are made as by Flink's client" {
    local id
    id=$(job 0)
    ours savepoint "$id"
    flinks savepoint -type native "$id"
    assert_same_lines "$id" "$id"
    [ -f "$(sed -nE 's/^Savepoint completed\. Path: file:(.*)$/\1/p' ours.out)/_metadata" ]
    ours savepoint -type canonical "$id" "file://$PWD/elsewhere"
    flinks savepoint "$id" "file://$PWD/elsewhere"
    assert_same_lines "$id" "$id"
    ours savepoint -detached "$id"
    flinks savepoint -type native -detached "$id"
    assert_same_lines "$id" "$id"
}

@test "checkpoints are made as by Flink's client" {
    local id
    id=$(job 0)
    ours checkpoint "$id"
    flinks checkpoint "$id"
    assert_same_lines "$id" "$id"
    ours checkpoint -full "$id"
    flinks checkpoint -full "$id"
    assert_same_lines "$id" "$id"
}

@test "a savepoint is disposed as by Flink's client" {
    local id paths
    id=$(job 0)
    ours savepoint "$id"
    flinks savepoint -type native "$id"
    paths=("$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' ours.out)"
        "$(sed -nE 's/^Savepoint completed\. Path: (.*)$/\1/p' flinks.out)")
    ours savepoint -d "${paths[0]}"
    flinks savepoint -d "${paths[1]}"
    assert_same_lines none none
    [ ! -e "${paths[0]#file:}" ]
}

@test "jobs are stopped as by Flink's client" {
    local ids
    ids=("$(job 0)" "$(job 1)")
    ours stop "${ids[0]}"
    flinks stop -type native "${ids[1]}"
    assert_same_lines "${ids[0]}" "${ids[1]}"
    ids=("$(job 2)" "$(job 3)")
    ours stop --drain --savepointPath "file://$PWD/elsewhere" "${ids[0]}"
    flinks stop -type native --drain --savepointPath "file://$PWD/elsewhere" "${ids[1]}"
    assert_same_lines "${ids[0]}" "${ids[1]}"
}

@test "jobs are cancelled as by Flink's client" {
    local ids
    ids=("$(job 4)" "$(job 5)")
    ours cancel "${ids[0]}"
    flinks cancel "${ids[1]}"
    assert_same_lines "${ids[0]}" "${ids[1]}"
    ours list -a
    flinks list -a
    assert_same_lines none none
}

@test "what a cluster refuses is said in its words" {
    local code=0
    ours stop 0123456789abcdef0123456789abcdef || code=$?
    [ "$code" -eq 3 ]
    code=0
    ours savepoint "$(job 5)" || code=$?
    [ "$code" -ne 0 ]
    grep -q 'Could not find Flink job' ours.err
    code=0
    ours savepoint -d "file://$PWD/missing" || code=$?
    [ "$code" -eq 1 ]
    grep -q 'Cannot find checkpoint or savepoint file' ours.err
}
