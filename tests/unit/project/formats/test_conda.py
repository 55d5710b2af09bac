"""`environment.yml`: pip's part, and conda packages that the Python index has too."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.requirements import Requirements
from snapshot.project.sources import read


def environment(root: Path, text: str) -> Requirements:
    (root / "environment.yml").write_text(text)
    return read(root)


def test_packages_pythons_and_what_is_none(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("idna\n")
    found = environment(
        tmp_path,
        """
name: x
channels: [conda-forge, nvidia]
dependencies:
  - python=3.11.4
  - pip
  - conda-forge::numpy=1.26
  - pytorch::pytorch=2.1.0=py3.11_cuda12.1_cudnn8.9.2_0
  - pandas>=2,<3
  - scikit-learn 1.4.*
  - tqdm[version='>=4']
  - attrs==23.1.0=pyhd_0
  - pytorch-cuda=12.1
  - cudatoolkit
  - mkl=2023
  - ffmpeg
  - libgcc-ng=13
  - pillow=9|10
  - pip:
      - six>=1.16  # ours
      - -r more.txt
      - git+https://h.example/a.git
""",
    )
    assert found.lines == (
        "numpy==1.26.*",
        "torch==2.1.0",
        "pandas>=2,<3",
        "scikit-learn==1.4.*",
        "tqdm>=4",
        "attrs==23.1.0",
        "pillow",
        "six>=1.16",
        "idna",
        "git+https://h.example/a.git",
    )
    assert (found.python, set(found.files)) == ("3.11", {"environment.yml", "more.txt"})
    carried, cuda, system, unclear = found.notes
    assert "`torch==2.1.0`" in carried and "pytorch-cuda, cudatoolkit" in cuda
    assert "mkl, ffmpeg" in system and "`packages`" in system and "`pillow` (=9|10)" in unclear


def test_an_environment_of_python_only_chooses_it(tmp_path: Path) -> None:
    found = environment(tmp_path, "dependencies: ['python>=3.10']")
    assert (found.source, found.python, found.requires_python, found.lines) == ("environment.yml", None, ">=3.10", ())


@pytest.mark.parametrize(
    ("spec", "python", "requires"),
    [
        ("python=3.11", "3.11", None),
        ("python==3.11.4", "3.11", None),
        ("python 3.11.*", "3.11", None),
        ("python=3.11.4=h955ad1f_0", "3.11", None),
        ("python>=3.9,<3.13", None, ">=3.9,<3.13"),
        ("python <3.12", None, "<3.12"),
        ("python", None, None),
    ],
)
def test_a_range_of_pythons_leaves_the_choice(tmp_path: Path, spec: str, python: str | None, requires: str) -> None:
    found = environment(tmp_path, f"dependencies: ['{spec}', six]")
    assert (found.python, found.requires_python) == (python, requires)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies: [a\n", "it is not YAML, line 2"),
        ("- a\n", "the file is not a table"),
        ("dependencies: {a: b}", "`dependencies` is not a list"),
        ("dependencies: [[a]]", "item 1 of `dependencies` is no package"),
        ("dependencies: [pip: [3]]", "item 1 of the `pip` part"),
        ("dependencies: ['!!']", "`!!` is not a package as conda writes it"),
        ("x: !!python/object/apply:os.system ['touch ran']\ndependencies: [a]", "it is not YAML"),
        ("a: " + "[" * 900, "it is not YAML"),
        ("# " + "x" * 2**20 + "\ndependencies: [a]", "larger than 1 MiB"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        environment(tmp_path, text)
    assert "environment.yml" in caught.value.message and caught.value.hint
    assert not (tmp_path / "ran").exists()


def test_a_document_that_multiplies_itself_is_read(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert environment(tmp_path, bomb + "dependencies: [six]").lines == ("six",)
