"""The command `snap lock`: which of its options go together."""

import pytest

from snapshot.cli.lock import command
from snapshot.errors import UsageError


@pytest.mark.parametrize("options", [{"upgrade": True, "packages": ()}, {"upgrade": False, "packages": ("numpy",)}])
def test_check_and_upgrade_do_not_go_together(options: dict[str, object]) -> None:
    assert command.callback
    with pytest.raises(UsageError, match="`--check` changes nothing") as caught:
        command.callback(check=True, **options)
    assert caught.value.hint
