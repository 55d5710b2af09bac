"""Runs inside the base image, with its own Python (3.8 or newer): asks the base's apt what is to be installed.

JSON comes in through stdin, since it can hold credentials; JSON goes out through stdout. Nothing of the base is
changed: lists and caches are in a folder of their own, and apt only says what it would do, not as root but as the
caller. Every sha256 comes from an index whose signature apt has checked with the base's keys.
"""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

STATE = "/snap/apt"
"""Where lists are kept from one time to the next, a folder for each set of sources."""
UNREACHABLE = re.compile(r"^[WE]: .*(?:Failed to fetch|does not have a Release file)", re.MULTILINE)
DATED = re.compile(r"\d{8}T\d{6}Z")
SETTLED = timedelta(hours=12)
"""A dated archive is asked for its state this long after the date of a Release file. Of a time in between, it gives the
state before; mirrors get a release some hours after its date, Debian's dated archive is taken four times a day, and a
file that is dropped stays for a day."""


class Failure(Exception):  # noqa: N818
    """There is no answer; `kind` says why, for `snapshot.lock.apt`."""

    def __init__(self, kind: str, **details: Any) -> None:
        super().__init__(kind)
        self.details = {"kind": kind, **details}


def main() -> None:
    """Answer the one question that stdin asks."""
    question = json.load(sys.stdin)
    os.umask(0o022)
    try:
        answer: dict[str, Any] = {"packages": resolve(question)}
    except Failure as failure:
        answer = {"failure": failure.details}
    json.dump(answer, sys.stdout)


def resolve(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages that have to be installed for those that are asked for."""
    if not all(os.access(f"/usr/bin/{name}", os.X_OK) for name in ("apt-get", "apt-cache", "apt-config", "dpkg")):
        raise Failure("no apt")
    check_architectures(question["names"])
    with tempfile.TemporaryDirectory(prefix="apt-") as work:
        apt = updated(question, Path(work))
        check_names(question["names"], apt)
        names = wanted(question)
        return described(planned(names, question["pins"], apt), apt) if names else []


class Apt:
    """The base's apt with `sources`, and with lists and caches of its own."""

    def __init__(self, work: Path, sources: dict[str, str], question: dict[str, Any]) -> None:
        key = hashlib.sha256(json.dumps([sources, architectures()]).encode()).hexdigest()[:16]
        self.work, self.state = work, Path(STATE, key)
        for folder in (work / "sources", self.state / "lists/partial", self.state / "cache/archives/partial"):
            folder.mkdir(parents=True, exist_ok=True)
        # Held until the process ends: another one must not change the lists that this one reads.
        self.lock = (self.state / "lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        for name, text in sources.items():
            (work / "sources" / name).write_text(text, encoding="utf-8")
        own = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(work), "TMPDIR": str(work), "LC_ALL": "C"}
        self.environment = {**question["environment"], **own}
        self.pin([])
        # It holds the password of a proxy now and then.
        (work / "apt.conf").touch(0o600)
        (work / "apt.conf").write_text(configuration(work, self.state, question["settings"]), encoding="utf-8")

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code of one of apt's programs, and all that it says."""
        whole = [command[0], "-c", str(self.work / "apt.conf"), *command[1:]]
        out, both = subprocess.PIPE, subprocess.STDOUT
        done = subprocess.run(whole, env=self.environment, input=b"", stdout=out, stderr=both, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def pin(self, pins: Iterable[dict[str, str]]) -> None:
        """Prefer the versions of `pins`, where the archive has them, to what the base prefers (apt_preferences(5))."""
        native = architectures()[0]
        text = ""
        for pin in pins:
            name = pin["name"] if pin["architecture"] in ("all", native) else f"{pin['name']}:{pin['architecture']}"
            text += f"Package: {name}\nPin: version {pin['version']}\nPin-Priority: 1001\n\n"
        (self.work / "preferences").write_text(text + read("/etc/apt/preferences"), encoding="utf-8")


def configuration(work: Path, state: Path, settings: dict[str, str]) -> str:
    """apt.conf(5), read after the base's own: nothing is written to the base, nothing is run, nothing goes unsigned."""
    own = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": f"{work}/sources",
        "Dir::Etc::Preferences": f"{work}/preferences",
        "Dir::State::Lists": f"{state}/lists",
        "Dir::Cache": f"{state}/cache",
        **{f"Dir::Cache::{name}": f"{name}.bin" for name in ("pkgcache", "srcpkgcache")},
        "APT::Sandbox::User": "root",
        **{f"Acquire::Allow{which}Repositories": "false" for which in ("Insecure", "Weak", "DowngradeToInsecure")},
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::ForceHash": "sha256",
        "Acquire::GzipIndexes": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        **{f"Acquire::{scheme}::Timeout": "15" for scheme in ("http", "https")},
    }
    hooks = "".join(f"#clear APT::Update::{name};\n" for name in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"))
    return hooks + "".join(f'{name} "{value}";\n' for name, value in {**own, **settings}.items())


def updated(question: dict[str, Any], work: Path) -> Apt:
    """apt with the newest lists, of the base's own sources, or else of the mirrors that this machine uses.

    The base says which suites, components and keys; a mirror is only another place to find them.
    """
    own = trusted(base_sources())
    choices = [own, mirrored(own, question["archives"])]
    said: list[str] = []
    for number, sources in enumerate(choices if choices[1] != own else choices[:1]):
        place = work / str(number)
        place.mkdir()
        apt = Apt(place, sources, question)
        code, output = apt.run("apt-get", "update", "-q")
        # Old versions end with 0 where indexes are missing.
        problems = [line for line in output.splitlines() if line.startswith(("E: ", "W: Failed to fetch", "Err:"))]
        if code == 0 and not problems:
            return apt
        said = said or complaints(output)
        if not UNREACHABLE.search(output):
            break
    raise Failure("update", said=said)


def base_sources() -> dict[str, str]:
    """File name → text of what the base's apt reads (sources.list(5))."""
    more = sorted(Path("/etc/apt/sources.list.d").glob("*"))
    files = [path for path in more if path.suffix in (".list", ".sources") and path.is_file()]
    return {"0-sources.list": read("/etc/apt/sources.list"), **{path.name: read(str(path)) for path in files}}


def trusted(sources: dict[str, str]) -> dict[str, str]:
    """`sources` without the words by which apt takes what nobody has signed."""
    option = re.compile(r"(?<=[\[\s])(?:trusted|allow-insecure|allow-weak|allow-downgrade-to-insecure)=\S*?(?=[\s\]])")
    field = re.compile(r"^(?:Trusted|Allow-\S+):.*\n?", re.IGNORECASE | re.MULTILINE)
    return {name: re.sub(r"\[\s*\]", "", field.sub("", option.sub("", text))) for name, text in sources.items()}


def mirrored(sources: dict[str, str], archives: Iterable[str]) -> dict[str, str]:
    """`sources` with each archive in place of which `archives` has another of the same name (`debian`, `ubuntu` …).

    A dated archive stays: a mirror has another state.
    """
    mirrors: dict[str, str] = {}
    for url in archives:
        mirrors.setdefault(archive_name(url), url.rstrip("/"))

    def other(match: re.Match[str]) -> str:
        if DATED.search(match[0]):
            return match[0]
        return mirrors.get(archive_name(match[0]), match[0].rstrip("/")) + "/" * match[0].endswith("/")

    return {name: re.sub(r"\b(?:https?|ftp)://[^\s\]#]+", other, text) for name, text in sources.items()}


def archive_name(url: str) -> str:
    """`debian-security` of `http://…/debian-security/`, and of its dated snapshots."""
    parts = [part for part in urlsplit(url).path.split("/") if part and not DATED.fullmatch(part)]
    return parts[-1] if parts else ""


def architectures() -> list[str]:
    """The base's own first, then those that it was told to accept too."""
    questions = ("--print-architecture", "--print-foreign-architectures")
    return [word for question in questions for word in output_of("dpkg", question).split()]


def output_of(*command: str) -> str:
    """What a command prints that does not fail."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def check_architectures(names: list[dict[str, Any]]) -> None:
    """Raise for names of an architecture that the base does not have."""
    known = [*architectures(), "all", "any", "native"]
    wrong = [f"{n['name']}:{n['architecture']}" for n in names if n["architecture"] and n["architecture"] not in known]
    if wrong:
        raise Failure("architecture", names=wrong, known=known[:-3])


def check_names(names: list[dict[str, Any]], apt: Apt) -> None:
    """Raise for names and versions that the archive does not have, before apt takes one for a pattern."""
    known, unknown = set(apt.run("apt-cache", "pkgnames")[1].split()), []
    for item in names:
        name = str(item["name"])
        if name not in known:
            providers = provided_by(apt.run("apt-cache", "showpkg", name)[1])
            # Of a single one, apt takes that.
            if len(providers) != 1:
                unknown.append({"name": name, "providers": providers, "close": close(name, known)})
        elif item["version"]:
            versions = [line.split("|")[1].strip() for line in apt.run("apt-cache", "madison", name)[1].splitlines()]
            if item["version"] not in versions and item["version"] != installed().get(name):
                raise Failure("version", name=name, version=item["version"], versions=list(dict.fromkeys(versions)))
    if unknown:
        raise Failure("unknown", names=unknown)


def provided_by(said: str) -> list[str]:
    """The packages that provide a virtual one, of what `apt-cache showpkg` says."""
    lines = said.partition("Reverse Provides:")[2].strip().splitlines()
    return sorted({line.split()[0] for line in lines if line.split()})


def close(name: str, known: Iterable[str]) -> list[str]:
    """Names that were probably meant."""
    near = [other for other in known if abs(len(other) - len(name)) < 4 and {*name[:3]} & {*other[:3]}]
    exact = [other for other in (f"lib{name}", f"python3-{name}", f"{name}-dev") if other in known]
    return list(dict.fromkeys([*difflib.get_close_matches(name, near, n=3, cutoff=0.75), *exact]))[:3]


def installed() -> dict[str, str]:
    """Name, and name with architecture → version, of what the base has."""
    out: dict[str, str] = {}
    words = "${db:Status-Status} ${Package} ${Architecture} ${Version}\n"
    for line in output_of("dpkg-query", "-W", "-f", words).splitlines():
        status, name, architecture, version = line.split(" ")
        if status == "installed":
            out.update({name: version, f"{name}:{architecture}": version})
    return out


def wanted(question: dict[str, Any]) -> list[str]:
    """What to ask apt for: without what the base has, unless a version or the newest is asked for."""
    have, out = installed(), []
    for item in question["names"]:
        bare = item["name"] + (f":{item['architecture']}" if item["architecture"] else "")
        if item["version"]:
            out.append(f"{bare}={item['version']}")
        elif bare not in have or question["upgrade"] or item["name"] in question["upgrades"]:
            out.append(bare)
    return out


def planned(names: list[str], pins: list[dict[str, str]], apt: Apt) -> list[str]:
    """The lines of `apt-get install --print-uris`: with all `pins`, or without those that dependencies forbid."""
    while True:
        apt.pin(pins)
        options = ("-y", "-q", "--no-remove", "--no-install-recommends", "--print-uris")
        code, output = apt.run("apt-get", "install", *options, *names)
        if code == 0:
            return [line for line in output.splitlines() if line.startswith("'")]
        if not pins:
            raise Failure("install", said=complaints(output))
        # apt names what does not fit together; if it names no pin, none can be told from the others.
        named = set(re.findall(r"[a-z0-9][a-z0-9+.-]+", output.partition("unmet dependencies")[2]))
        kept = [pin for pin in pins if pin["name"] not in named]
        pins = kept if len(kept) < len(pins) else []


def complaints(output: str) -> list[str]:
    """The lines of apt that say what is wrong; those that go on from one are part of it."""
    out: list[str] = []
    going_on = False
    for line in (line.rstrip() for line in output.splitlines() if line.strip()):
        if line.startswith((" ", "\t")):
            if going_on and out and out[-1].startswith("Err:"):
                out[-1] += line
            elif going_on:
                out.append(line)
            continue
        heading = line.endswith(("unmet dependencies:", "will be REMOVED:"))
        going_on = heading or line.startswith("Err:")
        if line.startswith(("E: ", "W: ", "Err:")):
            out.append(line)
    return out[:40]


LINE = re.compile(
    r"'(?P<url>[^']+)' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<arch>[^_ ]+)\.deb (?P<size>\d+) (?P<hash>\S+)"
)
"""As `apt-get --print-uris` prints it: `'URL' NAME_VERSION_ARCHITECTURE.deb SIZE SHA256:…`, with `%3a` for a colon."""


def described(lines: list[str], apt: Apt) -> list[dict[str, Any]]:
    """The packages that `lines` tell, each with its place in the archive and in the dated one."""
    found = [match for match in map(LINE.match, lines) if match]
    if len(found) != len(lines) or not all(match["hash"].startswith("SHA256:") for match in found):
        raise Failure("install", said=["E: apt gives no sha256 for some packages"])
    dated = snapshots({match["url"] for match in found}, apt)
    return [
        {
            "name": match["name"],
            "version": unquote(match["version"]),
            "architecture": match["arch"],
            "size": int(match["size"]),
            "sha256": match["hash"][len("SHA256:") :],
            "url": match["url"],
            "snapshot": dated.get(match["url"]),
        }
        for match in found
    ]


def snapshots(urls: Iterable[str], apt: Apt) -> dict[str, str]:
    """URL → URL in the archive's dated snapshot, where there is one."""
    config = settings_of(apt.run("apt-config", "dump")[1])
    found = [(*index, snapshot_of(index[2], config, read("/etc/os-release"))) for index in indexes(apt)]
    # All that is listed now is there at the newest date, and dated archives keep the newest longest.
    newest = {place: max(dated(r.get("Date", "")) for _, _, r, p in found if p == place) for *_, place in found}
    # In a URL `+` is `%2b`, in an index it is not.
    missing, out = {unquote(url): url for url in urls}, {}
    for uri, path, _, place in found:
        if not place or not newest[place]:
            continue
        start = place.rstrip("/").replace("@SNAPSHOTID@", newest[place])
        # Some 50 MB, of which nothing else is of interest.
        for found_name in re.findall(rb"^Filename: (?:\./)?(\S+)$", path.read_bytes(), re.MULTILINE):
            name = found_name.decode("ascii", "replace")
            if uri + name in missing:
                out[missing.pop(uri + name)] = f"{start}/{name}"
    return out


def indexes(apt: Apt) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """The package lists that apt has: address of the archive, file, and the fields of its Release file."""
    words = "$(REPO_URI) $(METAKEY) $(FILENAME)"
    for line in apt.run("apt-get", "indextargets", "--format", words, "Created-By: Packages")[1].splitlines():
        uri, key, path = line.split(" ", 2)
        stem = path[: -len(key) - 1] if path.endswith("_" + key.replace("/", "_")) else path
        text = read(f"{stem}_InRelease") or read(f"{stem}_Release")
        yield uri, Path(path), dict(re.findall(r"^([A-Za-z-]+): (.*)$", text.partition("\nSHA256:")[0], re.MULTILINE))


def snapshot_of(release: dict[str, str], config: dict[str, str], os_release: str) -> str | None:
    """The dated archive of a Release file, as that file says, or apt, or as its distribution has it; None for none.

    The field `Snapshots` and apt's settings: apt.conf(5), from 2.9 on. Before, the dated archives of Debian and Ubuntu
    are at `snapshot.` of the distribution's own domain, which /etc/os-release has.
    """
    origin, label = release.get("Origin", ""), release.get("Label", "")
    known = (
        config.get(f"acquire::snapshots::uri::override::label::{label}".lower()),
        config.get(f"acquire::snapshots::uri::override::origin::{origin}".lower()),
        release.get("Snapshots"),
        config.get(f"acquire::snapshots::uri::label::{label}".lower()),
        config.get(f"acquire::snapshots::uri::origin::{origin}".lower()),
        at_home(origin, label, os_release),
    )
    place = next((url for url in known if url), "no")
    return place if "@SNAPSHOTID@" in place else None


def at_home(origin: str, label: str, os_release: str) -> str | None:
    """Where distributions keep their dated archives."""
    home = re.search(r"^HOME_URL=\"?https?://(?:www\.)?([^/\"\n]+)", os_release, re.MULTILINE)
    security = "-security" * (label == "Debian-Security")
    places = {"Debian": f"archive/debian{security}", "Debian Backports": "archive/debian", "Ubuntu": "ubuntu"}
    return f"https://snapshot.{home[1]}/{places[origin]}/@SNAPSHOTID@/" if home and origin in places else None


def dated(date: str) -> str:
    """As dated archives write the time by which a release has settled; empty for what is no date."""
    try:
        return (parsedate_to_datetime(date) + SETTLED).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError, IndexError):
        return ""


def settings_of(dump: str) -> dict[str, str]:
    """Name in lower case → value, of `apt-config dump`."""
    return {name.lower(): value for name, value in re.findall(r'^(\S+) "(.*)";$', dump, re.MULTILINE)}


def read(path: str) -> str:
    """The text of a file, empty when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
