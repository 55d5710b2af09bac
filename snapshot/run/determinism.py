"""`--deterministic` and `--seed`: what makes a training repeat itself, set from outside the script.

Variables that frameworks go by, and what `inside/determined.py` does in the container. docs/explanation/determinism.md
says of each knob what it is for, where that is documented, and what can't be had.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from snapshot.document import Document
from snapshot.host.container import Mount
from snapshot.host.files import make_dirs, remove_tree
from snapshot.record.document import Determinism, Nondeterminism, Request, Run
from snapshot.run.trace import PLACE

FOLDER = "determinism"
"""In the run's folder: one file for each process."""
VARIABLE = "SNAP_DETERMINISM"
SEEDS: Final = "seeds"
WARN: Final = "warn"
STRICT: Final = "strict"
LARGEST_SEED = 2**32 - 1
"""What all of the generators take: NumPy's and Python's hash have 32 bits."""

_FIXED = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "NVIDIA_TF32_OVERRIDE": "0",
    "TORCHINDUCTOR_DETERMINISTIC": "1",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_CUDNN_DETERMINISTIC": "1",
    "NCCL_ALGO": "Ring",
    "NCCL_PROTO": "Simple",
    "NCCL_NVLS_ENABLE": "0",
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_XLA = "XLA_FLAGS"
"""One variable with many options: ours come after hers."""
_XLA_FLAGS = "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"
_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
_OLDEST = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}

_MOST_WARNINGS = 100
"""Different ones that the record has."""
_MOST_FILES = 1000
_LARGEST = 1 << 24
"""Bytes of a file of notes that are read."""


def asked(
    mode: str | None, seed: int | None, given: Mapping[str, str], *, threads: int, cpu_flags: Collection[str]
) -> Determinism | None:
    """What is to be set; None when nothing is asked for. `given` is the environment that she gave, which comes first.

    `threads` is how many the run may use at once, `cpu_flags` what the processor can: both are written down, so that a
    rerun elsewhere has the same.
    """
    if mode is None and seed is None:
        return None
    seed = seed or 0
    found = {"PYTHONHASHSEED": str(seed)}
    if mode is not None:
        found |= _FIXED | dict.fromkeys(_THREADS, str(threads)) | (_AVX2 if "avx2" in cpu_flags else _OLDEST)
        found[_XLA] = f"{given.get(_XLA, '')} {_XLA_FLAGS}".strip()
    kept = {name: value for name, value in sorted(found.items()) if name not in given or name == _XLA}
    return Determinism(mode=mode or SEEDS, seed=seed, environment=kept)


def threads_of(request: Request, cores: int) -> int:
    """How many threads a run may use at once on a machine with so many cores."""
    return max(1, min(cores, int(float(request.cpus)))) if request.cpus else cores


def variables(wanted: Determinism, given: Mapping[str, str]) -> dict[str, str]:
    """What the container has in its environment, with what she gave."""
    ours = {**wanted.environment, VARIABLE: f"{wanted.mode}:{wanted.seed}"}
    return {**ours, **given, **({_XLA: ours[_XLA]} if _XLA in ours else {})}


def start(library: str) -> str:
    """The line of a `.pth` file that does it in a container with our package at `library`."""
    file = Path(__file__).parent / "inside" / "snapshot-run.pth"
    return file.read_text(encoding="ascii").splitlines()[-1].replace(f"{PLACE}/lib", library) + "\n"


def mounts(run_folder: Path) -> tuple[Mount, ...]:
    """Where the processes of the run note what they did; makes the folder. Raises HostError as `make_dirs` does."""
    make_dirs(run_folder / FOLDER)
    return (Mount(source=str(run_folder / FOLDER), target=f"{PLACE}/{FOLDER}"),)


def gathered(run_folder: Path, run: Run) -> Run:
    """`run` with what its processes noted; can be asked again until `discard`."""
    folder = run_folder / FOLDER
    if run.determinism is None or not folder.is_dir():
        return run
    notes = [note for path in sorted(os.listdir(folder))[:_MOST_FILES] for note in _notes(folder / path)]
    frameworks = sorted({f"{note.framework} {note.version}".strip() for note in notes if note.version is not None})
    times: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for note in notes:
        if note.warning is not None:
            times[note.warning, note.stack] += note.times
    found = msgspec.structs.replace(
        run.determinism,
        frameworks=tuple(frameworks),
        warnings=tuple(
            Nondeterminism(message=message, stack=stack, times=count)
            for (message, stack), count in sorted(times.items())[:_MOST_WARNINGS]
        ),
    )
    problems = sorted({f"`{note.framework}` could not be set up: {note.problem}" for note in notes if note.problem})
    return msgspec.structs.replace(run, determinism=found, notes=(*run.notes, *problems[:_MOST_WARNINGS]))


class _Note(Document, kw_only=True, frozen=True):
    """A line of what a process of the training noted, which can write there, too."""

    framework: str = ""
    version: str | None = None
    problem: str | None = None
    warning: str | None = None
    stack: tuple[str, ...] = ()
    times: int = 1


def _notes(path: Path) -> Iterator[_Note]:
    with suppress(OSError):
        # Neither a link nor a FIFO is followed or waited for.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(file, "rb") as reader:
            data = reader.read(_LARGEST) if stat.S_ISREG(os.fstat(file).st_mode) else b""
        for line in data.split(b"\n"):
            with suppress(msgspec.MsgspecError):
                yield msgspec.json.decode(line, type=_Note)


def discard(run_folder: Path) -> None:
    """Remove what was noted, once the record is final."""
    if (run_folder / FOLDER).exists():
        remove_tree(run_folder / FOLDER)
