"""What a repository of a registry holds: its runs by their annotations alone, nothing of them is fetched."""

from __future__ import annotations

from collections.abc import Callable

from snapshot.document import Value
from snapshot.host.registry import Registry, parse
from snapshot.record.summary import Summary
from snapshot.share.oci import told


class Remote(Value, kw_only=True, frozen=True):
    """A run in a registry."""

    tags: tuple[str, ...]
    digest: str
    """Of the manifest."""
    summary: Summary
    annotations: dict[str, str]
    """All that is told of it."""


class Listing(Value, kw_only=True, frozen=True):
    """What a repository holds."""

    runs: tuple[Remote, ...]
    """Newest first."""
    others: tuple[str, ...]
    """Tags of what is no run."""


def listing(reference: str, told_of: Callable[[int, int], None] = lambda done, total: None) -> Listing:
    """The runs of the repository `reference`, or the one at its tag; `told_of` hears how many tags of how many.

    Raises UsageError when it is no name, NetworkError when the registry is out of reach or refuses.
    """
    target = parse(reference)
    registry = Registry(target)
    asked = target.digest or target.tag
    names = (asked,) if asked else registry.tags()
    found: dict[str, Remote] = {}
    others: list[str] = []
    for number, name in enumerate(names):
        told_of(number, len(names))
        manifest = registry.get_manifest(name)
        if manifest is None:  # removed meanwhile
            continue
        annotations = told.annotations_of(manifest.data)
        summary = told.summary_of(annotations)
        if summary is None:
            others.append(name)
            continue
        tags = (*found[manifest.digest].tags, name) if manifest.digest in found else (name,)
        found[manifest.digest] = Remote(tags=tags, digest=manifest.digest, summary=summary, annotations=annotations)
    runs = sorted(found.values(), key=lambda one: (one.summary.created, one.digest), reverse=True)
    return Listing(runs=tuple(runs), others=tuple(others))
