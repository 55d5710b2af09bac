"""The report of one run: from a store to the page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.compare import judge
from snapshot.document import encode_json
from snapshot.record import labels
from snapshot.record.document import Determinism as Determined
from snapshot.record.document import Exit, Given, Metric, Nondeterminism, Output, Request, Run
from snapshot.record.metrics.reading import metrics_of
from snapshot.record.store import Store
from snapshot.report.html import gather, run
from snapshot.report.html.render import html
from snapshot.run.devices import COLUMNS
from tests.unit.record.records import a_run, command, edge, keep, run_id
from tests.unit.record.stores import listed, trained
from tests.unit.report.html.pages import Page, png, safe

PNG = png()
NOW = "2026-01-01T00:00:00.000Z"
NASTY = "<img src=x onerror=alert(1)>\"'</script><!--\x1b[31m\u202e"
Make = Callable[..., Page]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def report(store: Store) -> Make:
    """The page of a run of the store."""

    def made(record: Run) -> Page:
        page = Page(html("run", run.page(gather.gather(store, record), NOW), now=NOW))
        safe(page)
        return page

    return made


def with_metrics(store: Store, record: Run) -> Run:
    folder = store.folder(record.id) / "outputs"
    found = msgspec.structs.replace(record, metrics=metrics_of(record.outputs, lambda path: folder / path))
    store.write(found)
    return found


def series(points: int) -> bytes:
    return "".join(json.dumps({"step": n, "loss": math.exp(-n / points)}) + "\n" for n in range(points)).encode()


def test_a_run_is_shown_with_all_that_it_has(store: Store, report: Make) -> None:
    first = trained(store, 1, {"model.pt": b"weights"}, name="first")
    second = trained(
        store, 2, {"metrics.jsonl": series(50), "plot.png": PNG, "out.txt": b"x"},
        {"train.py": "print('a & b')\n", "pkg.py": "\tx = 1\n"},
        name="second", command=command("train.py", "--lr", "0.1"), parameters={"lr": "0.1"},
        parents=(edge(1, sha256=first.outputs[0].sha256),),
        data=(listed(store, b"snap.data/1\n" + b"ab" * 32 + b" 7 a/b/one.bin\0"),),
        notes=("something was edited",),
        determinism=Determined(mode="warn", seed=0, environment={"PYTHONHASHSEED": "0"}, warnings=(
            Nondeterminism(message="cumsum has none", stack=("/workspace/train.py:3 main",), times=2),)),
    )  # fmt: skip
    third = trained(store, 3, {}, parents=(edge(2),))
    labels.tag(store, second.id, "paper", "2026-01-01T00:00:00.000Z")
    labels.add_note(store, second.id, "the good one", "2026-01-01T00:00:00.000Z")
    page = report(with_metrics(store, second))
    ((_, head),) = page.all("header")
    assert {"second", "ok", "paper", "loss", "0.3753"} <= set(head.split())
    assert "something was edited" in page.section("notes") and "the good one" in page.section("notes")
    assert "2 times at /workspace/train.py:3 main: cumsum has none" in page.section("notes")
    ((chart, _),) = page.all("svg", role="img", tabindex="0")
    assert chart["aria-label"].startswith("loss. 50 points, step 0 to 49, from 1 to 0.375311, least 0.375311")
    assert len(json.loads(chart["data-chart"])["lines"][0][1]) == 50
    assert [attrs["alt"] for attrs, _ in page.all("img")] == ["plot.png"]
    assert (
        "out.txt created 1 B sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        in page.section("outputs")
    )
    assert "print('a & b')" in page.section("code") and "        x = 1" in page.all("pre")[0][1]
    assert "one.bin" in page.section("data") and "1 file, 7 B" in page.section("data")
    assert "lr 0.1" in page.section("conditions") and "PYTHONHASHSEED 0" in page.section("conditions")
    drawn = [text for attrs, text in page.all("g") if "node" in attrs["class"]]
    assert [run_id(n) for n in (2, 1, 3)] == [next(i for i in map(run_id, (1, 2, 3)) if i in text) for text in drawn]
    assert f"{third.id.rpartition('-')[2]}: used" in page.section("lineage")
    assert "step 1" in page.section("log")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"status": "running", "exit": None, "ended": None}, "running"),
        ({"status": "starting", "exit": None, "started": None, "ended": None}, "starting"),
        ({"status": "failed", "exit": Exit(code=None, error="no such image"), "started": None}, "never ran"),
        ({"exit": Exit(code=137, out_of_memory=True)}, "out of memory"),
        ({"exit": Exit(code=3)}, "exit 3"),
    ],
)
def test_runs_that_have_next_to_nothing(store: Store, report: Make, changes: dict[str, Any], word: str) -> None:
    record = a_run(**changes)
    keep(store, record)
    page = report(record)
    assert word in [text for attrs, text in page.all("span") if attrs.get("class", "").startswith("state")]
    for name in ("metrics", "devices", "outputs", "data", "lineage", "log"):
        assert page.section(name), name
    assert "there is no code snapshot" in page.section("code")
    said = "so far" if word == "running" else "It wrote nothing."
    assert said in page.section("outputs")
    assert ("so far" in page.section("metrics")) == (word == "running")


def test_nothing_that_a_run_has_is_taken_for_markup(store: Store, report: Make) -> None:
    name = NASTY.replace("/", "_")
    a_folder = listed(store, b"snap.data/1\n" + b"ab" * 32 + b" 7 <i>/\x1b[1m\xff\0")
    record = trained(
        store, 1, {name + ".jsonl": b'{"step": 1, "%b": 2}\n{"step": 2, "%b": 3}\n' % (2 * (b"<b>&\\u001b\\u202e",))},
        {name: NASTY, "train.py": NASTY},
        name=NASTY, command=command(NASTY), parameters={NASTY: NASTY}, notes=(NASTY,), deleted=(name,),
        exit=Exit(code=1, error=NASTY), gpus=Given(way=NASTY, devices=(NASTY,)),
        data=(msgspec.structs.replace(a_folder, path=NASTY),),
        parents=(edge(0, path=NASTY),), project=NASTY, container=NASTY,
    )  # fmt: skip
    (store.folder(record.id) / "log").write_bytes(NASTY.encode() + b"\xff\x07 10%\r 20%\rdone\r\n\x1b]0;title\x07")
    row = dict.fromkeys(COLUMNS, "") | {"time": "2026-01-01T00:00:00Z", "gpu": "<b>\x1b", "power_watts": "1e400"}
    (store.folder(record.id) / "gpu.csv").write_text(
        ",".join(row.values())
        + "\n"
        + ",".join({**row, "power_watts": "7", "time": "2026-01-01T00:00:09Z"}.values())
        + "\n"
    )
    labels.add_note(store, record.id, NASTY, "2026-01-01T00:00:00.000Z")
    page = report(with_metrics(store, record))
    assert not {"b", "i", "img"} & {tag for tag, attrs in page.elements if tag != "b" or attrs}
    assert page.section("log") == r"Log done \x1b]0;title\x07"
    assert r"<b>&\x1b\u202e" in page.section("metrics")
    assert [chart["aria-label"][:8] for chart, _ in page.all("svg", tabindex="0")] == ["<b>&\\x1b", "Power, W"]
    assert r"\x1b" in page.section("data")


def test_what_a_record_says_of_files_elsewhere_is_not_believed(store: Store, report: Make, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "secret.jsonl").write_bytes(series(9))
    record = trained(store, 1, {"a.png": PNG, "b.jsonl": series(9), "short.jsonl": series(9)})
    outputs = store.folder(record.id) / "outputs"
    for name, target in (("a.png", "secret.png"), ("b.jsonl", "secret.jsonl")):
        (outputs / name).unlink()
        (outputs / name).symlink_to(tmp_path / target)
    (outputs / "short.jsonl").write_bytes(b"{}")
    record = msgspec.structs.replace(
        record, metrics=tuple(Metric(name=n, value=1.0, points=9, path=n) for n in ("b.jsonl", "short.jsonl", "gone"))
    )
    page = report(record)
    assert not page.all("img") and not page.all("svg")
    assert "3 more series are not drawn" in page.section("metrics")


def test_secrets_among_the_variables_are_not_passed_on(store: Store, report: Make) -> None:
    environment = {"API_KEY": "hunter2hunter2", "X": "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8", "LEVEL": "3"}
    page = report(trained(store, 1, {}, request=Request(environment=environment)))
    assert "hunter2hunter2" not in page.text and environment["X"] not in page.text
    assert "LEVEL 3" in page.section("conditions") and "not shown" in page.section("conditions")


def test_images_are_what_they_are_and_not_what_they_are_called(store: Store, report: Make) -> None:
    found = {
        "a.txt": PNG, "b.png": b"<svg/onload=alert(1)>", "bomb.png": png(50_000, 50_000), "cut.png": PNG[:20],
        "c.jpg": b"\xff\xd8\xff" + bytes(99), "d.webp": b"RIFF" + bytes(99), "e.gif": b"GIF89a" + bytes(99),
    }  # fmt: skip
    page = report(trained(store, 1, found))
    assert [attrs["alt"] for attrs, _ in page.all("img")] == ["a.txt"]


def test_what_is_damaged_is_told_and_the_rest_is_shown(store: Store, report: Make) -> None:
    record = trained(store, 1, {"a.txt": b"a"}, rerun=run_id(0), data=(listed(store, b"damaged"),))
    for name in ("snap.lock", "verdict.json", "noise.json"):
        (store.folder(record.id) / name).write_text("{")
    page = report(record)
    assert len(page.all("li")) and "a.txt" in page.section("outputs")
    ((_, problems),) = page.all("ul", **{"class": "problems"})
    assert "snap.lock" in problems and "verdict.json" in problems and "noise.json" in problems
    assert "is damaged" in page.section("data")


def test_a_verdict_stands_on_top(store: Store, report: Make) -> None:
    first, second = (
        trained(store, 1, {"a.json": b'{"x": 1}'}),
        trained(store, 2, {"a.json": b'{"x": 2}'}, rerun=run_id(1)),
    )
    judge.judge(store, first, second, tolerances=(), unpickle=None, now=NOW)
    page = report(second)
    ((verdict, said),) = [found for found in page.all("p") if found[0].get("class", "").startswith("verdict")]
    assert verdict["class"] == "verdict bad"
    assert said == f"different: {second.id} repeats {first.id}; 1 output: 1 different"
    assert "different a.json json 1 1 1 1 $.x 1 -> 2" in page.section("verdict")
    said = f"{second.id.rpartition('-')[2]} repeats {first.id.rpartition('-')[2]}"
    assert said in page.section("lineage") and said in report(first).section("lineage")


def test_a_hundred_thousand_points_make_a_small_page(store: Store, report: Make) -> None:
    record = trained(store, 1, {"metrics.jsonl": series(100_000)})
    with (store.folder(record.id) / "gpu.csv").open("w") as table:
        table.write(",".join(COLUMNS) + "\n")
        for n in range(24 * 3600):
            table.write(
                f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.000Z,0,{n % 100},1,1,7.5,1,60,1,none,0,0,\n"
            )
    (store.folder(record.id) / "log").write_text("a line\n" * 1_000_000)
    record = with_metrics(store, record)
    page = report(record)
    assert len(page.text) < 1_000_000
    assert "6,936,006 bytes before it" in page.section("log")
    assert len(page.all("svg", tabindex="0")) == 7


def test_what_is_large_is_cut_and_said_to_be(store: Store, report: Make) -> None:
    code = {f"f{n}.py": "x = 1\n" * 30_000 for n in range(15)}
    record = trained(
        store, 1, {f"{n}.png": PNG + bytes(390_000) for n in range(6)}, code,
        data=(msgspec.structs.replace(listed(store, b"snap.data/1\n" + b"".join(
            b"%b 1 %06d\0" % (b"ab" * 32, n) for n in range(9000))), files=9000),),
    )  # fmt: skip
    empty = tuple(Output(path=f"{n}.txt", size=0, sha256="", mode=0, change="created") for n in range(5000))
    page = report(msgspec.structs.replace(record, outputs=(*record.outputs, *empty)))
    assert "4,006 more" in page.section("outputs")
    assert "4,000 more files not listed" in page.section("data") and "4,800 more" in page.section("data")
    assert "120,000 more bytes" in page.section("code")
    assert len(page.text) < 2_500_000


def test_the_document_of_a_record_is_as_it_was(store: Store, report: Make) -> None:
    record = trained(store, 1, {"a": b"a"})
    before = encode_json(store.read(record.id))
    report(record)
    assert encode_json(store.read(record.id)) == before
