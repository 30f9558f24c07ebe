# SPDX-License-Identifier: Apache-2.0
# tab.zsh bash|zsh LINE...: types each line and TAB into a shell at a terminal of its own, which has weir's completion,
# and prints what became of it: "LINE: COMPLETED LINE".
zmodload zsh/zpty

# Reads what the shell says until it is like the pattern; ten seconds at most.
await () {
    local part
    answer=
    repeat 500; do
        while zpty -r -t shell part; do answer+=$part; done
        [[ $answer != ${~1} ]] || return 0
        sleep 0.02
    done
    print -r -- "no $1 in: $answer"
    exit 1
}

# Behind TAB the whole line is put between the quotes of an echo, so that it is printed and does nothing.
complete_line () {
    zpty -w -n shell "$1"$'\t\001'"echo '<"$'\005'">'"$'\n'
    await '*<*>*whatnow *'
    answer=${answer##*<}
    print -r -- "$1: ${answer%%>*}"
}

case $1 in
bash)
    TERM=dumb zpty -b shell bash --norc --noprofile -i
    zpty -w shell 'bind "set enable-bracketed-paste off"; bind "set bell-style none"'
    ;;
zsh)
    TERM=dumb zpty -b shell zsh -f -i
    zpty -w shell 'unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; bindkey -e'
    ;;
esac
zpty -w shell 'eval "$(weir completion '$1')"; PS1="what""now "'
await '*whatnow *'
shift
for line in "$@"; do complete_line $line; done
zpty -d shell
