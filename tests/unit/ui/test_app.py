"""The pages, and what can be written from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from snapshot.record import labels
from snapshot.record.document import Metric
from snapshot.record.store import Store
from snapshot.ui.app import LONGEST_NOTE, application
from tests.unit.record.records import run_id
from tests.unit.record.stores import trained
from tests.unit.report.html.pages import Page

NASTY = "<img src=x onerror=alert(1)>\"'</script>\x1b[31m\u202e"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two runs that have ended and one that goes on."""
    store = Store(tmp_path)
    for number in (0, 1):
        metric = Metric(name=NASTY, value=0.5, points=1, path="m.json")
        trained(store, number, {"m.json": b"{}"}, name=f"run{number}{NASTY}", metrics=(metric,))
    going = trained(store, 2, {}, status="running", exit=None, ended=None)
    (store.active / going.id).touch()
    (store.folder(going.id) / "log").unlink()
    return store


@pytest.fixture
def client(store: Store) -> TestClient:
    return TestClient(application(store, lambda: True))


def page(client: TestClient, address: str, code: int = 200) -> Page:
    answer = client.get(address)
    assert answer.status_code == code, answer.text
    found = Page(answer.text)
    harmless(found)
    return found


def harmless(found: Page) -> None:
    """Nothing of it is what a run has brought."""
    assert "\x1b" not in found.text and "\u202e" not in found.text
    assert all(attrs.get("src", "data:").startswith("data:") for _, attrs in found.elements)
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    assert len(found.all("script")) == 1
    for tag, attrs in found.elements:
        assert attrs.get("href", "#")[:1] in "#/" or (tag, attrs["href"]) == ("link", "data:,")


def test_the_list_has_the_runs_that_go_on_first_and_links_to_each(client: TestClient) -> None:
    found = page(client, "/")
    rows = [attrs["data-run"] for attrs, _ in found.all("tr") if "data-run" in attrs]
    assert rows == [run_id(2), run_id(1), run_id(0)]
    assert found.all("a", href=f"/runs/{run_id(2)}")
    assert [attrs["value"] for attrs, _ in found.all("input", name="run")] == rows
    ((body, _),) = found.all("body")
    assert body["data-stream"] == "/events" and body["data-state"]


def test_a_run_is_the_page_of_the_report_with_what_can_be_said_of_it(client: TestClient, store: Store) -> None:
    labels.tag(store, run_id(1), NASTY[:20], "2026")
    found = page(client, f"/runs/{run_id(1)}")
    assert "m.json" in found.section("outputs") and "step 1" in found.section("log")
    assert {attrs["action"].rpartition("/")[2] for attrs, _ in found.all("form")} == {"tag", "note", "untag"}
    assert found.all("input", name="tag", value=NASTY[:20])


def test_a_run_that_goes_on_shows_what_it_has_written_and_how_long_it_takes(client: TestClient, store: Store) -> None:
    outputs = store.folder(run_id(2)) / "outputs"
    outputs.mkdir(exist_ok=True)
    (outputs / "m.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n{"step": 3, "lo')
    found = page(client, f"/runs/{run_id(2)}")
    assert found.section("metrics").startswith("Metrics loss")
    assert "loss 0.25 2 m.jsonl" in found.section("metrics")
    assert "m.jsonl so far" in found.section("outputs")
    assert [float(attrs["data-elapsed"]) > 0 for attrs, _ in found.all("span") if "data-elapsed" in attrs] == [True]
    assert "0.25" in page(client, "/").section("runs")


def test_short_names_of_runs_lead_to_them(client: TestClient) -> None:
    answer = client.get("/runs/latest~1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run_id(1)}")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_are_side_by_side_the_older_one_first(client: TestClient, order: tuple[int, int]) -> None:
    first, second = map(run_id, order)
    found = page(client, f"/pair?run={first}&run={second}")
    assert [text[:7] for _, text in found.all("h1")] == ["A: run0", "B: run1"]
    ((body, _),) = found.all("body")
    assert client.get(body["data-stream"] + "&state=").status_code == 200


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("/runs/nothing", 404, "there is no run `nothing`"),
        (f"/runs/{NASTY[:9]}", 404, "there is no run"),
        ("/runs/..%2f..%2fetc", 404, ""),
        ("/runs/nothing/events", 404, "there is no run"),
        ("/nowhere", 404, "Not Found"),
        ("/pair", 400, "two runs are compared"),
        (f"/pair?run={run_id(1)}&run={run_id(1)}", 400, "two runs are compared"),
        (f"/pair?run={run_id(1)}&run=nothing", 404, "there is no run"),
        (f"/runs/{run_id(2)}/log", 404, "no log yet"),
        (f"/runs/{run_id(1)}/log?at=-1", 400, "no number of bytes"),
        (f"/runs/{run_id(1)}/log?at={'9' * 99}", 400, "no number of bytes"),
        (f"/runs/{run_id(1)}/tag", 405, "Method Not Allowed"),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, address: str, code: int, said: str) -> None:
    assert said in page(client, address, code).text


def test_a_long_log_is_shown_piece_by_piece(client: TestClient, store: Store) -> None:
    lines = [f"line {number}" for number in range(30_000)]
    (store.folder(run_id(1)) / "log").write_text("\n".join(lines) + "\n")
    seen: list[str] = []
    at = "0"
    while True:
        found = page(client, f"/runs/{run_id(1)}/log?at={at}")
        ((_, text),) = found.all("pre")
        assert len(text) <= 64_000
        seen += text.rstrip("\n").split("\n")
        later = [attrs["href"] for attrs, word in found.all("a") if word == "Later"]
        if not later:
            break
        at = later[0].partition("at=")[2]
    assert seen == lines
    beyond = page(client, f"/runs/{run_id(1)}/log?at=999999999")
    assert [word for attrs, word in beyond.all("a") if "at=" in attrs["href"]] == ["Begin", "Earlier"]


def test_tags_and_notes_are_written_and_taken_away(client: TestClient, store: Store) -> None:
    where = f"/runs/{run_id(1)}"
    assert client.post(f"{where}/tag", data={"tag": " best "}, follow_redirects=False).status_code == 303
    assert client.post(f"{where}/note", data={"text": NASTY}, follow_redirects=False).headers["location"] == where
    found = labels.of(store, run_id(1))
    assert list(found.tags) == ["best"] and [note.text for note in found.notes] == [NASTY]
    client.post(f"/runs/{run_id(0)}/tag", data={"tag": "best"})
    assert not labels.of(store, run_id(1)).tags
    client.post(f"/runs/{run_id(0)}/untag", data={"tag": "best"})
    assert not labels.of(store, run_id(0)).tags


@pytest.mark.parametrize(
    ("what", "fields", "code", "said"),
    [
        ("tag", {"tag": "latest"}, 400, "a run can&#39;t be named `latest`"),
        ("tag", {}, 400, "an empty name"),
        ("tag", {"tag": "x" * 30_000}, 400, "too long"),
        ("untag", {"tag": "none"}, 400, "has no tag"),
        ("note", {"text": "  "}, 400, "a note has 1 to"),
        ("note", {"text": "x" * (LONGEST_NOTE + 1)}, 400, "a note has 1 to"),
        ("note", {str(n): "1" for n in range(9)}, 400, "no form of this page"),
    ],
)
def test_what_can_t_be_written_is_refused(
    client: TestClient, store: Store, what: str, fields: dict[str, str], code: int, said: str
) -> None:
    answer = client.post(f"/runs/{run_id(1)}/{what}", data=fields)
    assert answer.status_code == code and said in answer.text
    assert labels.of(store, run_id(1)) == labels.NONE


def test_a_run_that_was_removed_is_not_there_any_more(client: TestClient, store: Store) -> None:
    store.remove(run_id(1))
    assert client.get(f"/runs/{run_id(1)}").status_code == 404
    assert client.post(f"/runs/{run_id(1)}/tag", data={"tag": "best"}).status_code == 404
    assert "2 runs of" in page(client, "/").text


def test_a_damaged_record_and_a_damaged_index_end_nothing(client: TestClient, store: Store) -> None:
    (store.folder(run_id(0)) / "run.json").write_text("{")
    (store.cache / "index.sqlite").write_bytes(b"nothing of SQLite")
    assert "can&#39;t be read" in page(client, "/").text
    assert "is damaged" in client.get(f"/runs/{run_id(0)}").text


def test_there_need_be_no_runs(tmp_path: Path) -> None:
    assert "0 runs of" in TestClient(application(Store(tmp_path), lambda: True)).get("/").text
