"""Pickles are loaded in a container of the run's image, never on the host: to load one is to run what is in it.

The container has the files, a script, and nothing else: no network, no rights, nothing to write to but some memory.
What it prints is as untrusted as the pickle, see `formats.pickles`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeAlias

from snapshot.errors import HostError
from snapshot.host.container import Container, Mount, run_tool_into
from snapshot.host.files import disk_errors

Unpickle: TypeAlias = Callable[[Sequence[Path], BinaryIO], None]
"""Loads pickles where it does no harm, and writes what is in them, one after the other, to a file. Raises
SnapshotError when that is not possible."""

SCRIPTS = Path(__file__).parent / "inside"
PLACE = "/snap/pickles"
ROLE = "unpickle"
SECONDS = 600
"""And one more for each so many bytes."""
BYTES_A_SECOND = 10 << 20
GROWTH, ROOM = 4, 64 << 20
"""So many times the size of the files, and so much more, may be printed of what is in them."""
MEMORY, COPIES = 2 << 30, 4
"""Bytes for Python and its libraries, and how often the largest file may lie there beside."""
LOCKED_UP = (
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--log-driver=none", "--pids-limit=512"),
    "--tmpfs=/tmp:rw,nosuid,nodev,size=64m",
)


def unpickle_in(image: str) -> Unpickle:
    """Loads in containers of `image`."""

    def unpickle(files: Sequence[Path], into: BinaryIO) -> None:
        sizes = [file.stat().st_size for file in files]
        with disk_errors(Path(str(into.name))):
            done = run_tool_into(
                _container(image, files, MEMORY + COPIES * max(sizes)),
                into,
                most=ROOM + GROWTH * sum(sizes),
                timeout=SECONDS + sum(sizes) / BYTES_A_SECOND,
            )
        if done.code in (126, 127):
            raise HostError("the image has no `python3`", hint="compare the files by hand")
        if done.code == 137:
            raise HostError("loading it took more memory than there is", hint="compare the files by hand")
        if done.code:
            raise HostError(f"loading it broke off: {done.last_words}", hint="compare the files by hand")

    return unpickle


def _container(image: str, files: Sequence[Path], memory: int) -> Container:
    targets = [f"{PLACE}/files/{number}" for number in range(len(files))]
    mounts = (Mount(source=str(f.resolve()), target=t, read_only=True) for f, t in zip(files, targets, strict=True))
    return Container(
        image=image,
        command=("python3", f"{PLACE}/inside/pickles.py", *targets),
        # They may be readable for their owner only.
        user=f"{os.getuid()}:{os.getgid()}",
        workdir="/",
        environment=(("HOME", "/tmp"), ("PYTHONDONTWRITEBYTECODE", "1")),
        labels=(("org.snapshot-ml.role", ROLE),),
        mounts=(Mount(source=str(SCRIPTS.resolve()), target=f"{PLACE}/inside", read_only=True), *mounts),
        network="none",
        remove=True,
        options=(*LOCKED_UP, f"--memory={memory}", f"--memory-swap={memory}"),
    )
