"""Installs wheels into the interpreter that runs it: the only code of ours that runs inside a build.

`install_wheels.py FOLDER` installs every wheel in FOLDER, byte-compiled, such that the same wheels always leave the
same bytes: `.pyc` files are checked by nothing (PEP 552, unchecked hash), and every file and folder that is touched
carries SOURCE_DATE_EPOCH. The library `installer` says what goes where; the copying, inflating and compiling, nearly
all of the time, is spread over the cores file by file, so that one large wheel keeps all of them busy.

Imports nothing of the program: it is copied into the build's `tools` context together with `installer`.
"""
# Paths are plain strings here: with tens of thousands of them, pathlib alone takes a second.

from __future__ import annotations

import csv
import gc
import importlib.util
import io
import marshal
import multiprocessing
import os
import re
import shutil
import site
import sys
import sysconfig
import traceback
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.records import RecordEntry, parse_record_file
from installer.sources import WheelFile

COMPILING = 40
"""How much longer compiling a byte of Python takes than inflating one; only the order of the work depends on it."""
BATCHES_PER_CORE = 24


class Job(NamedTuple):
    """One file to copy out of a wheel, and to compile if it is Python."""

    wheel: str
    member: str
    target: str
    executable: bool
    compiled: bool
    cost: int


class Member(io.BytesIO):
    """Stands for a file of a wheel that is copied later: `installer` hands streams from source to destination."""

    def __init__(self, info: zipfile.ZipInfo, record: RecordEntry) -> None:
        super().__init__()
        self.info = info
        self.record = record


class Wheel(WheelFile):
    """A wheel whose contents are named but not read, but for scripts, whose first line `installer` rewrites."""

    def get_contents(self) -> Iterator[Any]:
        """As in the base class: the row of RECORD, a stream, and whether the file is executable."""
        rows = {row[0]: row for row in parse_record_file(self.read_dist_info("RECORD").splitlines())}
        scripts = f"{self.data_dir}/scripts/"
        for info in self._zipfile.infolist():
            if info.is_dir():
                continue
            row = rows.get(info.filename, (info.filename, "", ""))
            executable = bool(info.external_attr >> 16 & 0o111)
            if info.filename.startswith(scripts):
                with self._zipfile.open(info) as stream:
                    yield row, stream, executable
            else:
                yield row, Member(info, RecordEntry.from_elements(*row)), executable


class Destination(SchemeDictionaryDestination):
    """Collects the work that can be shared out, and what RECORD has to say once it is done."""

    def __init__(self, wheel: str, scheme: dict[str, str], changed: Folders) -> None:
        super().__init__(scheme_dict=scheme, interpreter=sys.executable, script_kind="posix")
        self.wheel = wheel
        self.changed = changed
        self.jobs: list[Job] = []
        self.written: list[str] = []
        self.record: tuple[str, str, list[tuple[str, RecordEntry]]] = ("", "", [])

    def write_to_fs(self, scheme: Any, path: str, stream: BinaryIO, is_executable: bool) -> RecordEntry:
        """Puts off what is in the wheel, and writes the rest (scripts, INSTALLER) at once."""
        root = self.scheme_dict[scheme]
        target = os.path.normpath(os.path.join(root, path))
        if not target.startswith(root + os.sep):
            raise ValueError(f"{self.wheel} wants to write {path} outside of {root}")
        if isinstance(stream, Member):
            compiled = path.endswith(".py") and scheme in ("purelib", "platlib")
            cost = stream.info.compress_size * 2 + stream.info.file_size * (COMPILING if compiled else 1)
            self.jobs.append(Job(self.wheel, stream.info.filename, target, is_executable, compiled, cost))
            return RecordEntry(path, stream.record.hash_, stream.record.size)
        self.changed.holds(target)
        remove(target)
        self.written.append(target)
        return super().write_to_fs(scheme, path, stream, is_executable)

    def finalize_installation(self, scheme: Any, record_file_path: str, records: Iterable[Any]) -> None:
        """Keeps the records until it is known what could be compiled."""
        self.record = (scheme, record_file_path, list(records))

    def write_record(self, pycs: set[str]) -> str:
        """Write RECORD, the compiled files among it as pip lists them: without hash and size."""
        scheme, path, records = self.record
        root = self.scheme_dict[scheme]
        rows = set()
        for part, record in records:
            file = os.path.join(self.scheme_dict[part], record.path)
            rows.add((relative(file, root), *record.to_row()[1:]))
            if pyc_of(file) in pycs:
                rows.add((relative(pyc_of(file), root), "", ""))
        target = os.path.join(root, path)
        with open(target, "w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(sorted(rows))
        return target


def main(folder: str) -> None:
    """Install the wheels in `folder`."""
    os.umask(0o022)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    wheels = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".whl"))
    changed = Folders()
    for wheel in wheels:
        clear(replaced(project_of(wheel)), changed)
    destinations = [plan(wheel, changed) for wheel in wheels]
    # Where two wheels bring the same file, the later one's stays, as with pip.
    jobs = {job.target: job for destination in destinations for job in destination.jobs}
    for target in jobs:
        changed.holds(target)
        if jobs[target].compiled:
            changed.holds(pyc_of(target))
    pycs = set(work(list(jobs.values()), epoch))
    written = [file for destination in destinations for file in destination.written]
    written += [destination.write_record(pycs) for destination in destinations]
    for path in [*written, *sorted(changed, reverse=True)]:
        os.utime(path, (epoch, epoch))


class Folders(set):  # type: ignore[type-arg]
    """The folders whose entries change; makes those that are missing.

    No other folder is touched: one store's layers list what was touched, the other's what differs.
    """

    def holds(self, file: str) -> None:
        """Note that `file` is written or removed."""
        folder = os.path.dirname(file)
        if folder in self:
            return
        if not os.path.isdir(folder):
            self.holds(folder)
            os.mkdir(folder)
        self.add(folder)


def plan(wheel: str, changed: Folders) -> Destination:
    """What is to be done for `wheel`; scripts and INSTALLER are written."""
    with zipfile.ZipFile(wheel) as archive:
        source = Wheel(archive)
        scheme = folders()
        scheme["headers"] = os.path.join(scheme.pop("include"), source.distribution)
        destination = Destination(wheel, scheme, changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            install(source, destination, {"INSTALLER": b"snapshot\n"})
    return destination


def folders() -> dict[str, str]:
    """Where this interpreter looks for packages, and what goes with them.

    Before Python 3.10 Debian's `sysconfig` names folders in /usr that are on no path; `site` names the right one.
    """
    paths = {key: sysconfig.get_path(key) for key in ("purelib", "platlib", "scripts", "data", "include")}
    sites = site.getsitepackages()
    if paths["purelib"] in sites:
        return paths
    data = sites[0].split("/lib/")[0]
    include = data + paths["include"][len(paths["data"]) :]
    return {"purelib": sites[0], "platlib": sites[0], "scripts": f"{data}/bin", "data": data, "include": include}


def work(jobs: list[Job], epoch: int) -> Iterator[str]:
    """Do `jobs` on all cores; yields the paths of what was compiled."""
    cores = len(os.sched_getaffinity(0))
    jobs.sort(key=lambda job: (-job.cost, job.target))
    share = sum(job.cost for job in jobs) // (cores * BATCHES_PER_CORE) + 1
    warm_up()
    with multiprocessing.get_context("fork").Pool(cores, initializer=set_epoch, initargs=(epoch,)) as pool:
        for pycs in pool.imap_unordered(do, batches(jobs, share)):
            yield from pycs


def batches(jobs: list[Job], share: int) -> Iterator[list[Job]]:
    """`jobs` in groups of about the cost `share`."""
    batch: list[Job] = []
    cost = 0
    for job in jobs:
        batch.append(job)
        cost += job.cost
        if cost >= share:
            yield batch
            batch, cost = [], 0
    if batch:
        yield batch


_epoch = 0
_archives: dict[str, zipfile.ZipFile] = {}


def set_epoch(epoch: int) -> None:
    """In a worker: the time that files get."""
    global _epoch
    _epoch = epoch
    warnings.simplefilter("ignore")
    gc.disable()  # reference counts free what compiling leaves behind


def do(batch: list[Job]) -> list[str]:
    """In a worker: copy the files of `batch` and compile them; the paths of the compiled ones."""
    done = []
    for job in batch:
        if job.wheel not in _archives:
            _archives[job.wheel] = zipfile.ZipFile(job.wheel)
        archive = _archives[job.wheel]
        if not job.compiled:
            with archive.open(job.member) as source:
                write(job.target, source, job.executable)
            continue
        data = archive.read(job.member)
        write(job.target, data, job.executable)
        bytecode = compiled(data, job.target)
        if bytecode is not None:
            write(pyc_of(job.target), bytecode, False)
            done.append(pyc_of(job.target))
    return done


def write(target: str, source: Any, executable: bool) -> None:
    """Write `target`, whatever was there, with the epoch as its time."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    mode = 0o755 if executable else 0o644
    try:
        descriptor = os.open(target, flags, mode)
    except FileExistsError:
        os.unlink(target)
        descriptor = os.open(target, flags, mode)
    with open(descriptor, "wb", buffering=0) as file:
        if isinstance(source, bytes):
            file.write(source)
        else:
            shutil.copyfileobj(source, file, 1 << 20)
        os.utime(descriptor, (_epoch, _epoch))


def compiled(data: bytes, path: str) -> bytes | None:
    """The `.pyc` file of the source `data`, or None where it is not Python of this version, as some templates are."""
    try:
        code = compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    # PEP 552: magic number, flags (1: hash-based, not checked), hash of the source, code.
    return importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(data) + marshal.dumps(code)


def warm_up() -> None:
    """Import and intern before forking what compiling may need later.

    `marshal` notes whether an object is referenced more than once, so a name that happens to live in one worker and
    not in the other would show in the `.pyc` (CPython issue 78274).
    """
    for source in (b"def", b"x = 1 is 1", b"'\\d'", b"'\\N{DIGIT ONE}'", b"\xff", b"\0"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled(source, "x.py")
    try:
        compile(b"print 1", "x.py", "exec")
    except SyntaxError:
        traceback.format_exc()


def replaced(project: str) -> Iterator[str]:
    """The files of the distribution `project` that is installed already, as its RECORD lists them."""
    found = folders()
    for root in sorted({found["purelib"], found["platlib"]}):
        if not os.path.isdir(root):
            continue
        for name in sorted(os.listdir(root)):
            record = os.path.join(root, name, "RECORD")
            if not name.endswith(".dist-info") or normalized(name.split("-")[0]) != project:
                continue
            if not os.path.exists(record):
                continue
            with open(record, encoding="utf-8", newline="") as file:
                rows = [row for row in csv.reader(file) if row]
            for row in rows:
                target = os.path.normpath(os.path.join(root, row[0]))
                yield target
                if target.endswith(".py"):
                    yield pyc_of(target)


def clear(files: Iterable[str], changed: Folders) -> None:
    """Remove `files`, and the folders that are empty then."""
    for file in files:
        if not remove(file):
            continue
        folder = os.path.dirname(file)
        while not os.listdir(folder):
            os.rmdir(folder)
            changed.discard(folder)
            folder = os.path.dirname(folder)
        changed.add(folder)


def remove(path: str) -> bool:
    """Remove a file; whether there was one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def relative(path: str, root: str) -> str:
    """`path` as RECORD names it."""
    return path[len(root) + 1 :] if path.startswith(root + os.sep) else os.path.relpath(path, root)


def pyc_of(path: str) -> str:
    """Where this interpreter looks for the compiled form of `path`."""
    folder, name = os.path.split(path)
    return f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"


def project_of(wheel: str) -> str:
    """The normalized name (PEP 503) that a wheel's file name begins with."""
    return normalized(Path(wheel).name.split("-")[0])


def normalized(name: str) -> str:
    """`name` as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(sys.argv[1])
