"""The imports themselves, where nothing else says what a project needs.

Every Python file and notebook of the code is looked at; what is imported there and is neither Python's own nor the
project's is looked up in the active environment, whose version is taken, else in a table of names that differ.

Parsing is what takes the time, so few files are parsed: a line that begins with `import` or `from` is found by its
bytes, and a file is parsed only for a name that no other file has been seen to import yet.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project import installed, tree
from snapshot.project.formats import import_cache, notebook, requirements_txt
from snapshot.project.names import display
from snapshot.project.reading import Line, Reading, is_name, normal
from snapshot.project.requirements import Requirements

SOURCE = "the imports"
"""Also the key of their digest among the files that were read: what is imported, whatever is installed."""

_LARGEST = 2 * 10**6
"""Bytes; larger Python files are data that was written as code."""
_STATEMENT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(?P<module>[A-Za-z_][\w.]*)[ \t]+import\b|import[ \t]+(?P<names>[A-Za-z_][\w., \t]*))",
    re.MULTILINE,
)
_BEHIND = re.compile(rb"[;:] ?(?:from[ \t]+([A-Za-z_]\w*)[\w.]*[ \t]+import\b|import[ \t]+([A-Za-z_]\w*))")
"""Imports that share a line with what is before them."""
_MARKS = tuple(sign + space + word for sign in (b";", b":") for space in (b"", b" ") for word in (b"import", b"from"))
_TESTS = frozenset({"tests", "test", "testing", "docs"})
_OWN_FILES = frozenset({"setup.py", "conftest.py", "noxfile.py"})
"""Files that serve the project and not the training."""

_OURS = ("snapshot", "snapshot-ml")
"""Module and distribution of this program, whose `snapshot.log` every run has. PyPI's `snapshot` is somebody else's."""

Seen = dict[str, bool]
"""Module → whether the code can do without."""


class _File(NamedTuple):
    path: str
    key: tuple[int, int, int]
    """Size and times: what says that it has not changed."""

    @property
    def folder(self) -> str:
        """The folder that it is in, from the project's."""
        return self.path.rpartition("/")[0]


def read(reading: Reading, scan: tree.Scan) -> Requirements | None:
    """What the code imports; None when it imports nothing that is not its own or Python's."""
    own = _Own(scan)
    found = _imported(reading, scan, own)
    if not found:
        return None
    modules = sorted(found)
    told = "\n".join(f"{module}{' ?' if found[module] else ''}" for module in modules)
    reading.files[SOURCE] = digest.of_bytes(told.encode())
    environment = installed.active(reading.environment) if reading.environment is not None else None
    lines = [
        line
        for module in modules
        for line in _lines(
            reading, module, environment, optional=found[module], own=own.somewhere(module.partition(".")[0])
        )
    ]
    taken = requirements_txt.taken_in(reading, list(dict.fromkeys(lines)), reading.root)
    return reading.requirements(SOURCE, taken)


def notebooks(scan: tree.Scan) -> list[str]:
    """The notebooks of the code."""
    return [file.path for file in _files(scan) if file.path.endswith(notebook.SUFFIX)]


def _files(scan: tree.Scan) -> Iterator[_File]:
    for entry in scan.entries:
        if entry.kind != "file" or not entry.path.endswith((".py", notebook.SUFFIX)) or entry.size > _LARGEST * 10:
            continue
        *folders, name = entry.path.split("/")
        if name in _OWN_FILES or name.startswith("test_") or not _TESTS.isdisjoint(folders):
            continue
        if entry.path.endswith(".py") and entry.size > _LARGEST:
            continue
        yield _File(entry.path, (entry.size, entry.mtime_ns, entry.ctime_ns))


def _imported(reading: Reading, scan: tree.Scan, own: _Own) -> Seen:
    """Every module that is imported and is none of Python's or the project's own."""
    cache_ = import_cache.load(reading.root)
    files = list(_files(scan))
    mentions: dict[str, list[_File]] = {}
    for file in files:
        for name in _candidates(reading, file, cache_):
            if not own.has(name, file.folder):
                mentions.setdefault(name, []).append(file)
    found: Seen = {}
    for name, places in mentions.items():
        _confirm(reading, name, places, found, cache_)
    cache_.save(reading.root, (file.path for file in files))
    return found


def _confirm(reading: Reading, name: str, places: Iterable[_File], found: Seen, cache_: import_cache.Cache) -> None:
    """Parse files until one is seen to import `name` for certain; of namespaces, all files."""
    spaces = _namespaces()
    for file in places:
        for module, optional in _parsed(reading, file, cache_).items():
            if module == name or (name in spaces and module.partition(".")[0] == name):
                found[module] = found.get(module, True) and optional
        if name not in spaces and found.get(name) is False:
            return


def _candidates(reading: Reading, file: _File, cache_: import_cache.Cache) -> tuple[str, ...]:
    """The names that the file may import, by its bytes alone: none is missed, some may be words of a text."""
    known = cache_.candidates(file.path, file.key)
    if known is None:
        known = tuple(sorted(_names(_bytes(reading, file)) - _PYTHON))
        cache_.add(file.path, file.key, known)
    return known


def _names(data: bytes) -> set[str]:
    heads = set[bytes]()
    for found in _STATEMENT.finditer(data):
        if module := found["module"]:
            heads.add(module.partition(b".")[0])
        else:
            heads.update(part.split()[0].partition(b".")[0] for part in found["names"].split(b",") if part.split())
    for found in _behind(data):
        heads.add(found[1] or found[2])
    return {head.decode("ascii", errors="ignore") for head in heads}


def _behind(data: bytes) -> Iterable[re.Match[bytes]]:
    """Matches of `_BEHIND`, which are looked for only where its words are at all: that is ten times as fast."""
    return _BEHIND.finditer(data) if any(mark in data for mark in _MARKS) else ()


def _bytes(reading: Reading, file: _File) -> bytes:
    """The Python in the file; nothing where it can't be read, which a note says."""
    try:
        if file.path.endswith(notebook.SUFFIX):
            cells = notebook.code(reading, reading.root / file.path)
            return "\n".join(notebook.python(cell) for cell in cells).encode(errors="replace")
        with open(f"{reading.root}/{file.path}", "rb") as stream:
            return stream.read(_LARGEST)
    except (OSError, UsageError):
        reading.note(f"`{display(file.path)}` can't be read, and its imports are not looked at")
        return b""


def _parsed(reading: Reading, file: _File, cache_: import_cache.Cache) -> Seen:
    known = cache_.modules(file.path, file.key)
    if known is None:
        try:
            known = _Imports(_bytes(reading, file)).found
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            reading.note(f"`{display(file.path)}` can't be parsed, and its imports are not looked at")
            known = {}
        cache_.add_modules(file.path, known)
    return known


class _Imports:
    """The modules that one file imports; False for those that it can't do without.

    In a function counts as anywhere else. In `try`, and behind a condition on Python's version or the platform, counts
    as what the code can do without; behind `TYPE_CHECKING` does not count.
    """

    def __init__(self, data: bytes) -> None:
        self.found: Seen = {}
        self.all(_tree(data).body, False)

    def all(self, nodes: Iterable[ast.stmt], optional: bool) -> None:
        """Go through statements, and never into expressions, which import nothing."""
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.add(alias.name, optional)
            elif isinstance(node, ast.ImportFrom):
                self.imported_from(node, optional)
            elif isinstance(node, ast.If):
                self.condition(node, optional)
            elif isinstance(node, ast.Try | ast.TryStar):
                self.attempt(node, optional)
            elif isinstance(node, ast.Match):
                for case in node.cases:
                    self.all(case.body, optional)
            else:
                self.all(getattr(node, "body", ()), optional)
                self.all(getattr(node, "orelse", ()), optional)

    def imported_from(self, node: ast.ImportFrom, optional: bool) -> None:
        """`from … import …`; of a namespace, what is imported may be the module."""
        if node.level or not node.module:
            return
        if node.module.partition(".")[0] not in _namespaces():
            self.add(node.module, optional)
            return
        for alias in node.names:
            self.add(f"{node.module}.{alias.name}", optional)

    def condition(self, node: ast.If, optional: bool) -> None:
        """`if …:`"""
        test = ast.dump(node.test)
        if "TYPE_CHECKING" not in test:
            optional = optional or any(word in test for word in _CONDITIONS)
            self.all(node.body, optional)
        self.all(node.orelse, optional)

    def attempt(self, node: ast.Try | ast.TryStar, optional: bool) -> None:
        """`try: …`; what is imported where that failed is an alternative."""
        caught = optional or any(_catches_imports(handler) for handler in node.handlers)
        self.all(node.body, caught)
        for handler in node.handlers:
            self.all(handler.body, caught)
        self.all([*node.orelse, *node.finalbody], optional)

    def add(self, module: str, optional: bool) -> None:
        """Note one import."""
        head = module.partition(".")[0]
        name = module if head in _namespaces() else head
        self.found[name] = self.found.get(name, True) and optional


def _tree(data: bytes) -> ast.Module:
    """The file parsed, or as much of its beginning as holds all that looks like an import."""
    import warnings

    last = 0
    for matches in (_STATEMENT.finditer(data), _behind(data)):
        for found in matches:
            last = max(last, found.end())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in her code
        if end := _TOP.search(data, last):
            try:
                return ast.parse(data[: end.start()])
            except (SyntaxError, ValueError):
                pass  # it was cut in the middle of a text or a bracket
        return ast.parse(data)


_TOP = re.compile(rb"^(?=def |class |@|async )", re.MULTILINE)
"""Where a statement at the top of a file begins, but for the same words in a text."""
_CONDITIONS = ("version_info", "platform", "'system'", "os_name")
_CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_PYTHON = frozenset(sys.stdlib_module_names) | {"__future__", "distutils", "imp", "asyncore", "asynchat", "tomllib"}


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _CATCHING) for kind in kinds)


class _Own:
    """The modules of the project itself."""

    def __init__(self, scan: tree.Scan) -> None:
        self.inside: dict[str, set[str]] = {}
        """Folder → the modules and packages that it holds."""
        packages = set[str]()
        for entry in scan.entries:
            if entry.kind == "folder" or not entry.path.endswith((".py", ".so", ".pyx")):
                continue
            folder, _, name = entry.path.rpartition("/")
            self.inside.setdefault(folder, set()).add(name.partition(".")[0])
            if name == "__init__.py":
                packages.add(folder)
            while folder:
                folder, _, name = folder.rpartition("/")
                known = self.inside.setdefault(folder, set())
                if name in known:
                    break
                known.add(name)
        self.packages = packages
        self.everywhere = set[str]().union(*self.inside.values())

    def has(self, name: str, folder: str) -> bool:
        """Whether a file in `folder` that imports `name` finds the project's own: beside it, or beside the package that
        it is in, at the project's top or in `src`.
        """
        top = folder
        while top in self.packages:
            top = top.rpartition("/")[0]
        return any(name in self.inside.get(place, ()) for place in (top, "", "src"))

    def somewhere(self, name: str) -> bool:
        """Whether some folder has a module of that name: code may put any of them on its path."""
        return name in self.everywhere


class _Table(NamedTuple):
    distributions: dict[str, str]
    absent: frozenset[str]


@cache
def _table() -> _Table:
    table = tomllib.loads((Path(__file__).parents[1] / "data" / "import_names.toml").read_text(encoding="utf-8"))
    return _Table(table["distributions"], frozenset(table["absent"]["names"]))


@cache
def _namespaces() -> frozenset[str]:
    table = _table()
    return frozenset(name.partition(".")[0] for name in (*table.distributions, *table.absent) if "." in name)


def _distribution(module: str) -> str | None:
    """The distribution that the table gives for `module`, or for the package that it is in."""
    known = _table().distributions
    while module:
        if module in known:
            return known[module]
        module = module.rpartition(".")[0]
    return None


def _lines(
    reading: Reading, module: str, environment: installed.Environment | None, *, optional: bool, own: bool
) -> Iterator[Line]:
    """The requirement for one module; none where there is none to be had, or no need.

    `own` says that some folder of the project has a module of that name, so that it is none to guess about.
    """
    where = f"import of `{module}`"
    found = environment.distribution(module) if environment else None
    if module == _OURS[0] and (found is None or normal(found.name) == _OURS[1]):
        return
    if found is not None:
        yield Line(found.requirement(reading), where)
        return
    if optional or not _table().absent.isdisjoint({module, ".".join(module.split(".")[:2])}):
        return
    if name := _distribution(module):
        yield Line(name, where)
        return
    if own:
        return
    name = (
        module.partition(".")[0] if module.partition(".")[0] not in _namespaces() else "-".join(module.split(".")[:3])
    )
    if is_name(name):
        reading.note(f"`{module}` is imported and not installed here: taken for the package `{name}`")
        yield Line(name, where)
    else:
        reading.note(f"`{module}` is imported, and no package is known for it; add it to `requirements.txt`")
