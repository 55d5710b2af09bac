"""Pages of the documentation, followed as a reader does: their files are written, their commands are typed.

A fenced block with a title (```` ```python title="train.py" ````) is a file of that name. In a `console` block a line
that begins with `$ ` is typed, `> ` goes on with it, and what stands below is what it prints. There

- a line of `…` stands for any number of lines, and `…` within a line for any text;
- IDs of runs, digests, times and sizes may be others, and so may the number of spaces;
- `snap: building …` and the like may be there or not: what is quick is not told.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
VARYING = [
    (re.compile(r"\b\d{8}T\d{9}-[0-9a-f]{4}\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b"), "DIGEST"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min|h|d)\b(?: ago)?|\bjust now\b"), "TIME"),
    (re.compile(r"\b\d+(?:\.\d+)? [kMG]?B\b"), "SIZE"),
    (re.compile(r"[ \t]+"), " "),
]
DOING = re.compile(r"snap: (?!nothing)[a-z]+ing\b")
END = "\x1eended with "


@dataclass(frozen=True)
class File:
    """What the page shows as a file."""

    name: str
    text: str


@dataclass
class Command:
    """What the page types, and what it says is printed then."""

    typed: str
    shown: list[str] = field(default_factory=list)


def steps(page: str) -> Iterator[File | Command]:
    """Files and commands of a page, in its order."""
    for block in BLOCK.finditer(page):
        if block["title"]:
            yield File(block["title"], block["text"])
        elif block["language"] == "console":
            yield from _commands(block["text"])


def _commands(block: str) -> list[Command]:
    found: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif line.startswith("> ") and not found[-1].shown:
            found[-1].typed += f"\n{line[2:]}"
        else:
            found[-1].shown.append(line)
    return found


def follow(page: Path, folder: Path, env: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
    """Do what `page` says in `folder`, in one shell, and compare what is printed with what the page shows.

    `names` are those of the page that stand for something else here, as for a registry that the test has started.
    """
    text = page.read_text(encoding="utf-8")
    for name, here in (names or {}).items():
        assert name in text, f"{page.name} does not name {name}"
        text = text.replace(name, here)
    todo = list(steps(text))
    commands = [step for step in todo if isinstance(step, Command)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "".join(map(_in_shell, todo))],
        cwd=folder, env={**env, "PATH": path}, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    printed = re.split(rf"{END}(\d+)\n", done.stdout)
    assert len(printed) == 2 * len(commands) + 1, f"{page.name}: the shell ended early\n{done.stdout}{done.stderr}"
    for command, output, code in zip(commands, printed[::2], printed[1::2], strict=False):
        _compare(page.name, command, output, int(code))


def _in_shell(step: File | Command) -> str:
    if isinstance(step, Command):
        return f"{{ {step.typed}\n}} 2>&1\nprintf '{END}%d\\n' $?\n"
    name = shlex.quote(step.name).replace("'~/", "~/'") if step.name.startswith("~/") else shlex.quote(step.name)
    return f"mkdir -p \"$(dirname {name})\"\ncat > {name} <<'END OF FILE'\n{step.text}END OF FILE\n"


def _compare(page: str, command: Command, output: str, code: int) -> None:
    shown, printed = (_plain(lines) for lines in (command.shown, output.splitlines()))
    pattern = "".join("(?:.*\n)*?" if line == "…" else f"{_pattern(line)}\n" for line in shown)
    if not re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)):
        difference = "\n".join(difflib.ndiff(shown, printed))
        raise AssertionError(f"{page}: `{command.typed}` prints something else (-: the page, +: now)\n{difference}")
    # 1 is an answer, as of `snap diff`; what goes wrong is to be seen on the page.
    assert code in (0, 1) or any(line.startswith("error: ") for line in shown), f"`{command.typed}` ended with {code}"


def _plain(lines: list[str]) -> list[str]:
    """Lines without what is another each time, or not there each time, and without empty ones at the end."""
    text = "\n".join(line.rstrip() for line in lines if not DOING.match(line)).rstrip("\n")
    for varying, word in VARYING:
        text = varying.sub(word, text)
    return text.splitlines()


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("…"))
