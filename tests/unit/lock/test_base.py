"""Which base is chosen, and what the lock says of it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from snapshot.errors import NetworkError, ResolveError, UsageError
from snapshot.host.engine import Image
from snapshot.lock import base
from snapshot.lock.document import Base, Lock, OperatingSystem, Python, Sources
from snapshot.lock.wanted import Wanted
from snapshot.project.apt import OsRequest
from snapshot.project.python_version import PythonChoice
from snapshot.project.requirements import Requirements

PYTHON = PythonChoice(version="3.11", because="configuration")


def image(
    reference: str, *, layer: str = "ab" * 32, created: str = "2026-07-11T10:16:37Z", python: str = "3.11"
) -> Image:
    return Image(
        id=f"sha256:{layer}",
        reference=reference,
        layers=(f"sha256:{layer}",),
        digest=None,
        created=created,
        os="linux",
        architecture="amd64",
        labels={base.LABEL_PYTHON: python},
    )


class Shelf:
    """An engine that has some images, and a registry that has others."""

    def __init__(self, *here: Image, there: tuple[Image, ...] = ()) -> None:
        self.here = {item.reference: item for item in here}
        self.there = {item.reference: item for item in there}

    def image(self, reference: str) -> Image | None:
        return self.here.get(reference)

    def images(self, *, repository: str, label: str) -> tuple[Image, ...]:
        return tuple(i for i in self.here.values() if i.reference.startswith(f"{repository}:") and label in i.labels)

    def pull(self, reference: str) -> Image:
        if reference not in self.there:
            raise NetworkError(f"`{reference}` can't be pulled: no such host")
        return self.there[reference]


def choose(
    shelf: Shelf, *, configured: str | None = None, python: PythonChoice = PYTHON, old: Base | None = None
) -> str:
    found = base.choose(shelf, configured=configured, python=python, old=old, at_hand=base.local(shelf))
    return found.reference


def test_a_base_at_hand_goes_by_the_name_of_its_content() -> None:
    shelf = Shelf(image("snapshot-base:bookworm"), image(f"snapshot-base:bookworm-{'ab' * 6}"))
    assert choose(shelf) == f"snapshot-base:bookworm-{'ab' * 6}"


def test_of_several_the_one_that_the_plain_tag_names() -> None:
    old, new = "cd" * 32, "ab" * 32
    shelf = Shelf(
        image(f"snapshot-base:bookworm-{old[:12]}", layer=old),
        image(f"snapshot-base:bookworm-{new[:12]}", layer=new),
        image("snapshot-base:bookworm", layer=new),
    )
    assert choose(shelf) == f"snapshot-base:bookworm-{new[:12]}"


def test_of_several_the_newest() -> None:
    shelf = Shelf(
        image("snapshot-base:a", created="2026-01-01T00:00:00Z"),
        image("snapshot-base:b", created="2026-02-01T00:00:00Z", layer="cd" * 32),
    )
    assert choose(shelf) == "snapshot-base:b"


def test_images_built_on_a_base_are_none_though_they_inherit_its_labels() -> None:
    built = replace(
        image("snap/project:1", created="2026-10-01T00:00:00Z"), layers=("sha256:" + "ab" * 32, "sha256:" + "0" * 64)
    )
    assert choose(Shelf(image("snapshot-base:bookworm"), built)) == "snapshot-base:bookworm"


def test_a_base_without_a_tag_of_its_own_content() -> None:
    assert choose(Shelf(image("snapshot-base:ours"))) == "snapshot-base:ours"


def test_the_configured_one_wins() -> None:
    assert (
        choose(Shelf(image("snapshot-base:bookworm"), image("nvidia/cuda:12")), configured="nvidia/cuda:12")
        == "nvidia/cuda:12"
    )


def test_the_configured_one_is_pulled_if_need_be() -> None:
    assert choose(Shelf(there=(image("python:3.12"),)), configured="python:3.12") == "python:3.12"


def test_without_a_base_at_hand_docker_hubs_python() -> None:
    shelf = Shelf(there=(image("python:3.12.4-slim-bookworm"),))
    assert choose(shelf, python=PythonChoice(version="3.12.4", because="x")) == "python:3.12.4-slim-bookworm"


def test_the_old_locks_base_is_kept() -> None:
    older = image("snapshot-base:bookworm-old", layer="cd" * 32)
    shelf = Shelf(image("snapshot-base:bookworm", created="2026-09-01T00:00:00Z"), older)
    assert choose(shelf, old=base.pin(older, older.reference)) == older.reference


def test_a_tag_that_moved_is_followed_to_the_digest() -> None:
    was = replace(image("python:3.12", layer="cd" * 32), digest="sha256:" + "1" * 64)
    pinned = replace(was, reference=f"python:3.12@{was.digest}")
    shelf = Shelf(image("python:3.12"), pinned)
    assert choose(shelf, configured="python:3.12", old=base.pin(was, "python:3.12")) == pinned.reference


def test_an_old_base_that_is_gone_gives_way() -> None:
    gone = base.pin(image("snapshot-base:bookworm-old", layer="cd" * 32), "snapshot-base:bookworm-old")
    assert choose(Shelf(image("snapshot-base:bookworm")), old=gone) == "snapshot-base:bookworm"


@pytest.mark.parametrize(("python", "hint"), [("3.11", "scripts/build-base bookworm"), ("3.12", "base = ")])
def test_out_of_reach_says_how_to_make_one(python: str, hint: str) -> None:
    with pytest.raises(ResolveError, match="no base image with Python") as caught:
        choose(Shelf(), python=PythonChoice(version=python, because="x"))
    assert caught.value.hint and "scripts/build-base" in caught.value.hint and hint in caught.value.hint


@pytest.mark.parametrize(
    ("created", "epoch"),
    [
        ("2026-07-11T10:16:37Z", 1783764997),
        ("2026-07-11T10:16:37.123456789Z", 1783764997),
        ("2026-07-11T12:16:37+02:00", 1783764997),
        ("0001-01-01T00:00:00Z", base.OLDEST_EPOCH),
        ("", base.OLDEST_EPOCH),
    ],
)
def test_the_epoch_is_the_images_own(created: str, epoch: int) -> None:
    assert base.epoch(image("x:1", created=created)) == epoch


@pytest.mark.parametrize(
    "reference",
    [
        "python",
        "python:3.12-slim-bookworm",
        "snapshot-base:bookworm-de3391ecaeb6",
        "localhost:5000/a/b__c:T_1",
        "[::1]:5000/a",
        "nvcr.io/nvidia/pytorch:24.01-py3@sha256:" + "a" * 64,
        "a" * 64,
    ],
)
def test_references_that_can_be(reference: str) -> None:
    base.check_reference(reference)


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("Foo", "`foo`"),
        ("Foo:Tag", "`foo:Tag`"),
        ("a:b:c", "python:3.12"),
        ("-x", "python:3.12"),
        ("foo@sha256:abc", "64 hexadecimal digits"),
        ("foo:", "python:3.12"),
        ("a//b", "python:3.12"),
    ],
)
def test_references_that_can_not_be(reference: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is not an image reference") as caught:
        base.check_reference(reference)
    assert caught.value.hint and hint in caught.value.hint


def test_a_patch_number_of_pyenv_is_not_insisted_on() -> None:
    shelf = Shelf(there=(image("python:3.12-slim-bookworm"),))
    found = choose(shelf, python=PythonChoice(version="3.12.77", because=".python-version"))
    assert found == "python:3.12-slim-bookworm"
    with pytest.raises(ResolveError, match=r"3\.12\.77"):
        choose(shelf, python=PythonChoice(version="3.12.77", because="configuration"))


@pytest.mark.parametrize(
    ("said", "version"), [("the interpreter in use", "3.11"), ("newest that is allowed", "3.11"), ("Pipfile", "3.13")]
)
def test_a_python_is_kept_if_nobody_asked_for_it_and_let_go_with_who_did(
    tmp_path: Path, said: str, version: str
) -> None:
    (tmp_path / "pyvenv.cfg").write_text("version = 3.13.1\n")
    older, newer = image("snapshot-base:bookworm"), image("snapshot-base:trixie", layer="cd" * 32, python="3.13")
    old = Lock(
        source_date_epoch=base.OLDEST_EPOCH,
        sources=Sources(requirements=(), base="snapshot-base:bookworm (chosen)", python=f"3.11 ({said})", resolver=""),
        base=base.pin(older, older.reference),
        os=OperatingSystem(id="debian", version="12", name="Debian 12"),
        python=Python(version="3.11.2", implementation="cpython", build="", executable="/x", platform="x"),
    )
    wanted = Wanted(
        requirements=Requirements(source="requirements.txt"),
        source="requirements.txt",
        os_request=OsRequest(),
        python=None,
        base=None,
        resolver="pip-tools",
    )
    found, _, python = base.decide(wanted, Shelf(older, newer), old, {"VIRTUAL_ENV": str(tmp_path)})
    assert python and python.version == found.labels[base.LABEL_PYTHON] == version
