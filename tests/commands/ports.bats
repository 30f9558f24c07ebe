#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docs/operating.md and the examples of --help: what has a port. Run in a network of its own (alone).
load support
load operating

@test "a job is asked by its port" {
    documented 'weir run -d --resume -D rest.port=8081 --config weir.yaml visits.so out'
    documented 'weir list -m localhost:8081' >listed
    has listed ' : visits \(RUNNING\)'
    documented 'weir list -m 127.0.0.1:8081' >listed
    has listed ' : visits \(RUNNING\)'
    documented 'curl -s http://127.0.0.1:8081/jobs/overview' | grep -q '"name": *"visits"'
    documented 'curl -s http://127.0.0.1:8081/metrics' | grep -q '^weir_records_in_total'
    [ "$(curl -s -o ready -w '%{http_code}' http://127.0.0.1:8081/readyz)" = 200 ]
    documented 'curl -s http://127.0.0.1:8081/readyz' | cmp - ready
}

@test "a job off loopback is asked with a token over TLS" {
    documented <<'END'
(umask 077 && echo "operate $(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')" >tokens)
END
    documented <<'END' 2>/dev/null
openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem
END
    documented 'chmod 600 key.pem'
    documented <<'END'
weir run -d --resume --config weir.yaml -D rest.port=8082 -D rest.bind-address=0.0.0.0 -D rest.token-file=tokens \
    -D weir.rest.tls.certificate=certificate.pem -D weir.rest.tls.key=key.pem visits.so out
END
    documented 'weir list -m https://localhost:8082 --cacert certificate.pem --token-file tokens' >listed
    has listed ' : visits \(RUNNING\)'
    run weir list -m https://localhost:8082 --cacert certificate.pem
    [ "$status" -ne 0 ]
    ! grep -rqF "$(cut -d' ' -f2 tokens)" state
}
