"""Kinds of files, and what compares two of each: by name, and where that says nothing by how they begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from snapshot.compare.tally import PickledError, Tally

Compare: TypeAlias = Callable[[BinaryIO, BinaryIO, Tally], None]
"""Tells a tally what differs between two files; raises IncomparableError where it can't be told."""

_KINDS = {
    **dict.fromkeys(("json", "geojson"), "json"),
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    **dict.fromkeys(("csv", "tsv"), "csv"),
    "ipynb": "notebook",
    "npy": "npy",
    "npz": "npz",
    "safetensors": "safetensors",
    **dict.fromkeys(("pt", "pth", "ckpt", "pkl", "pickle", "joblib"), "pickle"),
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "pgm", "ppm"), "image"),
}
_LOOKS = 8000
"""Bytes at the beginning of a file that tell what it is."""


def kind_of(name: str, first: BinaryIO, second: BinaryIO) -> str:
    """The kind of two files with this name: a word of `Compared.kind`."""
    base = name.rpartition("/")[2].lower()
    suffix = base.rpartition(".")[2]
    heads = [_head(file) for file in (first, second)]
    known = "events" if base.startswith("events.out.tfevents.") else _KINDS.get(suffix)
    if known:
        return known
    if suffix == "bin" and all(_is_pickle(head) for head in heads):
        return "pickle"
    return "text" if all(_is_text(head) for head in heads) else "bytes"


def compare_of(kind: str) -> Compare:
    """What compares two files of a kind, imported when it is asked for."""
    match kind:
        case "json" | "jsonl":
            from snapshot.compare.formats import objects

            return objects.compare_json if kind == "json" else objects.compare_lines
        case "notebook":
            from snapshot.compare.formats import notebooks

            return notebooks.compare
        case "csv":
            from snapshot.compare.formats import tables

            return tables.compare
        case "npy" | "npz":
            from snapshot.compare.formats import numpy

            return numpy.compare_npy if kind == "npy" else numpy.compare_npz
        case "safetensors":
            from snapshot.compare.formats import safetensors

            return safetensors.compare
        case "image":
            from snapshot.compare.formats import images

            return images.compare
        case "events":
            from snapshot.compare.formats import events

            return events.compare
        case "pickle":
            return _of_pickle
        case "text":
            from snapshot.compare.formats import texts

            return texts.compare
        case _:
            from snapshot.compare.formats import blobs

            return blobs.compare


def _of_pickle(first: BinaryIO, second: BinaryIO, tally: Tally) -> None:
    """Only a container tells what is in it: see `pickles`."""
    raise PickledError


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(_LOOKS)
    file.seek(0)
    return head


def _is_pickle(head: bytes) -> bool:
    """Whether it begins as what `torch.save` writes, a zip file with `NAME/data.pkl` in front, or as a pickle."""
    return (head[:4] == b"PK\x03\x04" and b"/data.pkl" in head[:300]) or (head[:1] == b"\x80" and head[1:2] <= b"\x05")


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as problem:
        # The last letter may be cut off.
        return problem.start > len(head) - 4 and len(head) == _LOOKS
    return True
