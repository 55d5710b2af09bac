"""A value of Python as a list of leaves, each with a place of its own, and the bytes of its arrays."""

import itertools
import sys

from loading import ProblemError, Stub

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Leaf = dict[str, Any]
    Read = Callable[[], Iterator[Any]]

MOST = 200000
"""Values of one file."""
DEEPEST = 150
LONGEST = 10000
"""Characters of a text."""
FEW = 16
"""Numbers in a list that are told one by one; more are an array."""
CHUNK = 1 << 20
TENSORS = {
    "torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16",
    "torch.complex64": "C64", "torch.complex128": "C128", "torch.bool": "BOOL",
    "torch.int64": "I64", "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8",
    "torch.uint64": "U64", "torch.uint32": "U32", "torch.uint16": "U16", "torch.uint8": "U8",
    "torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2",
    "torch.float8_e4m3fnuz": "F8_E4M3FNUZ", "torch.float8_e5m2fnuz": "F8_E5M2FNUZ", "torch.float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip
ARRAYS = {"bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}
"""Types that `ml_dtypes` adds to NumPy."""


class Telling:
    """Takes a value apart into leaves, each of which has a place of its own."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.arrays: list[Read] = []
        self.size = 0
        self.places: set[str] = set()
        self.above: dict[int, str] = {}
        self.torch = sys.modules.get("torch")
        self.numpy = sys.modules.get("numpy")

    def leaf(self, at: str, thing: str, **said: "Any") -> None:
        """One more; places that are written alike are told apart by primes."""
        if len(self.leaves) >= MOST:
            raise ProblemError(f"it holds more than {MOST:,} values")
        while at in self.places:
            at += "'"
        self.places.add(at)
        self.leaves.append({"at": text(at), "thing": text(thing), **said})

    def array(self, at: str, thing: str, dtype: str, shape: "tuple[int, ...]", size: int, read: "Read") -> None:
        """One whose bytes come later."""
        self.leaf(at, thing, dtype=dtype, shape=list(shape), start=self.size)
        self.arrays.append(read)
        self.size += size

    def value(self, value: "Any", at: str, depth: int = 0) -> None:
        """Anything."""
        kind = type(value)
        if value is None or kind is bool:
            self.leaf(at, kind.__name__, value=str(value))
        elif kind in (int, float):
            self.leaf(at, kind.__name__, value=repr(value), number=True)
        elif kind is complex:
            self.leaf(below(at, "real", 0), "complex", value=repr(value.real), number=True)
            self.leaf(below(at, "imag", 0), "complex", value=repr(value.imag), number=True)
        elif kind is str:
            self.leaf(at, "str", value=text(value))
        elif kind in (bytes, bytearray):
            self.array(at, kind.__name__, "|V1", (len(value),), len(value), lambda: pieces(value))
        elif id(value) in self.above:
            self.leaf(at, name_of(kind), value=f"that which it is within: {self.above[id(value)]}")
        elif depth > DEEPEST:
            self.leaf(at, name_of(kind), unknown="it is nested too deep")
        else:
            self.above[id(value)] = at
            self.compound(value, kind, at, depth + 1)
            del self.above[id(value)]

    def compound(self, value: "Any", kind: type, at: str, depth: int) -> None:
        """What has parts."""
        if self.torch is not None and isinstance(value, self.torch.Tensor):
            self.tensor(value, kind, at, depth)
        elif self.numpy is not None and isinstance(value, (self.numpy.ndarray, self.numpy.generic)):
            self.ndarray(value, kind, at, depth)
        elif isinstance(value, (type, type(len), type(text))):
            self.leaf(at, kind.__name__, value=name_of(value))
        elif isinstance(value, dict):
            self.leaf(at, name_of(kind))
            for number, (key, inner) in enumerate(value.items()):
                self.value(inner, below(at, key, number), depth)
            self.attributes(value, at, depth)
        elif isinstance(value, (list, tuple)):
            self.sequence(value, kind, at, depth)
            self.attributes(value, at, depth)
        elif isinstance(value, (set, frozenset)):
            self.leaf(at, name_of(kind), value=str(len(value)))
            self.value(sorted(value, key=repr), below(at, "elements", 0), depth)
        elif isinstance(value, Stub):
            self.leaf(at, name_of(kind))
            self.attributes(value, at, depth)
        else:
            self.object(value, kind, at, depth)

    def sequence(self, value: "Any", kind: type, at: str, depth: int) -> None:
        """A list of many numbers is told as an array."""
        kinds = set(map(type, value)) if len(value) > FEW else set()
        if kinds == {float} or (kinds == {int} and all(-(2**63) <= n < 2**63 for n in value)):
            code, name = ("d", "F64") if kinds == {float} else ("q", "I64")
            self.array(at, name_of(kind), name, (len(value),), 8 * len(value), lambda: packed(value, code))
            return
        self.leaf(at, name_of(kind), value=str(len(value)))
        for number, inner in enumerate(value):
            self.value(inner, f"{at}[{number}]", depth)

    def attributes(self, value: "Any", at: str, depth: int) -> None:
        """What hangs on a value beside its elements."""
        for name, inner in sorted(getattr(value, "__dict__", {}).items()):
            self.value(inner, below(at, name, 0), depth)

    def tensor(self, value: "Any", kind: type, at: str, depth: int) -> None:
        """One of PyTorch."""
        thing, dtype = name_of(kind), TENSORS.get(str(value.dtype))
        value = value.detach().cpu()
        if str(value.layout) == "torch.sparse_coo":
            value = value.coalesce()
            self.leaf(at, thing, value=f"sparse {list(value.shape)}")
            self.value(value.indices(), below(at, "indices", 0), depth)
            self.value(value.values(), below(at, "values", 0), depth)
        elif str(value.layout) != "torch.strided" or dtype is None or value.is_meta:
            self.leaf(at, thing, unknown=f"it is a tensor of the kind {value.layout}, {value.dtype}")
        else:
            size = value.numel() * value.element_size()
            self.array(at, thing, dtype, tuple(value.shape), size, lambda: of_tensor(value))

    def ndarray(self, value: "Any", kind: type, at: str, depth: int) -> None:
        """One of NumPy, or a number of it."""
        value, thing = self.numpy.asarray(value), name_of(kind)  # type: ignore[union-attr]
        if value.dtype.names:
            self.leaf(at, thing, value=f"records {list(value.shape)}")
            for name in value.dtype.names:
                self.value(value[name], below(at, name, 0), depth)
        elif value.dtype.hasobject:
            self.leaf(at, thing, value=f"objects {list(value.shape)}")
            for number, inner in enumerate(value.ravel().tolist()):
                self.value(inner, f"{at}[{number}]", depth)
        else:
            dtype = ARRAYS.get(value.dtype.name, value.dtype.str)
            self.array(at, thing, dtype, value.shape, value.nbytes, lambda: of_ndarray(value, self.numpy))

    def object(self, value: "Any", kind: type, at: str, depth: int) -> None:
        """Anything else, by what a pickle would say of it."""
        try:
            said = value.__reduce_ex__(4)
        except Exception as problem:
            self.leaf(at, name_of(kind), unknown=f"it can't be taken apart: {text(str(problem))}")
            return
        self.leaf(at, name_of(kind), value=said if isinstance(said, str) else name_of(said[0]))
        if isinstance(said, str):
            return
        arguments, state, items, entries = (*said[1:5], None, None, None, None)[:4]
        if getattr(said[0], "__name__", "") in ("__newobj__", "__newobj_ex__", "_reconstructor"):
            arguments = arguments[1:]  # the class, which is told already
        for name, part in (
            ("arguments", arguments),
            ("state", state),
            ("items", listed(items)),
            ("entries", dict(entries or ())),
        ):
            if isinstance(part, dict) and name == "state":
                for key, inner in part.items():
                    self.value(inner, below(at, key, 0), depth)
            elif part:
                self.value(part, below(at, name, 0), depth)


def listed(items: "Any") -> "list[Any]":
    """The elements that an iterator still has."""
    return list(itertools.islice(items, MOST)) if items is not None else []


def below(at: str, key: "Any", number: int) -> str:
    """The place of what lies at `key`: a key that is no simple value goes by its number."""
    if isinstance(key, str):
        return f"{at}.{key}" if at else key
    if key is None or isinstance(key, (bool, int, float)):
        return f"{at}[{key!r}]"
    if isinstance(key, tuple) and all(k is None or isinstance(k, (str, bool, int, float)) for k in key):
        return f"{at}[{key!r}]"
    return f"{at}[key {number}]"


def name_of(thing: "Any") -> str:
    """Of a class or a function."""
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    where = getattr(thing, "__module__", None) or ""
    return name if where in ("builtins", "") else f"{where}.{name}"


def text(value: str) -> str:
    """A text that JSON can hold; of a long one the beginning, and what tells it from others."""
    if len(value) > LONGEST:
        import hashlib

        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        value = f"{value[:100]}… ({len(value)} characters, sha256:{digest})"
    return value.encode("utf-8", "backslashreplace").decode()


def pieces(data: "Any") -> "Iterator[Any]":
    """Bytes, some at a time."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


def packed(numbers: "Any", code: str) -> "Iterator[bytes]":
    """Numbers as their bytes."""
    import struct

    for start in range(0, len(numbers), CHUNK):
        some = numbers[start : start + CHUNK]
        yield struct.pack(f"<{len(some)}{code}", *some)


def of_ndarray(value: "Any", numpy: "Any") -> "Iterator[Any]":
    """The bytes of an array, row by row."""
    if value.nbytes:
        yield from pieces(numpy.ascontiguousarray(value).reshape(-1).view("u1").data)


def of_tensor(value: "Any") -> "Iterator[Any]":
    """The bytes of a tensor, which need no NumPy."""
    import ctypes

    value = value.resolve_conj().resolve_neg() if hasattr(value, "resolve_conj") else value
    value = value.contiguous()
    size = value.numel() * value.element_size()
    if size:
        yield from pieces((ctypes.c_ubyte * size).from_address(value.data_ptr()))
