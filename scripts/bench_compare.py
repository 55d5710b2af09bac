"""What comparing two large files of tensors takes, side by side with `cmp`, and how much memory. Called by
scripts/bench; alone, `--size BYTES` makes the files smaller or larger.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench_table import Row, in_turns

SIZE = 2 << 30
TENSORS = 16
PIECE = 1 << 24
COMPARE = """
import resource, sys
from pathlib import Path
from snapshot.compare.outputs import Side, compare
from snapshot.record.document import Output
name, *folders = sys.argv[1:]
sides = [
    Side(outputs=(Output(path=name, size=(Path(f) / name).stat().st_size, sha256=f, mode=0o644, change="created"),),
         folder=Path(f))
    for f in folders
]
found = compare(*sides)
assert found[0].verdict == "different" and found[0].values, found
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def write(place: Path, size: int, piece: Callable[[int], bytes]) -> None:
    """A file of tensors of 32-bit floats; `piece` says what the numbered piece holds."""
    each = size // TENSORS
    said = {"dtype": "F32", "shape": [each // 4096, 1024]}
    header = json.dumps(
        {f"layer{n}.weight": {**said, "data_offsets": [n * each, (n + 1) * each]} for n in range(TENSORS)}
    ).encode()
    place.parent.mkdir()
    with place.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for number in range(size // PIECE):
            file.write(piece(number))


def floats(seed: int) -> bytes:
    """Random numbers as weights have them: around 0, none of them special."""
    import numpy as np

    return np.random.default_rng(seed).normal(0, 0.02, PIECE // 4).astype("f4").tobytes()


def measure(size: int = SIZE) -> list[Row]:
    """All rows. `cmp` stops at the first byte that differs, so that the files that it gets differ in the last one."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        weights, others = floats(0), floats(1)
        last = weights[:-1] + bytes([weights[-1] ^ 1])
        end = size // PIECE - 1
        write(work / "a/m.safetensors", size, lambda _: weights)
        write(work / "b/m.safetensors", size, lambda n: last if n == end else weights)
        write(work / "c/m.safetensors", size, lambda _: others)
        peak: dict[str, int] = {}

        def ours(other: str) -> Callable[[int], None]:
            def run(_: int) -> None:
                argv = [sys.executable, "-c", COMPARE, "m.safetensors", work / "a", work / other]
                done = subprocess.run(argv, capture_output=True, text=True, check=True)
                peak[other] = max(peak.get(other, 0), int(done.stdout))

            return run

        def cmp(_: int) -> None:
            subprocess.run(["cmp", "-s", work / "a/m.safetensors", work / "b/m.safetensors"], check=False)

        same, differ, theirs = in_turns(3, ours("b"), ours("c"), cmp)
    what = f"two safetensors files of {size / (1 << 30):g} GiB"
    print(f"bench: peak memory {max(peak.values()) / (1 << 20):.0f} MiB (goal ≤ 256)", file=sys.stderr)
    return [
        Row(what=f"{what}, the last number differs", ours=same, floor="`cmp`", theirs=theirs, goal=2),
        Row(what=f"{what}, every number differs", ours=differ, floor="`cmp` of the former", theirs=theirs, goal=2),
    ]


if __name__ == "__main__":
    asked = sys.argv[sys.argv.index("--size") + 1] if "--size" in sys.argv else str(SIZE)
    for row in measure(int(asked)):
        print(*row.cells(), sep=" | ")
