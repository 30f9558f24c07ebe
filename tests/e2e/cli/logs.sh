# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# logs.sh: what a running job says on stderr, for programs and for people.

# Each line of stderr an object of JSON with these members: ts, level, logger, msg.
every_line_is_json() {
    /usr/bin/env python3 - <<'PYTHON' || fail 'a line is not JSON'
import json, re
lines = open("err", encoding="utf-8").read().split("\n")
assert lines.pop() == "", "the last line has no end"
for line in lines:
    record = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["ts"]), line
    assert record["level"] in ("ERROR", "WARN", "INFO", "DEBUG"), line
    assert record["logger"] and record["msg"], line
PYTHON
}

a_log_in_json_is_an_object_a_line_from_start_to_end() {
    start "$weir" run -D weir.log.format=json -D weir.log.level=DEBUG -D execution.checkpointing.interval=20ms \
        -D execution.checkpointing.dir=checkpoints "$sequence_sum" --rate 1000 --events 100000 --output output
    until_true 'grep -q "checkpoint 3 is complete" err'
    kill -TERM "$child"
    wait_child
    code_is 0
    every_line_is_json
    says '"logger":"restore","msg":"STARTED EMPTY'
    says '"level":"DEBUG","logger":"checkpoint","msg":"checkpoint 2 is triggered","job":"[0-9a-f]{32}","checkpoint":2'
    says '"level":"INFO","logger":"checkpoint","msg":"checkpoint 2 is complete: '
    says '"logger":"cli","msg":"STOPPED: '
    says '"logger":"cli","msg":"go on with:  weir run -s latest:checkpoints'
}

a_failure_is_told_in_the_format_that_was_asked_for() {
    run "$weir" run -D weir.log.format=json "$mistakes" failing --output output
    code_is 1
    every_line_is_json
    says '"level":"ERROR","logger":"cli","msg":"the job failed: '
    run "$weir" run -D weir.log.format=logfmt "$mistakes" failing --output output
    code_is 1
    says '^ts=[^ ]+Z level=ERROR logger=cli msg="the job failed: '
    ! grep -qv '^ts=' err || fail 'a line that is not logfmt'
}

a_name_from_outside_forges_no_line() {
    local name=$'x\nweir: error: forged \033[2J'
    run "$weir" run -D "pipeline.name=$name" "$sequence_sum" --events 10 --output output
    ! grep -q '^weir: error: forged' err || fail 'a forged line'
    ! grep -q $'\033' err || fail 'a control sequence'
    run "$weir" run -D weir.log.format=json -D "pipeline.name=$name" "$sequence_sum" --events 10 --output other
    every_line_is_json
}

levels_of_the_log_are_checked_at_the_start() {
    run "$weir" run -D weir.log.levels=checkpont=DEBUG "$sequence_sum" --events 10 --output output
    code_is 2
    says "weir.log.levels: 'checkpont' is no module: job, checkpoint"
    run "$weir" run -D weir.log.format=xml "$sequence_sum" --events 10 --output output
    code_is 2
    run "$weir" run -D weir.log.level=WARN "$sequence_sum" --events 10 --output output
    code_is 0
    does_not_say 'STARTED EMPTY'
}

the_journal_gets_priorities_where_stderr_leads_there() {
    : >err
    local stream
    stream=$(stat -c '%d:%i' err)
    JOURNAL_STREAM=$stream "$weir" run "$sequence_sum" --events 10 --output output >out 2>>err
    says '^<6>weir: STARTED EMPTY'
    says '^<4>weir: warning: '
    ! grep -qv '^<[3467]>weir: ' err || fail 'a line without a priority'
    JOURNAL_STREAM=1:1 "$weir" run "$sequence_sum" --events 10 --output other >out 2>err
    says '^weir: STARTED EMPTY'
}
