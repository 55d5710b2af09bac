"""The command `snap lock`: which of its options go together."""

import pytest

from snapshot.cli.lock import command
from snapshot.errors import UsageError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--check", "--upgrade"], "`--check` changes nothing"),
        (["--check", "--upgrade-package", "numpy"], "`--check` changes nothing"),
        (["--check", "--export", "pylock"], "two things to do"),
        (["--output", "x.toml"], "where an export goes"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        command.main(options, standalone_mode=False)
    assert caught.value.hint
