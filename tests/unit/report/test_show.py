"""The page of `snap show`."""

from __future__ import annotations

from snapshot.lock.document import Base, Cuda, Lock, OperatingSystem, OsPackage, Python, Sources
from snapshot.record.document import (
    Code,
    Command,
    Data,
    Edit,
    Exit,
    Given,
    Metric,
    Output,
    Parent,
    Request,
    Run,
    Skipped,
)
from snapshot.record.labels import Labels, Note
from snapshot.record.usage import GpuUsage, Usage
from snapshot.report import show
from tests.unit.record.records import a_run


def lines(run: Run, key: str) -> list[str]:
    return [line.partition("  ")[2].strip() for line in show.details(run).splitlines() if line.split()[0] == key]


def test_a_page_shows_the_beginning_of_what_is_long():
    many = tuple(f"f{i}" for i in range(3000))
    run = a_run(
        deleted=many,
        data=tuple(Data(path=p, target=p, kind="file", reason="large") for p in many[:20]),
        outputs=tuple(Output(path=p, size=0, sha256="", mode=0, change="created") for p in many[:21]),
        code=Code(digest="", files=0, bytes=0, git=None, skipped=(Skipped(path="pipe", reason="a fifo"),)),
        command=Command(argv=("x" * 1000,), kind="script", directory="."),
    )
    assert lines(run, "deleted") == [*many[:20], "… and 2,980 more; see `--json`"]
    assert len(lines(run, "data")) == 20
    assert lines(run, "output")[20:] == ["… and 1 more; see `--json`"]
    assert lines(run, "skipped") == ["pipe (a fifo)"]
    assert lines(run, "command") == ["x" * 499 + "…"]


def test_what_is_not_known_of_the_usage_is_left_out():
    used = [lines(a_run(usage=Usage(peak_memory=m, cpu_seconds=c)), "used") for c, m in ((1, 2), (None, 2), (1, None))]
    assert used == [["1.0 s of CPU, 2 B of memory at most"], ["2 B of memory at most"], ["1.0 s of CPU"]]
    assert lines(a_run(usage=Usage(peak_memory=None, cpu_seconds=None)), "used") == []


def test_each_gpu_of_a_run_has_a_line_with_what_is_known():
    full = GpuUsage(
        gpu="0", samples=9, utilization_mean=87.4, utilization_max=100, peak_memory=70_000_000_000,
        run_peak_memory=69_500_000_000, power_mean=412.3, power_max=690.0, energy=1_234_567.0, temperature_max=71,
        throttle_reasons=("sw_power_cap",), ecc_corrected=2, ecc_uncorrected=0, problems=(),
    )  # fmt: skip
    silent = GpuUsage(
        gpu="1", samples=1, utilization_mean=None, utilization_max=None, peak_memory=None, run_peak_memory=None,
        power_mean=None, power_max=None, energy=None, temperature_max=None, throttle_reasons=(), ecc_corrected=None,
        ecc_uncorrected=None, problems=("GPU is lost",),
    )  # fmt: skip
    usage = Usage(peak_memory=None, cpu_seconds=None, gpus=(full, silent))
    assert lines(a_run(gpus=Given(way="cdi", devices=("0", "1", "2:0")), usage=usage), "gpu") == [
        "0 (cdi), 87 % busy (at most 100 %), 70.0 GB of memory at most, 69.5 GB of it the run's, "
        "412 W (at most 690 W), 1,234,567 J, 71 °C at most, slowed down by sw_power_cap, 2 memory errors corrected",
        "1 (cdi)",
        "2:0 (cdi)",
    ]
    elsewhere = a_run(request=Request(gpus="all"), gpus=Given(way="nvidia", devices=()))
    assert lines(elsewhere, "gpu") == ["all (nvidia)"]
    assert lines(a_run(), "gpu") == []


def test_the_page_tells_the_stack_of_the_lock() -> None:
    def package(name: str, *, asked: bool) -> OsPackage:
        return OsPackage(
            name=name, version="7:5.1", architecture="amd64", size=1, sha256="0" * 64, url="https://x/y", asked=asked
        )

    lock = Lock(
        source_date_epoch=1783764997,
        sources=Sources(requirements=(), base="b (chosen)", python="3.11 (base)", resolver="none"),
        base=Base(reference="base:12", layers=("sha256:" + "a" * 64,), os="linux", architecture="amd64"),
        os=OperatingSystem(id="debian", version="12", name="Debian 12"),
        python=Python(version="3.11.2", implementation="cpython", build="", executable="/usr/bin/python3", platform=""),
        cuda=Cuda(runtime="13.0", because="x", driver_minimum="580.65.06", nccl="2.27.7"),
        os_packages=(package("ffmpeg", asked=True), package("libx264-164", asked=False)),
    )
    lines = show.details(a_run(), lock).splitlines()
    assert "cuda         13.0, NCCL 2.27.7, driver 580.65.06 or newer" in lines
    assert "os packages  ffmpeg 7:5.1, 1 more that these need" in lines
    assert not any(line.startswith("packages") for line in lines)


def test_what_made_the_result_is_told() -> None:
    weights = Parent(
        run="r1", path="m.pt", input="w/m.pt", sha256="sha256:1", relation="fine-tuned-from", evidence="read"
    )
    data = Data(
        path="images",
        target="/workspace/images",
        kind="folder",
        reason="ignored",
        digest="sha256:2",
        files=3,
        bytes=1500,
        identified="mtime",
        edits=(Edit(path="3.img", change="removed"),),
    )
    run = a_run(data=(data,), parents=(weights,), metrics=(Metric(name="loss", value=0.12345, points=4, path="m.csv"),))
    assert lines(run, "data") == ["images (folder, ignored, 3 files, 1.5 kB, sha256:2, told by mtime)"]
    assert lines(run, "edited") == ["3.img (removed) in images"]
    assert lines(run, "from") == ["r1:m.pt (fine-tuned-from, read) as w/m.pt"]
    assert lines(run, "metric") == ["loss 0.1235 (m.csv, last of 4 points)"]


def test_what_a_stranger_named_looks_like_no_line_of_the_page():
    forged = "x\nstatus  \x1b[32mok"
    metric = Metric(name=forged, value=1.0, path="m.json", points=1)
    page = show.details(
        a_run(exit=Exit(code=1), metrics=(metric,), request=Request(environment={forged: forged})),
        labels=Labels(notes=(Note(time=forged, text=forged),)),
    )
    assert "\x1b" not in page
    assert [line.split(maxsplit=1)[1] for line in page.splitlines() if line.startswith("status")] == ["exit 1"]
