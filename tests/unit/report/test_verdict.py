"""The page of a verdict."""

from __future__ import annotations

from typing import Any

import msgspec

from snapshot.compare.verdict import Compared, Difference, Tolerance, Verdict
from snapshot.report.verdict import page, spread


def verdict(*outputs: Compared, **changes: Any) -> Verdict:
    made = "2026-01-01T00:00:00Z"
    return Verdict(first="A", second="B", created=made, verdict="different", outputs=outputs, **changes)


def test_the_worst_comes_first_with_its_place_and_values():
    found = verdict(
        Compared(path="a.json", verdict="identical", kind="json", values=3, absolute=0.0),
        Compared(
            path="m.pt", verdict="different", kind="pickle", values=1200, beyond=7, absolute=0.25, relative="nan",
            where="w[0, 5]", first="1.0", second="1.25",
        ),
        Compared(path="x.bin", verdict="not compared", kind="bytes", reason="the store can't give it"),
        tolerances=(Tolerance(pattern="*.pt", rtol=1e-6),),
        differences=(Difference(what="driver", first="550", second="580"),),
        notes=("data were elsewhere",),
    )  # fmt: skip
    assert page(found).splitlines() == [
        "different: B repeats A; 3 outputs: 1 different, 1 not compared, 1 identical",
        "",
        "VERDICT       OUTPUT  BY      NUMBERS  BEYOND  ABSOLUTE  RELATIVE  WHERE",
        "different     m.pt    pickle  1,200    7       0.25      nan       w[0, 5]  1.0 -> 1.25",
        "not compared  x.bin   bytes                                        (the store can't give it)",
        "identical     a.json  json    3        0       0",
        "",
        "allowed for *.pt: rtol 1e-06, atol 0",
        "",
        "NOT THE SAME  RUN  RERUN",
        "driver        550  580",
        "",
        "note: data were elsewhere",
    ]


def test_nothing_in_it_moves_the_cursor():
    evil = "\x1b[2J\n"
    found = verdict(
        Compared(path=evil, verdict=evil, kind=evil, absolute=evil, where=evil, first=evil, second=evil, reason=evil),
        differences=(Difference(what=evil, first=evil, second=evil),),
        tolerances=(Tolerance(pattern=evil),),
        notes=(evil,),
    )
    said = page(found)
    assert "\x1b" not in said
    assert len(said.splitlines()) == 11


def test_of_many_the_first_are_told():
    many = [Compared(path=f"{n:03}", verdict="extra", kind="bytes") for n in range(30)]
    assert page(verdict(*many)).splitlines()[-1] == "… 10 more; see `--json`"
    assert len(page(verdict(*many), most=None).splitlines()) == 33


def test_how_far_several_reruns_are_apart():
    one = Compared(path="loss", verdict="within tolerance", kind="json", absolute=0.5, relative=0.1)
    near, far = verdict(one), verdict(msgspec.structs.replace(one, absolute=0.75))
    none = verdict(msgspec.structs.replace(one, absolute="nan", verdict="different"))
    assert spread([near, far]).splitlines()[1].split() == ["loss", "0", "of", "2", "0.75", "0.1"]
    assert spread([near, none]).splitlines()[1].split() == ["loss", "0", "of", "2", "nan", "0.1"]
    assert spread([verdict(), verdict()]) == "no outputs"
