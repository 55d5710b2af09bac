"""Documents on disk (`snap.lock`, `run.json`, `snap.toml` …) become frozen values once, strictly, at the door.

Each document class carries its kind and version in a `schema` field; an unknown key is an error that says which
key was probably meant. JSON is written with sorted keys so that equal values are equal bytes.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar

import msgspec

from snapshot.errors import SnapshotError, StoreError

T = TypeVar("T")


class Value(msgspec.Struct, frozen=True):
    """Base of immutable values: a frozen dataclass in all but the time that making the class takes, 0.03 ms against
    0.7, which every start of the program pays for each.
    """


class Document(Value, frozen=True, forbid_unknown_fields=True):
    """Base of every value that is stored as, or part of, a document: immutable, and strict when read.

    Subclasses with fields say `kw_only=True` themselves: msgspec does not hand it down.
    """


_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")


def decode(value: object, kind: type[T], *, where: str, error: type[SnapshotError] = StoreError) -> T:
    """`value` (of `tomllib` or JSON) as a `kind`.

    Raises `error` naming `where` and the key when a key is unknown, missing or of the wrong type.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as problem:
        raise error(f"{where}: {_said(problem, kind)}", hint=_hint(problem, kind)) from None


def decode_json(data: bytes, kind: type[T], *, where: str, error: type[SnapshotError] = StoreError) -> T:
    """The JSON document `data` as a `kind`; raises as `decode` does, also when `data` is no JSON."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as problem:
        raise error(f"{where}: {_said(problem, kind)}", hint=_hint(problem, kind)) from None
    except msgspec.DecodeError as problem:
        raise error(f"{where} is not a JSON document: {str(problem).lower()}") from None
    except RecursionError:
        raise error(f"{where} is not a document of `snap`: it nests too deep") from None


def encode_json(value: object) -> bytes:
    """Canonical JSON of a document: keys in order, two spaces, a new line at the end."""
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"


def to_builtins(value: object) -> Any:
    """`value` as dicts, lists and scalars, for TOML and `--json`."""
    return msgspec.to_builtins(value, order=None)


def check_schema(value: object, schema: str, *, where: str, error: type[SnapshotError] = StoreError) -> None:
    """Raises `error` unless `value` says it is a document of kind and version `schema`."""
    said = value.get("schema") if isinstance(value, dict) else None
    if said == schema:
        return
    kind, _, version = schema.partition("/")
    if isinstance(said, str) and said.startswith(kind + "/"):
        newer = said.removeprefix(kind + "/")
        raise error(
            f"{where} is a `{said}` document, and this version reads `{kind}/{version}`",
            hint="upgrade with `pip install --upgrade snapshot-ml`" if newer > version else "make it anew",
        )
    raise error(f'{where} is not a `{kind}` document: it does not begin with `schema = "{schema}"`')


def _said(problem: msgspec.ValidationError, kind: type) -> str:
    text = str(problem)
    match = _UNKNOWN.search(text)
    if match:
        return f"unknown key `{match['field']}`" + (f" in `{match['path']}`" if match["path"] else "")
    return text[:1].lower() + text[1:]


def _hint(problem: msgspec.ValidationError, kind: type) -> str | None:
    match = _UNKNOWN.search(str(problem))
    if not match:
        return None
    known = _fields_at(kind, match["path"] or "$")
    close = difflib.get_close_matches(match["field"], known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(f'`{name}`' for name in known)}"


def _fields_at(kind: type, path: str) -> list[str]:
    """The keys that the object at msgspec's `path` (`$.packages[0]`) may have."""
    info: Any = msgspec.inspect.type_info(kind)
    for step in re.findall(r"\.([^.\[]+)|(\[)", path):
        if isinstance(info, msgspec.inspect.UnionType):
            info = next(t for t in info.types if not isinstance(t, msgspec.inspect.NoneType))
        if step[1]:
            info = getattr(info, "item_type", None) or getattr(info, "value_type", None)
        else:
            info = next(field.type for field in info.fields if field.encode_name == step[0])
    if isinstance(info, msgspec.inspect.UnionType):
        info = next(t for t in info.types if not isinstance(t, msgspec.inspect.NoneType))
    return [field.encode_name for field in getattr(info, "fields", ())]
