# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# rest.sh: when a run listens, where, and what happens when it cannot.

# endless OPTIONS...: events without an end, in the background.
endless() { # as above
    start "$weir" run "$@" "$sequence_sum" --events 100000000 --rate 2000 --output output
}

url() { # of the run, as it says it
    sed -nE 's/^weir: REST: (http.*)$/\1/p' err
}

a_port_is_opened_and_its_url_said_even_quietly() {
    endless -q "${every[@]}" -D rest.port=0
    until_true '[ -n "$(url)" ]'
    until_true 'curl -sS "$(url)/jobs" | grep -q RUNNING'
    until_true 'ls runtime/*.json >/dev/null 2>&1'
    curl -sS --unix-socket "runtime/$child.sock" http://weir/v1/jobs | grep -q RUNNING || fail "not by its socket"
    kill -INT "$child"
    wait_child
    code_is 0
    [ -z "$(ls runtime)" ] || fail "left behind: $(ls runtime)"
}

a_run_without_a_port_is_found_by_its_socket_alone() {
    endless "${every[@]}"
    until_true '[ -S "runtime/$child.sock" ]'
    until_true 'curl -sS --unix-socket "runtime/$child.sock" http://weir/jobs | grep -q RUNNING'
    does_not_say 'REST:'
    grep -q '"url": null' runtime/*.json || fail "there is a URL"
    ! find /proc/"$child"/fd -lname 'socket:*' -printf '%l\n' | tr -cd '0-9\n' | grep -qwFf - \
        <(awk '$4 == "0A" { print $10 }' /proc/net/tcp /proc/net/tcp6) || fail "it listens on a port"
    kill -INT "$child"
    wait_child
    code_is 0
}

nothing_starts_that_other_machines_reach_unasked() {
    local address
    for address in 0.0.0.0 :: 10.0.0.1; do
        run "$weir" run -q "${every[@]}" -D rest.port=0 -D rest.bind-address="$address" "$sequence_sum" --output output
        code_is 2
        prints_nothing
        says 'rest.bind-address .*rest.token-file, weir.rest.tls.certificate and weir.rest.tls.key'
        [ ! -e output ] && [ ! -e checkpoints/_metadata ] || fail "it began"
    done
    WEIR_REST_BIND_ADDRESS=0.0.0.0 run "$weir" run -q -D rest.port=0 "$sequence_sum" --output output
    code_is 2
    says 'WEIR_REST_BIND_ADDRESS'
    printf 'rest:\n  port: 0\n  bind-address: 0.0.0.0\n' >weir.yaml
    run "$weir" run -q --config weir.yaml "$sequence_sum" --output output
    code_is 2
    says 'weir.yaml'
}

a_port_that_is_taken_ends_the_start() {
    endless -q -D rest.port=0
    until_true '[ -n "$(url)" ]'
    local port
    port=$(url | sed 's/.*://')
    run "$weir" run -q -D rest.port="$port" "$sequence_sum" --events 10 --output other
    code_is 1
    says "port $port is taken"
    says 'rest.bind-port'
    [ ! -e other ] || fail "it began"
    run "$weir" run -q -D rest.bind-port="$port,0" "$sequence_sum" --events 10 --output other
    code_is 0
    says 'REST: http://127.0.0.1:[0-9]+$'
}

without_the_module_a_job_runs_and_a_port_is_refused() {
    bring_programs
    rm -f bin/libweir-serve.so
    run bin/weir run bin/examples/sequence_sum.so --events 2000 --rate 4000 --output output
    code_is 0
    says 'without a local socket.*libweir-serve.so'
    does_not_say 'warning: this job runs'
    run bin/weir run -q bin/examples/sequence_sum.so --events 2000 --rate 4000 --output quiet
    code_is 0
    does_not_say 'local socket'
    run bin/weir run -q -D rest.port=0 bin/examples/sequence_sum.so --events 10 --output other
    code_is 3
    says 'libmicrohttpd-dev'
    [ ! -e other ] || fail "it began"
}

a_module_that_is_none_is_not_used() {
    bring_programs
    cp "$jobs/no_job.so" bin/libweir-serve.so
    run bin/weir run -q -D rest.port=0 bin/examples/sequence_sum.so --events 10 --output output
    code_is 2
    says "is a shared object but not weir's REST module"
    [ ! -e output ] || fail "it began"
    echo nothing >bin/libweir-serve.so
    run bin/weir run -q -D rest.port=0 bin/examples/sequence_sum.so --events 10 --output output
    code_is 2
    says 'does not load as a shared object'
}

a_runtime_directory_that_is_not_ours_is_warned_of() {
    mkdir -m 0777 shared
    chmod 0777 shared
    WEIR_RUNTIME_DIR=$place/shared run "$weir" run -q "$sequence_sum" --events 2000 --rate 4000 --output output
    code_is 0
    says 'warning: this job runs without a local socket.*others may write there'
    [ "$(committed)" -gt 0 ] || fail "no lines"
    [ -z "$(ls shared)" ] || fail "something was written there"
}

what_a_killed_run_left_is_swept_by_the_next() {
    endless -q
    until_true 'ls runtime/*.json >/dev/null 2>&1'
    local old=$child
    kill -KILL "$child"
    wait_child
    [ -e "runtime/$old.sock" ] || fail "nothing was left"
    endless -q
    until_true '[ -S "runtime/$child.sock" ]'
    until_true '[ ! -e "runtime/$old.sock" ]'
    until_true '[ "$(ls runtime | wc -l)" -eq 2 ]'
}

a_token_file_closes_the_port_and_not_the_socket() {
    local token
    token=$(openssl rand -base64 32 | tr '+/' '-_' | tr -d =)
    (umask 077 && printf '# tokens\noperate %s\n' "$token" >tokens)
    endless -q -D rest.port=0 -D rest.token-file=tokens
    until_true '[ -n "$(url)" ]'
    until_true '[ -S "runtime/$child.sock" ]'
    [ "$(curl -s -o answer -w '%{http_code}' "$(url)/jobs")" = 401 ] || fail "open without a token: $(cat answer)"
    [ "$(curl -s -o answer -w '%{http_code}' -H "Authorization: Bearer $token" "$(url)/jobs")" = 200 ] ||
        fail "closed with the token: $(cat answer)"
    curl -sS --unix-socket "runtime/$child.sock" http://weir/jobs | grep -q RUNNING || fail "not by its socket"
    grep -q "\"token-file\": \"$place/tokens\"" runtime/*.json || fail "the entry does not name the token file"
    chmod 644 tokens
    run "$weir" run -q -D rest.port=0 -D rest.token-file=tokens "$sequence_sum" --events 10 --output other
    code_is 2
    says 'chmod 600'
    kill -INT "$child"
    wait_child
    ! grep -qrF "$token" runtime err out answer || fail "the token is shown"
}
