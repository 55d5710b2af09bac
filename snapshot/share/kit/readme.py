"""What a kit says to whoever opens it, with or without `snap`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snapshot.image.dockerfile import Layer
from snapshot.lock.document import Lock
from snapshot.project.names import display, from_text
from snapshot.record.document import Run
from snapshot.resources import template_dir
from snapshot.share.kit import commands
from snapshot.share.kit.document import SUMS, Kit

_COMPARE = f"(cd opt/snap/outputs && find . -type f -exec cmp {{}} ../../../{commands.COPY}/{{}} \\;)"


def render(run: Run, lock: Lock, layers: Sequence[Layer], kit: Kit) -> str:
    """The text of README.md."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template("kit.md.j2").render(
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
