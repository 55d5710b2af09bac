"""What goes wrong with OS packages, in apt's words and ours."""

from pathlib import Path

import msgspec
import pytest

from snapshot.errors import HostError, IntegrityError, NetworkError, ResolveError
from snapshot.lock.apt import Failure, _Answer, _Found, _packages, error
from snapshot.project.apt import OsRequest, read


@pytest.fixture
def request_of(tmp_path: Path):
    def make(*lines: str) -> OsRequest:
        (tmp_path / "apt.txt").write_text("\n".join(lines))
        return read(tmp_path)

    return make


def failure(**said: object) -> Failure:
    """As it comes out of the base."""
    answer = msgspec.json.decode(msgspec.json.encode({"failure": said}), type=_Answer)
    assert answer.failure is not None
    return answer.failure


def test_unknown_names_are_told_with_their_places(request_of) -> None:
    names = [
        {"name": "ffmpegg", "providers": [], "close": ["ffmpeg", "ffmpegfs"]},
        {"name": "awk", "providers": ["gawk", "mawk"], "close": []},
    ]
    found = error(failure(kind="unknown", names=names), request_of("git", "ffmpegg", "awk"), "base:1")
    assert isinstance(found, ResolveError)
    assert found.message == (
        "the base's archive has no package `ffmpegg` (apt.txt, line 2); "
        "`awk` (apt.txt, line 3) is provided by several packages"
    )
    assert found.hint == "did you mean `ffmpeg` or `ffmpegfs`?; name one of `gawk` and `mawk`"


def test_a_version_that_is_not_there(request_of) -> None:
    found = error(
        failure(kind="version", name="git", version="1", versions=["1:2.39", "1:2.30"]), request_of("git=1"), "base:1"
    )
    assert found.message == ("the base's archive does not have `git=1` (apt.txt, line 1); it has `1:2.39` and `1:2.30`")
    assert found.hint == "ask for `git=1:2.39`, or for `git`"


def test_bases_that_can_not(request_of) -> None:
    asked = request_of("libgl1:i386")
    assert "has no apt, and apt.txt asks" in error(failure(kind="no apt"), asked, "alpine:3").message
    found = error(failure(kind="architecture", names=["libgl1:i386"], known=["amd64"]), asked, "base:1")
    assert found.message == "`libgl1:i386` (apt.txt, line 1): the base `base:1` takes packages of `amd64` only"


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (
            [
                "Err:1 http://a.example/debian bookworm InRelease",
                "E: Failed to fetch http://me:pw@a.example/debian/dists/x/InRelease  404  Not Found [IP: 10.0.0.1 80]",
                "E: The repository 'http://a.example/debian x InRelease' is not there.",
            ],
            NetworkError,
            "http://a.example/debian/dists/x/InRelease: 404 Not Found",
        ),
        (
            ["W: Failed to fetch http://a.example/x  Could not resolve 'a.example'"],
            NetworkError,
            "http://a.example/x: Could not resolve 'a.example'",
        ),
        (
            [
                "W: GPG error: http://a.example x InRelease: The following signatures couldn't be verified because the "
                "public key is not available: NO_PUBKEY 0E98404D386FA1D9",
                "E: The repository 'http://a.example x InRelease' is not signed.",
            ],
            IntegrityError,
            "NO_PUBKEY 0E98404D386FA1D9",
        ),
        (
            ["E: Release file for http://a.example/InRelease is expired (invalid since 2d 3h)."],
            NetworkError,
            "of another time: Release file for http://a.example/InRelease is expired",
        ),
        (
            ["E: Failed to fetch http://a.example/Packages.xz  File has unexpected size (1 != 2)."],
            NetworkError,
            "is being updated",
        ),
        (
            ["E: Failed to fetch http://a.example/Packages.xz  Write error - write (28: No space left on device)"],
            HostError,
            "no space left",
        ),
    ],
)
def test_archives_that_fail(request_of, lines: list[str], kind: type, words: str) -> None:
    found = error(failure(kind="update", said=lines), request_of("git"), "base:1")
    assert type(found) is kind
    assert words in found.message
    assert found.hint and "pw@" not in found.message and not found.message.endswith(".")


def test_conflicts_are_short(request_of) -> None:
    lines = [
        "E: Unable to correct problems, you have held broken packages.",
        *(f" a{n} : Depends: b" for n in range(99)),
    ]
    found = error(failure(kind="install", said=lines), request_of("git"), "base:1")
    assert found.message.startswith("the OS packages of apt.txt don't fit together, or not with the base: Unable to")
    assert len(found.message) < 500


def found(name: str, **more: str) -> _Found:
    values = {"version": "1", "architecture": "amd64", "sha256": "a" * 64, "url": f"http://a.example/{name}.deb"}
    return _Found(name=name, size=1, snapshot=None, **{**values, **more})


def test_what_is_asked_for_is_told_from_what_it_needs(request_of) -> None:
    packages = _packages([found("zlib1g"), found("git"), found("libc6")], request_of("git", "vim"), {})
    assert [(p.name, p.asked) for p in packages] == [("git", True), ("libc6", False), ("zlib1g", False)]


def test_the_same_file_keeps_its_places(request_of) -> None:
    (before,) = _packages([found("git")], request_of("git"), {})
    before = msgspec.structs.replace(before, snapshot="http://dated.example/git.deb", asked=False)
    known = {("git", "amd64"): before}
    (same,) = _packages([found("git", url="http://me:pw@mirror.example/git.deb")], request_of("git"), known)
    assert (same.url, same.snapshot, same.asked) == (before.url, before.snapshot, True)
    (other,) = _packages([found("git", sha256="b" * 64, url="http://me:pw@b.example/x")], request_of("git"), known)
    assert (other.url, other.snapshot) == ("http://b.example/x", None)


def test_places_that_only_the_base_knows_are_refused(request_of) -> None:
    with pytest.raises(ResolveError, match=r"`git` is at `file:/opt/repo/git\.deb`"):
        _packages([found("git", url="file:/opt/repo/git.deb")], request_of("git"), {})
