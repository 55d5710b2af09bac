"""`ro-crate-metadata.json`: the export as a Process Run Crate, which archives of research data read. Pure.

https://w3id.org/ro/wfrun/process/0.5, upon https://w3id.org/ro/crate/1.1
"""

from __future__ import annotations

import io
import json
import posixpath
import shlex
from collections.abc import Iterable, Iterator
from mimetypes import MimeTypes
from typing import Any
from urllib.parse import quote

from snapshot.document import Value
from snapshot.project.names import display, from_text
from snapshot.share.entry import Entry
from snapshot.share.export.document import CODE, FILE, RESULTS, PublicData, PublicRun
from snapshot.share.secrets.scan import text_of

NAME = "ro-crate-metadata.json"
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = [f"{_SPECIFICATION}/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
_FOLDERS = {
    "base": "The file system of the base image",
    "debs": "OS packages that are in no public archive",
    "image": "What the image has beside platform and code: `snapshot.log`, seeds",
    "manifests": "Lists of the data's files",
    "tools": "What builds the image, and trains again in it",
    "wheels": "Python packages that are in no public index",
}
"""Described as a whole."""
_BEGINNING = 8000
_TYPES = MimeTypes(filenames=())
_PLAIN = ("text/plain", "application/octet-stream")

Entity = dict[str, Any]


class About(Value, kw_only=True, frozen=True):
    """What is said of an export as a whole."""

    title: str
    description: str
    license: str | None
    """A file of the export."""


def dumps(public: PublicRun, entries: Iterable[Entry], about: About) -> bytes:
    """The document; equal exports are equal bytes."""
    graph = list(_Crate(public, tuple(entries), about).graph())
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False).encode() + b"\n"


class _Crate:
    def __init__(self, public: PublicRun, entries: tuple[Entry, ...], about: About) -> None:
        self._public, self._about = public, about
        self._digests = {f"{RESULTS}/{one.path}": one.sha256 for one in public.outputs}
        self._digests |= {f"{CODE}/{one.path}": one.sha256 for one in public.code}
        self._files = [one for one in entries if one.is_file and one.path.partition("/")[0] not in (*_FOLDERS, "data")]
        tops = {one.path.partition("/")[0] for one in entries if one.is_file}
        self._folders = [name for name in _FOLDERS if name in tops]
        self._script = self._find_script()

    def graph(self) -> Iterator[Entity]:
        """All entities."""
        yield {
            "@id": NAME, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": _SPECIFICATION},
        }  # fmt: skip
        yield self._root()
        yield {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        yield self._action()
        if self._script is None:
            yield self._program()
        yield from (self._file(entry) for entry in self._files)
        for name in self._folders:
            yield {"@id": f"{name}/", "@type": "Dataset", "name": name, "description": _FOLDERS[name]}
        yield from (_data(number, one) for number, one in enumerate(self._public.data, 1))
        yield from (_value(f"#parameter/{quote(key)}", key, value) for key, value in self._public.parameters.items())
        yield from (_value(f"#metric/{quote(one.name)}", one.name, one.value) for one in self._public.metrics)
        if self._about.license is None:
            yield {"@id": "#license", "@type": "CreativeWork", "name": "Not stated", "description": _NO_LICENSE}

    def _root(self) -> Entity:
        public = self._public
        parts = [_id(entry.path) for entry in self._files] + [f"{name}/" for name in self._folders]
        parts += [_data_id(number, one) for number, one in enumerate(public.data, 1) if one.included]
        return {
            "@id": "./",
            "@type": "Dataset",
            "conformsTo": {"@id": _PROFILE},
            "name": self._about.title,
            "description": self._about.description,
            "datePublished": (public.ended or public.started or "1970-01-01")[:10],
            "license": {"@id": _id(self._about.license) if self._about.license else "#license"},
            "identifier": public.run,
            "hasPart": _references(parts),
            "mentions": {"@id": "#run"},
            "variableMeasured": _references(f"#metric/{quote(one.name)}" for one in public.metrics),
        }

    def _action(self) -> Entity:
        public = self._public
        objects = [_id(entry.path) for entry in self._files if entry.path.startswith(f"{CODE}/")]
        objects += [_data_id(number, one) for number, one in enumerate(public.data, 1)]
        objects += [f"#parameter/{quote(key)}" for key in public.parameters]
        times = {"startTime": _seconds(public.started), "endTime": _seconds(public.ended)}
        return {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"Run {public.run}",
            "description": shlex.join(public.command.argv),
            **{key: value for key, value in times.items() if value is not None},
            "actionStatus": f"http://schema.org/{'Completed' if public.exit_code == 0 else 'Failed'}ActionStatus",
            "instrument": {"@id": _id(self._script) if self._script else "#program"},
            "object": _references(one for one in objects if self._script is None or one != _id(self._script)),
            "result": _references(_id(one.path) for one in self._files if one.path.startswith(f"{RESULTS}/")),
        }

    def _find_script(self) -> str | None:
        command = self._public.command
        path = posixpath.normpath(posixpath.join(CODE, from_text(command.directory), command.argv[0]))
        return path if any(entry.path == path for entry in self._files) else None

    def _program(self) -> Entity:
        name = self._public.command.argv[0]
        version = self._public.platform.frameworks.get(name) or self._public.platform.python
        return {"@id": "#program", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}

    def _file(self, entry: Entry) -> Entity:
        is_code = entry.path == self._script
        found: Entity = {
            "@id": _id(entry.path),
            "@type": ["File", "SoftwareSourceCode"] if is_code else "File",
            "name": display(entry.path),
            "contentSize": str(entry.size),
            "encodingFormat": _format(entry),
        }
        if sha256 := self._digests.get(entry.path):
            found["sha256"] = sha256.rpartition(":")[2]
        if is_code:
            found |= {"programmingLanguage": f"Python {self._public.platform.python}", "version": self._public.run}
        if entry.path == FILE:
            found["description"] = "The record of the run: command, platform, machine, digests, metrics"
        return found


_NO_LICENSE = "The project had no licence file. TODO: choose one before this is published"


def _data(number: int, data: PublicData) -> Entity:
    kind = "File" if data.kind == "file" else "Dataset"
    found: Entity = {
        "@id": _data_id(number, data),
        # What is not here is described, and is no part of the crate.
        "@type": kind if data.included else "CreativeWork",
        "name": display(from_text(data.target)),
        "description": "What the training reads there" + ("" if data.included else "; not in here"),
    }
    if data.digest:
        found["identifier"] = data.digest
    return found


def _data_id(number: int, data: PublicData) -> str:
    if not data.included:
        return f"#data/{number}"
    return _id(from_text(data.place)) + ("" if data.kind == "file" else "/")


def _value(id: str, name: str, value: object) -> Entity:
    return {"@id": id, "@type": "PropertyValue", "name": name, "value": value}


def _references(ids: Iterable[str]) -> list[Entity] | Entity:
    """As the specification has them: one alone is no list."""
    found = [{"@id": each} for each in ids]
    return found[0] if len(found) == 1 else found


def _seconds(time: str | None) -> str | None:
    return f"{time[:19]}Z" if time else None


def _format(entry: Entry) -> str:
    if kind := _TYPES.guess_type(entry.path)[0]:
        return kind
    with io.BytesIO(entry.source) if isinstance(entry.source, bytes) else entry.source.open("rb") as file:
        return _PLAIN[text_of(file.read(_BEGINNING)) is None]


def _id(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))
