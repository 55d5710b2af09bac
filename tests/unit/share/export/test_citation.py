"""Who is to be cited: the project says, or somebody fills it in."""

from __future__ import annotations

import yaml

from snapshot.share.export import citation
from tests.unit.share.export.publics import a_public


def test_a_file_that_is_to_be_filled_in() -> None:
    found = yaml.safe_load(citation.dumps(a_public(), 'Training: train.py "a: b"'))
    assert found["cff-version"] == "1.2.0"
    assert found["title"] == 'Training: train.py "a: b"'
    assert found["authors"] == [{"name": citation.PLACEHOLDER}]
    assert str(found["date-released"]) == "2026-01-01"


def test_the_title_of_a_projects_own() -> None:
    assert citation.title_of(b'cff-version: 1.2.0\ntitle: "Spirals"\n') == "Spirals"
    assert citation.title_of(b"title: ''\n") is None
    assert citation.title_of(b"\xff") is None
