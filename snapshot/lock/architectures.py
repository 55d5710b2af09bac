"""The GPU architectures that the locked framework was built for, asked of itself in the image; that needs no GPU.

jax and cupy compile on the device: there is nothing to ask.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from snapshot.errors import HostError
from snapshot.host.container import Container, run_tool
from snapshot.lock import document
from snapshot.lock.document import Lock

# What `torch.cuda.get_arch_list()` reads; that itself was empty without a GPU in older versions.
_QUESTIONS = {
    "torch": "import torch; found = torch._C._cuda_getArchFlags().split()",
    "tensorflow": "import tensorflow; found = tensorflow.sysconfig.get_build_info()['cuda_compute_capabilities']",
}
_QUESTIONS["tensorflow-gpu"] = _QUESTIONS["tensorflow"]
# What a framework prints while it is imported must not get into the answer.
_SCRIPT = "import os; answer = os.dup(1); os.dup2(2, 1); {question}; os.write(answer, ' '.join(found).encode())"
_ARCHITECTURE = re.compile(r"(?:sm|compute)_\d{2,4}[af]?", re.ASCII)
_PATIENCE = 300
"""Seconds: importing from a cold disk takes its time."""


def are_to_ask(lock: Lock) -> bool:
    """Whether `lock` has a framework that tells, and does not know yet what it tells."""
    return lock.cuda is not None and not lock.cuda.architectures and _framework(lock) is not None


def ask(image: str, lock: Lock, *, warn: Callable[[str], None]) -> tuple[str, ...]:
    """What the framework of `lock` in `image` was built for, as in `("sm_80", "compute_90")`.

    Empty where the lock has no framework that tells; also where it can't be asked, of which `warn` hears.
    """
    framework = _framework(lock)
    if framework is None:
        return ()
    container = Container(
        image=image,
        command=(lock.python.executable, "-c", _SCRIPT.format(question=_QUESTIONS[framework])),
        user=f"{os.getuid()}:{os.getgid()}",
        environment=(("HOME", "/tmp"),),
        network="none",
        remove=True,
    )
    try:
        done = run_tool(container, timeout=_PATIENCE)
    except HostError as problem:
        warn(f"{framework} was not asked for its GPU architectures: {problem.message}")
        return ()
    if done.code != 0:
        warn(f"{framework} does not tell its GPU architectures: {done.last_words[:200]}")
    return tuple(name for name in done.stdout.split() if _ARCHITECTURE.fullmatch(name))


def note(root: Path, lock: Lock, architectures: tuple[str, ...]) -> Lock:
    """`lock` with `architectures`, also in the project's `snap.lock` if that is this lock; its identity stays.

    Raises HostError when the file can't be written.
    """
    from snapshot.host.files import write_atomic

    if lock.cuda is None or not architectures or lock.cuda.architectures == architectures:
        return lock
    path = root / document.FILE_NAME
    is_of_project = document.read(path) == lock
    noted = _with(lock, architectures)
    if is_of_project:
        write_atomic(path, document.dumps(noted).encode())
    return noted


def carried(old: Lock | None, lock: Lock) -> Lock:
    """`lock`, with the architectures of `old` where both have the framework's same wheel."""
    if old is None or old.cuda is None or lock.cuda is None or lock.cuda.architectures:
        return lock
    framework = _framework(lock)
    if framework is None or _wheel(old, framework) != _wheel(lock, framework):
        return lock
    return _with(lock, old.cuda.architectures)


def _framework(lock: Lock) -> str | None:
    if lock.cuda is None:
        return None
    return next((name for name in _QUESTIONS if any(package.name == name for package in lock.packages)), None)


def _wheel(lock: Lock, name: str) -> str | None:
    return next((package.wheel.sha256 for package in lock.packages if package.name == name), None)


def _with(lock: Lock, architectures: tuple[str, ...]) -> Lock:
    assert lock.cuda is not None
    # Written anew, so in the form that is written now.
    cuda = msgspec.structs.replace(lock.cuda, architectures=architectures)
    return msgspec.structs.replace(lock, cuda=cuda, schema=document.SCHEMA)
