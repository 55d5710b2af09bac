"""A software bill of materials: CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from snapshot import __version__, digest
from snapshot.errors import HostError
from snapshot.lock import document
from snapshot.lock.document import Lock, Package
from snapshot.lock.export import source

if TYPE_CHECKING:
    from cyclonedx.model import ExternalReference, HashType
    from cyclonedx.model.component import Component

_NAMESPACE = uuid.UUID("8a1c5a1e-6f0c-5a4e-9a53-0b7f3c6f2d11")
"""Of serial numbers: one for each content of a lock."""


def dumps(lock: Lock) -> str:
    """`lock` with its base, OS packages and Python packages; raises HostError when the library is not installed."""
    try:
        from cyclonedx.model.bom import Bom, BomMetaData
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.model.tool import ToolRepository
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError:
        raise HostError(
            "`cyclonedx-python-lib`, which writes CycloneDX, is not installed",
            hint="install it with `pip install 'snapshot-ml[cyclonedx]'`",
        ) from None

    whole = Component(type=ComponentType.PLATFORM, name="snap.lock", version=lock.digest, bom_ref=lock.digest)
    tool = Component(type=ComponentType.APPLICATION, name="snapshot-ml", version=__version__)
    python = {package.name: _python_package(package) for package in lock.packages}
    base, system = _base(lock), list(_os_packages(lock))
    bom = Bom(
        # Neither random nor of now: equal locks are equal bytes.
        serial_number=uuid.uuid5(_NAMESPACE, document.dumps(lock)),
        metadata=BomMetaData(
            component=whole,
            timestamp=datetime.fromtimestamp(lock.source_date_epoch, UTC),
            tools=ToolRepository(components=[tool]),
        ),
        components=[base, *system, *python.values()],
    )
    bom.register_dependency(whole, [base, *system, *python.values()])
    for package in lock.packages:
        needs = [python[name] for name in package.dependencies if name in python]
        bom.register_dependency(python[package.name], needs)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _base(lock: Lock) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    name, _, tag = lock.base.reference.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        name, tag = lock.base.reference.partition("@")[0], ""
    purl = None
    if lock.base.digest:
        where = {"repository_url": name, "arch": lock.base.architecture, **({"tag": tag} if tag else {})}
        purl = PackageURL("oci", name=name.split("/")[-1].lower(), version=lock.base.digest, qualifiers=where)
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=tag or lock.base.digest or digest.short(lock.base.layers[-1]),
        purl=purl,
        bom_ref=f"base:{lock.base.digest or lock.base.layers[-1]}",
        properties=[
            Property(name=f"snapshot-ml:layer:{number}", value=layer) for number, layer in enumerate(lock.base.layers)
        ],
    )


def _os_packages(lock: Lock) -> Iterator[Component]:
    """Those of the base, and those on top, which replace what the base has under the same name."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    # name, architecture → version, sha256, URL
    found: dict[tuple[str, str], tuple[str, str | None, str | None]] = {}
    for fields in (line.split(" ") for line in lock.os.packages):
        if len(fields) >= 3:
            hashed = fields[3].removeprefix(digest.PREFIX) if len(fields) > 3 else None
            found[fields[0], fields[2]] = fields[1], hashed, None
    for package in lock.os_packages:
        found[package.name, package.architecture] = package.version, package.sha256, package.url
    for (name, architecture), (version, sha256, url) in sorted(found.items()):
        qualifiers = {"arch": architecture, "distro": f"{lock.os.id}-{lock.os.version}"}
        purl = PackageURL("deb", namespace=lock.os.id, name=name, version=version, qualifiers=qualifiers)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=purl,
            bom_ref=purl.to_string(),
            hashes=_hashes(sha256),
            external_references=[ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(url))]
            if url
            else [],
        )


def _python_package(package: Package) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=_hashes(package.wheel.hashes.get("sha256")),
        external_references=_references(package),
    )


def _references(package: Package) -> list[ExternalReference]:
    """Where the wheel is to be had, or what it was built from."""
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    if source.kind(package) == "vcs" and package.vcs:
        url = f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"
        return [ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(url))]
    found = []
    if package.wheel.url:
        kind, hashes = ExternalReferenceType.DISTRIBUTION, _hashes(package.wheel.hashes.get("sha256"))
        found.append(ExternalReference(type=kind, url=XsUri(package.wheel.url), hashes=hashes))
    if package.sdist and package.sdist.url:
        kind, hashes = ExternalReferenceType.SOURCE_DISTRIBUTION, _hashes(package.sdist.hashes.get("sha256"))
        found.append(ExternalReference(type=kind, url=XsUri(package.sdist.url), hashes=hashes))
    return found


def _hashes(sha256: str | None) -> list[HashType]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else []
