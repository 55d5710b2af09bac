"""Runs at the start of every Python of a training, and notes what the process opens, by an audit hook (PEP 578).

`snapshot-run.pth` in the image's site-packages starts it; without the folder FOLDER it does nothing. Each interpreter
has a file of its own there, to which its forks append too: entries that end in NUL.

    /workspace/data.csv    was opened to be read          ?/mnt/x.npy    was asked for, and is not there
    mnumpy                 a package of the image         p17            process 17, which was forked, notes too
    x/usr/bin/make         a program that was started     !              from here on nothing more is noted

It must never be noticed: it raises nothing, prints nothing, and imports nothing that Python has not imported by then.
It is compiled at each start, so it is short.
"""

import os
import sys

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

FOLDER = "/run/snapshot/trace"
WORKSPACE = "/workspace/"
MOST = 2**24
"""Bytes of a file, some 200,000 names; of a later one less, so that any number of them fit on a disk."""

OPENED = frozenset(("sqlite3.connect", "ctypes.dlopen", "cpython.run_file"))
LISTED = frozenset(("os.listdir", "os.scandir"))
STARTED = frozenset(("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"))
EVENTS = frozenset(("open", "import", "os.chdir")) | OPENED | LISTED | STARTED
NOT_READ = os.O_WRONLY | os.O_TRUNC | os.O_EXCL | os.O_DIRECTORY
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
ENCODING, ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class Notes:
    """The file of this process, and of those that it was forked from."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.process, self.is_full = os.getpid(), False
        self.most = MOST // (1 + len(os.listdir(FOLDER)))
        self.file = os.open(f"{FOLDER}/{self.process}-{os.urandom(4).hex()}", NEW, 0o644)
        self.identity = self.status()[1:]

    def status(self) -> "tuple[int, int, int]":
        found = os.fstat(self.file)
        return found.st_size, found.st_dev, found.st_ino

    def size(self) -> int:
        """Of the file; -1 where the program has closed it: its number may be a file of the program's own by now."""
        try:
            size, *identity = self.status()
        except OSError:
            return -1
        return size if tuple(identity) == self.identity else -1

    def forked(self) -> "list[str]":
        """What relatives have noted, once after a fork, so that the workers of each epoch do not note it all again."""
        if self.process == os.getpid():
            return []
        self.process = os.getpid()
        size = self.size()
        self.add(f"p{self.process}")
        return os.pread(self.file, size, 0).decode(ENCODING, ERRORS).split("\0") if size > 0 else []

    def add(self, entry: str) -> None:
        """Write it at once: what kills the process loses nothing."""
        size = self.size()
        if size < 0:
            try:
                self.open()
            except Exception:  # another root folder, or a hook of the program's that forbids it
                self.is_full = True
                return
        self.is_full = size >= self.most
        os.write(self.file, ("!" if self.is_full else entry).encode(ENCODING, ERRORS) + b"\0")


class Tracer:
    """What was noted already, and what becomes of an event."""

    def __init__(self, notes: Notes, image: "tuple[str, ...]") -> None:
        self.notes, self.image = notes, image
        self.seen: set[str] = set()
        self.folder = ""
        """The working directory and a slash; empty when it has to be asked for."""

    def take(self, event: str, args: "Any") -> None:
        """One event of EVENTS."""
        try:
            if event == "open":
                if not args[2] & NOT_READ:
                    self.opened(args[0], args[2] & os.O_CREAT)
            elif event == "import":
                self.opened(args[1])  # an extension module, which the linker opens; else None
            elif event == "os.chdir":
                self.folder = ""  # this comes before the change
            elif event in LISTED:
                self.listed(args[0])
            elif event in STARTED:
                self.started("sh" if event == "os.system" else args[0])
            else:
                self.opened(args[0])
        except Exception as problem:
            if not is_ours(problem.__traceback__):
                raise

    def opened(self, given: "Any", creates: int = 0) -> None:
        """Note a file, once."""
        path = self.absolute(given)
        if path is None or path in self.seen or self.notes.is_full:
            return
        if path.startswith(self.image):
            if name := package(path):
                self.note("m" + name)
        elif path.startswith(WORKSPACE) or exists(path):
            self.note(path)
        elif not creates:
            self.note("?" + path)

    def listed(self, given: "Any") -> None:
        """Note a folder that is not there."""
        path = self.absolute(given)
        if path is not None and not path.startswith((WORKSPACE, *self.image)) and not exists(path):
            self.note("?" + path)

    def started(self, given: "Any") -> None:
        """Note a program, as it was named, unless it is this Python."""
        program = os.fspath(given)
        if program != sys.executable:
            self.note("x" + (program.decode(ENCODING, ERRORS) if isinstance(program, bytes) else program))

    def absolute(self, given: "Any") -> "str | None":
        """The path that a function was given; None for a descriptor, and for what is no path."""
        if given.__class__ is not str:
            if given is None or isinstance(given, int):
                return None
            given = os.fspath(given)
            if isinstance(given, bytes):
                given = given.decode(ENCODING, ERRORS)
        if given[:1] != "/":
            self.folder = self.folder or os.getcwd() + "/"
            given = self.folder + given
        return os.path.normpath(given) if "/." in given else given  # type: ignore[no-any-return]

    def note(self, entry: str) -> None:
        if entry in self.seen or self.notes.is_full or "\0" in entry:
            return
        self.seen.update(self.notes.forked())
        if entry not in self.seen:
            self.seen.add(entry)
            self.notes.add(entry)


def exists(path: str) -> bool:
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def package(path: str) -> str:
    """What of the image's packages the file belongs to, as its folder or file is called; empty for other files."""
    inner = path.partition("-packages/")[2]
    return inner if inner.startswith("__pycache__/") else inner.partition("/")[0]


def is_ours(trace: "TracebackType | None") -> bool:
    """Whether an error is this file's own; the program's signal handlers can run, and raise, anywhere."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals is globals()


def start() -> None:
    """Trace this process from now on."""
    prefixes = [prefix + "/" for prefix in (sys.prefix, sys.base_prefix) if not WORKSPACE.startswith(prefix + "/")]
    system = ("/usr/", "/proc/", "/dev/", "/etc/", "/lib/", "/lib64/", "/sys/", "/run/", "/bin/", "/sbin/")
    take, events = Tracer(Notes(), (*system, *prefixes)).take, EVENTS

    def hook(event: str, args: "Any") -> None:
        # Called for whatever Python tells of, every `id()` too; a method in its place would take twice as long.
        if event in events:
            take(event, args)

    sys.addaudithook(hook)


if os.path.isdir(FOLDER) and not hasattr(sys, "_snapshot_run"):
    sys._snapshot_run = True  # type: ignore[attr-defined]  # a `.pth` file can be read twice
    start()
