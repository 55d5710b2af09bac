"""What finishing a run needs to know of its launch, kept in its folder should another `snap` have to do it."""

from __future__ import annotations

from pathlib import Path

from snapshot.document import Document, decode_json, encode_json
from snapshot.host.files import write_atomic

FILE = "launch.json"


class Launch(Document, kw_only=True, frozen=True):
    """The document `launch.json`: what of the launch neither the record nor the code's manifest says."""

    moment: int | None
    """As in `AtLaunch`."""
    data_files: dict[str, tuple[int, int]]


def save_launch(folder: Path, launch: Launch) -> None:
    """Keep it for whoever finishes the run."""
    write_atomic(folder / FILE, encode_json(launch), durable=False)


def read_launch(folder: Path) -> Launch:
    """What `save_launch` kept; raises StoreError when it is damaged."""
    path = folder / FILE
    return decode_json(path.read_bytes(), Launch, where=path.name)
