from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place
from snapshot.compare import code, stored
from snapshot.compare.runs import RunDifference, Side, difference
from snapshot.document import encode_json
from snapshot.errors import StoreError, UsageError
from snapshot.record.code.snapshots import CodeEntry
from snapshot.record.data import manifest
from snapshot.record.document import Run
from snapshot.record.store import Store
from snapshot.report import diff, text

if TYPE_CHECKING:
    from snapshot.lock.document import Lock


@click.command("diff", short_help=COMMANDS["diff"])
@click.argument("old", metavar="[RUN", default="latest~1", shell_complete=completing.runs)
@click.argument("new", metavar="[RUN]]", default="latest", shell_complete=completing.runs)
@click.option("--code", "only_code", is_flag=True, help="Only the code, as a patch for `patch -p1`.")
@click.option("--stat", is_flag=True, help="Of code only the names of files and how many lines differ.")
@click.option("--full", is_flag=True, help="All lines, however many.")
@click.option("--json", "as_json", is_flag=True, help="The differences as a JSON object.")
@click.pass_context
def command(ctx: click.Context, old: str, new: str, only_code: bool, stat: bool, full: bool, as_json: bool) -> None:
    """Compare two runs: arguments, code, packages, platform, devices, data, results. Exit 1 if anything differs.

    The first RUN is by default the one before the latest, the second the latest.

    \b
    Example:
      snap diff
      snap diff baseline
      snap diff --code baseline latest | git apply
    """
    if only_code + stat + full + as_json > 1:
        raise UsageError("`--code`, `--stat`, `--full` and `--json` exclude each other", hint="keep one of them")
    store = Place.here().store
    with store.lock_shared():  # what is compared is not swept away meanwhile
        runs = store.read(store.find(old)), store.read(store.find(new))
        if only_code:
            ctx.exit(_print_patch(store, *runs))
        same = _compare(store, runs, as_json=as_json, stat=stat, full=full)
    ctx.exit(0 if same else 1)


def _compare(store: Store, runs: tuple[Run, Run], *, as_json: bool, stat: bool, full: bool) -> bool:
    """Print what differs; whether nothing does."""
    with terminal.step("comparing"):
        found = difference(*_sides(store, *runs), partial(manifest.diff, store.path))
        patches = {} if as_json else dict(_patches(found, stored.reader(store)))
    if as_json:
        click.echo(encode_json(found), nl=False)
    else:
        most, most_code = (None, None) if full else (diff.MOST, 0 if stat else diff.MOST_CODE)
        click.echo(diff.page(found, runs, patches, datetime.now(UTC), most=most, most_code=most_code))
    return found.same


def _sides(store: Store, old: Run, new: Run) -> tuple[Side, Side]:
    same_code = old.code.identity == new.code.identity
    first, second = (
        Side(run=run, lock=_lock(store, run), code=None if same_code else _entries(store, run)) for run in (old, new)
    )
    return first, second


def _lock(store: Store, run: Run) -> Lock | None:
    from snapshot.lock import document

    try:
        return document.read(store.folder(run.id) / document.FILE_NAME)
    except StoreError as problem:
        terminal.warn(f"run {run.id}: {problem.message}")
        return None


def _entries(store: Store, run: Run) -> tuple[CodeEntry, ...] | None:
    try:
        return stored.own(store, run)
    except StoreError as problem:
        terminal.warn(f"run {run.id}: {problem.message}")
        return None


def _patches(found: RunDifference, read: code.Read) -> Iterator[tuple[str, code.Patch | str]]:
    for change in found.code:
        try:
            yield change.path, code.patch(change, read)
        except StoreError as problem:
            yield change.path, problem.message


def _print_patch(store: Store, old: Run, new: Run) -> int:
    """The exit code; raises StoreError where the patch would not be whole."""
    if old.code.identity == new.code.identity:
        return 0
    read = stored.reader(store)
    before, after = (stored.own(store, run) for run in (old, new))
    for change in code.changes(before, after):
        patch = code.patch(change, read)
        lines = (*patch.head, *patch.lines)
        if sys.stdout.isatty():
            click.echo(diff.patch(lines))
        else:
            sys.stdout.buffer.write(b"".join(lines))
        if patch.binary:
            terminal.warn(f"`{text.shown(change.path)}` is no text: the patch only names it")
    return 1
