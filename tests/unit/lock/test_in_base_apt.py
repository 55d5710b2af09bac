"""The script that asks apt in the base: what apt says, on Debian and on Ubuntu, and what comes of it."""

from pathlib import Path

import pytest

from snapshot.lock import in_base_apt
from snapshot.lock.in_base_apt import (
    LINE,
    archive_name,
    close,
    complaints,
    dated,
    described,
    mirrored,
    planned,
    provided_by,
    settings_of,
    snapshot_of,
    trusted,
)

HOME = 'ID=debian\nHOME_URL="https://www.debian.example/"\n'
DEB822 = """\
Types: deb
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg
Trusted: yes

Types: deb
URIs: http://archive.example/debian-security/
Suites: bookworm-security
Components: main
"""
ONE_LINE = (
    "deb [arch=amd64 trusted=yes] https://archive.example/ubuntu/ noble main universe\ndeb http://ppa.example/x y z\n"
)


def test_a_mirror_takes_the_place_of_the_archive_of_the_same_name() -> None:
    found = mirrored(
        {"a.sources": DEB822, "b.list": ONE_LINE},
        ("http://mirror.example/pub/debian/", "http://second.example/debian", "https://me:pw@mirror.example/ubuntu"),
    )
    assert "URIs: http://mirror.example/pub/debian\n" in found["a.sources"]
    assert "URIs: http://archive.example/debian-security/\n" in found["a.sources"]
    assert "deb [arch=amd64 trusted=yes] https://me:pw@mirror.example/ubuntu/ noble main" in found["b.list"]
    assert "http://ppa.example/x y z" in found["b.list"]
    assert mirrored({"a": DEB822}, ()) == {"a": DEB822}
    dated_sources = {"a": "deb http://dated.example/archive/debian/20260101T000000Z bookworm main\n"}
    assert mirrored(dated_sources, ("http://mirror.example/debian",)) == dated_sources


def test_a_dated_mirror_is_known_by_the_archive_that_it_is_of() -> None:
    assert archive_name("http://x.example/archive/debian/20250520T000000Z/") == "debian"
    assert archive_name("http://x.example/debian-security") == "debian-security"
    assert archive_name("http://x.example") == ""


def test_nothing_is_trusted_unsigned() -> None:
    assert "Trusted" not in trusted({"a": DEB822})["a"]
    assert trusted({"b": ONE_LINE})["b"].startswith("deb [arch=amd64 ] https://archive.example/ubuntu/ noble")
    assert trusted({"b": "deb [trusted=yes] http://a b c\n"})["b"] == "deb  http://a b c\n"
    assert trusted({"b": DEB822})["b"].count("Signed-By") == 1


def test_the_dated_archive_of_a_release() -> None:
    debian = {"Origin": "Debian", "Label": "Debian"}
    security = {"Origin": "Debian", "Label": "Debian-Security"}
    ubuntu = {"Origin": "Ubuntu", "Label": "Ubuntu"}
    assert snapshot_of(debian, {}, HOME) == "https://snapshot.debian.example/archive/debian/@SNAPSHOTID@/"
    assert snapshot_of(security, {}, HOME) == "https://snapshot.debian.example/archive/debian-security/@SNAPSHOTID@/"
    assert snapshot_of(ubuntu, {}, "HOME_URL=https://ubuntu.example/") == (
        "https://snapshot.ubuntu.example/ubuntu/@SNAPSHOTID@/"
    )
    assert snapshot_of({"Origin": "Somebody"}, {}, HOME) is None
    assert snapshot_of(debian, {}, "") is None


def test_the_release_file_and_newer_apts_say_where_the_dated_archive_is() -> None:
    said = {"Origin": "Debian", "Label": "Debian", "Snapshots": "https://kept.example/@SNAPSHOTID@/"}
    assert snapshot_of(said, {}, HOME) == "https://kept.example/@SNAPSHOTID@/"
    assert snapshot_of({**said, "Snapshots": "no"}, {}, HOME) is None
    config = settings_of(
        'Acquire::Snapshots::URI::Origin::Debian "https://apt.example/debian/@SNAPSHOTID@/";\n'
        'Acquire::Snapshots::URI::Override::Label::Debian-Security "https://apt.example/security/@SNAPSHOTID@/";\n'
    )
    assert snapshot_of({"Origin": "Debian", "Label": "Debian"}, config, HOME) == (
        "https://apt.example/debian/@SNAPSHOTID@/"
    )
    assert snapshot_of({**said, "Label": "Debian-Security"}, config, HOME) == (
        "https://apt.example/security/@SNAPSHOTID@/"
    )


def test_a_release_has_settled_half_a_day_after_its_date() -> None:
    assert dated("Sat, 11 Jul 2026 10:16:37 UTC") == "20260711T221637Z"
    assert dated("Sat, 21 Nov 2026  9:52:04 UTC") == "20261121T215204Z"
    assert dated("") == dated("some day") == ""


def test_what_is_virtual_is_told_with_what_provides_it() -> None:
    said = (
        "Package: awk\nVersions: \n\nReverse Depends: \n  a,awk\nDependencies: \nProvides: \nReverse Provides: \n"
        "original-awk 1:20220912-2 (= )\nmawk 1.3.4.20200120-3.1 (= )\n"
    )
    assert provided_by(said) == ["mawk", "original-awk"]
    assert provided_by("N: Unable to locate package nope\n") == []


def test_names_that_were_probably_meant() -> None:
    known = ("ffmpeg", "ffmpegfs", "libgl1", "libglx0", "libopencv-dev", "libsndfile1", "python3-numpy", "zlib1g")
    assert close("ffmpegg", known)[0] == "ffmpeg"
    assert close("libgl", known)[0] == "libgl1"
    assert close("numpy", known) == ["python3-numpy"]
    assert close("wholly-unlike-anything", known) == []


def test_what_apt_complains_about() -> None:
    said = """\
Reading package lists...
The following packages have unmet dependencies:
 libfoo1 : Depends: libbar1 (= 1.0) but 2.0 is to be installed
           Conflicts: libbaz
E: Unable to correct problems, you have held broken packages.
"""
    assert complaints(said) == [
        " libfoo1 : Depends: libbar1 (= 1.0) but 2.0 is to be installed",
        "           Conflicts: libbaz",
        "E: Unable to correct problems, you have held broken packages.",
    ]
    said = "Err:2 http://a.example x Release\n  404  Not Found [IP: 10.0.0.1 80]\nReading package lists...\nE: No\n"
    assert complaints(said) == ["Err:2 http://a.example x Release  404  Not Found [IP: 10.0.0.1 80]", "E: No"]


class Apt:
    """Answers as apt does, by the first two words of a command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.pins: list[list[str]] = []

    def run(self, *command: str) -> tuple[int, str]:
        return 0, self.answers.get(command[1], "")

    def pin(self, pins: list[dict[str, str]]) -> None:
        self.pins.append([pin["name"] for pin in pins])


def test_packages_with_their_places(tmp_path: Path) -> None:
    for suite, date, names in (
        ("bookworm", "Sat, 11 Jul 2026 10:16:37 UTC", ("main/f/foo_1.0+b1_amd64.deb",)),
        ("updates", "Sat, 21 Nov 2026 02:10:46 UTC", ()),
    ):
        stem = tmp_path / f"archive.example_debian_dists_{suite}"
        Path(f"{stem}_InRelease").write_text(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian\n"
            f"Snapshots: https://dated.example/debian/@SNAPSHOTID@/\nDate: {date}\nSHA256:\n 00 1 main/x\nDate: no\n"
        )
        Path(f"{stem}_main_binary-amd64_Packages").write_text("".join(f"Filename: pool/{name}\n" for name in names))
    targets = "".join(
        f"http://archive.example/debian/ main/binary-amd64/Packages "
        f"{tmp_path}/archive.example_debian_dists_{suite}_main_binary-amd64_Packages\n"
        for suite in ("bookworm", "updates")
    )
    lines = [
        "'http://archive.example/debian/pool/main/f/foo_1.0%2bb1_amd64.deb' foo_7%3a1.0+b1_amd64.deb 1234 SHA256:ab12",
        "'http://ppa.example/x/bar_2_all.deb' bar_2_all.deb 7 SHA256:cd34",
    ]
    foo, bar = described(lines, Apt(indextargets=targets))
    assert foo == {
        "name": "foo",
        "version": "7:1.0+b1",
        "architecture": "amd64",
        "size": 1234,
        "sha256": "ab12",
        "url": "http://archive.example/debian/pool/main/f/foo_1.0%2bb1_amd64.deb",
        "snapshot": "https://dated.example/debian/20261121T141046Z/pool/main/f/foo_1.0+b1_amd64.deb",
    }
    assert (bar["version"], bar["architecture"], bar["snapshot"]) == ("2", "all", None)


def test_a_package_without_sha256_is_no_package() -> None:
    with pytest.raises(in_base_apt.Failure, match="install"):
        described(["'http://a.example/x_1_all.deb' x_1_all.deb 7 MD5Sum:cd34"], Apt())
    assert LINE.match("'http://a.example/x_1_all.deb' x_1_all.deb 7 ") is None


def test_versions_stay_but_for_those_that_dependencies_forbid() -> None:
    class Stubborn(Apt):
        def run(self, *command: str) -> tuple[int, str]:
            if "libbar1" in self.pins[-1]:
                return 100, complaint
            return 0, "Reading package lists...\n'http://a.example/foo_1_all.deb' foo_1_all.deb 7 SHA256:ab\n"

    complaint = "The following packages have unmet dependencies:\n libfoo1 : Depends: libbar1 (= 2)\nE: Unable\n"
    pins = [{"name": name, "architecture": "all", "version": "1"} for name in ("curl", "libbar1", "libfoo1")]
    apt = Stubborn()
    assert len(planned(["foo"], pins, apt)) == 1
    assert apt.pins == [["curl", "libbar1", "libfoo1"], ["curl"]]


def test_what_has_no_solution_is_told() -> None:
    class Never(Apt):
        def run(self, *command: str) -> tuple[int, str]:
            return 100, "E: Unable to correct problems\n"

    apt = Never()
    with pytest.raises(in_base_apt.Failure) as caught:
        planned(["foo"], [{"name": "curl", "architecture": "all", "version": "1"}], apt)
    assert caught.value.details == {"kind": "install", "said": ["E: Unable to correct problems"]}
    assert apt.pins == [["curl"], []]
