"""The JSON Schemas are those of the types, and say of a document what the program says when it reads it."""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.schemas import FOLDER, ROOT, SCRIPT, validator

DOCUMENTS: dict[str, type[msgspec.Struct]] = SCRIPT["DOCUMENTS"]
TEXT_FILES = {"snap.data/1"}
"""Documents that are lines of text, and no JSON."""
OLDER = {"snap.lock/1"}


def test_every_document_has_its_schema_and_is_on_the_page() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "snapshot").rglob("*.py"))
    known = set(re.findall(r"\"(snap\.[a-z]+/\d+)\"", code)) | {"snap.toml"}
    assert known == {*DOCUMENTS, *TEXT_FILES, *OLDER}
    assert {file.name for file in FOLDER.iterdir()} == {SCRIPT["file_name"](document) for document in DOCUMENTS}
    page = (ROOT / "docs/reference/documents.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(snap\.[a-z/0-9]+)` \|[^|]*\| (?:\[schema\]\(schemas/(.*?)\))?", page, re.MULTILINE)
    files = {document: SCRIPT["file_name"](document) for document in DOCUMENTS}
    assert dict(told) == {**dict.fromkeys(TEXT_FILES, ""), **files}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_schema_is_what_the_type_says(document: str) -> None:
    written = (FOLDER / SCRIPT["file_name"](document)).read_text(encoding="utf-8")
    assert json.loads(written) == SCRIPT["schema"](document), "run `scripts/schemas`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_schema_and_program_refuse_the_same(document: str) -> None:
    schema = validator(document)
    whole = example(msgspec.inspect.type_info(DOCUMENTS[document]))
    whole |= {"annotations": {SCRIPT["IMAGE_SCHEMA"]: document}} if document == SCRIPT["IMAGE"] else {}
    whole |= {"schema": document} if "schema" in whole else {}
    assert [problem.message for problem in schema.iter_errors(whole)] == []
    for kind in SCRIPT["classes"](msgspec.inspect.type_info(DOCUMENTS[document])):
        part = schema
        if kind is not DOCUMENTS[document]:
            part = schema.evolve(schema={**schema.schema["$defs"][kind.__name__], "$defs": schema.schema["$defs"]})
        value = whole if part is schema else example(msgspec.inspect.type_info(kind))
        outcomes = [(part.is_valid(mangled), accepts(kind, mangled), where) for where, mangled in manglings(value)]
        assert [where for valid, accepted, where in outcomes if valid != accepted] == [], kind
        assert any(not valid for valid, _, _ in outcomes), kind


def test_what_says_that_it_is_something_else_is_refused() -> None:
    for document in DOCUMENTS.keys() - {"snap.toml", "snap.image/1"}:
        whole = example(msgspec.inspect.type_info(DOCUMENTS[document]))
        for said in ({"schema": "snap.else/1"}, {}):
            other = {**{key: value for key, value in whole.items() if key != "schema"}, **said}
            assert not validator(document).is_valid(other), document


def test_the_example_of_a_lock_is_valid() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/reference/lock.md").read_text("utf-8"), re.DOTALL)
    assert [problem.message for problem in validator("snap.lock/2").iter_errors(tomllib.loads(text))] == []


def accepts(kind: type, value: object) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def example(kind: Any) -> Any:
    """A value of a type, with all that it may have."""
    inspect = msgspec.inspect
    match kind:
        case inspect.StructType():
            return {field.encode_name: example(field.type) for field in kind.fields}
        case inspect.UnionType():
            return example(next(choice for choice in kind.types if not isinstance(choice, inspect.NoneType)))
        case inspect.VarTupleType():
            return [example(kind.item_type)]
        case inspect.DictType():
            return {"key": example(kind.value_type)}
        case inspect.LiteralType():
            return kind.values[0]
    return {inspect.StrType: "text", inspect.IntType: 1, inspect.FloatType: 0.5, inspect.BoolType: True}[type(kind)]


def manglings(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`value` with one key that is of another type, is not there, or is too many; and what was done."""
    yield "another key", {**value, "other": 1}
    for key in value:
        if key in ("schema", "annotations"):
            continue  # whoever reads a document looks at these before
        yield f"{key} is missing", {name: part for name, part in value.items() if name != key}
        for other in (None, [1], {"other": 1}, "text", 7):
            yield f"{key} is {other}", {**value, key: other}
