"""Installs Debian packages inside a build, with the base's own apt and no network.

`install_debs.py FOLDER` installs every `.deb` in FOLDER, such that the same packages on the same base always leave the
same bytes. The order is apt's affair, which follows from the packages; what it writes about when and how is removed,
and all that has changed gets a time that does not tell when.

Imports nothing of the program and nothing but the standard library of Python 3.8: it is copied into the build's `tools`
context, and may replace the very Python that runs it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator

LEFT_BEHIND = (
    "/etc/.pwd.lock",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/machine-id",
    "/etc/passwd-",
    "/etc/shadow-",
    "/etc/subgid-",
    "/etc/subuid-",
    "/root/.*",
    "/var/cache/apt/*",
    "/var/cache/debconf/*-old",
    "/var/cache/fontconfig/*",
    "/var/cache/man/*",
    "/var/lib/apt/lists/*",
    "/var/lib/dbus/machine-id",
    "/var/lib/dpkg/*-old",
    "/var/lib/systemd/random-seed",
    "/var/tmp/*",
)
"""Files that are removed once they are new or changed (`*` holds for slashes too): backups, identities of one machine,
and caches that hold times and are made again when they are needed."""
EMPTIED = ("/var/cache/ldconfig/*", "/var/log/*")
"""Files of which nothing but the name stays: so their folders have changed, whichever way a store looks at it."""
KEYSTORE = "/etc/ssl/certs/java/cacerts"
"""Certificates for Java, made as `ca-certificates-java` is installed."""
POLICY = "/usr/sbin/policy-rc.d"
REFUSE = "#!/bin/sh\nexit 101\n"
"""No package starts its service in a build (invoke-rc.d(8))."""
INITS = ("finit-sysv", "openrc", "runit-init", "systemd-sysv", "sysvinit-core")
"""What brings `/sbin/init`. Where there is none, services are not started in any case."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "DEBCONF_NOWARNINGS": "yes",
    "PERL_HASH_SEED": "0",
    "PYTHONHASHSEED": "0",
    # Nothing is compiled because it happens to be imported; py3compile compiles all the same, and by hash of the source
    # (PEP 552) since SOURCE_DATE_EPOCH is set.
    "PYTHONDONTWRITEBYTECODE": "1",
}

CONFIGURATION = """\
Dir::State::Lists "WORK/lists/";
Dir::State::extended_states "WORK/extended_states";
Dir::Cache "WORK/cache/";
Dir::Log "WORK/log/";
APT::Sandbox::User "root";
DPkg::Use-Pty "false";
DPkg::Options { "--force-unsafe-io"; "--force-confdef"; "--force-confold"; "--log=WORK/log/dpkg.log"; };
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
"""
"""apt.conf(5), read after the base's own. Hooks of the base do what no lock tells, as removing files of its own.
Waiting for the disk after each file is for machines that may lose power meanwhile."""


def main(folder: str) -> None:
    """Install the packages in `folder`."""
    if os.getuid() != 0:
        sys.exit("OS packages are installed by root, and the base runs as another user")
    os.umask(0o022)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    debs = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb"))
    before = times()
    with tempfile.TemporaryDirectory(dir="/mnt") as work:
        install(debs, work, {**ENVIRONMENT, "SOURCE_DATE_EPOCH": str(epoch)})
    check(debs)
    tidy(changed(before, times()), before)
    if KEYSTORE in changed(before, times()):
        undate(KEYSTORE, epoch)
    for path in [path for path in changed(before, times()) if path not in before and os.path.dirname(path) in before]:
        if is_folder(path):
            remake(path)
    for path, (_, modified) in changed(before, times()).items():
        settle(path, modified, before, epoch)


def install(debs: list[str], work: str, environment: dict[str, str]) -> None:
    """Have apt install `debs`, and nothing else; its lists, caches and logs are in `work`."""
    for name in ("lists/partial", "cache/archives/partial", "log"):
        os.makedirs(f"{work}/{name}")
    with open(f"{work}/apt.conf", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.replace("WORK", work))
    command = ["apt-get", "-c", f"{work}/apt.conf", "install", "-y", "-q", "--no-install-recommends", "--no-remove"]
    command += ["--allow-downgrades", "--allow-change-held-packages"]
    names = {os.path.basename(deb).partition("_")[0] for deb in debs}
    own_policy = not os.path.lexists(POLICY) and (os.path.lexists("/sbin/init") or bool(names & {*INITS}))
    if own_policy:
        with open(POLICY, "w", encoding="ascii") as file:
            file.write(REFUSE)
            os.fchmod(file.fileno(), 0o755)
    try:
        subprocess.run([*command, *debs], env=environment, stdin=subprocess.DEVNULL, check=True)
    except subprocess.CalledProcessError as problem:
        sys.exit(f"apt-get ended with {problem.returncode}")
    finally:
        if own_policy:
            os.unlink(POLICY)


def check(debs: list[str]) -> None:
    """Make sure that what is installed is what was given: apt may have kept something back."""
    status = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"]
    have = set(subprocess.run(status, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines())
    for deb in debs:
        query = ["dpkg-deb", "-W", "--showformat", "installed ${Package} ${Version} ${Architecture}", deb]
        wanted = subprocess.run(query, stdout=subprocess.PIPE, check=True).stdout.decode()
        if wanted not in have:
            sys.exit(f"apt-get did not install {os.path.basename(deb)}")


def times() -> dict[str, tuple[int, int]]:
    """Path → time of the last change of the inode and of the content, in ns, of all that is in the image."""
    return dict(below("/", os.lstat("/").st_dev))


def below(folder: str, device: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """What is in `folder`, but for what is mounted."""
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            is_folder = stat.S_ISDIR(found.st_mode)
            if is_folder and found.st_dev != device:
                continue
            yield entry.path, (found.st_ctime_ns, found.st_mtime_ns)
            if is_folder:
                yield from below(entry.path, device)


def changed(before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """What is new or was written to, even if the same was written: the inode tells, which an overlay then copies."""
    return {path: found for path, found in now.items() if path not in before or before[path][0] != found[0]}


def tidy(paths: Iterable[str], before: Container[str]) -> None:
    """Remove or empty those of `paths` that tell when and where this was installed; folders stay.

    What was there `before` is emptied: of a file of the base that is removed, some stores' layers tell when it was.
    """
    files = [path for path in paths if not is_folder(path)]
    for path in matching(LEFT_BEHIND, files):
        if path in before:
            empty(path)
        else:
            os.unlink(path)
    for path in matching(EMPTIED, files):
        empty(path)


def matching(patterns: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Those of `paths` that one of `patterns` is of."""
    pattern = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
    return [path for path in paths if pattern.match(path)]


def empty(path: str) -> None:
    """Leave nothing in a file, and links alone."""
    if not os.path.islink(path):
        os.truncate(path, 0)


def undate(path: str, epoch: int) -> None:
    """Have every certificate of a Java keystore added at `epoch`; a file that is none is left alone.

    JKS, big-endian: magic, version, count; of each certificate tag 2, alias, time in ms, type, data; at the end a SHA-1
    of the password, a phrase and all before.
    """
    with open(path, "rb") as file:
        data = bytearray(file.read())
    secret = "changeit".encode("utf-16-be") + b"Mighty Aphrodite"
    body = data[:-20]
    if not data.startswith(b"\xfe\xed\xfe\xed") or hashlib.sha1(secret + body).digest() != data[-20:]:
        return
    at, (count,) = 12, struct.unpack_from(">I", body, 8)
    for _ in range(count):
        tag, length = struct.unpack_from(">IH", body, at)
        if tag != 2:
            return
        at += 6 + length
        struct.pack_into(">Q", body, at, epoch * 1000)
        at += 8
        at += 2 + struct.unpack_from(">H", body, at)[0]
        at += 4 + struct.unpack_from(">I", body, at)[0]
    with open(path, "wb") as file:
        file.write(body + hashlib.sha1(secret + body).digest())


def remake(folder: str) -> None:
    """Make a new `folder` anew.

    dpkg renames what it unpacks, and an overlay marks a renamed folder as hiding what is below (`opaque`), even where
    nothing is. Some stores' layers list the mark.
    """
    renamed = f"{folder}.renamed"
    os.rename(folder, renamed)
    found = os.lstat(renamed)
    os.mkdir(folder)
    os.chown(folder, found.st_uid, found.st_gid)
    shutil.copystat(renamed, folder)
    for name in os.listdir(renamed):
        os.rename(f"{renamed}/{name}", f"{folder}/{name}")
    os.rmdir(renamed)


def settle(path: str, modified: int, before: dict[str, tuple[int, int]], epoch: int) -> None:
    """Give `path` a time that follows from the packages: that of the package's file, and no later one than `epoch`.

    A file that was there before gets another time than it had, and be it by a second: the layers of one store list what
    was written to, if only the same, those of another what differs.
    """
    time = epoch if is_folder(path) else min(modified // 10**9, epoch)
    if not is_folder(path) and path in before and before[path][1] == time * 10**9:
        time -= 1
    os.utime(path, (time, time), follow_symlinks=False)


def is_folder(path: str) -> bool:
    """Whether `path` is a folder, and no link to one."""
    return stat.S_ISDIR(os.lstat(path).st_mode)


if __name__ == "__main__":
    main(sys.argv[1])
