"""The JSON Schemas of docs/reference/schemas, and documents checked against them."""

import functools
import gzip
import json
import runpy
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/reference/schemas"
SCRIPT = runpy.run_path(str(ROOT / "scripts/schemas"))


@functools.cache
def validator(document: str) -> Draft202012Validator:
    """Of a kind of document, as in `snap.run/1`."""
    schema = json.loads((FOLDER / SCRIPT["file_name"](document)).read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def validate(value: dict[str, Any]) -> str:
    """Check a document against the schema of what it says it is, and return that."""
    validator(value["schema"]).validate(value)
    return str(value["schema"])


def kinds_in(folder: Path) -> set[str]:
    """Check every document in and below `folder`; what kinds of them there are."""
    texts = [path.read_bytes() for path in folder.rglob("*.json") if path.is_file()]
    texts += [gzip.decompress(path.read_bytes()) for path in folder.rglob("*.json.gz")]
    values = [json.loads(text) for text in texts]
    return {validate(value) for value in values if isinstance(value, dict) and "snap." in str(value.get("schema"))}
