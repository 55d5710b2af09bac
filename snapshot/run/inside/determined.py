"""Runs at the start of every Python of a training that is to repeat itself: seeds, and deterministic algorithms.

`snapshot-run.pth` in the image's site-packages starts it where SNAP_DETERMINISM is set: `seeds:7`, `warn:7` or
`strict:7`, a mode and a seed. The frameworks are set up when the program imports them. What was done, and what a
framework says that it can't do, is noted in FOLDER, a line of JSON each.

Whatever goes wrong here is noted, and the training goes on.
"""

import os
import sys

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FOLDER = "/run/snapshot/determinism"
MOST = 100
"""Warnings of a process that are noted."""
FRAMES = 30

MODE, _, SEED_TEXT = os.environ["SNAP_DETERMINISM"].partition(":")
SEED = int(SEED_TEXT)
NUMPY_LARGEST = 2**32
"""Seeds of NumPy's global generator are below."""


def note(**entry: "Any") -> None:
    """Write it at once; each process has a file of its own."""
    import json

    try:
        with open(f"{FOLDER}/{os.getpid()}", "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError:  # a full disk, or another root folder
        pass


def numpy_random(module: "Any") -> None:
    module.seed(SEED % NUMPY_LARGEST)


def torch(module: "Any") -> None:
    module.manual_seed(SEED)
    if MODE == "seeds":
        return
    listen()
    module.use_deterministic_algorithms(True, warn_only=MODE != "strict")
    backends = module.backends
    backends.cudnn.benchmark = False
    backends.cudnn.deterministic = True
    backends.cudnn.allow_tf32 = False
    backends.cuda.matmul.allow_tf32 = False


def tensorflow(module: "Any") -> None:
    module.random.set_seed(SEED)
    if MODE != "seeds":
        module.config.experimental.enable_op_determinism()


ACTS: "dict[str, Callable[[Any], None]]" = {"numpy.random": numpy_random, "torch": torch, "tensorflow": tensorflow}


def listen() -> None:
    """Note what PyTorch says of operations without a deterministic implementation, and where they were called."""
    import warnings

    shown = warnings.showwarning
    count = 0

    def showwarning(message: "Any", *rest: "Any", **more: "Any") -> None:
        nonlocal count
        text = str(message)
        if "deterministic" in text and count < MOST:
            count += 1
            note(warning=text, stack=stack())
        shown(message, *rest, **more)

    warnings.showwarning = showwarning


def stack() -> "list[str]":
    """Where the program is, the outermost first."""
    import traceback
    import warnings

    ours = (__file__, warnings.__file__)
    frames = [frame for frame in traceback.extract_stack() if frame.filename not in ours]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]]


class Finder:
    """Asks the other finders for a framework, and acts when its module is complete."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        act = ACTS.get(name)
        if act is None:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    follow(spec.loader, name, act)
                return spec
        return None


def follow(loader: "Any", name: str, act: "Callable[[Any], None]") -> None:
    """Act after the loader has executed the module; the loader itself stays the one that it is."""
    execute = loader.exec_module

    def exec_module(module: "Any") -> None:
        del loader.exec_module
        execute(module)
        if ACTS.pop(name, None) is None:
            return
        try:
            act(module)
        except Exception as problem:
            note(framework=name, problem=f"{type(problem).__name__}: {problem}")
        else:
            package = name.partition(".")[0]
            note(framework=package, version=str(getattr(sys.modules.get(package), "__version__", "")))

    try:
        loader.exec_module = exec_module
    except AttributeError:  # a loader with slots
        note(framework=name, problem="its loader can't be followed")


def start() -> None:
    """Seed what is here, and wait for the rest."""
    import random

    random.seed(SEED)
    sys.meta_path.insert(0, Finder())


if not hasattr(sys, "_snapshot_determined"):
    sys._snapshot_determined = True  # type: ignore[attr-defined]  # a `.pth` file can be read twice
    start()
