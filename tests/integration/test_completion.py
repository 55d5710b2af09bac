"""Completion in real shells: what stands on the line after a Tab."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from snapshot.record import labels
from snapshot.record.index import Index
from snapshot.record.store import Store
from tests.machine import alone
from tests.terminal import Terminal, terminal
from tests.unit.record.stores import trained

STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
GREETINGS = {
    "bash": "PS1='$ '; bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'\n"
    "eval \"$(snap completion bash)\"; clear; echo re''ady\n",
    "zsh": "PS1='$ '; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D\n"
    "eval \"$(snap completion zsh)\"; clear; echo re''ady\n",
    "fish": "function fish_prompt; echo '$ '; end; snap completion fish | source; clear; echo re''ady\n",
}
HOSTILE = ("$(touch done)", "`touch done`", "';touch done;'", '";touch done;"', "k';touch done;'", 'k";touch done;"')
"""Tags that a shell would obey, were they put on its line as they are."""


@pytest.fixture(scope="module", params=list(STARTS))
def shell(request, command) -> str:
    """The name of a shell that is here, or was just installed."""
    name: str = request.param
    if shutil.which(name) is None:
        if os.getuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip(f"there is no {name}")
        with alone():
            command("apt-get", "update", "-qq")
            done = command("apt-get", "install", "-y", "-qq", "--no-install-recommends", name, check=False)
        if done.returncode != 0:
            pytest.skip(f"{name} can't be had here")
    return name


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 30 runs, one of them with a tag, one with a name that has a space."""
    place = tmp_path_factory.mktemp("completion")
    for name in ("snap.toml", "train.py", "data.csv"):
        (place / name).write_text("")
    store = Store(place)
    for number in range(30):
        outputs = {"model.pt": b"%d" % number, "deep/er/a b.txt": b"x", "m\x1b[31m": b""}
        run = trained(store, number, outputs, {}, name="my run" if number == 3 else None, parameters={"lr": "0.1"})
    Index(store).refresh()  # as the end of each run does
    labels.tag(store, run.id, "best", "2026-01-01T00:00:00Z")
    for hostile in ("e\x1b[2Jvil", *HOSTILE):
        labels.tag(store, run.id, hostile, "2026-01-01T00:00:00Z")
    return place


@pytest.fixture
def typed(shell: str, project: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A shell that waits at its prompt."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "xterm"}
    with terminal(STARTS[shell], cwd=project, env=env, columns=160) as screen:
        screen.until(lambda: bool(screen.lines))
        screen.type(GREETINGS[shell])
        screen.until(lambda: "ready" in screen.lines)
        yield screen


def line(screen: Terminal) -> str:
    """What stands at the prompt."""
    return next((line for line in reversed(screen.lines) if line.startswith("$ ")), "")


@pytest.mark.parametrize(
    ("keys", "becomes"),
    [
        ("snap sho\t", "snap show"),
        ("snap show be\t", "snap show best"),
        ("snap -q show --js\t", "snap -q show --json"),
        ("snap run --from best:mod\t", "snap run --from best:model.pt"),
        ("snap run --from=best:mod\t", "snap run --from=best:model.pt"),
        ("snap run --from best:deep/er/\t", "snap run --from best:deep/er/a\\ b.txt"),
        ("snap run train.py da\t", "snap run train.py data.csv"),
        ("snap show my\t", "snap show my\\ run"),
        ("snap run train.py --nam\t", "snap run train.py --nam"),
        ("snap ls --columns id,l\t", "snap ls --columns id,lr"),
    ],
)
def test_what_is_typed_is_completed(typed: Terminal, keys: str, becomes: str):
    typed.type(keys + "#")  # an end, so that a space behind is seen or not
    typed.until(lambda: "#" in line(typed) and line(typed).split("#")[0].rstrip() == f"$ {becomes}")


def test_runs_are_listed_with_what_they_are(typed: Terminal, shell: str):
    typed.type("snap show \t\t")
    typed.until(lambda: "".join(typed.lines).count("T0000000") > 10)
    shown = "\n".join(typed.lines)
    assert "latest" in shown and "best" in shown and "vil" not in shown
    if shell != "bash":
        assert "ok, " in shown


def test_a_tag_that_a_shell_would_obey_is_a_word_or_not_offered(typed: Terminal, project: Path, shell: str):
    starts = ["\\$", "\\`", "\\'", '\\"', "k\\'", 'k\\"']
    if shell != "fish":  # which gives no sign of a quote that is open still
        starts += ["'$", '"$', "'`", '"`', "\"'", "'\"", "k\"'", "k'\""]
    for start in starts:
        typed.type(f"snap show {start}\t#")
        typed.until(lambda: "#" in typed.lines[-1])
        typed.type("\x01echo \x05\n")
        typed.until(lambda: "#" not in typed.lines[-1])
        typed.type("\x03")  # where a quote is open still
        typed.until(lambda: typed.lines[-1].strip() == "$")
    assert not (project / "done").exists()
