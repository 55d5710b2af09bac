"""Trains again in the image of an export, and says whether the results are those that were published.

What the training writes is copied to /retrained, a folder of the host, and belongs to the owner of that folder.
Runs with the image's own Python, from 3.8 on, and needs nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from typing import Any

CODE = "/workspace"
RESULTS = "/retrained"
HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 1 << 20


def main() -> int:
    """The training's own exit code; 2 where it can't begin."""
    with open(os.path.join(HERE, "run.public.json"), encoding="utf-8") as file:
        run = json.load(file)
    for problem in problems(run):
        print(f"error: {problem}", file=sys.stderr)
        return 2
    owner = os.stat(RESULTS)
    if os.getuid() == 0 and owner.st_uid != 0:
        for path in ours({name(data["target"]) for data in run["data"]}):
            os.lchown(path, owner.st_uid, owner.st_gid)
    apart = {name(data["target"]) for data in run["data"] if not data["written"]}
    before = seen(apart)
    code = train(run, owner)
    for path, now in seen(apart).items():
        if before.get(path) != now:
            hand_over(path, owner)
    if code == 0:
        compare(run)
    return code


def problems(run: dict[str, Any]) -> Iterator[str]:
    """What is missing before anything starts."""
    if not os.path.ismount(RESULTS):
        yield f'there is no folder for the results: add `-v "$PWD/retrained:{RESULTS}"`'
    for data in run["data"]:
        target = name(data["target"])
        if not os.path.exists(target):
            yield f"the data `{target}` are missing: see README.md"
        elif lacking(data, target):
            yield f"the data `{target}` are not those of the run: {lacking(data, target)}"


def lacking(data: dict[str, Any], target: str) -> str:
    """The first file of the data that is missing or has another size; nothing when all are there."""
    if data["kind"] == "file":
        is_other = data["bytes"] is not None and os.path.getsize(target) != data["bytes"]
        return "it has another size" if is_other else ""
    listed = os.path.join(HERE, data["manifest"] or "")
    if not os.path.isfile(listed):
        return ""
    with gzip.open(listed) as file:
        entries = file.read().partition(b"\n")[2].split(b"\0")
    for entry in filter(None, entries):
        identity, size, path = entry.split(b" ", 2)
        found = os.path.join(os.fsencode(target), path)
        if not os.path.lexists(found):
            return f"`{os.fsdecode(path)}` is missing"
        if not identity.startswith((b"link:", b"unreadable")) and os.path.getsize(found) != int(size):
            return f"`{os.fsdecode(path)}` has another size"
    return ""


def ours(apart: Collection[str]) -> Iterator[str]:
    """The code's folder and all that is below it, but for what is mounted there."""
    for folder, folders, names in os.walk(CODE):
        links = [each for each in folders if os.path.islink(os.path.join(folder, each))]
        folders[:] = [each for each in folders if os.path.join(folder, each) not in apart]
        yield folder
        for each in (*names, *links):
            if os.path.join(folder, each) not in apart:
                yield os.path.join(folder, each)


def seen(apart: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Every file below the code's folder, with what changes when it is written."""
    found: dict[str, tuple[int, ...]] = {}
    for path in ours(apart):
        status = os.lstat(path)
        if not os.path.isdir(path) or os.path.islink(path):
            found[os.path.relpath(path, CODE)] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def train(run: dict[str, Any], owner: os.stat_result) -> int:
    """Run the command as the owner of the results; its exit code."""

    def become() -> None:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)

    folder = os.path.normpath(os.path.join(CODE, name(run["command"]["directory"])))
    is_other = os.getuid() == 0 and owner.st_uid != 0
    training = subprocess.Popen(
        run["command"]["process"], cwd=folder, env=environment(run), preexec_fn=become if is_other else None
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: training.send_signal(number))
    code = training.wait()
    return code if code >= 0 else 128 - code


def environment(run: dict[str, Any]) -> dict[str, str]:
    """As the run had it; what was not published is the caller's to give (`docker run --env`)."""
    given = {**os.environ, **run["environment"]}
    roots = [os.path.join(CODE, name(root)) for root in run["import_roots"]]
    if roots:
        given["PYTHONPATH"] = os.pathsep.join([*filter(None, [given.get("PYTHONPATH")]), *roots])
    return given


def hand_over(path: str, owner: os.stat_result) -> None:
    """Copy what was written to the folder of the host."""
    target = os.path.join(RESULTS, path)
    parent = RESULTS
    for part in path.split("/")[:-1]:
        parent = os.path.join(parent, part)
        if not os.path.isdir(parent):
            os.mkdir(parent)
            give(parent, owner)
    if os.path.lexists(target):
        os.unlink(target)
    shutil.copy2(os.path.join(CODE, path), target, follow_symlinks=False)
    give(target, owner)


def give(path: str, owner: os.stat_result) -> None:
    """Let the owner of the results own `path`."""
    if os.getuid() == 0:
        os.lchown(path, owner.st_uid, owner.st_gid)


def compare(run: dict[str, Any]) -> None:
    """Say which results came out as they were published."""
    compared = [(name(output["path"]), output["sha256"]) for output in run["outputs"] if output["sha256"]]
    others = [path for path, expected in compared if sha256(os.path.join(RESULTS, path)) != expected]
    for path in others:
        print(f"differs: {path}")
    if compared:
        print(f"{len(compared) - len(others)} of {len(compared)} results are the same, bit for bit")


def sha256(path: str) -> str:
    """The digest of a file; nothing when there is none."""
    if not os.path.isfile(path):
        return ""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            hasher.update(chunk)
    return "sha256:" + hasher.hexdigest()


def name(text: str) -> str:
    """A file name as the record writes it: NUL marks one that is not UTF-8."""
    return os.fsdecode(text[1:].encode("latin-1")) if text.startswith("\0") else text


if __name__ == "__main__":
    sys.exit(main())
