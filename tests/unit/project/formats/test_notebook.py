"""What notebooks install."""

import json
from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.sources import read


def notebook(path: Path, *cells: str) -> None:
    document = {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]}
    path.write_text(json.dumps(document))


def test_commands_that_install(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("idna\n")
    notebook(
        tmp_path / "a.ipynb",
        "%pip install -q 'numpy<3' pandas==2.0 # ours\nimport numpy",
        "!pip3 install --upgrade torch \\\n  -i https://a.example/ --extra-index-url https://b.example/ && echo done",
        "! {sys.executable} -m pip install -r more.txt $NAME git+https://h.example/a.git; ls",
        "print('pip install nothing')\n# !pip install neither",
        "!uv pip install six > log.txt",
    )
    found = read(tmp_path)
    assert found.lines == (
        "numpy<3",
        "pandas==2.0",
        "torch",
        "--extra-index-url https://b.example/",
        "idna",
        "git+https://h.example/a.git",
        "six",
    )
    assert (found.source, found.places["torch"]) == ("a.ipynb", "a.ipynb, code cell 2")
    notebook(tmp_path / "b.ipynb", "%pip install attrs")
    assert read(tmp_path).source == "2 notebooks"
    assert read(tmp_path, chosen="b.ipynb").lines == ("attrs",)


def test_their_imports_count_where_they_install_nothing(tmp_path: Path) -> None:
    notebook(
        tmp_path / "a.ipynb", "%matplotlib inline\nimport six\n!ls", "%%bash\nimport nothing", "%%time\nimport idna"
    )
    assert read(tmp_path).lines == ("idna", "six")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"cells": 3}', '{"cells": [3, {"cell_type": "code", "source": 3}]}']
)
def test_what_is_no_notebook_does_no_harm_and_is_refused_when_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    found = read(tmp_path)
    assert found.lines == ()
    with pytest.raises(UsageError, match=r"a\.ipynb"):
        read(tmp_path, chosen="a.ipynb")
