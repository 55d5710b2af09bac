"""What a kit says to whoever opens it, with or without `snap`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot import resources
from snapshot.image.dockerfile import Layer
from snapshot.lock.document import Lock
from snapshot.project.names import display, from_text
from snapshot.record.document import Run
from snapshot.share.kit import commands
from snapshot.share.kit.document import SUMS, Kit

_COMPARE = f"(cd opt/snap/outputs && find . -type f -exec cmp {{}} ../../../{commands.COPY}/{{}} \\;)"


def render(run: Run, lock: Lock, layers: Sequence[Layer], kit: Kit) -> str:
    """The text of README.md."""
    return resources.render(
        "kit.md.j2",
        run=run.id,
        image=kit.image,
        store=kit.store,
        commands=list(_commands(run, lock, layers)),
        data=("here" if kit.data else "missing") if run.data else "none",
        places=[display(commands.place_of_data(from_text(data.target))) for data in run.data],
    )


def _commands(run: Run, lock: Lock, layers: Sequence[Layer]) -> Iterator[str]:
    yield f"sha256sum --quiet -c {SUMS}"
    yield commands.load()
    yield commands.build(lock, layers)
    yield f"cp -a workspace {commands.COPY}"
    yield commands.repeat(run, lock)
    if any(output.sha256 for output in run.outputs):
        yield _COMPARE
