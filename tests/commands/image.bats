#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# packaging/oci/Containerfile, read; tests/package/image builds it. And weir as the first process, which it is there.
load support

prepare() {
    recipe=$source_tree/packaging/oci/Containerfile
}

@test "what the recipe copies and runs is there" {
    while read -r from; do
        [ -e "$source_tree/$from" ] || { echo "COPY $from"; return 1; }
    done < <(sed -nE 's/^COPY ([^-][^ ]*) .*/\1/p' "$recipe")
    while read -r program; do
        [ -x "$source_tree/$program" ] || { echo "RUN /source/$program"; return 1; }
    done < <(sed -nE 's#^RUN /source/([^ ]+).*#\1#p' "$recipe")
    grep -q '^RUN /source/tools/package /packages$' "$recipe"
}

@test "the recipe installs what the packages are built with and no more" {
    sed -nE '/^Build-Depends:/,/^[A-Z].*:/ s/^(Build-Depends:)? +([a-z0-9-]+).*/\2/p' "$source_tree/packaging/debian/control" |
        sed 's/^debhelper-compat$/debhelper/' | sort >wanted
    sed -n '/^RUN apt-get/,/^COPY/ s/^        \([a-z0-9-]*\).*/\1/p' "$recipe" | grep -vxE 'build-essential|lintian' | sort >installed
    [ "$(wc -l <wanted)" -ge 8 ]
    diff wanted installed
}

@test "the image runs as nobody and is stopped and looked after" {
    grep -qE '^USER [1-9][0-9]*:[1-9][0-9]*$' "$recipe"
    grep -qx 'STOPSIGNAL SIGTERM' "$recipe"
    grep -qx 'VOLUME /var/lib/weir' "$recipe"
    [ "$(grep -c '^FROM docker.io/library/debian:12-slim' "$recipe")" -eq 2 ]
    version=$(sed -nE 's/^project\(weir VERSION ([0-9.]+).*/\1/p' "$source_tree/CMakeLists.txt")
    grep -q "image.version=\"$version\"" "$recipe"
    # The health check's words are a command that weir understands: 3, no job runs.
    run bash -c "$(sed -nE 's/^HEALTHCHECK .*CMD \[(.*)\]$/\1/p' "$recipe" | tr -d '",')"
    [ "$status" -eq 3 ]
}

# first COMMAND...: as the first process of a process namespace; its pid outside is in $first.
first() {
    unshare -rpf --mount-proc true 2>/dev/null || skip "no process namespace of one's own here"
    in_background unshare -rpf --mount-proc --kill-child "$@"
    until_true 'first=$(pgrep -P "$child")'
    until_true '[ "$(cat /proc/"$first"/comm)" = weir ]'
}

@test "the first process takes a final checkpoint at SIGTERM" {
    first weir run -D execution.checkpointing.interval=50ms -D execution.checkpointing.dir=checkpoints \
        "$WEIR_BUILD/examples/sequence_sum.so" --events 100000000 --rate 1000 --output output
    grep -qE '^NSpid:.*[[:space:]]1$' /proc/"$first"/status
    until_true '[ "$(committed)" -gt 0 ]'
    kill -TERM "$first"
    ends_with 0
    has stderr 'final checkpoint: '
}

@test "the first process can be stopped before its job is there" {
    mkfifo weir.yaml
    first weir run --config weir.yaml "$WEIR_BUILD/examples/sequence_sum.so"
    until_true 'grep -q "^SigCgt:.*[4567cdef]...$" /proc/"$first"/status' # SIGTERM, 15, is caught
    kill -TERM "$first"
    ends_with 143
}

@test "the first process buries what its job left behind" {
    first weir run --supervise -D execution.checkpointing.interval=50ms -D execution.checkpointing.dir=checkpoints \
        "$WEIR_BUILD/examples/sequence_sum.so" --events 100000000 --rate 1000 --output output
    until_true '[ "$(committed)" -gt 0 ]'
    # A grandchild, whose parent ends before it.
    nsenter -t "$first" -U -p --preserve-credentials sh -c 'sleep 0.2 & echo' >/dev/null 3>&-
    until_true '! pgrep -P "$first" -x sleep >/dev/null'
    [ "$(ps -o stat= --ppid "$first" | grep -c Z)" -eq 0 ]
    kill -TERM "$first"
    ends_with 0
}
