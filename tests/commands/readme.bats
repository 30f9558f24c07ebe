#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The README, typed as it stands there.
load support

# What `make` and `pidof` mean here: the target is looked for, and no process of anybody else is met.
make() {
    command make -n -C "$source_tree" "$@" >/dev/null
}
pidof() {
    echo "$child"
}

prepare() {
    sed -n '/^```c$/,/^```$/p' "$source_tree/README.md" | sed '/^```/d' >visits.c
    ln -s "$source_tree/include" include
}

counted_once() {
    cat out/part-* | sort -V >all
    uniq all | cmp - all
    for user in 0 1 2; do
        grep -c "^($user," all | xargs seq | sed "s/.*/($user,&)/"
    done | diff all -
}

@test "the first job runs and survives kill 9" {
    documented 'cc -shared -fPIC -Iinclude visits.c -o visits.so'
    documented 'weir info visits.so' >plan
    has plan sums
    documented 'weir run -D execution.checkpointing.interval=1s -D execution.checkpointing.dir=checkpoints visits.so out' \
        >said 2>&1 </dev/null 3>&- &
    until_true '[ "$(committed out)" -gt 0 ]'
    # The shell's child is the function; the job is its own.
    child=$(pgrep -P $!)
    documented 'kill -9 $(pidof weir)'
    documented <<'END' >said 2>&1 3>&- &
weir run -s latest:checkpoints -D execution.checkpointing.interval=1s \
         -D execution.checkpointing.dir=checkpoints visits.so out
END
    before=$(committed out)
    until_true '[ "$(committed out)" -gt "$before" ]'
    kill -TERM "$(pgrep -P $!)"
    wait $!
    has said 'go on with:  weir run -s latest:'
    counted_once
}

@test "the path is that of the release" {
    documented 'make release && export PATH=$PWD/build/release:$PATH'
    [[ $PATH == $PWD/build/release:* ]]
}

@test "every make target that is named is there" {
    for target in $(grep -rhoE '(^|[`(])make [a-z-]+' "$source_tree"/README.md "$source_tree"/CONTRIBUTING.md \
        "$source_tree"/docs --include=*.md | sed -E 's/.*make //' | sort -u); do
        make "$target" || { echo "make $target"; return 1; }
    done
}
