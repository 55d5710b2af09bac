from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice

import click

from snapshot.cli import completing, terminal
from snapshot.cli.app import COMMANDS
from snapshot.cli.place import Place, index_of
from snapshot.document import encode_json
from snapshot.record import labels
from snapshot.record.document import Run
from snapshot.record.forest import Tree, forest, with_parents
from snapshot.record.lineage import ancestors, by_run, descendants, is_weak
from snapshot.record.store import Store
from snapshot.report import tree
from snapshot.report.lineage import Names, Tags
from snapshot.report.text import count


def _count(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"'{value}' is not a number of trees, 1 or more")
    return int(value)


@click.command("log", short_help=COMMANDS["log"])
@click.argument("run", required=False, shell_complete=completing.runs)
@click.option("-n", "--last", metavar="N", callback=_count, help="Only the N trees with the newest runs.")
@click.option("--all", "weak", is_flag=True, help="Also edges of files that were there and not seen to be read.")
@click.option("--json", "as_json", is_flag=True, help="The runs in the order of the drawing, as a JSON list.")
def command(run: str | None, last: int | None, weak: bool, as_json: bool) -> None:
    """Draw how runs descend from each other: all runs, or only what RUN comes from and what came of it.

    \b
    Example:
      snap log
      snap log latest
      snap log --last 1 --json
    """
    store = Place.here().store
    marked = store.find(run) if run else None
    records = _family(store, marked, weak=weak) if marked else with_parents(store.all())
    trees = tuple(islice(forest(records, weak=weak), last))
    if as_json:
        click.echo(encode_json(tree.objects(trees, labels.tags(store))), nl=False)
        return
    ids = store.ids()
    for run_id in ids if not marked else ():
        if records.get(run_id) is None:
            terminal.warn(f"the record of run {run_id} can't be read")
    if not trees:
        terminal.say("no runs yet; start one with `snap run train.py`")
        return
    # click would write UTF-8 to a terminal that says ASCII.
    print(_drawn(trees, Names(ids), labels.tags(store), marked))
    if not weak and (hidden := _hidden(records)):
        terminal.note(f"{count(hidden, 'more edge')} of files that were there and not seen to be read: `--all`")


def _family(store: Store, run_id: str, *, weak: bool) -> Mapping[str, Run | None]:
    """The run, what it descends from, and what descends from it."""
    from snapshot.record.recall import reader

    record_of, index = reader(store), index_of(store)

    def children(parent: str) -> list[str]:
        found = ((child, record_of(child)) for child in index.children(parent))
        return [child for child, record in found if record and parent in by_run(record.parents, weak=weak)]

    own = store.read(run_id)
    return {
        **{ancestor.run: ancestor.record for ancestor in ancestors(own, record_of, weak=weak)},
        **{child: record_of(child) for child in descendants(run_id, children)},
        run_id: own,
    }


def _hidden(records: Mapping[str, Run | None]) -> int:
    """How many more parents there would be with weak edges."""
    edges = [record.parents for record in records.values() if record and any(map(is_weak, record.parents))]
    return sum(len(by_run(found, weak=True)) - len(by_run(found)) for found in edges)


def _drawn(trees: tuple[Tree, ...], names: Names, tags: Tags, marked: str | None) -> str:
    """The drawing, in signs that the terminal's encoding has, and as wide as it is."""
    signs = tree.BOX if _has_box(sys.stdout.encoding) else tree.ASCII
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return tree.drawing(trees, names=names, now=datetime.now(UTC), signs=signs, tags=tags, marked=marked, width=width)


def _has_box(encoding: str) -> bool:
    try:
        (tree.BOX.fork + tree.BOX.corner + tree.BOX.bar + tree.BOX.cut).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
