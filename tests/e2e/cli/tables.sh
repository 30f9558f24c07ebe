# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# tables.sh: what comes from the tables of the verbs: help, man pages, completion in each shell, and the forms of data.

# --- mistakes ---

a_mistyped_option_is_told_the_nearest() {
    run "$weir" run --fersh job.so
    code_is 2
    says "unknown option '--fersh': did you mean '--fresh'\? See weir run --help"
    run "$weir" run -fromsavepoint x job.so
    code_is 2
    says "did you mean '--fromSavepoint'"
    run "$weir" run -p 2 -p 3 job.so
    code_is 2
    says 'given twice'
    run "$weir" run -cm mine job.so
    code_is 2
    says "one of no_claim, claim, legacy, not 'mine'"
}

flinks_options_that_run_has_not_are_told_why() {
    run "$weir" run -m localhost:8081 job.so
    code_is 2
    says "no '-m' of Flink's: it runs the job in this process"
    run "$weir" run -t remote job.so
    code_is 2
    says "no '-t' of Flink's"
    run "$weir" run -sae job.so
    code_is 2
    run "$weir" run -c Main job.so
    code_is 2
    says 'a shared object with one main'
}

# Each option of run is one that run takes: nothing but the job is missing.
every_option_of_run_is_taken() {
    local option
    for option in "-p 2" "--job-id x" "-s x" "-n" "-cm claim" "-rm claim" --fresh --allow-rewind --take-over --supervise \
        --no-restart "-D a=b" "--config x" -q --color=never; do
        # shellcheck disable=SC2086
        run "$weir" run $option
        code_is 2
        says 'JOB.so is missing'
    done
}

claim_mode_is_the_jobs_option() {
    make_checkpoint
    local original=$made
    cp -R output other
    run "$weir" run "${every[@]}" -D execution.checkpointing.dir=later -s "$original" -cm no_claim "$sequence_sum" \
        --events 20000 --output other
    code_is 0
    [ -e "$original/_metadata" ] || fail "a snapshot that is not the job's was deleted"
    run "$weir" run "${every[@]}" -D execution.checkpointing.dir=later -s "$original" -cm CLAIM "$sequence_sum" \
        --events 20000 --output output
    code_is 0
    [ ! -e "$original/_metadata" ] || fail "a claimed snapshot is left"
    run "$weir" run -s nowhere -restoreMode no_claim "$sequence_sum" --events 2000
    code_is 3
    says 'warning: -rm, --restoreMode is deprecated: use -cm, --claimMode'
}

help_of_a_verb_is_its_help() {
    run "$weir" run --help
    cp out one
    run "$weir" help run
    code_is 0
    cmp -s one out || fail "'help run' is not 'run --help'"
    run "$weir" help rnu
    code_is 2
    says "did you mean 'run'"
}

# --- forms ---

data_has_the_form_that_is_asked_for() {
    run "$weir" config -o csv parallelism.default
    code_is 0
    [ "$(tr -d '\r' <out)" = $'key,value,origin\nparallelism.default,1,default' ] || fail "other csv"
    run "$weir" config -o ndjson parallelism.default pipeline.name
    [ "$(wc -l <out)" -eq 2 ] || fail "not an object a line"
    prints '^\{"key":"pipeline.name","value":null,"origin":"default"\}$'
    run "$weir" config -v -o table parallelism.default
    prints '^KEY +VALUE +ORIGIN +TEXT$'
    run "$weir" config parallelism.default
    [ "$(cat out)" = 'parallelism.default  1  default' ] || fail "a heading, and stdout is no terminal"
    TERM=xterm run script -qec "'$weir' config parallelism.default" typescript
    grep -q $'\033\\[1mKEY' typescript || fail "no heading on a terminal"
    TERM=xterm run script -qec "'$weir' config --color never parallelism.default" typescript
    grep -q '^KEY' typescript || fail "colour although it was not wanted"
}

what_is_no_option_of_weirs_is_told_without_its_value() {
    local file
    for file in config.yaml flink-conf.yaml weir.yaml; do
        printf 's3.secret-key: hunter2\nsome.password: hunter2\n' >"$file"
        run "$weir" config --config "$file" --set
        says "'s3.secret-key'"
        run "$weir" doctor --config "$file"
        ! grep -q hunter2 out err || fail "a value that may be a secret is shown"
    done
    run "$weir" config -D s3.secret-key=hunter2
    code_is 2
    does_not_say hunter2
}

# --- man pages ---

man_pages_have_nothing_to_warn_of() {
    local page verb
    for page in "$build"/share/man/man?/*; do
        mandoc -T lint -W warning "$page" >out || fail "$page"
    done
    for verb in $("$weir" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
        [ -s "$build/share/man/man1/weir-$verb.1" ] || fail "no page for $verb"
    done
    mandoc -T ascii "$build/share/man/man1/weir-run.1" | sed 's|.\x08||g' >out
    prints '-s, --fromSavepoint SNAPSHOT'
    mandoc -T ascii "$build/share/man/man5/weir.yaml.5" | sed 's|.\x08||g' >out
    prints '^ +execution.checkpointing.interval$'
}

# --- completion ---

# Candidates of `weir complete` for the words behind, the last of which is being typed.
candidates() { "$weir" complete $(($# - 1)) "$@" | tail -n +2 | cut -f 1 | tr '\n' ' '; }

complete_as() { # WORDS EXPECTED
    local expected=${*: -1} words=("${@:1:$#-1}") got
    got=$(candidates "${words[@]}")
    [ "${got% }" = "$expected" ] || fail "${words[*]}: '$got', not '$expected'"
}

completion_knows_verbs_options_choices_and_keys() {
    complete_as weir conf 'config'
    complete_as weir help conf 'config'
    complete_as weir run --fre '--fresh'
    complete_as weir run -fre '-fresh'
    complete_as weir run -q -cm '' 'no_claim claim legacy'
    complete_as weir run --claimMode=c '--claimMode=claim'
    complete_as weir run --restoreM ''
    complete_as weir run -D execution.checkpointing.mo 'execution.checkpointing.mode='
    complete_as weir run -Dexecution.checkpointing.mo '-Dexecution.checkpointing.mode='
    complete_as weir run -D execution.checkpointing.mode= \
        'execution.checkpointing.mode=EXACTLY_ONCE execution.checkpointing.mode=AT_LEAST_ONCE'
    complete_as weir config pipeline.n 'pipeline.name'
    complete_as weir completion '' 'bash zsh fish'
    complete_as weir run job.so --fre ''
    complete_as weir run -- --fre ''
    [ "$("$weir" complete 3 weir run -s x)" = directories ] || fail "no directories behind -s"
    [ "$("$weir" complete 2 weir run x)" = files ] || fail "no files for the job"
    run "$weir" complete
    code_is 0
    says_nothing
    run "$weir" complete nine weir
    code_is 0
    says_nothing
}

completion_knows_running_jobs() {
    start "$weir" run -q "${every[@]}" "$sequence_sum" --events 3000000 --rate 1000 --output output
    until_true '[ -n "$(candidates weir cancel "")" ]'
    [[ $(candidates weir cancel '') =~ ^[0-9a-f]{32}\ $ ]] || fail "not the id of a job"
    "$weir" complete 2 weir stop '' | grep -q 'sequence_sum' || fail "without the job's name"
}

# Real shells, real TABs.
readonly tab_lines=('weir run --fre' 'weir run --color=al' 'weir run -D execution.checkpointing.mo'
    'weir run -Dexecution.checkpointing.mode=A' 'weir run -cm cl' 'weir run wordc' 'weir run two\ w' 'weir comp')

tab_completes() {
    touch wordcount.so 'two words'
    mkdir checkpoints
    PATH=$build:$PATH run zsh -f "$here/tab.zsh" "$1" "${tab_lines[@]}" 'weir run -s latest:check'
    code_is 0
    diff <(sed 's|[/ ]*$||' out) - <<'END' || fail "other lines"
weir run --fre: weir run --fresh
weir run --color=al: weir run --color=always
weir run -D execution.checkpointing.mo: weir run -D execution.checkpointing.mode=
weir run -Dexecution.checkpointing.mode=A: weir run -Dexecution.checkpointing.mode=AT_LEAST_ONCE
weir run -cm cl: weir run -cm claim
weir run wordc: weir run wordcount.so
weir run two\ w: weir run two\ words
weir comp: weir completion
weir run -s latest:check: weir run -s latest:checkpoints
END
}

bash_completes() {
    tab_completes bash
}

zsh_completes() {
    tab_completes zsh
}

fish_completes() {
    touch wordcount.so
    mkdir checkpoints
    cat >try.fish <<'END'
weir completion fish | source
for line in 'weir run --fre' 'weir run --color=al' 'weir run -D execution.checkpointing.mo' 'weir run -cm cl' 'weir run wordc' 'weir comp'
    echo $line: (complete -C $line | string split -f 1 \t)
end
END
    HOME=$place XDG_CONFIG_HOME=$place PATH=$build:$PATH run fish try.fish
    code_is 0
    diff out - <<'END' || fail 'other candidates'
weir run --fre: --fresh
weir run --color=al: --color=always
weir run -D execution.checkpointing.mo: execution.checkpointing.mode=
weir run -cm cl: claim
weir run wordc: wordcount.so
weir comp: completion
END
}
