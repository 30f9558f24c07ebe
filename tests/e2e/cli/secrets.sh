# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# secrets.sh: twenty secrets, planted wherever a run gets some, and every place where it shows something.
#
#   01-04  token file: three tokens, a comment       13-14  arguments of the job
#   05-06  TLS key: two lines of its bytes           15-17  what the state holds: words
#   07-12  environment                               18-20  what clients send: token, query, cookie

# canary NUMBER: 44 letters that may be a token.
canary() { printf 'weirCanary%sAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' "$1"; }

plant_files() { # as above
    (
        umask 077
        printf '# %s\nobserve %s\nread-state %s\noperate %s\n' \
            "$(canary 04)" "$(canary 01)" "$(canary 02)" "$(canary 03)" >tokens
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem \
            -out certificate.pem -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
    ) || fail "openssl makes no certificate"
    { sed -n 2,3p key.pem && echo weirCanary; } >canaries
    printf '%s %s\n%s\n' "$(canary 15)" "$(canary 16)" "$(canary 17)" >words
}

# start_secretive OPTIONS...
start_secretive() { # as above
    AWS_SECRET_ACCESS_KEY=$(canary 07) DATABASE_PASSWORD=$(canary 08) SECRET_KEY=$(canary 09) \
        FLINK_REST_CLIENT_HEADERS="Authorization: Bearer $(canary 10)" PGPASSWORD=$(canary 11) \
        http_proxy=http://user:$(canary 12)@localhost:1 start "$weir" run \
        -D execution.checkpointing.interval=1s -D execution.checkpointing.dir=checkpoints \
        -D rest.port=0 -D rest.token-file=tokens -D weir.rest.tls.certificate=certificate.pem \
        -D weir.rest.tls.key=key.pem -D weir.log.level=debug "$@" "$wordcount" --input words --follow \
        --discard --rate "$(canary 13)" --rate "1000$(canary 14)"
    until_true '[ -S "runtime/$child.sock" ]'
    until_true 'ls runtime/*.json >/dev/null 2>&1'
    base=$(sed -nE 's/.*"url": "([^"]*)".*/\1/p' runtime/*.json)
    [[ $base == https://* ]] || fail "its URL is $base"
}

# What a core dump would hold of the process, unless it may not be looked into.
dump_memory() { # as above
    python3 - "$child" >memory 2>/dev/null <<'END' || rm -f memory
import re, sys
pid = sys.argv[1]
regions = []
for line in open(f'/proc/{pid}/smaps'):
    found = re.match(r'([0-9a-f]+)-([0-9a-f]+) r.* (\S*)$', line)
    if found or re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
        region = (int(found[1], 16), int(found[2], 16)) if found and '[v' not in line else None
    elif line.startswith('VmFlags:') and region and ' dd' not in line and ' io' not in line:
        regions.append(region)
memory = open(f'/proc/{pid}/mem', 'rb')
for first, last in regions:
    memory.seek(first)
    sys.stdout.buffer.write(memory.read(last - first))
END
}

# ask CURL-OPTIONS... PATH, by its port with the token and by its socket.
ask() { # as above
    curl -si -w '\n' --cacert certificate.pem -H "Authorization: Bearer $(canary 03)" -m 2 "${@:1:$#-1}" "$base${!#}" >>answers
    curl -si -w '\n' --unix-socket "runtime/$child.sock" -m 2 "${@:1:$#-1}" "http://weir${!#}" >>answers
}

# Every path of the OpenAPI file, with the job's own ids in it.
ask_everything() { # as above
    local job vertex checkpoint path
    job=$(curl -s --unix-socket "runtime/$child.sock" http://weir/jobs | grep -oE '[0-9a-f]{32}' | head -n 1)
    vertex=$(curl -s --unix-socket "runtime/$child.sock" "http://weir/jobs/$job" | grep -oE '"id":"[0-9a-f]{32}' |
        head -n 1 | cut -d'"' -f4)
    checkpoint=$(curl -s --unix-socket "runtime/$child.sock" "http://weir/jobs/$job/checkpoints" |
        grep -oE '"id":[0-9]+' | head -n 1 | tr -cd 0-9)
    [ -n "$job" ] && [ -n "$vertex" ] && [ -n "$checkpoint" ] || fail "no job, no vertex, or no checkpoint"
    while read -r path; do
        path=${path//'{jobid}'/$job}
        path=${path//'{vertexid}'/$vertex}
        path=${path//'{checkpointid}'/$checkpoint}
        ask "${path//'{triggerid}'/$job}"
    done < <(sed -nE 's|^  (/[^:]*):$|\1|p' "$here/../../../docs/reference/openapi.yaml" | grep -v '/events$')
    ask -m 1 /weir/v1/events
    ask "/jobs/$job/metrics?get=numRestarts"
    [ "$(grep -c '^HTTP/1.1 200' answers)" -ge 50 ] || fail "too few answers: $(grep -c '^HTTP/1.1 200' answers)"
}

ask_secretively() { # as above
    ask -H "Cookie: session=$(canary 20)" "/jobs?token=$(canary 19)"
    ask -X POST -H "Authorization: Basic $(canary 18)" -H "Cookie: $(canary 20)" /savepoint-disposal
    curl -si --cacert certificate.pem -H "Authorization: Bearer $(canary 18)" "$base/jobs" >>answers
    grep -q '^HTTP/1.1 401' answers || fail "a wrong token is taken"
}

no_canary_in() { # as above
    local file
    for file in "$@"; do
        [ -s "$file" ] || fail "$file is empty"
        ! grep -qaF -f canaries "$file" || fail "$file shows a secret: $(grep -oaF -f canaries "$file" | head -n 1)"
    done
}

secrets_stay_secret() {
    command -v openssl >/dev/null || exit 77
    plant_files
    start_secretive -D weir.log.format=logfmt
    dump_memory
    # argv and environment are the caller's own, and a TLS key stands in the library that signs with it
    if [ -s memory ]; then
        printf '%s\n' "$(canary 01)" "$(canary 02)" "$(canary 03)" "$(canary 04)" >tokens.only
        ! grep -qaF -f tokens.only memory || fail "a core dump would hold $(grep -oaF -f tokens.only memory | head -n 1)"
    fi
    until_true 'ls checkpoints/*/chk-*/_metadata >/dev/null 2>&1'
    ask_everything
    ask_secretively
    cat runtime/*.json >registered
    kill -INT "$child"
    wait_child
    code_is 0
    cp err log
    start_secretive -D weir.log.format=json -s "$(checkpoint)"
    kill -INT "$child"
    wait_child
    code_is 0
    no_canary_in answers registered log err
}
