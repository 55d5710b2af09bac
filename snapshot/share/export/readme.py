"""What an export says to whoever opens it. Pure."""

from __future__ import annotations

import shlex

from snapshot import resources
from snapshot.lock.document import Lock
from snapshot.project.names import display, from_text
from snapshot.record.document import Run
from snapshot.share.export import recipe
from snapshot.share.export.document import PublicRun

_MOST = 20
"""Numbers that are shown; `run.public.json` has all."""


def render(run: Run, public: PublicRun, lock: Lock, *, base: str) -> str:
    """The text of README.md; `base` is where the base image comes from, in words."""
    host = public.host
    return resources.render(
        "export.md.j2",
        command=display(shlex.join(public.command.argv)).replace("`", "'"),
        commands=[recipe.build(run), recipe.repeat(run, public)],
        base=base,
        platform=public.platform,
        system=lock.os.name,
        host=host,
        memory=f"{host.memory / 2**30:.0f} GiB" if host else "",
        seconds=round(public.seconds) if public.seconds is not None else None,
        gpus=bool(public.gpus),
        missing=[data for data in _shown(public) if not data["included"]],
        written=[data for data in _shown(public) if data["written"]],
        unset=public.unset,
        metrics=[
            (display(metric.name).replace("|", "\\|"), metric.value)
            for metric in public.metrics
            if "." not in metric.name
        ][:_MOST],
        outputs=any(output.sha256 for output in public.outputs),
        traced=public.traced,
    )


def _shown(public: PublicRun) -> list[dict[str, object]]:
    return [
        {
            "place": display(from_text(data.place)),
            "digest": data.digest,
            "kind": data.kind,
            "manifest": data.manifest,
            "included": data.included,
            "written": data.written,
        }
        for data in public.data
    ]
