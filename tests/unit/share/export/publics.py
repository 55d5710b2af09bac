"""Public records, for tests of what is said of an export."""

from __future__ import annotations

from typing import Any

import msgspec

from snapshot.record.document import Run
from snapshot.share.export import lock as locks
from snapshot.share.export import record
from snapshot.share.export.document import PublicRun
from tests.unit.record.records import a_run
from tests.unit.share.kits import a_lock


def a_public(run: Run | None = None, **changes: Any) -> PublicRun:
    found = record.public(run or a_run(), locks.public(a_lock()), code=(), traced=True, placed=())
    return msgspec.structs.replace(found, **changes)
