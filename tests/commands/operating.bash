# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# operating.bash: the job and the options of docs/operating.md, as they stand there.
prepare() {
    [ -e "$WEIR_BUILD/libweir-serve.so" ] || skip "no REST server in this build"
    [ -e "$WEIR_BUILD/libweir-http.so" ] || skip "no HTTP client in this build"
    make_visits
}

make_visits() {
    sed -n '/^```c$/,/^```$/p' "$source_tree/README.md" | sed '/^```/d' >visits.c
    cc -shared -fPIC -I"$source_tree/include" visits.c -o visits.so
    sed -n '/^```yaml$/,/^```$/p' "$source_tree/docs/operating.md" | sed '/^```/d' >weir.yaml
    grep -q execution.checkpointing.dir weir.yaml
}

# Each running count stands there once, without a gap.
counted_once() {
    cat out/part-* | sort -V >all
    uniq all | cmp - all
    local user
    for user in 0 1 2; do
        grep -c "^($user," all | xargs seq | sed "s/.*/($user,&)/"
    done | diff all -
}
