"""What the code imports, and which packages that takes."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot.project.requirements import Requirements
from snapshot.project.sources import read


def code(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def site(root: Path, name: str, version: str, files: tuple[str, ...], **more: str) -> dict[str, str]:
    """Put an installed distribution into the virtual environment `root`; returns the environment that has it active."""
    folder = root / "lib" / "python3.11" / "site-packages" / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file, text in more.items():
        (folder / f"{file}.json").write_text(text)
    return {"VIRTUAL_ENV": str(root), "PATH": ""}


def test_names_of_packages_that_differ_come_from_the_table(tmp_path: Path) -> None:
    code(
        tmp_path,
        {"train.py": "import os, sklearn.svm as svm, yaml\nfrom PIL import Image\nimport cv2; import einops\n"},
    )
    found = read(tmp_path)
    assert found.lines == ("Pillow", "opencv-python-headless", "einops", "scikit-learn", "PyYAML")
    assert found.notes == ("`einops` is imported and not installed here: taken for the package `einops`",)
    assert found.places["PyYAML"] == "import of `yaml`"


def test_what_is_the_projects_own_is_left_out(tmp_path: Path) -> None:
    code(
        tmp_path,
        {
            "train.py": "import models, helper, data.sets, numpy\nfrom own import x\nfrom . import y\n",
            "models/__init__.py": "from transformers import A\nfrom . import layers\n",
            "models/transformers/layers.py": "",
            "helper.py": "",
            "data/sets.py": "",
            "src/own/__init__.py": "",
            "scripts/eval.py": "import beside, deep\n",
            "scripts/beside.py": "",
            "elsewhere/deep.py": "",
            "tests/test_it.py": "import hypothesis\n",
            "test_more.py": "import pytest\n",
            "setup.py": "import cython\n",
        },
    )
    environment = site(tmp_path / "venv", "transformers", "4.0", ("transformers/__init__.py",))
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    assert read(tmp_path).lines == ("numpy",)
    assert read(tmp_path, environment=environment).lines == ("numpy", "transformers==4.0")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("def f():\n    import numpy\n", ("numpy",)),
        ("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n", ()),
        ("try:\n    import numpy\nfinally:\n    pass\n", ("numpy",)),
        ("if typing.TYPE_CHECKING:\n    import numpy\nelse:\n    import torch\n", ("torch",)),
        ("if sys.version_info < (3, 11):\n    import tomli\n", ()),
        ("if train:\n    import numpy\n", ("numpy",)),
        ("with a:\n    for b in c:\n        import numpy\n", ("numpy",)),
        ("match a:\n    case 1:\n        import numpy\n", ("numpy",)),
        ('"""\nimport numpy\nfrom torch import x\n"""\n', ()),
        ('def f():\n    """\n    import numpy\n    """\n', ()),
        ("a = '''\nclass B:\n    pass\n'''\nimport numpy\n", ("numpy",)),
        ("if a: import numpy\n", ("numpy",)),
        ("# import numpy\n", ()),
        ("from __future__ import annotations\nimport __main__\n", ()),
        ("from google.protobuf import text_format\nfrom google.cloud import storage\nimport google.auth\n",
         ("google-auth", "google-cloud-storage", "protobuf")),
        ("from google.colab import drive\n", ()),
    ],
)  # fmt: skip
def test_which_imports_count(tmp_path: Path, text: str, lines: tuple[str, ...]) -> None:
    assert read(code(tmp_path, {"train.py": text})).lines == lines


def test_versions_are_those_of_the_active_environment(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    site(venv, "PyYAML", "6.0.1", ("yaml/__init__.py", "_yaml/__init__.py"))
    site(venv, "torch", "2.1.0+cu121", ("torch/__init__.py",))
    site(venv, "single", "1.0", ("single.py",))
    site(venv, "google-cloud-storage", "2.0", ("google/cloud/storage/__init__.py",))
    environment = site(venv, "opt", "3.0", ("opt/__init__.py",))
    text = (
        "import yaml, torch, single\nfrom google.cloud import storage\ntry:\n    import opt\nexcept ImportError: pass\n"
    )
    found = read(code(tmp_path / "p", {"train.py": text}), environment=environment)
    assert found.lines == ("google-cloud-storage==2.0", "opt==3.0", "single==1.0", "torch==2.1.0", "PyYAML==6.0.1")
    assert found.notes == (
        "`torch` is installed as 2.1.0+cu121; 2.1.0 is asked for, since builds with `+cu121` are of another index",
    )
    plain = read(tmp_path / "p")
    assert plain.files == found.files and plain.lines != found.lines


def test_our_own_module_needs_nothing_and_somebody_elses_is_asked_for(tmp_path: Path) -> None:
    project = code(tmp_path / "p", {"train.py": "import numpy, snapshot\n"})
    ours = site(tmp_path / "ours", "snapshot-ml", "0.1.0", ("snapshot/__init__.py",))
    other = site(tmp_path / "other", "snapshot", "1.0", ("snapshot/__init__.py",))
    assert read(project).lines == ("numpy",)
    assert read(project).notes == ("`numpy` is imported and not installed here: taken for the package `numpy`",)
    assert read(project, environment=ours).lines == ("numpy",)
    assert read(project, environment=other).lines == ("numpy", "snapshot==1.0")


def test_what_was_installed_from_a_repository_or_folder(tmp_path: Path) -> None:
    venv, lib = tmp_path / "venv", tmp_path / "lib"
    code(lib, {"src/lib/__init__.py": "", "pyproject.toml": "[project]\nname = 'lib'\n"})
    vcs = {"url": "https://h.example/a.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}
    site(venv, "a", "1", ("a.py",), direct_url=json.dumps(vcs))
    folder = {"url": lib.as_uri(), "dir_info": {"editable": True}}
    environment = site(venv, "lib", "1", ("__editable__.lib.pth",), direct_url=json.dumps(folder))
    found = read(code(tmp_path / "p", {"train.py": "import a, lib\n"}), environment=environment)
    assert found.lines == ("a @ git+https://h.example/a.git@c0ffee", "../lib")


def test_the_python_on_the_path_is_asked_where_no_environment_is_active(tmp_path: Path) -> None:
    site(tmp_path / "venv", "six", "1.2", ("six.py",))
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "venv" / "bin" / "python3").chmod(0o755)
    code(tmp_path / "p", {"train.py": "import six\n"})
    assert read(tmp_path / "p", environment={"PATH": str(tmp_path / "venv" / "bin")}).lines == ("six==1.2",)
    assert read(tmp_path / "p", environment={"PATH": str(tmp_path)}).lines == ("six",)


def test_damaged_metadata_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "venv/lib/python3.11/site-packages/numpy-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_bytes(b"\xff\xfe")
    (folder / "RECORD").write_bytes(b"numpy/__init__.py,,\n\xff")
    (folder / "direct_url.json").write_text("{")
    code(tmp_path / "p", {"train.py": "import numpy\n"})
    assert read(tmp_path / "p", environment={"VIRTUAL_ENV": str(tmp_path / "venv")}).lines == ("numpy",)


def test_files_that_are_no_python_are_told(tmp_path: Path) -> None:
    code(tmp_path, {"a.py": "import numpy\nprint 'old'\n", "b.py": "import six\n"})
    found = read(tmp_path)
    assert found.lines == ("six",)
    assert found.notes[0] == "`a.py` can't be parsed, and its imports are not looked at"


def test_what_is_imported_decides_and_not_the_rest_of_the_code(tmp_path: Path) -> None:
    code(tmp_path, {"a.py": "import six\n"})
    before = read(tmp_path)
    code(tmp_path, {"a.py": "import six, os\nprint(1)\n", "b.py": "import six\n"})
    assert read(tmp_path) == before
    code(tmp_path, {"b.py": "import numpy\n"})
    assert read(tmp_path).files != before.files


def answers(root: Path) -> tuple[Requirements, Requirements]:
    return read(root), read(root)


def test_the_cache_changes_nothing(tmp_path: Path) -> None:
    code(tmp_path, {"a.py": "import six\n", "b.py": "try:\n    import numpy\nexcept ImportError: pass\n"})
    plain = read(tmp_path)
    assert not (tmp_path / ".snap").exists()
    (tmp_path / ".snap").mkdir()
    assert answers(tmp_path) == (plain, plain)
    stored = tmp_path / ".snap" / "cache" / "imports.json"
    assert stored.exists()
    code(tmp_path, {"a.py": "import attr\n"})
    assert answers(tmp_path)[1].lines == ("attrs",)
    for damage in (b"{", b"[]", b'{"version": 1, "files": {"a.py": [[1, 2, 3], 3]}}', b"\xff"):
        stored.write_bytes(damage)
        assert read(tmp_path).lines == ("attrs",)


@given(st.binary(max_size=200))
def test_any_bytes_as_code_are_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.getbasetemp() / "anycode"
    root.mkdir(exist_ok=True)
    (root / "a.py").write_bytes(b"import six\n" + data)
    read(root)


STATEMENTS = st.sampled_from(
    ["import numpy", "import os.path", "from torch import a, b", "import six as s, idna", "from . import x", "x = 1",
     "try:\n    import attr\nexcept ImportError:\n    pass", "def f():\n    import click", "'''\nimport nothing\n'''",
     "if x:\n    from yaml import z", "class A:\n    '''\n    import never\n    '''"]
)  # fmt: skip


@given(st.lists(STATEMENTS, min_size=1, max_size=8))
def test_what_is_found_is_what_python_would_import(
    tmp_path_factory: pytest.TempPathFactory, statements: list[str]
) -> None:
    import ast

    root = tmp_path_factory.getbasetemp() / "statements"
    root.mkdir(exist_ok=True)
    text = "\n".join(statements)
    (root / "a.py").write_text(text)
    optional = {"attr"}
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
    wanted = imported - set(sys.stdlib_module_names) - optional
    assert set(read(root).lines) == {"PyYAML" if name == "yaml" else name for name in wanted}
