from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, index_of
from snapshot.digest import CHUNK, PREFIX, hex_of
from snapshot.document import Value, encode_json
from snapshot.errors import DifferentError, StoreError, UsageError
from snapshot.project.names import display, to_text
from snapshot.record import labels
from snapshot.record.lineage import Origin
from snapshot.record.store import Store

LARGE = 256 << 20
"""Bytes from which on reading a file is said to go on."""
EMPTY = PREFIX + hashlib.sha256().hexdigest()

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
# What `sha256sum` prints, and with `--tag`; a backslash in front says that it escapes the name.
_LINE = re.compile(r"\\?(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})(?:\s[ *]?(?P<name>.*))?")
_TAGGED = re.compile(r"\\?SHA256 \((?P<name>.*)\) = (?P<sha256>[0-9a-fA-F]{64})")


class Asked(Value, frozen=True):
    """Bytes whose origin is asked for."""

    text: str
    """As typed, or as read."""
    sha256: str


@click.command("which", short_help=COMMANDS["which"])
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=completing.files)
@click.option("--json", "as_json", is_flag=True, help="All runs that wrote each FILE, as a JSON list.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Tell which runs wrote the bytes of each FILE, wherever it lies now, and what these were made of.

    FILE is a file, a sha256, or `-`: each line of the input is a sha256 then, or a line of `sha256sum`.

    \b
    Example:
      snap which model.pt
      snap which sha256:1f825aa2f0020ef7cf91dfa30da4668d791c5d4824fc8e41354b89ec05795ab3
      sha256sum checkpoints/* | snap which -
    """
    store = Place.here().store
    asked = [one for name in files for one in _asked(name)]
    found = _origins(store, asked)
    if as_json:
        from snapshot.report.which import object_of

        answers = [object_of(to_text(one.text), one.sha256, found[one.sha256], labels.tags(store)) for one in asked]
        click.echo(encode_json(answers), nl=False)
    else:
        _tell(store, asked, found)
    unknown = [one for one in asked if not found[one.sha256]]
    if unknown:
        _refuse(store, asked, unknown)


def _asked(name: str) -> Iterator[Asked]:
    """What one argument asks for; a file that is named like a digest is a file."""
    if name == "-":
        yield from _listed(sys.stdin.buffer)
    elif (match := _DIGEST.fullmatch(name)) and not os.path.lexists(name):
        yield Asked(name, PREFIX + match[1].lower())
    else:
        yield Asked(name, _sha256(name))


def _listed(lines: Iterator[bytes]) -> Iterator[Asked]:
    for number, line in enumerate(lines, 1):
        text = os.fsdecode(line.strip())
        if match := _LINE.fullmatch(text) or _TAGGED.fullmatch(text):
            yield Asked(match["name"] or match["sha256"], PREFIX + match["sha256"].lower())
        elif text:
            raise UsageError(f"line {number} of the input is no sha256: `{display(text[:80])}`")


def _sha256(name: str) -> str:
    """The digest of a file's bytes; raises UsageError for what is none."""
    path = Path(name)
    try:
        found = path.stat()
    except FileNotFoundError:
        raise UsageError(f"there is no file `{display(name)}`") from None
    if stat.S_ISDIR(found.st_mode):
        hint = "`find FOLDER -type f -exec sha256sum {} + | snap which -` asks for all files in it"
        raise UsageError(f"`{display(name)}` is a folder", hint=hint)
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"`{display(name)}` is no regular file")
    if found.st_size < LARGE:
        return _read(path, None, 0)
    with terminal.step(f"reading {display(name)}") as step:
        return _read(path, step, found.st_size)


def _read(path: Path, step: terminal.Step | None, size: int) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if step and done % LARGE < CHUNK:
                step.moved(done, size)
    return PREFIX + digest.hexdigest()


def _origins(store: Store, asked: Sequence[Asked]) -> dict[str, tuple[Origin, ...]]:
    """The runs that wrote each digest, the oldest first."""
    from snapshot.record.lineage import which
    from snapshot.record.recall import reader

    record_of = reader(store)
    writers = index_of(store).writers({one.sha256 for one in asked})
    return {one.sha256: which(writers.get(one.sha256, ()), record_of) for one in asked}


def _tell(store: Store, asked: Sequence[Asked], found: dict[str, tuple[Origin, ...]]) -> None:
    from snapshot.report.lineage import Names
    from snapshot.report.which import answer

    names, now, tags = Names(store.ids()), datetime.now(UTC), labels.tags(store)
    known = [one for one in asked if found[one.sha256]]
    pages = [answer(display(one.text), one.sha256, found[one.sha256], names=names, now=now, tags=tags) for one in known]
    if pages:
        click.echo("\n\n".join(pages))


def _refuse(store: Store, asked: Sequence[Asked], unknown: Sequence[Asked]) -> None:
    """Say of each that it is not known, as far as is cheap to say also why; exit code 1."""
    from snapshot.record.code import packs

    code: Collection[bytes] = ()
    with suppress(OSError, StoreError):
        code = packs.load(store.path).places
    said = []
    for one in unknown:
        reason = ""
        if one.sha256 == EMPTY:
            reason = ": it is empty, as files of any run may be"
        elif bytes.fromhex(hex_of(one.sha256)) in code:
            reason = ": it is a file of the code that runs were given"
        said.append(f"`{display(one.text)}` is no output of any run here{reason}")
    if len(asked) == 1:
        raise DifferentError(said[0], hint="see `snap ls`; a run of another project is known in that project's folder")
    for line in said:
        terminal.warn(line)
    raise DifferentError(f"{len(unknown)} of {len(asked)} are no output of any run here", hint="see `snap ls`")
