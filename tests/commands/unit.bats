#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# packaging/systemd/weir@.service, looked at without running it; systemd.bats runs it.
load support

prepare() {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
    unit=$source_tree/packaging/systemd/weir@.service
}

@test "systemd understands every line of the unit" {
    sed "s#/usr/bin/weir#$WEIR_BUILD/weir#" "$unit" >weir@.service
    run systemd-analyze verify --man=no "$PWD/weir@.service"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    sed 's/^ProtectSystem=strict/ProtectSystem=strct/' "$unit" >weir@.service
    run systemd-analyze verify --man=no "$PWD/weir@.service"
    [[ $output == *strct* ]]
}

@test "what the unit may do is little" {
    systemd-analyze security --offline=yes --threshold=15 "$unit" >report || { cat report; return 1; }
    sed '/^SystemCallFilter/d;/^CapabilityBoundingSet/d' "$unit" >weir@.service
    run systemd-analyze security --offline=yes --threshold=15 "$PWD/weir@.service"
    [ "$status" -ne 0 ]
}

@test "a man page that the unit names is there" {
    for page in $(sed -nE 's/^Documentation=(.*)/\1/p' "$unit" | grep -oE '[a-z.-]+\([0-9]\)' | tr '()' '. '); do
        ls "$WEIR_BUILD"/share/man/man*/"$page"
    done
}

@test "exit codes that need a human are those that are told" {
    prevented=$(sed -nE 's/^RestartPreventExitStatus=//p' "$unit" | tr ' ' '\n')
    told=$(sed -nE 's/^\| ([0-9]) \|.*\| no.*\|$/\1/p' "$source_tree/docs/operating.md")
    [ "$prevented" = "$told" ]
}

@test "no system call of a run is one that the unit refuses" {
    command -v strace >/dev/null || skip "no strace here"
    strace -f -qq -o trace true 2>/dev/null || skip "no tracing here"
    # The call sets as this systemd has them, without comments; a set may hold sets.
    list() {
        local word
        systemd-analyze syscall-filter "$1" | sed -n 's/^ *//; 2,$p' | grep -v '^#' | while IFS= read -r word; do
            case $word in
            @*) list "$word" ;;
            ?*) echo "$word" ;;
            esac
        done
    }
    allowed=$(sed -nE 's/^SystemCallFilter=([^~].*)/\1/p' "$unit")
    refused=$(sed -nE 's/^SystemCallFilter=~(.*)/\1/p' "$unit")
    for set in $allowed @default; do list "$set"; done | sort -u >allowed
    for set in $refused; do list "$set"; done | sort -u >refused
    for engine in hashmap rocksdb; do
        [ $engine = hashmap ] || [ -e "$WEIR_BUILD/libweir-rocksdb.so" ] || continue
        strace -f -qq -o trace weir run -D state.backend.type=$engine -D rest.port=0 -D execution.checkpointing.interval=20ms \
            -D execution.checkpointing.dir=checkpoints-$engine "$WEIR_BUILD/examples/sequence_sum.so" --events 2000 \
            --rate 4000 --output "out-$engine" 2>stderr
        sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' trace | sort -u >>used
    done
    sort -u used >calls
    [ "$(wc -l <calls)" -gt 30 ]
    comm -23 calls allowed | tee missing
    [ ! -s missing ]
    # Refused with EPERM, and not missed: what the loader and RocksDB try.
    comm -12 calls refused | grep -vxE 'setpriority|ioprio_set|ioprio_get|prlimit64' | tee denied
    [ ! -s denied ]
}
