"""The table of what GPUs did, and its summary."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snapshot.document import encode_json
from snapshot.host.nvml_meter import Reading
from snapshot.record.usage import GpuUsage
from snapshot.run.devices import COLUMNS, line, missing, nodes, notes, summary

HEAD = ",".join(COLUMNS) + "\n"


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000Z"


def table(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "gpu.csv"
    path.write_text(HEAD + "".join(lines))
    return path


def test_a_line_is_for_people_and_has_nothing_where_nothing_is_known() -> None:
    full = Reading(
        utilization=50, memory=2048, processes=((7, 1000), (8, 24), (9, None), (10, 5)), power=71234, energy=5500,
        temperature=40, clock=1410, throttle=("sw_power_cap", "hw_slowdown"), ecc_corrected=1, ecc_uncorrected=0,
    )  # fmt: skip
    assert line(at(1), "0", full, frozenset({7, 8, 9})) == (
        "2026-01-01T00:00:01.000Z,0,50,2048,1024,71.234,5.500,40,1410,sw_power_cap+hw_slowdown,1,0,\n"
    )
    assert line(at(1), "0:1", Reading(), frozenset()) == "2026-01-01T00:00:01.000Z,0:1,,,,,,,,,,,\n"
    lost = line(at(1), "0", Reading(problem="it is,\nwell, gone"), frozenset())
    assert lost.count("\n") == 1 and lost.count(",") == len(COLUMNS) - 1


def test_the_summary_of_two_devices(tmp_path: Path) -> None:
    readings = [
        Reading(utilization=u, memory=m, processes=((7, m),), power=100_000, energy=1000 + e, temperature=t,
                throttle=r, ecc_corrected=3, ecc_uncorrected=2 + (u == 90))
        for u, m, e, t, r in ((10, 10, 0, 30, ()), (50, 30, 400, 45, ("sw_power_cap",)), (90, 20, 900, 40, ()))
    ]  # fmt: skip
    lines = [line(at(i), "0", reading, frozenset({7})) for i, reading in enumerate(readings)]
    lines.insert(1, line(at(0), "1", Reading(utilization=0), frozenset()))
    first, second = summary(table(tmp_path, *lines))
    assert first == GpuUsage(
        gpu="0",
        samples=3,
        utilization_mean=50.0,
        utilization_max=90,
        peak_memory=30,
        run_peak_memory=30,
        power_mean=100.0,
        power_max=100.0,
        energy=0.9,
        temperature_max=45,
        throttle_reasons=("sw_power_cap",),
        ecc_corrected=0,
        ecc_uncorrected=1,
        problems=(),
    )
    assert (second.gpu, second.utilization_mean, second.power_mean, second.energy) == ("1", 0.0, None, None)
    assert notes([first, second]) == ["GPU 0 had 1 memory errors during the run that could not be corrected"]


def test_energy_is_power_over_time_where_a_device_does_not_count_it(tmp_path: Path) -> None:
    lines = [line(at(t), "0", Reading(power=p), frozenset()) for t, p in ((0, 100_000), (1, 300_000), (11, 300_000))]
    (found,) = summary(table(tmp_path, *lines))
    assert found.energy == 200 + 3000


def test_a_counter_that_was_set_back_says_nothing(tmp_path: Path) -> None:
    lines = [line(at(t), "0", Reading(ecc_uncorrected=e), frozenset()) for t, e in ((0, 5), (1, 0))]
    (found,) = summary(table(tmp_path, *lines))
    assert found.ecc_uncorrected is None


def test_a_lost_device_is_a_note(tmp_path: Path) -> None:
    lines = [line(at(0), "0", Reading(utilization=5), frozenset())]
    lines.append(line(at(1), "0", Reading(problem="Xid 79; GPU is lost"), frozenset()))
    lines.append(line(at(2), "0", Reading(problem="GPU is lost"), frozenset()))
    (found,) = summary(table(tmp_path, *lines))
    assert (found.utilization_max, found.problems) == (5, ("Xid 79", "GPU is lost"))
    assert notes([found]) == ["GPU 0 reported during the run: Xid 79, GPU is lost"]


@pytest.mark.parametrize("length", range(1, 20))
def test_a_table_that_was_cut_off_is_read_up_to_there(tmp_path: Path, length: int) -> None:
    whole = line(at(0), "0", Reading(utilization=5), frozenset())
    (found,) = summary(table(tmp_path, whole, line(at(1), "0", Reading(utilization=99), frozenset())[:-length]))
    assert (found.samples, found.utilization_max) == (1, 5)


def test_there_is_nothing_without_a_table(tmp_path: Path) -> None:
    assert summary(tmp_path / "gpu.csv") == ()
    assert summary(table(tmp_path)) == ()


CELL = st.sampled_from(
    ["", "0", "1", "nan", "-1", "inf", "1e400", "9" * 400, "x", at(1), "0001-01-01", "\x1b[31m", "\ud7ff"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    lines=st.lists(st.lists(CELL, min_size=len(COLUMNS), max_size=len(COLUMNS)).map(lambda c: ",".join(c) + "\n")),
    junk=st.binary(max_size=60),
)
def test_no_table_breaks_the_record(tmp_path: Path, lines: list[str], junk: bytes) -> None:
    path = tmp_path / "gpu.csv"
    path.write_bytes((HEAD + "".join(lines)).encode() + junk)
    for found in summary(path):
        assert encode_json(found)
        assert found.samples >= 1


def test_the_device_files_of_a_container(tmp_path: Path) -> None:
    dev = tmp_path / "7/root/dev"
    dev.mkdir(parents=True)
    (dev / "null").touch()
    assert nodes(7, proc=tmp_path) == ()
    for name in ("nvidia1", "nvidia0", "nvidiactl", "nvidia-uvm"):
        (dev / name).touch()
    assert nodes(7, proc=tmp_path) == ("nvidia0", "nvidia1")
    assert nodes(8, proc=tmp_path) is None


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        ((), 1, "has none"),
        (("nvidia0",), 2, "asked for 2 GPUs and the container has only 1"),
        (("nvidia0", "nvidia1"), 2, None),
        (("nvidia0", "nvidia1"), 1, None),
        (("dxg",), 2, None),
        (None, 2, None),
    ],
)
def test_a_container_with_fewer_devices_than_asked_for(found: tuple[str, ...] | None, expected: int, said: str | None):
    text = missing(found, expected)
    assert text is None if said is None else said in (text or "")
