"""What fetches packages while an export is built."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from snapshot.share.export.inside import fetch

CONTENT = b"a wheel"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def there(tmp_path: Path) -> str:
    (tmp_path / "there.whl").write_bytes(CONTENT)
    return (tmp_path / "there.whl").as_uri()


def listed(folder: Path, **changes: object) -> str:
    package = {"path": "wheels/tiny/a.whl", "sha256": SHA256, **changes}
    (folder / "packages.json").write_text(json.dumps([package]))
    return str(folder / "packages.json")


def test_the_first_address_that_has_it(there: str, tmp_path: Path) -> None:
    gone = (tmp_path / "gone.whl").as_uri()
    assert fetch.main(listed(tmp_path, urls=[gone, there]), str(tmp_path / "out")) == 0
    assert (tmp_path / "out/wheels/tiny/a.whl").read_bytes() == CONTENT


def test_other_bytes_are_refused(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    assert fetch.main(listed(tmp_path, urls=[there], sha256="0" * 64), str(tmp_path / "out")) == 1
    assert "has other bytes than the lock says" in capsys.readouterr().err
    assert not (tmp_path / "out/wheels/tiny/a.whl").exists()
