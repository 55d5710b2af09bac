"""What buildx prints, read into steps and errors."""

import pytest

from snapshot.errors import BuildError, EngineError, HostError
from snapshot.host.buildx import Reader, Step

GOOD = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 5.66kB done
#1 DONE 0.0s

#2 [1/3] FROM docker.io/library/snapshot-base:bookworm
#2 CACHED

#12 [2/3] RUN --network=none     --mount=type=tmpfs,target=/mnt
#12 CACHED

#13 [3/3] RUN --network=none     --mount=type=tmpfs,target=/mnt
#13 0.512 a line
#13 ...

#13 [3/3] RUN --network=none     --mount=type=tmpfs,target=/mnt
#13 DONE 2.8s

#16 exporting to image
#16 exporting layers 3.1s done
#16 writing image sha256:031b26 done
#16 DONE 3.1s
"""

FAILED = """\
#13 [stage-0 2/2] RUN --network=none
#13 0.412 Traceback (most recent call last):
#13 0.412 ValueError: evil.whl wants to write outside
#13 ERROR: process "python3" did not complete successfully: exit code: 1
------
 > [2/2] RUN --network=none:
------
ERROR: failed to build: failed to solve: process "python3" did not complete successfully: exit code: 1
"""


def read(text: str) -> tuple[Reader, list[Step]]:
    steps: list[Step] = []
    reader = Reader(steps.append)
    for line in text.splitlines():
        reader.feed(line)
    return reader, steps


def test_steps_are_told_once_each() -> None:
    _, steps = read(GOOD)
    assert [(step.index, step.state) for step in steps] == [
        (0, "started"),
        (0, "cached"),
        (1, "started"),
        (1, "done"),
        (None, "started"),
        (None, "done"),
    ]


def test_a_failing_step_is_quoted() -> None:
    error = read(FAILED)[0].error()
    assert isinstance(error, BuildError)
    assert error.message.endswith("  ValueError: evil.whl wants to write outside")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("#16 ERROR: write /x: no space left on device", HostError, "no space left"),
        ("#13 1.0 OSError: [Errno 28] No space left on device\n#13 ERROR: exit code: 1", HostError, "no space left"),
        ("docker: 'buildx' is not a docker command.", EngineError, "no buildx"),
        ("docker: unknown command: docker buildx", EngineError, "no buildx"),
        ("ERROR: Cannot connect to the Docker daemon at unix:///x.sock", EngineError, "no Docker engine answers"),
        ("ERROR: failed to solve: snapshot-base:x: not found", BuildError, "not found"),
        ("", BuildError, "no reason given"),
    ],
)
def test_reasons_become_errors(text: str, kind: type[Exception], words: str) -> None:
    error = read(text)[0].error()
    assert type(error) is kind
    assert words in error.message
