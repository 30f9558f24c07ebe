#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# weir@.service under a real systemd, as docs/operating.md tells: the installed package, as root, on a machine that may
# be broken. tests/package boots one; elsewhere these are skipped.
load support
load operating

prepare() {
    [ "$(id -u)" -eq 0 ] && [ -d /run/systemd/system ] && [ -e /run/weir-may-be-broken ] ||
        skip "not a machine of one's own: see tests/package"
    make_visits
    systemctl stop 'weir@*'
    rm -rf /var/lib/weir/* /etc/weir/*.yaml /etc/weir/*.env /run/systemd/system/weir@*.d
    systemctl daemon-reload
    systemctl reset-failed
}

property() { # UNIT NAME
    systemctl show --value -p "$2" "$1"
}

@test "a service is started and found and stopped and goes on" {
    documented 'install -m 0644 visits.so /usr/lib/weir/jobs/visits.so'
    documented 'install -m 0644 weir.yaml /etc/weir/visits.yaml'
    documented 'systemctl enable --now weir@visits'
    documented 'systemctl status weir@visits' >status
    has status 'Active: active \(running\)'
    has status 'Status: "running visits: [0-9]+ records in, [0-9]+ out'
    documented 'journalctl -u weir@visits -n 20' >journal
    has journal "STARTED EMPTY: job 'visits'"
    documented 'runuser -u weir -- env WEIR_RUNTIME_DIR=/run/weir weir list' >listed
    has listed ' : visits \(RUNNING\)'
    documented 'runuser -u weir -- env WEIR_RUNTIME_DIR=/run/weir weir savepoint visits' >said
    has said 'Savepoint completed. Path: .*savepoints/savepoint-'
    documented 'systemctl stop weir@visits'
    [ "$(property weir@visits Result)" = success ]
    journalctl -u weir@visits >journal
    has journal 'final checkpoint: checkpoints/'
    documented 'systemctl start weir@visits'
    journalctl -u weir@visits >journal
    has journal 'restored from checkpoint'
    sleep 1
    systemctl disable --now weir@visits
    ln -s /var/lib/weir/visits/visits out
    counted_once
}

@test "a crash is started again and loses nothing" {
    install -m 0644 visits.so /usr/lib/weir/jobs/visits.so
    sed 's/10 s/100 ms/' weir.yaml >/etc/weir/visits.yaml
    systemctl start weir@visits
    first=$(property weir@visits MainPID)
    until_true '[ "$(cat /var/lib/weir/visits/visits/part-* 2>/dev/null | wc -l)" -gt 5 ]'
    kill -KILL "$first"
    until_true '[ "$(property weir@visits MainPID)" -ne "$first" ] && [ "$(property weir@visits ActiveState)" = active ]'
    [ "$(property weir@visits NRestarts)" -eq 1 ]
    sleep 1
    systemctl stop weir@visits
    ln -s /var/lib/weir/visits/visits out
    counted_once
}

@test "a job that hangs is ended by the watchdog and started again" {
    install -m 0644 visits.so /usr/lib/weir/jobs/visits.so
    sed 's/10 s/100 ms/' weir.yaml >/etc/weir/visits.yaml
    mkdir -p /run/systemd/system/weir@visits.service.d
    printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/weir@visits.service.d/soon.conf
    systemctl daemon-reload
    systemctl start weir@visits
    first=$(property weir@visits MainPID)
    sleep 5 # more than one watchdog's time: it is fed
    [ "$(property weir@visits MainPID)" -eq "$first" ]
    kill -STOP "$first"
    until_true '[ "$(property weir@visits MainPID)" -ne "$first" ] && [ "$(property weir@visits ActiveState)" = active ]'
    journalctl -u weir@visits | grep -q 'Watchdog timeout'
    systemctl stop weir@visits
}

@test "every module works inside the sandbox" {
    install -m 0644 visits.so /usr/lib/weir/jobs/visits.so
    sed -e 's/10 s/100 ms/' -e 's/hashmap/rocksdb/' weir.yaml >/etc/weir/visits.yaml
    printf 'rest.port: 8081\n' >>/etc/weir/visits.yaml
    systemctl start weir@visits
    curl -sf http://127.0.0.1:8081/readyz
    curl -sf http://127.0.0.1:8081/metrics | grep -q '^weir_records_in_total'
    runuser -u weir -- env WEIR_RUNTIME_DIR=/run/weir weir checkpoint visits
    systemctl stop weir@visits
    [ "$(property weir@visits Result)" = success ]
    systemctl start weir@visits
    journalctl -u weir@visits | grep -q 'restored from checkpoint'
    systemctl stop weir@visits
}

@test "what trying again does not mend is not tried again" {
    install -m 0644 visits.so /usr/lib/weir/jobs/visits.so
    printf 'no.such.key: 1\n' >/etc/weir/visits.yaml
    run systemctl start weir@visits
    [ "$status" -ne 0 ]
    [ "$(property weir@visits ExecMainStatus)" -eq 2 ]
    sleep 4 # RestartSec is 2
    [ "$(property weir@visits NRestarts)" -eq 0 ]
    [ "$(property weir@visits ActiveState)" = failed ]
    [ "$(property weir@visits StatusText)" = 'not started: usage or configuration invalid' ]
}

@test "a service writes nowhere else" {
    install -m 0644 visits.so /usr/lib/weir/jobs/visits.so
    install -m 0644 weir.yaml /etc/weir/visits.yaml
    mkdir -m 0777 /srv/elsewhere
    printf 'JOB_ARGUMENTS=/srv/elsewhere/out\n' >/etc/weir/visits.env
    printf 'restart-strategy.type: none\n' >>/etc/weir/visits.yaml
    run systemctl start weir@visits
    until_true 'journalctl -u weir@visits | grep -q "Read-only file system"'
    systemctl stop weir@visits || true
    [ ! -e /srv/elsewhere/out ]
}
