/* SPDX-License-Identifier: Apache-2.0 */
/* completion: prints the script by which a shell completes weir's commands. The scripts know
 * nothing of verbs and options: they ask `weir complete`, which has the tables. */
#include "cli.h"

#include <string.h>

/* bash splits words at = and : too. They are put together again, and what stands before the last of
 * them is cut off the candidates, since bash puts them behind it. */
static const char bash_script[] =
    "# bash completion of weir: eval \"$(weir completion bash)\"\n"
    "_weir() {\n"
    "    local -a words=() answer=()\n"
    "    local i index=0 glued='' word before kind line\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $i -gt 0 && ( $word == [=:] || $glued == yes ) ]]; then\n"
    "            words[index]+=$word\n"
    "        else\n"
    "            [[ $i -eq 0 ]] || index=$((index + 1))\n"
    "            words[index]=$word\n"
    "        fi\n"
    "        glued=no\n"
    "        [[ $word != [=:] ]] || glued=yes\n"
    "    done\n"
    "    word=${words[index]}\n"
    "    before=${word%\"${word##*[=:]}\"}\n"
    "    mapfile -t answer < <(\"${words[0]/#\\~/$HOME}\" complete \"$index\" \"${words[@]}\" "
    "2>/dev/null)\n"
    "    kind=${answer[0]:-words}\n"
    "    COMPREPLY=()\n"
    "    for line in \"${answer[@]:1}\"; do\n"
    "        line=${line%%$'\\t'*}\n"
    "        COMPREPLY+=(\"${line:${#before}}\")\n"
    "    done\n"
    "    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null\n"
    "    case $kind in\n"
    "    files) compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"${word#\"$before\"}\") ;;\n"
    "    directories) compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"${word#\"$before\"}\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _weir weir\n";

static const char zsh_script[] =
    "#compdef weir\n"
    "# zsh completion of weir: eval \"$(weir completion zsh)\", or this file as _weir in fpath\n"
    "_weir() {\n"
    "    local -a answer found shown open open_shown\n"
    "    local line kind word\n"
    "    answer=(\"${(@f)$(\"${words[1]/#\\~/$HOME}\" complete $((CURRENT - 1)) "
    "\"${(@Q)words[1,CURRENT]}\" 2>/dev/null)}\")\n"
    "    kind=${answer[1]:-words}\n"
    "    for line in \"${(@)answer[2,-1]}\"; do\n"
    "        word=${line%%$'\\t'*}\n"
    "        if [[ $word == *= ]]; then\n"
    "            open+=(\"$word\") open_shown+=(\"$word  ${line#*$'\\t'}\")\n"
    "        else\n"
    "            found+=(\"$word\") shown+=(\"$word  ${line#*$'\\t'}\")\n"
    "        fi\n"
    "    done\n"
    "    [[ $kind != files ]] || _files\n"
    "    [[ $kind != directories ]] || { compset -P '*[=:]'; _files -/ }\n"
    "    (( ! $#open )) || compadd -l -S '' -d open_shown -a open\n"
    "    (( ! $#found )) || compadd -l -d shown -a found\n"
    "}\n"
    "if [[ $funcstack[1] == _weir ]]; then\n"
    "    _weir \"$@\"\n"
    "else\n"
    "    compdef _weir weir\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion of weir: weir completion fish | source\n"
    "function __weir_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l word (commandline -ct)\n"
    "    set -l answer ($words[1] complete (count $words) $words \"$word\" 2>/dev/null)\n"
    "    switch \"$answer[1]\"\n"
    "        case files\n"
    "            __fish_complete_path \"$word\"\n"
    "        case directories\n"
    "            __fish_complete_directories \"$word\"\n"
    "        case '*'\n"
    "            printf '%s\\n' $answer[2..-1]\n"
    "    end\n"
    "end\n"
    "complete -c weir -f -a '(__weir_complete)'\n";

static int
run_completion(int argc, char **argv)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };
    struct cli_parse parse;
    cli_parse_begin(&parse, &cli_verb_completion, argc, argv);
    if (cli_parse_next(&parse) != CLI_PARSE_END) {
        return parse.code;
    }
    size_t at = 0;
    while (strcmp(parse.words[0], scripts[at].shell) != 0) { /* the parser let no other pass */
        at++;
    }
    fputs(scripts[at].script, stdout);
    return CLI_OK;
}

static const char *const examples[] = {
    "weir completion bash",
    "weir completion zsh",
    "weir completion fish",
    NULL,
};

const struct cli_verb cli_verb_completion = {
    .name = "completion",
    .summary = "print the completion script of a shell",
    .run = run_completion,
    .usage = "[options] bash|zsh|fish",
    .examples = examples,
    .about = "Prints a script that completes verbs, options, their values, keys behind -D and the "
             "ids of running jobs. For this shell: eval \"$(weir completion bash)\", eval "
             "\"$(weir completion zsh)\" (behind compinit), weir completion fish | source. An "
             "installed weir has them where the shells look.",
    .least_words = 1,
    .most_words = 1,
    .word_name = "the shell's name",
    .word_choices = "bash|zsh|fish",
};
