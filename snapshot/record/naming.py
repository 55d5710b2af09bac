"""What runs can be called."""

from __future__ import annotations

from snapshot.errors import UsageError
from snapshot.project.names import display
from snapshot.record.store import NO_NAME

LONGEST = 64


def check(text: str, option: str) -> None:
    """Raises UsageError when a run of that name, or with that tag, could not be asked for, or not be shown.

    `option` is how another name is given, for the hint.
    """
    bad = not text or len(text) > LONGEST or not text.isprintable() or text != text.strip()
    if bad or text.startswith("-") or NO_NAME.fullmatch(text):
        shown = display(text[: LONGEST + 1]) + ("…" if len(text) > LONGEST else "")
        raise UsageError(
            f"a run can't be named `{shown}`" if text else "a run can't have an empty name",
            hint=f"choose 1 to {LONGEST} printable characters that are not `latest`, a number or like the ID of a "
            f"run, as in `{option} baseline`",
        )
