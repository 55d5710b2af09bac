"""Pages are followed to the letter, and what varies by nature is let through."""

import os
from pathlib import Path

import pytest

from tests.pages import Command, File, follow, steps

PAGE = """# A page

```text title="a/b.txt"
one
two
```

```sh
never typed
```

```console
$ cd a
$ cat b.txt
one
two
$ printf 'run %s took %s\\n' 20261129T163703392-e30a '1.7 s'
run 20261130T000000000-0000 took 20 ms
$ echo 'snap: building the image'; seq 9; false
1
…
9
$ echo "of two \\
> lines, at $HOST" >&2
of … at example.com
```
"""


def write(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


def test_files_and_commands_in_their_order() -> None:
    found = list(steps(PAGE))
    assert found[0] == File("a/b.txt", "one\ntwo\n")
    assert found[1] == Command("cd a")
    assert found[2] == Command("cat b.txt", ["one", "two"])
    assert found[-1] == Command('echo "of two \\\nlines, at $HOST" >&2', ["of … at example.com"])


def test_a_page_that_is_true(tmp_path: Path) -> None:
    follow(write(tmp_path, PAGE), tmp_path, {**os.environ, "HOST": "here"}, {"example.com": "here"})
    assert (tmp_path / "a/b.txt").read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("one\ntwo\n$", "one\nthree\n$", "`cat b.txt` prints something else"),
        ("one\ntwo\n$", "one\n$", "`cat b.txt` prints something else"),
        ("1\n…\n9", "1\n…\n8", "prints something else"),
        ("took 20 ms", "took nothing", "prints something else"),
        ("; false", "; (exit 3)", "ended with 3"),
        ("$ cd a", "$ exit 0", "the shell ended early"),
    ],
)
def test_a_page_that_is_not(tmp_path: Path, was: str, now: str, said: str) -> None:
    page = write(tmp_path, PAGE.replace(was, now, 1))
    with pytest.raises(AssertionError, match=said):
        follow(page, tmp_path, {**os.environ, "HOST": "here"}, {"example.com": "here"})
