"""The overlay of a run, tried as a run does it: by the engine, as the caller, on the project's file system."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from snapshot.doctor.checks import error, note, ok, warning
from snapshot.doctor.filesystem import is_no_upper, scratch
from snapshot.doctor.info import Info
from snapshot.document import Value
from snapshot.errors import EngineError, HostError
from snapshot.finding import Finding
from snapshot.host.container import Container, run_tool
from snapshot.host.engine import Engine
from snapshot.host.mounts import mount_of
from snapshot.run import workspace
from snapshot.run.outside import WORKSPACE

CHECK = "overlay"
SECONDS = 6
OLDEST = (5, 11)
"""Linux that knows the mount option `userxattr`."""
_SCRIPT = "cat seen > written && rm -r folder && mkdir folder"


class Kernel(Value, kw_only=True, frozen=True):
    """What Linux allows."""

    release: str
    namespaces: int | None = None
    """`user.max_user_namespaces`."""
    unprivileged: int | None = None
    """`kernel.unprivileged_userns_clone`, which only Debian and its like have."""
    restricted: int | None = None
    """`kernel.apparmor_restrict_unprivileged_userns`, which only Ubuntu has."""


def kernel(release: str, proc: Path = Path("/proc")) -> Kernel:
    """As /proc/sys has it."""
    return Kernel(
        release=release,
        namespaces=_number(proc / "sys/user/max_user_namespaces"),
        unprivileged=_number(proc / "sys/kernel/unprivileged_userns_clone"),
        restricted=_number(proc / "sys/kernel/apparmor_restrict_unprivileged_userns"),
    )


def kernel_findings(found: Kernel, *, rootless: bool) -> Iterator[Finding]:
    """Whether this kernel has what the overlay needs; namespaces of users are needed by rootless engines alone."""
    numbers = re.match(r"(\d+)\.(\d+)", found.release)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        yield error(
            "kernel",
            f"Linux {found.release} does not know the overlay option `userxattr`",
            f"upgrade to Linux {OLDEST[0]}.{OLDEST[1]} or newer",
        )
    else:
        yield ok("kernel", f"Linux {found.release}")
    if rootless and found.namespaces == 0:
        yield error(
            "kernel", "a rootless engine needs user namespaces, and this kernel allows none",
            "`sudo sysctl user.max_user_namespaces=28633`",
        )  # fmt: skip
    if rootless and found.unprivileged == 0:
        yield error(
            "kernel", "a rootless engine needs user namespaces, and only root may make them here",
            "`sudo sysctl kernel.unprivileged_userns_clone=1`",
        )  # fmt: skip
    if rootless and found.restricted == 1:
        yield warning(
            "kernel", "AppArmor restricts the user namespaces that a rootless engine needs",
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or give `rootlesskit` a profile",
        )  # fmt: skip


def look(engine: Engine, info: Info, *, root: Path, image: str | None) -> Iterator[Finding]:
    """Start a container of `image` that sees, writes and replaces something through an overlay."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch(root))
        except (HostError, OSError):
            yield note(CHECK, "not tried: the project's folder can't be written to")
            return
        mount = mount_of(folder.resolve())
        if image is None or (mount and is_no_upper(mount.kind)):
            why = "no base image is at hand" if image is None else "the file system does not allow it"
            yield note(CHECK, f"not tried: {why}")
            return
        yield from findings(*_try(engine, image, folder), rootless=info.is_secured_by("rootless"))


def findings(code: int, said: str, written: dict[str, str], *, rootless: bool) -> Iterator[Finding]:
    """What the try says: its exit code, its words, and what it wrote (path → kind, as `workspace` has it)."""
    if code in (126, 127):
        yield note(CHECK, f"not tried: the base image has no shell ({said})")
    elif code:
        remedy = "use an engine that runs as root" if rootless else "see `docker info` and the engine's log"
        yield error(CHECK, f"a run can't read or write through its overlay: {said}", remedy)
    elif "written" not in written:
        yield error(
            CHECK,
            "what a run writes does not arrive: the engine does not see the files of this host",
            "run snap where the engine runs",
        )
    elif written.get("folder") != "replaced":
        yield warning(
            CHECK,
            "a folder that a run replaces is not marked: its old content would stay",
            "move the project to a disk with ext4, XFS or Btrfs",
        )
    else:
        yield ok(CHECK, "a run sees the project and what it writes arrives")


def _try(engine: Engine, image: str, folder: Path) -> tuple[int, str, dict[str, str]]:
    """Exit code, words and what was written."""
    name = f"snap-doctor-{folder.name.rpartition('-')[2].lower()}"
    code, run = folder / "code", folder / "run"
    (code / "folder").mkdir(parents=True)
    (code / "seen").write_text("seen")
    (code / "folder" / "old").write_text("old")
    mounts = workspace.prepare(run, code=code, project=code, data_folders={}, data_files={}, also_at=None, name=name)
    container = Container(
        image=image,
        command=("/bin/sh", "-c", _SCRIPT),
        name=name,
        user=f"{os.getuid()}:{os.getgid()}",
        workdir=WORKSPACE,
        mounts=tuple(mounts),
        network="none",
        remove=True,
    )
    try:
        done = run_tool(container, timeout=SECONDS)
        written = {item.path: item.kind for item in workspace.collect(run, ())}
        return done.code, " ".join(done.stderr.split()), written
    except EngineError as problem:
        return 125, problem.message, {}
    finally:
        with suppress(HostError):
            engine.remove(name)
        for mount in mounts:
            with suppress(HostError):
                engine.remove_volume(mount.source or "")
        workspace.discard(run)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
