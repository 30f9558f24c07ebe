#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The examples of --help and of the man pages: verbs that need no running job.
load support

prepare() {
    cp "$WEIR_BUILD"/examples/wordcount.so .
    echo 'to be or not to be' >words.txt
}

@test "examples of run count words" {
    documented 'weir run wordcount.so --input words.txt' >printed
    grep -qxF '(BE,2)' printed
    documented <<'END'
weir run -p 2 -D execution.checkpointing.interval=1s -D execution.checkpointing.dir=checkpoints wordcount.so \
    --input words.txt --output counts
END
    grep -qxF '(BE,2)' counts/part-*
}

@test "examples of run go on from the newest checkpoint" {
    documented <<'END'
weir run -D execution.checkpointing.interval=1s -D execution.checkpointing.dir=checkpoints wordcount.so \
    --input words.txt --output counts
END
    grep -qxF '(BE,2)' counts/part-*
    rm -rf counts checkpoints
    in_background weir run -D execution.checkpointing.interval=50ms -D execution.checkpointing.dir=checkpoints \
        wordcount.so --input words.txt --output counts --follow
    until_true 'grep -qsxF "(BE,2)" counts/part-*'
    kill -TERM "$child"
    ends_with 0
    echo 'to be' >>words.txt
    documented 'weir run -s latest:checkpoints wordcount.so --input words.txt --output counts'
    cat counts/part-* | grep -qxF '(BE,3)'
    [ "$(cat counts/part-* | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "examples of info show the plan" {
    documented 'weir info -p 2 wordcount.so --input words.txt' >plan
    has plan sum
}

@test "examples of config show values and where they come from" {
    printf 'execution.checkpointing.interval: 7s\n' >weir.yaml
    documented 'weir config --config weir.yaml execution.checkpointing.interval' >values
    has values '7 ?s'
    has values 'weir.yaml'
    WEIR_PARALLELISM_DEFAULT=3 documented 'weir config --set' >values
    has values 'parallelism.default'
    has values WEIR_PARALLELISM_DEFAULT
}

@test "examples of version and completion print" {
    documented 'weir version' | grep -qxE 'weir [0-9]+\.[0-9]+\.[0-9]+'
    documented 'weir completion bash' | bash -n
    documented 'weir completion zsh' | grep -q '^#compdef weir'
    documented 'weir completion fish' | grep -q '^complete '
}

@test "the demo proves itself" {
    TMPDIR=$PWD documented 'weir demo' >said 2>&1
    has said '^Equal: '
}
