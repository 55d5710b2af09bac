"""Fake GPU: `snap run --gpus` on a real engine, with doubles of what a machine without a GPU can't have.

The doubles are NVIDIA's driver library, its runtime hook and its CDI specification (tests/doubles). What is real: the
engine's own ways to `--gpus` and to CDI devices, nvidia-ml-py, and all of `snap`. What this can't show is said in
docs/explanation/gpu.md.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snapshot.host import nvml
from snapshot.lock import document
from snapshot.lock.document import Cuda
from tests.conftest import DOUBLES
from tests.integration.conftest import environment, start
from tests.integration.scenario import Gate, Project, bring_base, wait_for

pytestmark = pytest.mark.skipif(nvml.look().state != "absent", reason="this machine has a driver of its own")

ENGINE = "fake-gpu"
HOOK = "nvidia-container-runtime-hook"
TWO = "NVIDIA A100-SXM4-40GB:8.0:40960;NVIDIA H100 80GB HBM3:9.0:81559"
CUDA = Cuda(
    runtime="12.4",
    because="nvidia-cuda-runtime-cu12 12.4.127",
    driver_minimum="525.60.13",
    driver_full="550.54.14",
    architectures=("sm_80", "sm_90"),
)

SEES = """
    import ctypes, glob, os
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    assert nvml.nvmlInitWithFlags(0) == 0
    count = ctypes.c_uint(); nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for index in range(count.value):
        device, name = ctypes.c_void_p(), ctypes.create_string_buffer(96)
        nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device))
        nvml.nvmlDeviceGetName(device, name, 96)
        print(name.value.decode())
    print(*sorted(glob.glob("/dev/nvidia?")), os.environ.get("NVIDIA_VISIBLE_DEVICES"))
"""


class GpuProject(Project):
    """On an engine with doubles of NVIDIA's toolkit; the driver that `snap` finds is set by `driver`."""

    library: Path

    def driver(self, **settings: str) -> None:
        """What the stub says: see tests/doubles/fake_nvml.c."""
        self.env = {key: value for key, value in self.env.items() if not key.startswith("FAKE_NVML_")}
        self.env |= {"LD_LIBRARY_PATH": str(self.library), "FAKE_NVML_GPUS": TWO, **settings}

    def without_hook(self) -> None:
        """Let `snap` see no hook: CDI is left."""
        folders = self.env["PATH"].split(":")
        self.env["PATH"] = ":".join(folder for folder in folders if not (Path(folder) / HOOK).exists())

    def cuda(self, cuda: Cuda = CUDA) -> None:
        """Make the lock say that its packages bring CUDA."""
        done = self.snap("lock")
        assert done.returncode == 0, done.stderr
        lock = document.loads(self.read("snap.lock"))
        self.write("snap.lock", document.dumps(msgspec.structs.replace(lock, cuda=cuda)))

    def refused(self, *arguments: str) -> list[str]:
        """What is said of a run that is refused, nothing being left of it: each error with its hint behind."""
        done = self.snap("run", *arguments, "train.py")
        assert (done.returncode, done.stdout) == (125, ""), done.stderr
        assert "building" not in done.stderr
        assert self.snap("ls").stdout.count("\n") <= 1
        assert (self.containers(), self.volumes()) == ([], [])
        lines = done.stderr.splitlines()
        for number, text in enumerate(lines):
            if text.startswith("error: "):
                assert lines[number + 1].startswith("hint: "), done.stderr
        return [text.removeprefix("error: ") for text in lines if text.startswith("error: ")]


@pytest.fixture(scope="module")
def fake_engine(command, engine, fake_nvml: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A private engine that has both ways to GPUs, with the hook on the PATH of `snap` too."""
    library = fake_nvml / "libnvidia-ml.so.1"
    specifications = tmp_path_factory.mktemp("cdi")
    text = (DOUBLES / "cdi-nvidia.json").read_text().replace("@LIBRARY@", str(library))
    (specifications / "nvidia.json").write_text(text)
    env = {
        **os.environ,
        "PATH": f"{DOUBLES}:{os.environ['PATH']}",
        "FAKE_NVML_LIB": str(library),
        "SNAP_ENGINE_ARGS": f"--cdi-spec-dir {specifications}",
    }
    try:
        start(command, ENGINE, env=env)
        own = environment(command, ENGINE, env)
        bring_base(engine, own)
        yield own
    finally:
        command("scripts/engine", "stop", ENGINE, "--wipe")


def project_on(path: Path, engine: Mapping[str, str], library: Path) -> GpuProject:
    project = GpuProject(path, engine)
    project.library = library
    project.driver()
    project.script(SEES)
    return project


@pytest.fixture
def project(tmp_path: Path, fake_engine: dict[str, str], fake_nvml: Path) -> GpuProject:
    return project_on(tmp_path / "project", fake_engine, fake_nvml)


@pytest.fixture
def bare(tmp_path: Path, engine: dict[str, str], fake_nvml: Path) -> GpuProject:
    """On an engine without NVIDIA's toolkit."""
    return project_on(tmp_path / "project", engine, fake_nvml)


def given(record: dict[str, Any]) -> tuple[str, list[str]]:
    return record["gpus"]["way"], record["gpus"]["devices"]


# What a run gets


def test_a_run_sees_the_devices_through_the_hook(project: GpuProject):
    done = project.snap("run", "--gpus", "all", "-e", f"FAKE_NVML_GPUS={TWO}", "train.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA H100 80GB HBM3",
        "/dev/nvidia0 /dev/nvidia1 all",
    ]
    record = project.record()
    assert given(record) == ("nvidia", ["0", "1"])
    assert [device["compute_capability"] for device in record["host"]["gpus"]["devices"]] == ["8.0", "9.0"]
    assert record["host"]["gpus"]["driver"] == "580.95.05"
    assert not any("GPU" in note for note in record["notes"])


def test_a_run_gets_the_device_that_it_asks_for(project: GpuProject):
    for asked in ("device=1", "device=GPU-00000000-0000-0000-0000-000000000001"):
        done = project.snap("run", "--gpus", asked, "-e", f"FAKE_NVML_GPUS={TWO}", "train.py")
        assert done.stdout.splitlines()[0] == "NVIDIA H100 80GB HBM3", done.stderr
        assert given(project.record()) == ("nvidia", ["1"])


@pytest.mark.parametrize(
    ("asked", "devices"),
    [
        ("all", [0, 1]),
        ("1", [0]),
        ("device=1", [1]),
        ("device=nvidia.com/gpu=1", [1]),
        ("driver=cdi,device=0,1", [0, 1]),
    ],
)
def test_a_run_sees_the_devices_through_cdi(project: GpuProject, asked: str, devices: list[int]):
    project.without_hook()
    done = project.snap("run", "--gpus", asked, "-e", f"FAKE_NVML_GPUS={TWO}", "train.py")
    assert done.returncode == 0, done.stderr
    names = [TWO.split(";")[index].split(":")[0] for index in devices]
    assert done.stdout.splitlines() == [*names, " ".join(f"/dev/nvidia{index}" for index in devices) + " void"]
    assert given(project.record()) == ("cdi", [str(index) for index in devices])


def test_what_the_devices_do_is_a_table_and_a_summary(project: GpuProject, tmp_path: Path, gate: Gate):
    pids = tmp_path / "pids"
    pids.write_text("")
    project.driver(
        FAKE_NVML_LOAD="10,50,90", FAKE_NVML_THROTTLE="4", FAKE_NVML_PROCESSES=f"@{pids}", FAKE_NVML_ECC="0,0,1"
    )
    project.script(f"import os, time\n{gate.wait}")
    running = project.start("run", "--gpus", "device=1", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/gpu.csv")))
    (container,) = project.containers()
    pid = project.docker("inspect", "-f", "{{.State.Pid}}", container)[0]
    pids.write_text(f"1:{pid}:300;1:1:77")
    (growing,) = project.path.glob(".snap/runs/*/gpu.csv")
    enough = growing.read_text().count("\n") + 3
    wait_for(lambda: growing.read_text().count("\n") > enough)
    gate.open()
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 0, stderr
    record = project.record()
    (table,) = project.path.glob(".snap/runs/*/gpu.csv")
    head, *lines = table.read_text().splitlines()
    assert head.startswith("time,gpu,utilization_percent,memory_bytes,run_memory_bytes,power_watts,")
    assert len(lines) >= 3
    (usage,) = record["usage"]["gpus"]
    assert usage["samples"] == len(lines)
    assert (usage["gpu"], usage["utilization_max"], usage["throttle_reasons"]) == ("1", 90, ["sw_power_cap"])
    assert 10 < usage["utilization_mean"] < 90
    assert (usage["peak_memory"], usage["run_peak_memory"]) == (512 << 20, 300 << 20)
    assert usage["power_max"] == 190.0
    assert usage["energy"] == 5.0 * (len(lines) - 1)
    assert usage["ecc_uncorrected"] == 1
    assert record["usage"]["peak_memory"] > 0
    assert any("memory errors" in note for note in record["notes"])
    shown = project.snap("show").stdout
    assert "1 NVIDIA H100 80GB HBM3 (nvidia), " in shown
    assert "% busy (at most 90 %)" in shown
    assert "NVIDIA 580.95.05, CUDA up to 13.0" in shown


def test_a_device_that_is_lost_is_noted_and_ends_nothing(project: GpuProject):
    project.driver(FAKE_NVML_LOST="0:1")
    project.script("import time; time.sleep(2.2); print('done')")
    done = project.snap("run", "--gpus", "all", "train.py")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert "warning: GPU 0 reported during the run: GPU is lost" in done.stderr
    first, second = project.record()["usage"]["gpus"]
    assert (first["problems"], second["problems"]) == (["GPU is lost"], [])
    assert second["samples"] > first["samples"]


def test_a_critical_error_of_the_driver_is_noted(project: GpuProject):
    project.driver(FAKE_NVML_XID="1:31:1")
    project.script("import time; time.sleep(2.2)")
    assert project.snap("run", "--gpus", "all", "train.py").returncode == 0
    record = project.record()
    assert [usage["problems"] for usage in record["usage"]["gpus"]] == [[], ["Xid 31"]]
    assert record["notes"] == ["GPU 1 reported during the run: Xid 31"]


def test_the_table_outlives_snap(project: GpuProject):
    project.script("import time; open('ready', 'w'); time.sleep(3)")
    running = project.start("run", "--gpus", "all", "train.py")
    wait_for(lambda: [p for p in project.path.glob(".snap/runs/*/gpu.csv") if p.read_text().count("\n") >= 3])
    subprocess.run(["pkill", "-9", "-P", str(running.pid)], check=True)
    running.kill()
    running.wait()
    deadline = time.monotonic() + 60
    while project.record()["status"] != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    usage = project.record()["usage"]
    assert (usage["peak_memory"], [gpu["gpu"] for gpu in usage["gpus"]]) == (None, ["0", "1"])
    assert all(gpu["samples"] >= 1 for gpu in usage["gpus"])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "the engine was asked for GPUs and the container has none: the training runs on the CPU"),
        (1, "the engine was asked for 2 GPUs and the container has only 1"),
    ],
)
def test_an_engine_that_gives_less_than_was_asked_is_told_on(project: GpuProject, number: int, said: str, gate: Gate):
    project.script(f"import os, time\n{gate.wait}\nprint('ran')")
    running = project.start("run", "--gpus", "all", "-e", f"FAKE_HOOK_GIVES={number}", *gate.options, "train.py")
    assert running.stderr
    heard: list[str] = []
    threading.Thread(target=lambda: heard.extend(running.stderr), daemon=True).start()  # type: ignore[arg-type]
    wait_for(lambda: f"warning: {said}\n" in heard)
    gate.open()
    assert (running.wait(30), running.stdout and running.stdout.read()) == (0, "ran\n"), heard
    assert project.record()["notes"] == [said]


def test_runs_without_gpus_do_not_ask_the_driver(project: GpuProject):
    project.script("print('cpu')")
    done = project.snap("run", "train.py")
    assert (done.stdout, done.returncode) == ("cpu\n", 0), done.stderr
    record = project.record()
    assert (record["gpus"], record["host"]["gpus"], record["usage"]["gpus"]) == (None, None, [])
    assert list(project.path.glob(".snap/runs/*/gpu.csv")) == []


def test_a_base_that_wants_every_gpu_gets_none_unasked(project: GpuProject):
    name = "snap-test-wants-gpus:1"
    text = b"FROM snapshot-base:bookworm\nENV NVIDIA_VISIBLE_DEVICES=all\n"
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], env=project.env, input=text, check=True)
    project.write("snap.toml", f'base = "{name}"\n')
    project.script("import os; print(os.environ['NVIDIA_VISIBLE_DEVICES'])")
    assert project.snap("run", "train.py").stdout == "void\n"
    assert project.snap("run", "--gpus", "device=1", "train.py").stdout == "1\n"


@pytest.mark.skipif(os.getuid() != 0 or not Path("/proc/driver").is_dir(), reason="needs root, and /proc/driver")
def test_a_run_on_the_cpu_says_so_where_there_is_a_gpu_and_cuda(project: GpuProject):
    project.script("print('cpu')")
    fake = "mount -t tmpfs none /proc/driver && mkdir -p /proc/driver/nvidia/gpus/0000:01:00.0"
    typed = ["unshare", "-m", "sh", "-c", f'{fake} && exec "$@"', "sh", *project.command("run", "train.py")]

    def run() -> str:
        done = subprocess.run(typed, cwd=project.path, env=project.env, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "cpu\n"), done.stderr
        return done.stderr

    project.cuda()
    assert run().count("this runs on the CPU; `snap run --gpus all` gives it the GPUs of this host") == 1
    (project.path / "snap.lock").unlink()
    assert "on the CPU" not in run()


@pytest.fixture
def elsewhere(project: GpuProject) -> Iterator[GpuProject]:
    """The same engine, reached by TCP: as far as `snap` can tell it is on another host."""
    server = socket.create_server(("127.0.0.1", 0))
    target = project.env["DOCKER_HOST"].removeprefix("unix://")

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(target)
            for pair in ((client, engine), (engine, client)):
                threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    project.env["DOCKER_HOST"] = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    yield project
    server.close()


def test_an_engine_elsewhere_has_the_word_itself(elsewhere: GpuProject):
    elsewhere.driver(FAKE_NVML_INIT_RC="18")
    done = elsewhere.snap("run", "--gpus", "1", "-e", f"FAKE_NVML_GPUS={TWO}", "train.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "NVIDIA A100-SXM4-40GB"
    assert "the engine is on another host: its driver and GPUs are not checked" in done.stderr
    record = elsewhere.record()
    assert given(record) == ("cdi", [])
    assert (record["host"]["gpus"], record["usage"]["gpus"]) == (None, [])


# What is refused, before anything starts


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"LD_LIBRARY_PATH": ""}, "no NVIDIA driver on this host"),
        ({"FAKE_NVML_INIT_RC": "9"}, "the NVIDIA driver is installed and not loaded"),
        ({"FAKE_NVML_INIT_RC": "18"}, "the NVIDIA driver's library is not of the version that the kernel has loaded"),
        ({"FAKE_NVML_INIT_RC": "999"}, "the NVIDIA driver does not answer: Unknown Error"),
        ({"FAKE_NVML_GPUS": ""}, "the NVIDIA driver sees no GPU"),
        ({"FAKE_NVML_MIG": "0", "FAKE_NVML_GPUS": TWO.split(";")[0]}, "GPU 0 is in MIG mode and has no instance"),
        ({"FAKE_NVML_MODE": "3", "FAKE_NVML_PROCESSES": "0:42:9"}, "GPU 0 (NVIDIA A100-SXM4-40GB) takes one process"),
    ],
)
def test_a_driver_or_a_device_that_will_not_do_is_refused(project: GpuProject, settings: dict[str, str], message: str):
    project.driver(**settings)
    (said,) = project.refused("--gpus", "all")
    assert said.startswith(message)
    assert not (project.path / "snap.lock").exists()


def test_a_device_that_is_not_there_is_refused_with_those_that_are(project: GpuProject):
    there = "this host has GPU 0 (NVIDIA A100-SXM4-40GB), GPU 1 (NVIDIA H100 80GB HBM3)"
    assert project.refused("--gpus", "device=7") == [f"there is no GPU `7`: {there}"]
    assert project.refused("--gpus", "3") == [f"3 GPUs are asked for, and {there}"]


def test_a_driver_that_is_too_old_and_a_device_without_code_are_told_together(project: GpuProject):
    project.cuda()
    project.driver(FAKE_NVML_DRIVER="450.80.02", FAKE_NVML_CUDA="11000", FAKE_NVML_GPUS="Tesla P100:6.0:16384")
    driver, device = project.refused("--gpus", "all")
    assert "450.80.02" in driver and "525.60.13 or newer" in driver
    assert device.startswith(
        "GPU 0 (Tesla P100) has compute capability 6.0, and the packages have code for sm_80, sm_90"
    )


def test_a_driver_between_the_oldest_and_the_full_one_is_a_warning(project: GpuProject):
    project.cuda()
    project.driver(FAKE_NVML_DRIVER="535.104.05", FAKE_NVML_CUDA="12020")
    project.script("print('ran')")
    done = project.snap("run", "--gpus", "all", "train.py")
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr
    assert "warning: the driver 535.104.05 is older than CUDA 12.4" in done.stderr


def test_a_device_that_others_use_is_a_warning(project: GpuProject):
    project.driver(FAKE_NVML_PROCESSES="0:42:300")
    done = project.snap("run", "--gpus", "device=0", "-e", f"FAKE_NVML_GPUS={TWO}", "train.py")
    assert done.returncode == 0, done.stderr
    assert "warning: GPU 0 (NVIDIA A100-SXM4-40GB) is in use already: process 42" in done.stderr
    assert "take another, as with `--gpus device=1`" in done.stderr


def test_an_engine_without_the_toolkit_is_refused_before_anything_starts(bare: GpuProject):
    (said,) = bare.refused("--gpus", "all")
    assert said.startswith("the engine has no way to give GPUs to a container")
    (said,) = bare.refused("--gpus", "all,driver=cdi")
    assert said == "the engine has no CDI specification of NVIDIA GPUs"
    bare.driver(LD_LIBRARY_PATH="")
    assert len(bare.refused("--gpus", "all")) == 2


def test_the_engine_itself_refuses_what_was_demanded_of_it(bare: GpuProject):
    assert bare.snap("build").returncode == 0
    (said,) = bare.refused("--gpus", "all,driver=nvidia")
    assert 'could not select device driver "nvidia"' in said
