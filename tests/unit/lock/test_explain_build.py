"""What a failing build says, in a line and with a hint. The texts are those of compilers and build backends."""

import pytest

from snapshot.errors import BuildError, ResolveError
from snapshot.lock import explain_build

SETUPTOOLS = """\
running bdist_wheel
building 'pycocotools._mask' extension
x86_64-linux-gnu-gcc -Wsign-compare -DNDEBUG -g -I/usr/include/python3.11 -c ../common/maskApi.c -o build/maskApi.o
error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory
"""
HEADER = """\
src/x.c:1:10: fatal error: Python.h: No such file or directory
    1 | #include <Python.h>
      |          ^~~~~~~~~~
compilation terminated.
error: command '/usr/bin/x86_64-linux-gnu-gcc' failed with exit code 1
"""


@pytest.mark.parametrize(
    ("output", "said", "hint"),
    [
        (SETUPTOOLS, "error: command 'x86_64-linux-gnu-gcc' failed: No such file", '"gcc", "python3-dev"'),
        (HEADER, "Python.h: No such file or directory", '"gcc", "python3-dev"'),
        ("x.c:1: fatal error: png.h: No such file or directory", "png.h", "has `png.h`"),
        ("error: [Errno 2] No such file or directory: 'g++'", "'g++'", '"g++", "python3-dev"'),
        ("CMake Error: CMAKE_CXX_COMPILER not set, after EnableLanguage", "CMAKE_CXX_COMPILER", '"g++"'),
        ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "Unknown compiler", '"gcc"'),
        ("error: can't find Rust compiler\ncargo not found", "Rust compiler", '"cargo"'),
        ("Error: pg_config executable not found.", "pg_config", "has `pg_config`"),
        ("ModuleNotFoundError: No module named 'torch'", "No module named 'torch'", "needs `torch`"),
        ("ModuleNotFoundError: No module named 'lib2to3'", "'lib2to3'", "older Python"),
        ("LookupError: setuptools-scm was unable to detect version for /snap/build/source", "unable", "tags"),
        ("URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "name resolution", "no network"),
    ],
)
def test_why_and_what_to_do(output: str, said: str, hint: str) -> None:
    found = explain_build.failed("`spam` 1.0", "BuildBackendException", output.splitlines())
    assert isinstance(found, BuildError)
    assert found.message.startswith("`spam` 1.0 can't be built: ") and said in found.message
    assert len(found.message) < 450 and "-DNDEBUG" not in found.message
    assert found.hint and hint in found.hint


def test_what_says_nothing() -> None:
    assert explain_build.failed("`spam` 1.0", "it ended", ()).message == "`spam` 1.0 can't be built: it ended"


def test_credentials_in_the_output_are_left_out() -> None:
    found = explain_build.metadata_failed("`spam`", ["error: https://ada:s3cret@host/simple"])
    assert isinstance(found, ResolveError) and "s3cret" not in found.message


def test_no_project() -> None:
    found = explain_build.failed("`spam` 1.0", explain_build.NO_PROJECT, ())
    assert "neither `pyproject.toml` nor `setup.py`" in found.message and "#subdirectory=" in (found.hint or "")
