"""Whether somebody else could train a run again, from how its parts stand."""

from __future__ import annotations

from typing import Any

import pytest

from snapshot.share.handover.document import UNKNOWN, changed, missing, ok, together, unknown
from snapshot.share.handover.verdict import FETCH, NEVER, NOW, Image, Parts, answer

GONE = missing("it is gone")


def parts(again: str = NOW, **changes: Any) -> Parts:
    image = Image(standing=ok() if again == NOW else GONE, again=again)
    return Parts(
        **{"record": ok(), "image": image, "code": ok(), "data": None, "weights": None, "pushed": False, **changes}
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (parts(), ("here only", ("not pushed",))),
        (parts(pushed=True), ("yes", ())),
        (parts(pushed=True, data=ok()), ("here only", ("data not pushed",))),
        (parts(image=Image(standing=GONE, again=NOW)), ("here only", ("not pushed",))),
        (parts(FETCH), ("unknown", ("image to be downloaded for",))),
        (parts(UNKNOWN), ("unknown", ("image unknown",))),
        (parts(NEVER), ("no", ("image can't be had",))),
        (parts(NEVER, pushed=True), ("yes", ())),
        (parts(code=GONE), ("no", ("code missing",))),
        (parts(code=GONE, record=changed(""), weights=GONE, pushed=True), ("yes", ())),
        (parts(record=changed("")), ("no", ("record changed",))),
        (parts(weights=GONE), ("no", ("weights missing",))),
        (parts(data=changed("")), ("no", ("data changed",))),
        (parts(data=changed(""), pushed=True), ("no", ("data changed",))),
        (parts(data=unknown("")), ("unknown", ("data unknown",))),
        (parts(FETCH, data=GONE), ("no", ("data missing", "image to be downloaded for"))),
    ],
)
def test_what_is_missing_decides_and_a_registry_makes_up_for_all_but_the_data(asked: Parts, expected: object) -> None:
    assert answer(asked) == expected


def test_several_things_are_as_bad_as_the_worst_of_them() -> None:
    assert together(()) is None
    assert together((ok(), ok())) == ok()
    assert together((ok("a"), ok("b"))) == ok("a; b")
    found = together((ok("fine"), changed("b changed", "mend b"), missing("a is gone", "bring a"), unknown("c")))
    assert found == missing("b changed; a is gone; c", "bring a")
    many = together(tuple(missing(str(number)) for number in range(9)))
    assert many is not None and many.reason == "0; 1; 2; and 6 more"
