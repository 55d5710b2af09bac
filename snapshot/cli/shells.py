"""Completion in the shells. A script of a few lines hands over what is typed up to the cursor, at each Tab, in
`SNAP_LINE`; the answer has a line for each candidate: kind, text, and what it is, with tabs between them.

click tells what may stand where; words are taken apart here, since click's own way loses what a shell splits at a colon
or an equals sign, and quotes. Whatever goes wrong, the answer is empty: nothing is to be printed into what is typed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import click
from click.shell_completion import ShellComplete, split_arg_string

from snapshot.cli.app import ASKED, COMMANDS
from snapshot.report.text import harmless

LINE, BREAKS = "SNAP_LINE", "SNAP_BREAKS"
PROGRAMS = ("snap", "snapshot")

_BASH = r"""# Completion of {name} for bash 4.4 and newer.
_{name}_completion() {{
    local kind value breaks=$COMP_WORDBREAKS special=
    COMPREPLY=()
    case ${{COMP_WORDS[COMP_CWORD]}} in  # quotes hold the word together, but for what is special in them
        \"*) breaks= special='*[\"$`\\!]*' ;;
        \'*) breaks= special="*'*" ;;
    esac
    while IFS=$'\t' read -r kind value _; do
        case $kind in
            file) compopt -o default -o filenames ;;
            dir) compopt -o dirnames -o filenames ;;
            plain)
                [[ -n $special && $value == $special ]] && continue
                [[ -n $breaks && $value == *[^[:alnum:]_.,:/=@%+-]* ]] && printf -v value %q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
        case $value in *[:/.=]) compopt -o nospace ;; esac
    done < <(_SNAP_COMPLETE=bash SNAP_LINE="${{COMP_LINE:0:COMP_POINT}}" SNAP_BREAKS=$breaks "$1" 2>/dev/null)
}}
complete -o nosort -F _{name}_completion {name}
"""
_ZSH = r"""#compdef {name}
# Completion of {name} for zsh.
_{name}_completion() {{
    local kind value about
    local -a values shown
    while IFS=$'\t' read -r kind value about; do
        case $kind in
            file) _files ;;
            dir) _files -/ ;;
            plain)
                [[ -n $about ]] && about="$value  -- $about"
                if [[ $value == *[:/.=] ]]; then
                    local -a one=("${{about:-$value}}")
                    compadd -V {name} -S '' -l -d one -- "$value"
                else
                    values+=("$value")
                    shown+=("${{about:-$value}}")
                fi
                ;;
        esac
    done < <(_SNAP_COMPLETE=zsh SNAP_LINE="${{(j: :)words[1,CURRENT-1]}} $QIPREFIX$PREFIX" "${{words[1]}}" 2>/dev/null)
    (( $#values )) && compadd -V {name} -l -d shown -- "${{values[@]}}"
    return 0
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _{name}_completion "$@"
else
    (( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit -i; }}
    compdef _{name}_completion {name}
fi
"""
_FISH = r"""# Completion of {name} for fish.
function __{name}_completion
    set -l line (commandline -cp)
    for item in (_SNAP_COMPLETE=fish SNAP_LINE="$line" {name} 2>/dev/null)
        set -l parts (string split \t -- $item)
        switch $parts[1]
            case file
                __fish_complete_path (commandline -ct)
            case dir
                __fish_complete_directories (commandline -ct)
            case plain
                printf '%s\t%s\n' $parts[2] $parts[3]
        end
    end
end
complete --command {name} --no-files --keep-order --arguments '(__{name}_completion)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str, program: str) -> str:
    """What `shell` is to read once, to complete `program`."""
    return SCRIPTS[shell].format(name=program)


class Completion(ShellComplete):
    """click's knowledge of what may stand where, asked about a line."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words behind the program, and the one that is being typed, without quotes."""
        # With one more letter, the last word is there also where nothing of it is typed.
        *words, typed = split_arg_string(os.environ.get(LINE, "") + "x")
        return words[1:], typed[:-1]

    def answer(self) -> Iterator[str]:
        """The lines for the shell."""
        args, typed = self.get_completion_args()
        if not self._is_known(args):
            return
        # `--option=value` is one word, of which click completes the value alone.
        head = typed[: typed.index("=") + 1] if typed.startswith("--") and "=" in typed else ""
        cut = _held(typed, os.environ.get(BREAKS, ""))
        for item in self.get_completions(args, typed):
            if item.value.isprintable():
                said = harmless(item.help or "").replace("\n", " ")
                yield f"{item.type}\t{(head + item.value)[cut:]}\t{said}"

    def _is_known(self, args: list[str]) -> bool:
        """Whether the command is one of ours; click would offer another in its place."""
        name = next((word for word in args if not word.startswith("-")), None)
        return name is None or name in COMMANDS


def _held(typed: str, breaks: str) -> int:
    """How many letters bash holds for other words: all up to the last sign that breaks words."""
    return max((typed.rfind(sign) + 1 for sign in ":=" if sign in breaks), default=0)


def answer(commands: click.Command) -> None:
    """Print what completes the line."""
    with suppress(Exception):
        print("\n".join(Completion(commands, {}, PROGRAMS[0], ASKED).answer()), flush=True)
