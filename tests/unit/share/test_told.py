"""What images tell of runs: there and back, and whatever else somebody wrote there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.record import summary
from snapshot.record.document import Exit, Git, Metric
from snapshot.record.summary import Summary
from snapshot.report.listing import listing
from snapshot.report.select import Row
from snapshot.share.oci import told
from tests.unit.record.records import a_run, command

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def back(**changes: Any) -> Summary:
    found = told.summary_of(told.of_run(a_run(**changes)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "said",
    [
        command("train.py", "--name", "a b", "it's"),
        command("pkg.train", "1", kind="module"),
        command("bash", "-c", "echo 1", kind="command"),
    ],
)
def test_the_command(said):
    assert back(command=said).command == said


@pytest.mark.parametrize(
    "end", [Exit(code=1), Exit(code=137, signal="SIGKILL"), Exit(code=137, out_of_memory=True), None]
)
def test_the_end(end):
    assert back(exit=end).exit == end


def test_the_rest():
    metrics = (Metric(name="loss", value=0.5, points=3, path="l"), Metric(name="acc", value="nan", points=1, path="l"))
    run = a_run(name="digits", metrics=metrics, parameters={"lr": "0.1"})
    found, said = back(name="digits", metrics=metrics, parameters={"lr": "0.1"}), summary.of(run)
    same = ("id", "name", "status", "created", "seconds", "outputs", "metrics", "parameters")
    assert [getattr(found, key) for key in same] == [getattr(said, key) for key in same]


def test_there_is_no_end_to_metrics_but_to_what_is_told():
    many = tuple(Metric(name=f"m{n}", value=float(n), points=1, path="l") for n in range(1000))
    huge = Metric(name="x" * 5000, value=1.0, points=1, path="l")
    assert len(back(metrics=(huge, *many)).metrics) == 23
    assert sum(map(len, told.of_run(a_run(metrics=many)).values())) < 3000


def test_git():
    git = Git(commit="f" * 40, branch="secret-branch", dirty=True)
    run = a_run()
    code = type(run.code)(digest=run.code.digest, files=1, bytes=1, git=git)
    said = told.of_run(a_run(code=code))
    assert (said["org.opencontainers.image.revision"], said["org.snapshot-ml.dirty"]) == ("f" * 40, "true")
    assert "secret-branch" not in str(said)


KEYS = sorted(told.of_run(a_run(name="x", metrics=(Metric(name="a", value=1.0, points=1, path="l"),))))
WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["nan", "inf", "1e400", "9" * 5000, "{}", "[" * 2000, '{"a": 1e999}', '{"a": [{}]}', '{"code": "x"}']
    ),
    st.sampled_from([f'{{"a": {10**400}}}', '{"a": true, "b": null}', "\x1b[2J", "2026-01-01", "2026-01-01T00:00Z"]),
)


@given(st.dictionaries(st.sampled_from(KEYS), WORDS, max_size=6))
def test_whatever_is_there_can_be_listed(changes):
    said = told.summary_of({**told.of_run(a_run(name="x")), **changes})
    if said is not None:
        text = listing([Row(said)], ["id", "name", "status", "created", "time", "outputs", "command", "a"], NOW)
        assert "\x1b" not in text
        assert text.count("\n") == 1


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"annotations": []}', b'{"annotations": {"a": 1}}', b"[" * 100_000]
)
def test_what_is_no_manifest_tells_nothing(data):
    assert told.annotations_of(data) == {}
