"""What is in a pickle, a checkpoint of PyTorch, or an array of objects. Loading it runs what is in it."""

import bz2
import gzip
import importlib
import lzma
import mmap
import os
import pickle
import zipfile

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
"""How files of `torch.save` began before they were zip files."""
PACKED = (b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")
"""How files begin that joblib has compressed: no pickle begins so."""
NEEDED = ("numpy", "torch")
"""What holds numbers in a way of its own, and no stub can stand for."""


class ProblemError(Exception):
    """Why a file can't be told."""


class Stub:
    """Stands for a class that the image does not have, as one of the run's own code: it keeps what it is given."""

    def __init__(self, *arguments, **named):  # type: ignore[no-untyped-def]
        self.__dict__["arguments"] = [list(arguments), named] if arguments or named else []

    def __setstate__(self, state: "Any") -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})

    def append(self, item: "Any") -> None:
        """One element of what was a list."""
        self.__dict__.setdefault("items", []).append(item)

    def extend(self, items: "Any") -> None:
        """Some of them."""
        self.__dict__.setdefault("items", []).extend(items)

    def __setitem__(self, key: "Any", value: "Any") -> None:
        self.__dict__.setdefault("entries", {})[key] = value


def found(module: str, name: str, find: "Callable[[str, str], Any]") -> "Any":
    """The class, or a stub for one that is not there."""
    try:
        return find(module, name)
    except (ImportError, AttributeError):
        if module.partition(".")[0] in NEEDED:
            needed = module.partition(".")[0]
            raise ProblemError(f"there is no `{needed}` in the image, or another version") from None
        return type(name, (Stub,), {"__module__": module, "__qualname__": name})


class Lenient(pickle.Unpickler):
    """An unpickler that goes on where a class is missing."""

    def find_class(self, module: str, name: str) -> "Any":
        """As in `pickle`."""
        return found(module, name, super().find_class)


class LenientModule:
    """What `torch.load` asks of a module that it is to take for `pickle`."""

    Unpickler = Lenient
    UnpicklingError = pickle.UnpicklingError
    __name__ = "pickle"

    @staticmethod
    def load(file: "BinaryIO", **options: "Any") -> "Any":
        """As in `pickle`."""
        return Lenient(file, **options).load()


def module(name: str) -> "Any":
    """A library, or None where the image does not have it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def load(path: str) -> "Any":
    """What is in the file."""
    with open(path, "rb") as file:
        head = file.read(len(LEGACY))
    if head[:6] == b"\x93NUMPY" or (head[:2] == b"PK" and not is_torch(path)):
        return of_numpy(path)
    if head[:2] == b"PK" or head == LEGACY:
        return of_torch(path)
    if names(path, b"NumpyArrayWrapper") or (head.startswith(PACKED) and module("joblib")):
        return of_joblib(path)
    return of_pickle(path, opener(head))


def opener(head: bytes) -> "Any":
    """What opens a file that begins so."""
    known: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
    if head.startswith(PACKED) and head[:2] not in known:
        raise ProblemError("there is no `joblib` in the image")
    return known.get(head[:2], open)


def names(path: str, text: bytes) -> bool:
    """Whether the bytes of `text` are anywhere in a file."""
    if os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(text) >= 0


def is_torch(path: str) -> bool:
    """Whether a zip file is one of `torch.save`."""
    with zipfile.ZipFile(path) as zip:
        return any(name.endswith(("/data.pkl", "constants.pkl")) for name in zip.namelist())


def of_torch(path: str) -> "Any":
    """Without running anything if that is possible."""
    torch = module("torch")
    if torch is None:
        raise ProblemError("there is no `torch` in the image")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # Not only weights, or a version that does not know the option.
        return torch.load(path, map_location="cpu", pickle_module=LenientModule, **only(torch, weights_only=False))


def only(torch: "Any", **options: "Any") -> "dict[str, Any]":
    """Those options that this version of `torch.load` knows; others it would hand to the unpickler."""
    import inspect

    return {name: value for name, value in options.items() if name in inspect.signature(torch.load).parameters}


def of_numpy(path: str) -> "Any":
    """Arrays of objects."""
    numpy = module("numpy")
    if numpy is None:
        raise ProblemError("there is no `numpy` in the image")
    loaded = numpy.load(path, allow_pickle=True)
    return {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else loaded


def of_joblib(path: str) -> "Any":
    """A pickle with arrays between, or packed."""
    if module("joblib") is None:
        raise ProblemError("there is no `joblib` in the image")
    from joblib import numpy_pickle

    class Known(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> "Any":
            return found(module, name, super().find_class)

    numpy_pickle.NumpyUnpickler = Known
    return numpy_pickle.load(path)


def of_pickle(path: str, opened: "Callable[[str, str], Any]") -> "Any":
    """One pickle, or a list of all that the file has."""
    values = []
    with opened(path, "rb") as file:
        while file.peek(1):
            values.append(Lenient(file).load())
    if not values:
        raise ProblemError("it is empty")
    return values[0] if len(values) == 1 else values
