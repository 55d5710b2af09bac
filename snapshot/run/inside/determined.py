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
"""Different warnings of a process that are noted."""
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

    ear = Ear(warnings)
    warnings.showwarning = ear.show
    warnings.filters = Filters([("always", ear, Warning, None, 0), *warnings.filters])


class Ear:
    """In the place of a filter's pattern: it hears of every warning, also where the program silences them.

    What it is about is then said as often as the program's own filters would have it.
    """

    def __init__(self, warnings: "Any") -> None:
        self._warnings, self._shown = warnings, warnings.showwarning
        self._count: dict[tuple[object, ...], int] = {}
        self._said: dict[Any, Any] = {}
        self._is_repeating = False

    def match(self, text: str) -> bool:
        """Whether it is heard of each time, which takes that nobody else shows it."""
        if self._is_repeating or "deterministic" not in text:
            return False
        self._hear(text)
        return bool(self._warnings.showwarning == self.show)

    def _hear(self, text: str) -> None:
        """Note the first time at each place, and then as often as makes little to write: 1, 2, 4, 8, 16."""
        key = (text, *places())
        if key in self._count or len(self._count) < MOST:
            count = self._count[key] = self._count.get(key, 0) + 1
            if count & (count - 1) == 0:
                note(warning=text, stack=stack(), times=count - count // 2)

    def show(self, message: "Any", category: "Any", filename: str, lineno: int, *more: "Any", **named: "Any") -> None:
        """Show what others would; what it heard itself goes through the program's filters once more."""
        if self._is_repeating or "deterministic" not in str(message):
            self._shown(message, category, filename, lineno, *more, **named)
            return
        self._is_repeating = True
        try:
            self._warnings.warn_explicit(message, category, filename, lineno, module_of(filename), self._said)
        finally:
            self._is_repeating = False


class Filters(list):  # type: ignore[type-arg]
    """The filters of `warnings`, of which the first stays the first."""

    def insert(self, place: "Any", item: "Any") -> None:
        list.insert(self, max(int(place), 1) if self else place, item)

    def __getitem__(self, place: "Any") -> "Any":
        found = list.__getitem__(self, place)
        return Filters(found) if isinstance(place, slice) else found

    def __setitem__(self, place: "Any", items: "Any") -> None:
        first = self[:1]
        list.__setitem__(self, place, items)
        if isinstance(place, slice) and self[:1] != first:
            list.__setitem__(self, slice(0, 0), first)


def module_of(filename: str) -> "str | None":
    """The name of the module that is executed there now, by which filters go."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_filename != filename:
        frame = frame.f_back  # type: ignore[assignment]
    return frame.f_globals.get("__name__") if frame is not None else None


def places() -> "list[tuple[object, int]]":
    """Where the program is; quick, since it may be in a loop."""
    found: list[tuple[object, int]] = []
    frame = sys._getframe()
    while frame is not None and len(found) < FRAMES:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return found


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
