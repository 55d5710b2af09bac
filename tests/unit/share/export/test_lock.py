"""The lock for the public: the same platform, and no place that is not everybody's."""

from __future__ import annotations

import msgspec
import pytest

from snapshot.image.dockerfile import Layer
from snapshot.lock import document
from snapshot.lock.document import Lock, OsPackage, Sdist, Vcs
from snapshot.share.export import lock as locks
from snapshot.share.export.places import is_public, is_public_image
from tests.unit.share.kits import a_lock

PYPI = "https://files.pythonhosted.org/packages/aa/spam-1.0-py3-none-any.whl"
INSIDE = "https://pypi.corp.example/simple/spam-1.0-py3-none-any.whl"


def of(url: str | None = None, path: str | None = None, **changes: object) -> Lock:
    lock = a_lock()
    wheel = msgspec.structs.replace(lock.packages[0].wheel, url=url, path=path)
    package = msgspec.structs.replace(lock.packages[0], wheels=(wheel,), **changes)
    return msgspec.structs.replace(lock, packages=(package,))


def listed(lock: Lock) -> list[tuple[str, tuple[str, ...]]]:
    layer = Layer(context="wheels-tiny", packages=lock.packages)
    return [(path, urls) for path, _, urls in locks.addresses(locks.public(lock), (layer,))]


@pytest.mark.parametrize("lock", [of(INSIDE), of(path="/home/alice/wheels/x"), of("file:///srv/x.whl"), of(PYPI)])
def test_it_makes_the_same_image_and_can_be_read(lock: Lock) -> None:
    public = locks.public(lock)
    assert public.digest == lock.digest
    text = document.dumps(public)
    assert document.loads(text) == public
    assert not any(word in text for word in ("alice", "corp", "/srv"))


def test_public_addresses_stay_and_others_make_a_package_travel_along() -> None:
    assert listed(of(PYPI)) == [("wheels/wheels-tiny/spam-1.0-py3-none-any.whl", (PYPI,))]
    assert listed(of(INSIDE)) == [("wheels/wheels-tiny/spam-1.0-py3-none-any.whl", ())]


def test_os_packages_come_of_the_archive_or_its_snapshot() -> None:
    known = OsPackage(
        name="tree", version="2.1.0-1", architecture="amd64", size=1, sha256="a" * 64,
        url="http://mirror.corp/pool/tree.deb", snapshot="https://snapshot.debian.org/tree.deb",
    )  # fmt: skip
    unknown = msgspec.structs.replace(known, name="own", snapshot=None)
    lock = msgspec.structs.replace(a_lock(), packages=(), os_packages=(known, unknown))
    assert listed(lock) == [
        ("debs/tree_2.1.0-1_amd64.deb", ("https://snapshot.debian.org/tree.deb",)),
        ("debs/own_2.1.0-1_amd64.deb", ()),
    ]


def test_sources_of_packages_lose_private_places() -> None:
    private = Vcs(type="git", url="https://git.corp.example/a", commit_id="a" * 40)
    lock = of(vcs=private, sdist=Sdist(name="lib.tar", path="/home/alice/lib", hashes={"sha256": "b" * 64}))
    (package,) = locks.public(lock).packages
    assert (package.vcs, package.sdist and package.sdist.path) == (None, "lib.tar")
    kept = msgspec.structs.replace(private, url="https://github.com/a/b")
    assert locks.public(of(vcs=kept)).packages[0].vcs == kept


@pytest.mark.parametrize(
    ("requirement", "kept"),
    [
        ("numpy>=1,<2", True),
        ("-e .", True),
        ("spam @ git+https://github.com/a/b", True),
        ("spam @ git+https://git.corp.example/a/b", False),
        ("../lib", False),
        ("/home/alice/lib", False),
        ("--extra-index-url https://pypi.corp.example/simple", False),
        ("--find-links=/opt/wheels", False),
    ],
)
def test_requirements_that_name_private_places_are_left_out(requirement: str, kept: bool) -> None:
    lock = a_lock()
    lock = msgspec.structs.replace(lock, sources=msgspec.structs.replace(lock.sources, requirements=(requirement,)))
    assert locks.public(lock).sources.requirements == (requirement if kept else locks.LEFT_OUT,)


def test_a_base_of_a_registry_that_is_not_everybodys_is_called_otherwise() -> None:
    own = a_lock(reference="registry.corp.example:5000/base:1", digest="sha256:" + "d" * 64)
    public = locks.public(own)
    assert (public.base.reference, public.base.digest) == ("base:" + "a" * 16, None)
    assert not locks.is_base_public(own)
    hub = a_lock(reference="python:3.12-slim", digest="sha256:" + "d" * 64)
    assert locks.public(hub).base == hub.base
    assert locks.is_base_public(hub)
    assert not locks.is_base_public(a_lock(reference="snapshot-base:bookworm"))


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (PYPI, True),
        ("https://files.pythonhosted.org:8443/x.whl", False),
        ("https://user:secret@files.pythonhosted.org/x.whl", False),
        ("https://files.pythonhosted.org.corp.example/x.whl", False),
        ("http://127.0.0.1/x.whl", False),
        ("file:///x.whl", False),
        (None, False),
    ],
)
def test_what_everybody_can_reach(url: str | None, public: bool) -> None:
    assert is_public(url) == public


def test_names_that_are_none_are_not_public_images() -> None:
    assert not is_public_image("(left out)")
    assert is_public_image("ghcr.io/a/b:1")


def test_requirements_tell_what_travels_along() -> None:
    lock = of()
    text = locks.requirements(lock, frozenset({"spam-1.0-py3-none-any.whl"}))
    assert "spam==1.0 \\" in text
    assert "of no public index" in text
    assert "of no public index" not in locks.requirements(lock, frozenset())
