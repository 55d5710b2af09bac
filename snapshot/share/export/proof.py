"""What an export is worth is shown before it is handed over: plain Docker builds it, and trains it again."""

from __future__ import annotations

import os
from pathlib import Path

from snapshot.host import buildx
from snapshot.host.engine import Engine
from snapshot.record.document import Run
from snapshot.share.export import recipe


def build(engine: Engine, folder: Path, run: Run) -> None:
    """Build the export in `folder` as its README says, under a name that is taken away again.

    Raises BuildError, HostError or EngineError when that fails.
    """
    reference = f"{recipe.name(run)}:proof-{os.getpid()}"
    try:
        buildx.build_folder(folder, reference=reference)
    finally:
        engine.untag(reference)
