"""Records of older versions stay readable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from snapshot.errors import StoreError
from snapshot.record.document import Run, loads

OLD: dict[str, Any] = {
    "schema": "snap.run/1",
    "id": "20260101T000000000-0000",
    "name": None,
    "status": "finished",
    "project": "/p",
    "command": {"argv": ["train.py"], "kind": "script", "directory": "."},
    "request": {
        "environment": {}, "gpus": '"device=0,1"', "network": None, "shm_size": None, "memory": None, "cpus": None,
    },
    "code": {"digest": "sha256:0", "files": 1, "bytes": 1, "git": None, "skipped": []},
    "data": [],
    "platform": {
        "lock": "sha256:1", "image": "sha256:2", "reference": "snap:1", "base": "b", "base_digest": None,
        "base_layers": [], "python": "3.11.2",
    },
    "host": {
        "machine": {
            "hostname": "h", "system": "s", "kernel": "k", "architecture": "x86_64", "cpu": "c", "cpu_flags": [],
            "cores": 2, "memory": 1,
        },
        "engine": "28.5.2",
        "store": "overlay2",
        "gpus": {
            "driver": "580.95.05",
            "cuda": "13.0",
            "devices": [{"index": 0, "name": "H100", "uuid": "GPU-0", "compute_capability": "9.0", "memory": 1}],
        },
        "user": "0:0",
    },
    "container": "snap-x",
    "write_back": True,
    "created": "2026-01-01T00:00:00.000Z",
    "started": None,
    "ended": None,
    "exit": {"code": 0, "signal": None, "out_of_memory": False, "error": None},
    "outputs": [],
    "deleted": [],
    "usage": {"peak_memory": 1, "cpu_seconds": 1.0},
    "notes": [],
}  # fmt: skip


def test_a_record_from_before_gpus_were_watched_is_read() -> None:
    run: Run = loads(json.dumps(OLD).encode(), where="run.json")
    assert run.gpus is None
    assert run.usage is not None and run.usage.gpus == ()
    assert run.host is not None and run.host.gpus is not None
    (device,) = run.host.gpus.devices
    assert (device.name, device.ecc, device.mig) == ("H100", None, None)


@pytest.mark.parametrize("key", ["created", "started", "ended"])
@pytest.mark.parametrize("time", ["", "\x1b[31m", "2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00+09:00"])
def test_a_record_with_a_time_that_is_none_is_refused(key: str, time: str) -> None:
    with pytest.raises(StoreError, match="a time that is none"):
        loads(json.dumps({**OLD, key: time}).encode(), where="run.json")


@pytest.mark.parametrize("path", ["../other/run.json", "/etc/passwd", "a/../../b", "\0/etc/\xff", "\0../\xff", ".."])
def test_a_record_that_names_files_outside_of_its_run_is_refused(path: str) -> None:
    output = {"path": path, "size": 1, "sha256": "sha256:0", "mode": 420, "change": "created"}
    with pytest.raises(StoreError, match="outside of the run"):
        loads(json.dumps({**OLD, "outputs": [output]}).encode(), where="run.json")


@pytest.mark.parametrize("path", ["a/b", "..a/b..", "\0\xff/a", "a\0"])
def test_odd_names_are_read(path: str) -> None:
    output = {"path": path, "size": 1, "sha256": "sha256:0", "mode": 420, "change": "created"}
    assert loads(json.dumps({**OLD, "outputs": [output]}).encode(), where="run.json").outputs[0].path == path
