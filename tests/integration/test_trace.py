"""The tracer and `snapshot.log` in a container of a real engine, mounted as `snap run` mounts them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from snapshot.host.container import Container, Mount
from snapshot.lock.document import Python
from snapshot.record.document import Data
from snapshot.run import missing, trace

BASE = "snapshot-base:bookworm"
SCRIPT = """
import subprocess, sys
import model, snapshot
open("/mnt/set/x").read()
snapshot.log(step=1, loss=0.5)
if len(sys.argv) == 1:
    try: open("{other}/y.npy")
    except OSError: subprocess.run([sys.executable, "-I", "train.py"], check=False)
    subprocess.run([sys.executable, __file__, "again"], check=True)
    print(open("written.txt", "w+").read(), end="")
"""


@pytest.fixture
def python(engine: dict[str, str]) -> Python:
    script = "import platform, sys; print(platform.python_version(), sys.executable)"
    version, executable = subprocess.run(
        ["docker", "run", "--rm", BASE, "python3", "-c", script], env=engine, capture_output=True, text=True, check=True
    ).stdout.split()
    return Python(version=version, implementation="cpython", build="", executable=executable, platform="")


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "not-traced"])
def test_a_run_is_traced_from_outside(tmp_path: Path, engine: dict[str, str], python: Python, traced: bool):
    project, data, other, run = (tmp_path / name for name in ("project", "set", "other", "run"))
    for folder in (project, data, other, run):
        folder.mkdir()
    (data / "x").write_text("1")
    (other / "y.npy").write_text("1")
    (project / "model.py").write_text("import json")
    (project / "unused.py").write_text("")
    (project / "train.py").write_text(SCRIPT.format(other=other))
    container = Container(
        image=BASE,
        command=(python.executable, "train.py"),
        user=f"{os.getuid()}:{os.getgid()}",
        workdir="/workspace",
        environment=(*trace.environment().items(), ("SNAP_RUN", "test")),
        mounts=(
            Mount(source=str(project), target="/workspace"),
            Mount(source=str(data), target="/mnt/set", read_only=True),
            *trace.mounts(run, python, trace=traced),
        ),
        remove=True,
    )
    done = subprocess.run(container.arguments(), env=engine, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = [json.loads(line) for line in (project / trace.METRICS).read_text().splitlines()]
    assert lines == [{"step": 1, "loss": 0.5}] * 2
    found = trace.gather(
        run,
        project=project,
        code={"train.py", "model.py", "unused.py"},
        data=[Data(path=str(data), target="/mnt/set", kind="folder", reason="option")],
    )
    if not traced:
        assert found is None
        return
    assert found is not None
    file, summary = found
    assert (file.project, file.data) == (("model.py", "train.py"), (f"{data}/x",))
    assert (summary.processes, summary.complete) == (3, True)
    assert missing.hints(summary.missing, project=project) == (
        f"`{other}/y.npy` is on this machine and the run did not have it: add `--data {other}`",
    )
