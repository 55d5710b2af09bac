"""Mistakes in requirements, by file and line, before pip or an engine is asked."""

import pytest

from snapshot.errors import UsageError
from snapshot.lock.syntax import check
from snapshot.project.requirements import Requirements


def wanted(line: str) -> Requirements:
    return Requirements(source="requirements.txt", lines=(line,), places={line: "requirements.txt, line 7"})


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2,<3 ; python_version >= '3.9'",
        "numpy==2.0 --hash=sha256:" + "a" * 64 + "   --hash sha384:" + "B" * 96,
        "torch[opt] @ https://host/torch-2.0+cu118-cp311-cp311-linux_x86_64.whl#sha256=1",
        "numpy ;",
        "numpy==1.*",
        "pytz (>=2020)",
        "-r more.txt",
        "--index-url https://host/simple",
        "-e .",
        "./here",
        "../wheels/six-1.17.0-py2.py3-none-any.whl",
        "six-1.17.0-py2.py3-none-any.whl",
        "git+https://host/x",
        "https://host/x.tar.gz",
        "pack @ git+https://host/x@main",
        "spam @ https://${TOKEN}@host/spam.zip",
    ],
)
def test_a_requirement_passes(line: str) -> None:
    check(wanted(line))


@pytest.mark.parametrize(
    ("line", "words", "hint"),
    [
        ('six; python_versio < "3"', "is not a requirement", "python_version"),
        (";flask", "`;flask` is not a requirement", "numpy>=2,<3"),
        ("si x", "`si x` is not a requirement", "numpy>=2,<3"),
        ("six @ file:///nope.whl", "`nope.whl` is not the name of a wheel", "own name"),
        ("./nope.whl", "`nope.whl` is not the name of a wheel", "own name"),
        ("six==1 --hash=sha256:abc", "`sha256:abc` is not a hash", "64 hexadecimal digits"),
        ("six==1 --hash=md5:" + "a" * 32, "is not a hash", "sha256"),
        ("six==1 --hash=" + "a" * 64, "is not a hash", "sha256"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, words: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(wanted(line))
    assert caught.value.message.startswith("requirements.txt, line 7: ") and words in caught.value.message
    assert caught.value.hint and hint in caught.value.hint


def test_credentials_are_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        check(wanted("six @ https://ada:s3cret@host/x.whl"))
    assert "s3cret" not in caught.value.message
