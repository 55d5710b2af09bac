"""What holds for the lock files of every tool."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.sources import read
from tests.unit.project.formats import samples

GROUPS = {"poetry.lock": ("dev",)}
"""What is to be asked for to have the package with the hash."""
LOCKS = [name for name in samples.KINDS if name == "pylock.toml" or name.endswith(".lock")]


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("digits", ["00", "z" * 64, ""])
def test_a_hash_that_is_none_is_refused_rather_than_dropped(tmp_path: Path, name: str, digits: str) -> None:
    (tmp_path / name).write_text(samples.KINDS[name].replace(samples.DIGITS, digits))
    with pytest.raises(UsageError, match=rf"`{name}`: package `.*`: `sha256:{digits}` is not a hash") as caught:
        read(tmp_path, chosen=name, groups=GROUPS.get(name, ()))
    assert caught.value.hint == "make it anew with the tool that wrote it"


@pytest.mark.parametrize("name", LOCKS)
def test_upper_case_is_the_same_hash(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(samples.KINDS[name].replace(samples.DIGITS, samples.DIGITS.upper()))
    pins = read(tmp_path, chosen=name, groups=GROUPS.get(name, ())).pins
    assert pins is not None
    assert {value for pin in pins.packages for value in pin.hashes} == {f"sha256:{samples.DIGITS}"}
    assert {file.sha256 for pin in pins.packages for file in pin.files} <= {samples.DIGITS}
