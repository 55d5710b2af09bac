"""The bill of materials, judged by the schema of its specification."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.errors import HostError
from snapshot.lock.document import Lock
from snapshot.lock.export import export

from .conftest import make_lock

needs_library = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")


def exported(lock: Lock) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(export(lock, "cyclonedx", root=Path("/project")))
    return found


def by_name(lock: Lock) -> dict[str, dict[str, Any]]:
    return {component["name"]: component for component in exported(lock)["components"]}


def test_it_is_valid_and_refers_to_nothing_that_is_not_there(lock: Lock) -> None:
    from cyclonedx.schema import SchemaVersion

    text = export(lock, "cyclonedx", root=Path("/project"))
    assert needs_library.JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    refs = [component["bom-ref"] for component in [found["metadata"]["component"], *found["components"]]]
    assert len(refs) == len(set(refs))
    assert {ref for entry in found["dependencies"] for ref in [entry["ref"], *entry.get("dependsOn", ())]} == set(refs)


def test_equal_locks_are_equal_bytes_and_others_have_other_serial_numbers(lock: Lock) -> None:
    again = make_lock(*lock.packages)
    assert export(lock, "cyclonedx", root=Path("/a")) == export(again, "cyclonedx", root=Path("/b"))
    other = msgspec.structs.replace(lock, packages=lock.packages[1:])
    assert exported(other)["serialNumber"] != exported(lock)["serialNumber"]
    assert exported(lock)["metadata"]["timestamp"] == "2026-07-11T10:16:37+00:00"


def test_python_packages_with_their_files_and_sources(lock: Lock) -> None:
    found = by_name(lock)
    numpy = found["numpy"]
    sha256 = b"n".hex() * 32
    assert (numpy["purl"], numpy["type"]) == ("pkg:pypi/numpy@2.4.6", "library")
    assert numpy["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    assert numpy["externalReferences"] == [
        {
            "type": "distribution",
            "url": "https://files.example/numpy.whl",
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        }
    ]
    assert found["direct"]["purl"] == "pkg:pypi/direct@2.0%2Bcu124"
    (source,) = found["built"]["externalReferences"]
    assert (source["type"], source["url"]) == ("source-distribution", "https://files.example/built.tar.gz")
    assert source["hashes"][0]["content"] == "2" * 64
    (repository,) = found["repository"]["externalReferences"]
    assert (repository["type"], repository["url"]) == (
        "vcs",
        f"git+https://git.example/team/repository.git@{'f' * 40}",
    )
    needs = {entry["ref"]: entry.get("dependsOn") for entry in exported(lock)["dependencies"]}
    assert needs["pkg:pypi/numpy@2.4.6"] == ["pkg:pypi/built@1.0", "pkg:pypi/direct@2.0%2Bcu124"]


def test_os_packages_and_the_base(lock: Lock) -> None:
    found = by_name(lock)
    assert found["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12"
    assert found["libc6"]["hashes"][0]["content"] == "c" * 64
    assert "hashes" not in found["tzdata"]
    # What is installed on top replaces what the base has.
    assert (found["zlib1g"]["version"], found["zlib1g"]["hashes"][0]["content"]) == ("1:1.3", "e" * 64)
    base = found["registry.example:5000/team/base"]
    assert (base["type"], base["version"]) == ("container", "12")
    assert base["purl"] == (
        f"pkg:oci/base@sha256:{'d' * 64}?arch=amd64&repository_url=registry.example:5000/team/base&tag=12"
    )
    assert {item["value"] for item in base["properties"]} == set(lock.base.layers)


@pytest.mark.parametrize(
    ("reference", "name", "version"),
    [("base", "base", "b" * 12), ("host:5000/base", "host:5000/base", "b" * 12), ("base:1@sha256:00", "base", "1")],
)
def test_a_base_of_this_host(lock: Lock, reference: str, name: str, version: str) -> None:
    base = msgspec.structs.replace(lock.base, reference=reference, digest=None)
    found = by_name(msgspec.structs.replace(lock, base=base))[name]
    assert (found["version"], "purl" in found) == (version, False)


@pytest.fixture
def without_library() -> Iterator[None]:
    """As where `cyclonedx-python-lib` is not installed."""
    kept = {name: sys.modules[name] for name in list(sys.modules) if name.partition(".")[0] == "cyclonedx"}
    for name in kept:
        del sys.modules[name]
    blocked = _Blocked()
    sys.meta_path.insert(0, blocked)
    yield
    sys.meta_path.remove(blocked)
    sys.modules.update(kept)


class _Blocked:
    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == "cyclonedx":
            raise ModuleNotFoundError(name=name)


@pytest.mark.usefixtures("without_library")
def test_without_the_library(lock: Lock) -> None:
    with pytest.raises(HostError, match="cyclonedx-python-lib") as caught:
        export(lock, "cyclonedx", root=Path("/project"))
    assert caught.value.hint and "snapshot-ml[cyclonedx]" in caught.value.hint
