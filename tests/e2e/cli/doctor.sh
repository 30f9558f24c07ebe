# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# doctor.sh: weir doctor, where all is well and where it is not.

# tells REGEX: on stdout, wherever its lines end.
tells() { tr -s ' \n' ' ' <out | grep -qE -- "$1" || fail "stdout does not tell: $1"; }

doctor_finds_nothing_wrong_with_a_good_place() {
    mkdir checkpoints
    run "$weir" doctor -D execution.checkpointing.dir=checkpoints -D execution.checkpointing.savepoint-dir="file://$place/savepoints"
    code_is 0
    prints '^ok +version: weir [0-9]'
    prints '^ok +serve: '
    prints '^ok +http: '
    prints '^(ok|warning) +execution.checkpointing.dir: checkpoints: .* free'
    tells "(ok|warning) execution.checkpointing.savepoint-dir: $place/savepoints \(will be made\): "
    prints '^ok +memory: '
    ! grep -qE '^.{81}' out || fail "wider than 80 columns"
    [ -z "$(ls -A checkpoints)" ] || fail "something is left in the directory"
    [ ! -e savepoints ] || fail "a directory was made"
    ! ls -A | grep -q doctor || fail "something is left"
}

doctor_says_what_to_do_and_fails() {
    mkdir secret
    chmod 555 secret
    bring_programs
    run "${unprivileged[@]}" env WEIR_RUNTIME_DIR="$place/none" bin/weir doctor -q -D execution.checkpointing.dir=secret/below
    code_is 1
    tells 'error execution.checkpointing.dir: secret/below: secret: Permission denied -> make it, or give this user the right to write there'
    ! grep -q '^ok' out || fail "-q shows what is well"
    run "$weir" doctor -D execution.checkpointing.dir=s3://bucket/checkpoints
    code_is 1
    tells 's3://bucket/checkpoints: weir writes to file systems only'
    run "$weir" doctor -D execution.checkpointing.dir=/proc/checkpoints
    code_is 1
    run "$weir" doctor -D taskmanager.memory.managed.size=9000gb
    code_is 1
    tells 'error memory: state and channels may take [0-9.]+ TiB, '
}

doctor_warns_and_passes() {
    run "$weir" doctor -q
    code_is 0
    tells 'warning execution.checkpointing.dir: not set: no checkpoint survives the process'
    run "$weir" doctor -q -D execution.checkpointing.dir=/dev/shm
    code_is 0
    tells 'warning execution.checkpointing.dir: /dev/shm: (in memory|only)'
    ulimit -Sn 512
    run "$weir" doctor
    tells 'warning open-files: 512 files may be open at once, 1024 are wanted'
}

doctor_knows_its_modules() {
    bring_programs
    rm -f bin/libweir-*.so
    run bin/weir doctor
    code_is 0
    tells 'warning serve: libweir-serve.so is not there -> install it'
    tells 'warning http: libweir-http.so is not there -> install it'
    run bin/weir doctor -D state.backend.type=rocksdb
    code_is 1
    tells 'error rocksdb: .*needs its module'
    : >bin/libweir-serve.so
    run bin/weir doctor
    code_is 1
    tells 'error serve: libweir-serve.so does not load: .*file too short'
    cp "$jobs/other_abi.so" bin/libweir-serve.so
    run bin/weir doctor
    code_is 1
    tells 'error serve: libweir-serve.so is of another version than weir [0-9]'
}

doctor_refuses_a_configuration_that_does_not_parse() {
    run "$weir" doctor -D parallelism.default=many
    code_is 2
    prints_nothing
    run "$weir" doctor --config nowhere.yaml
    code_is 3
    run "$weir" doctor job
    code_is 2
    says 'with --ready'
}

doctor_answers_in_json() {
    run "$weir" doctor -o json -D execution.checkpointing.dir=s3://bucket
    code_is 1
    prints '^\[\{"check":"version","result":"ok","found":"weir [0-9.]+","advice":null\},$'
    prints '"check":"execution.checkpointing.dir","result":"error","found":".*","advice":"name a directory'
}

doctor_believes_no_runtime_directory_that_others_write_to() {
    mkdir shared
    chmod 777 shared
    WEIR_RUNTIME_DIR=$place/shared run "$weir" doctor
    code_is 1
    prints '^error +runtime-directory: '
    WEIR_RUNTIME_DIR=$place/$(printf 'x%.0s' {1..100}) run "$weir" doctor
    mkdir -m 700 "$place/$(printf 'x%.0s' {1..100})"
    WEIR_RUNTIME_DIR=$place/$(printf 'x%.0s' {1..100}) run "$weir" doctor
    code_is 1
    tells 'is too long for the path of a socket'
}

doctor_tells_whether_a_job_is_ready() {
    run "$weir" doctor --ready
    code_is 3
    prints_nothing
    start "$weir" run -q "${every[@]}" "$sequence_sum" --events 3000000 --rate 1000 --output output
    until_true '"$weir" doctor --ready >ready 2>&1'
    grep -qE '^[0-9a-f]{32} is ready$' ready || fail "other words: $(cat ready)"
    "$weir" doctor --ready sequence_sum >/dev/null || fail "not by its name"
    "$weir" doctor -q --ready >ready || fail "not ready"
    [ ! -s ready ] || fail "-q says something"
    "$weir" doctor | tr -d '\n' | grep -qE 'ok +job: sequence_sum \(process [0-9]+\) +is +ready' || fail "the job is not in the list"
    "$weir" doctor --ready nosuch 2>/dev/null
    [ $? -eq 3 ] || fail "a job that is not there is ready"
}

doctor_tells_that_a_job_is_not_ready() {
    start "$weir" run "${every[@]}" -D restart-strategy.type=fixed-delay -D restart-strategy.fixed-delay.delay=1h \
        "$mistakes" failing-once --rate 4000 --output output
    until_true 'grep -q "restarting in 3600.0 s" err'
    "$weir" doctor --ready >ready 2>&1
    [ $? -eq 1 ] || fail "a job that waits for its restart is ready: $(cat ready)"
    grep -q 'is not ready: ' ready || fail "other words: $(cat ready)"
    "$weir" doctor >ready 2>&1 || fail "a job that is not ready is an error"
    grep -q '^warning job: ' ready || fail "no warning: $(cat ready)"
}
