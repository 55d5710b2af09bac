"""Files of every kind, damaged at random: something that a document can hold is said of them."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from snapshot.compare.outputs import compare
from snapshot.document import encode_json
from tests.unit.compare.test_arrays import npy, npz, tensors
from tests.unit.compare.test_events import events, scalar
from tests.unit.compare.test_outputs import side


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray((np.random.default_rng(0).random((9, 7, 3)) * 255).astype("u1")).save(file, kind)
    return file.getvalue()


FILES = {
    "m.json": b'{"loss": [1, 2.5, NaN], "at": "2026-11-29 10:00:00", "x": {"a": null}}',
    "m.jsonl": b'{"a":1,"t":"x"}\n{"a":2}\n',
    "m.csv": b'step,loss\n1,0.5\n2,"a,b"\n',
    "m.csv.gz": gzip.compress(b"a,b\n1,2\n"),
    "m.log": b"2026-11-29 10:00:00 epoch 1 loss 0.5 took 3 s /tmp/a/b\n[00:12<00:30, 4.5it/s]\n",
    "m.npy": npy(np.array([(1, "ab"), (2, "c")], "i4,U2")),
    "m.npz": npz(a=np.arange(5), b=np.ones(2)),
    "packed.npz": npz(pack=np.savez_compressed, a=np.arange(500)),
    "m.safetensors": tensors(a=np.ones(3, "f4"), b=np.zeros((2, 2), "f2")),
    "events.out.tfevents.1795952601.host.1.0": events(1, scalar("loss", 0.5), scalar("acc", 0.5)),
    **{f"p.{kind}": picture(kind.upper()) for kind in ("png", "jpeg", "gif", "tiff", "webp", "bmp")},
}


@settings(max_examples=40, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 10_000),
)
@pytest.mark.parametrize("name", FILES)
def test_damage_is_never_a_crash(name: str, changes: list[tuple[int, int]], cut: int | None):
    whole = FILES[name]
    data = bytearray(whole)
    for at, value in changes:
        data[at % len(data)] = value
    if cut is not None:
        del data[cut % len(data) :]
    with tempfile.TemporaryDirectory() as folder:
        sides = [side(Path(folder, letter), {name: bytes(file)}) for letter, file in (("a", whole), ("b", data))]
        (found,) = compare(*sides)
    encode_json(found)
