"""Seeds and algorithms in a Python that starts as in the container of a run, with doubles of frameworks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.run.inside.conftest import Inside

TORCH = """
    import warnings
    __version__ = "2.0"
    CALLS = []

    class _Any:
        def __getattr__(self, name):
            found = _Any()
            setattr(self, name, found)
            return found

    backends = _Any()

    def manual_seed(seed):
        CALLS.append(["seed", seed])

    def use_deterministic_algorithms(mode, *, warn_only):
        CALLS.append(["algorithms", mode, warn_only])

    def scatter():
        warnings.warn("scatter does not have a deterministic implementation")
"""


@pytest.fixture
def torch(inside: Inside) -> Inside:
    inside.module("torch", TORCH)
    (inside.place / "determinism").mkdir()
    return inside


def noted(inside: Inside) -> list[dict[str, Any]]:
    files = (inside.place / "determinism").iterdir()
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def out(inside: Inside, program: str, asked: str | None, **more: Any) -> str:
    env = {} if asked is None else {"SNAP_DETERMINISM": asked}
    return inside.run(program, env=env, **more).stdout


def test_nothing_happens_unasked(torch: Inside) -> None:
    program = "import random, sys, torch; print(torch.CALLS, random.random(), len(sys.meta_path))"
    first, second = (out(torch, program, None) for _ in range(2))
    assert first != second
    assert first.startswith("[] ")
    assert noted(torch) == []


@pytest.mark.parametrize(("mode", "algorithms"), [("seeds", []), ("warn", [[True, True]]), ("strict", [[True, False]])])
def test_a_framework_is_set_up_when_it_is_imported(torch: Inside, mode: str, algorithms: list[list[bool]]) -> None:
    calls = json.loads(out(torch, "import json, torch; print(json.dumps(torch.CALLS))", f"{mode}:7"))
    assert calls == [["seed", 7], *(["algorithms", *given] for given in algorithms)]
    assert noted(torch) == [{"framework": "torch", "version": "2.0"}]


def test_what_it_says_of_an_operation_is_noted_with_its_place(torch: Inside) -> None:
    done = torch.run("import torch\n\ndef step():\n    torch.scatter()\n\nstep()\n", env={"SNAP_DETERMINISM": "warn:0"})
    assert "UserWarning: scatter does not have" in done.stderr
    (warning,) = [note for note in noted(torch) if "warning" in note]
    assert warning["warning"].startswith("scatter does not have")
    assert [frame.rpartition("/")[2] for frame in warning["stack"]] == [
        "train.py:6 <module>",
        "train.py:4 step",
        "torch.py:21 scatter",
    ]


SILENT = "warnings.simplefilter('ignore')"


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ("", 1),
        (SILENT, 0),
        ("warnings.filterwarnings('ignore', module='torch')", 0),
        ("warnings.filterwarnings('ignore', module='another')", 1),
        (f"warnings.resetwarnings(); {SILENT}", 0),
        ("warnings.simplefilter('always')", 9),
        ("warnings.catch_warnings().__enter__(); warnings.simplefilter('ignore')", 0),
        ("import logging; logging.captureWarnings(True); logging.basicConfig()", 1),
    ],
)
def test_it_is_noted_whatever_the_program_does_with_warnings_and_shown_as_it_would_be(
    torch: Inside, before: str, shown: int
) -> None:
    program = f"import torch, warnings\n{before}\nfor _ in range(9): torch.scatter()\nwarnings.warn('else')\n"
    said = torch.run(program, env={"SNAP_DETERMINISM": "warn:0"}).stderr
    assert said.count("UserWarning: scatter does not have") == shown
    assert said == torch.run(program).stderr
    found = [note for note in noted(torch) if "warning" in note]
    # Where the program shows warnings its own way, it is heard of as often as it is shown.
    assert sum(note["times"] for note in found) == (1 if "logging" in before else 8)
    assert len({tuple(note["stack"]) for note in found}) == 1


def test_a_warning_that_is_an_error_is_one(torch: Inside) -> None:
    program = """
        import torch, warnings
        warnings.simplefilter("error")
        try:
            torch.scatter()
        except UserWarning as problem:
            print(problem)
    """
    assert out(torch, program, "warn:0") == out(torch, program, None) != ""
    assert [note["times"] for note in noted(torch) if "warning" in note] == [1]


def test_random_is_seeded_in_every_process(torch: Inside) -> None:
    program = """
        import random, subprocess, sys
        print(random.random(), subprocess.check_output([sys.executable, "-c", "import random; print(random.random())"]))
    """
    first, second = (out(torch, program, "seeds:5") for _ in range(2))
    assert first == second
    assert out(torch, program, "seeds:6") != first


def test_a_framework_that_is_another_than_expected_breaks_nothing(inside: Inside) -> None:
    inside.module("torch", "__version__ = '9'")
    (inside.place / "determinism").mkdir()
    assert out(inside, "import torch; print(torch.__version__)", "warn:0") == "9\n"
    (note,) = noted(inside)
    assert (note["framework"], note["problem"].partition(":")[0]) == ("torch", "AttributeError")


def test_a_framework_that_is_not_there_or_fails_says_what_it_said_before(torch: Inside) -> None:
    torch.module("tensorflow", "raise ImportError('no AVX')")
    program = """
        for name in ("tensorflow", "tensorflow", "numpy.random"):
            try:
                __import__(name)
            except ImportError as problem:
                print(problem)
    """
    assert out(torch, program, "warn:0") == out(torch, program, None)
    assert noted(torch) == []


def test_where_nothing_can_be_noted_the_training_goes_on(inside: Inside) -> None:
    inside.module("torch", TORCH)
    assert out(inside, "import torch; torch.scatter(); print('on')", "warn:0") == "on\n"


def test_the_loader_of_a_framework_stays_what_it_is(torch: Inside) -> None:
    program = """
        import torch
        print(type(torch.__loader__).__name__, vars(torch.__loader__).keys() - {"name", "path"})
    """
    lines = out(torch, program, "seeds:1").splitlines()
    assert lines[0] == "SourceFileLoader set()"
