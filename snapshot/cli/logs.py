from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.digest import CHUNK
from snapshot.errors import StoreError


@click.command("logs", short_help=COMMANDS["logs"])
@click.argument("run", default="latest", shell_complete=completing.runs)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--json", "as_json", is_flag=True, help="One object with the run's ID and what it printed so far.")
def command(run: str, follow: bool, as_json: bool) -> None:
    """Print what RUN printed, both streams: byte for byte into a pipe or a file. A terminal gets colours and progress
    bars; all else that it would obey is shown as an escape, since a log may be somebody else's.

    \b
    Example:
      snap logs
      snap logs -f latest
    """
    place = Place.here()
    run_id = place.store.find(run)
    chunks = _chunks(place, run_id, follow=follow and not as_json)
    if sys.stdout.isatty() and not as_json:
        _show(chunks)
        return
    for chunk in _as_json(run_id, chunks) if as_json else chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _show(chunks: Iterator[bytes]) -> None:
    """On a terminal, which has its own colours again afterwards, also after Ctrl-C."""
    from snapshot.report.printed import Printed

    printed = Printed(plain=not terminal.draws(sys.stdout))
    try:
        for chunk in chunks:
            print(printed.shown(chunk), end="", flush=True)
    finally:
        print(printed.end(), end="", flush=True)


def _as_json(run_id: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The document in pieces: a log may be larger than the memory."""
    import codecs

    import msgspec

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begin = b'{\n  "log": "'
    for chunk in chunks:
        yield begin + msgspec.json.encode(decoder.decode(chunk))[1:-1]
        begin = b""
    yield begin + msgspec.json.encode(decoder.decode(b"", final=True))[1:-1]
    yield b'",\n  "run": ' + msgspec.json.encode(run_id) + b"\n}\n"


def _chunks(place: Place, run_id: str, *, follow: bool) -> Iterator[bytes]:
    """The log that is kept, or what the engine has of a run that goes on."""
    log = place.store.folder(run_id) / "log"
    if log.exists():
        with log.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        return
    record = place.store.read(run_id)
    if place.engine.container(record.container) is None:
        if record.status in ("finished", "failed"):
            raise StoreError(f"run `{run_id}` has no log: {(record.exit and record.exit.error) or 'it never ran'}")
        raise StoreError(f"run `{run_id}` is just starting", hint="try again in a moment")
    yield from place.engine.logs(record.container, follow=follow)
