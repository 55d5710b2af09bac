"""Which files of the code one run used. Pure.

A trace names what Python opened (docs/explanation/trace.md). What it can't see is added where it is known to be needed,
and all code is taken where the trace does not say enough.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator

from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.record.code.snapshots import DIRECTORY, LINK, CodeEntry
from snapshot.record.document import Run
from snapshot.record.reads import ReadsFile
from snapshot.share import bundle

PAST_PYTHON = {
    "cv2": (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".mp4", ".avi", ".xml"),
    "h5py": (".h5", ".hdf5", ".hdf"),
    "lmdb": (".mdb",),
    "onnxruntime": (".onnx",),
    "polars": (".parquet", ".csv", ".arrow", ".feather", ".ndjson", ".json"),
    "pyarrow": (".parquet", ".csv", ".arrow", ".feather", ".orc", ".json"),
    "safetensors": (".safetensors",),
    "sentencepiece": (".model", ".vocab"),
    "tables": (".h5", ".hdf5", ".hdf"),
    "tokenizers": (".json", ".txt"),
    "torchaudio": (".wav", ".flac", ".mp3", ".ogg"),
    "torchvision": (".png", ".jpg", ".jpeg"),
    "xgboost": (".libsvm", ".txt", ".csv", ".buffer", ".json", ".ubj"),
}
"""Packages that open files past Python, and how such files are called."""

_PYTHONS = ("python", "pypy", "torchrun", "accelerate", "deepspeed")
_ABOUT_THE_MACHINE = frozenset(
    {
        *(
            "uname",
            "hostname",
            "id",
            "whoami",
            "nproc",
            "getconf",
            "lscpu",
            "free",
            "df",
            "sysctl",
            "arch",
            "dmidecode",
        ),
        *("nvidia-smi", "rocm-smi", "nvcc", "ptxas", "fatbinary", "cuobjdump", "ldconfig", "ldd", "objdump", "readelf"),
        *(
            "gcc",
            "g++",
            "cc",
            "c++",
            "clang",
            "clang++",
            "ld",
            "as",
            "ar",
            "which",
            "git",
            "lsb_release",
            "stty",
            "tput",
        ),
    }
)
"""Programs that libraries start to learn where they are, and compilers of what they wrote themselves."""
_PYTHON_ENDINGS = (".py", ".ipynb")
_ABOUT = re.compile(
    r"(?:(?:un)?licen[cs]es?|copying|notice)(?:[-_.](?!(?:.*\.)?py$)[^/]*)?|citation\.cff", re.IGNORECASE
)


class Selection(Value, kw_only=True, frozen=True):
    """The code of an export."""

    paths: frozenset[str]
    """Files and links, as the file system functions give names."""
    traced: bool
    """Whether these are what the run was seen to use, and not all there was."""
    reason: str
    """Why all is taken, or what was added to the trace; empty when nothing was."""


def select(run: Run, entries: Iterable[CodeEntry], reads: ReadsFile | None, *, all_code: bool = False) -> Selection:
    """What of `entries`, the run's code snapshot, belongs into an export."""
    entries = tuple(entries)
    files = {from_text(entry.path) for entry in entries if entry.mode != DIRECTORY}
    files |= {from_text(taken.target) for taken in run.taken}
    read = {from_text(path) for path in reads.project} if reads else set()
    reason = "it was asked for (`--all-code`)" if all_code else _not_traced(run, reads)
    if reason or reads is None:
        left = {from_text(path) for path in run.code.leftovers} - read if reads else set()
        return Selection(paths=frozenset(files - left), traced=False, reason=reason)
    links = {from_text(entry.path): from_text(entry.target) for entry in entries if entry.mode == LINK}
    chosen = read & files
    chosen |= {from_text(taken.target) for taken in run.taken}
    chosen |= _named(run, files)
    chosen |= {path for path in files if is_about(path)}
    unseen = tuple(ending for name in reads.modules for ending in PAST_PYTHON.get(name, ()))
    added = {path for path in files - chosen if path.lower().endswith(unseen)} if unseen else set()
    added -= {from_text(path) for path in run.code.leftovers}
    chosen = _with_links(chosen | added, links, files)
    chosen |= set(_packages(chosen, files))
    opened = ", ".join(sorted(name for name in reads.modules if name in PAST_PYTHON))
    return Selection(paths=frozenset(chosen), traced=True, reason=f"{opened} can open them unseen" if added else "")


def is_about(path: str) -> bool:
    """Whether a file of the project, in its top folder, says how it may be used and cited."""
    return _ABOUT.fullmatch(path) is not None


def _not_traced(run: Run, reads: ReadsFile | None) -> str:
    """Why the trace does not tell what the run used; empty when it does."""
    if reads is None or not reads.processes:
        return "the run was not traced"
    if not reads.complete:
        return "the run opened more files than its trace has"
    if not _is_python(run):
        return "the run is no Python program, whose files its trace would have"
    started = sorted({posixpath.basename(from_text(path)) for path in reads.programs})
    if others := [name for name in started if not name.startswith(_PYTHONS) and name not in _ABOUT_THE_MACHINE]:
        return f"the run started `{display(others[0])}`, whose files its trace would not have"
    return ""


def _is_python(run: Run) -> bool:
    program = posixpath.basename(run.command.argv[0]) if run.command.argv else ""
    if run.command.kind == "script":
        return program.endswith(_PYTHON_ENDINGS)
    return run.command.kind == "module" or program.startswith(_PYTHONS)


def _named(run: Run, files: Collection[str]) -> set[str]:
    """The script, and files that arguments name, also after `=`."""
    folder = posixpath.join(run.project, from_text(run.command.directory))
    texts = {part for word in run.command.argv for part in (word, word.partition("=")[2]) if part}
    paths = {posixpath.normpath(posixpath.join(folder, text)) for text in texts}
    return {path.removeprefix(f"{run.project}/") for path in paths} & set(files)


def _with_links(chosen: set[str], links: dict[str, str], files: Collection[str]) -> set[str]:
    """`chosen`, and what it takes for links to lead where they led: the files behind them.

    A path through a link to a folder is in no snapshot, so the trace can't have it: such a folder is taken whole.
    """
    found = set(chosen)
    for link, text in links.items():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(link), text))
        behind = {path for path in files if path.startswith(f"{target}/")}
        if link in chosen or target in chosen or behind:
            found |= {link} | behind | ({target} & set(files))
    return found


def _packages(chosen: Collection[str], files: Collection[str]) -> Iterator[str]:
    """The `__init__.py` of every folder above a module: an import of it may have come from byte code elsewhere."""
    for path in chosen:
        if path.endswith(_PYTHON_ENDINGS):
            yield from (init for parent in bundle.parents(path) if (init := f"{parent}/__init__.py") in files)


def folders(run: Run, entries: Iterable[CodeEntry], selection: Selection) -> frozenset[str]:
    """The folders of the snapshot that the export has even where they are empty: those that outputs went into."""
    there = {from_text(entry.path) for entry in entries if entry.mode == DIRECTORY}
    if not selection.traced:
        return frozenset(there)
    needed = {parent for output in run.outputs for parent in bundle.parents(from_text(output.path))}
    needed |= {posixpath.normpath(from_text(run.command.directory))}
    return frozenset(there & needed)
