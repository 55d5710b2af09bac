"""Layers on their way to a registry, one after the other, while the next ones are made."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from snapshot.errors import InterruptError
from snapshot.host.registry import Registry
from snapshot.share.oci.layer import Layer


class Sender:
    """Sends layers in a thread of its own; while it is open, nobody else may ask the same `registry`."""

    def __init__(self, registry: Registry, moved: Callable[[int, int], None]) -> None:
        self._registry, self._moved = registry, moved
        self._jobs: dict[str, Future[None]] = {}
        self._stopped = threading.Event()
        self._done, self._total = 0, 0
        self.sent = 0
        """Bytes that the registry did not have."""

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1)
        return self

    def add(self, layer: Layer) -> None:
        """Have `layer` sent unless the registry has it, and its file removed; raises what went wrong with earlier
        ones."""
        for job in self._jobs.values():
            if job.done():
                job.result()
        if layer.path is not None and layer.digest not in self._jobs:
            self._total += layer.size
            self._jobs[layer.digest] = self._pool.submit(self._send, layer, layer.path)

    def finish(self) -> None:
        """Wait until all of them are there."""
        for job in self._jobs.values():
            job.result()

    def _send(self, layer: Layer, path: Path) -> None:
        before = self._done
        if self._registry.put_blob(layer.digest, layer.size, self._opener(path), self._advance):
            self.sent += layer.size
        self._advance(before + layer.size - self._done)
        path.unlink()

    def _opener(self, path: Path) -> Callable[[int], BinaryIO]:
        def opened(offset: int) -> BinaryIO:
            file = _Source(path, self._stopped)
            file.seek(offset)
            return cast(BinaryIO, file)

        return opened

    def _advance(self, count: int) -> None:
        self._done += count
        self._moved(self._done, self._total)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not waited for: a registry may take its time to answer.
        self._stopped.set()
        self._pool.shutdown(wait=kind is None, cancel_futures=True)


class _Source(io.FileIO):
    """A file that gives no more once nobody wants it to be sent."""

    def __init__(self, path: Path, stopped: threading.Event) -> None:
        super().__init__(path, "rb")
        self._stopped = stopped

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stopped.is_set():
            raise InterruptError("interrupted")
        return super().read(-1 if size is None else size)
