"""`setup.cfg` and `setup.py`, read and never run."""

from pathlib import Path

import pytest

from snapshot.errors import UsageError
from snapshot.project.sources import read


def test_options_of_setup_cfg(tmp_path: Path) -> None:
    (tmp_path / "src" / "own").mkdir(parents=True)
    (tmp_path / "src" / "own" / "__init__.py").touch()
    (tmp_path / "more.txt").write_text("idna\n")
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = own\n[options]\npython_requires = >=3.9\npackage_dir =\n    =src\n"
        "install_requires =\n    six>=1.16  # old\n    attrs; python_version < '4'\n"
        "[options.extras_require]\nMore = file: more.txt\n"
    )
    found = read(tmp_path)
    assert (found.source, found.lines) == ("setup.cfg", ("six>=1.16", "attrs; python_version < '4'"))
    assert (found.requires_python, found.import_roots) == (">=3.9", ("src",))
    assert read(tmp_path, extras=("more",)).lines[2:] == ("idna",)
    with pytest.raises(UsageError, match=r"`setup\.cfg`: there is no extra `x`"):
        read(tmp_path, extras=("x",))


def test_a_setup_cfg_that_is_malformed_is_named(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("install_requires\n")
    with pytest.raises(UsageError, match=r"`setup\.cfg` can't be read: file contains no section headers"):
        read(tmp_path)


def test_literals_and_constants_of_setup_py(tmp_path: Path) -> None:
    (tmp_path / "lib" / "own").mkdir(parents=True)
    (tmp_path / "setup.py").write_text(
        "import setuptools\n"
        "BASE = ['six>=1.16']\n"
        "more: list = BASE + ['attrs']\n"
        "extras = {'plot': 'idna', 'all': BASE}\n"
        "raise SystemExit('ran')\n"
        "setuptools.setup(install_requires=more, extras_require=extras, package_dir={'': 'lib'})\n"
    )
    found = read(tmp_path)
    assert (found.source, found.lines, found.import_roots) == ("setup.py", ("six>=1.16", "attrs"), ("lib",))
    assert read(tmp_path, extras=("plot",)).lines == ("six>=1.16", "attrs", "idna")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setup(install_requires=open('x').read().split())", r"computes `install_requires` \(line 1\)"),
        ("a = []\na.append('six')\nsetup(install_requires=a)", r"computes `install_requires` \(line 3\)"),
        ("a = []\na += ['six']\nsetup(install_requires=a)", "computes `install_requires`"),
        ("a = b\nb = a\nsetup(install_requires=a)", "computes `install_requires`"),
        ("setup(**options)", "computes `install_requires`"),
        ("setup(install_requires=[3])", "computes `install_requires`"),
        ("setup(\n", r"setup\.py, line 1 is not Python"),
        ("setup(" * 3000, "is not Python"),
        ("setup\0", "is not Python"),
    ],
)
def test_what_is_computed_or_malformed_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "setup.py").write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path)
    assert caught.value.hint
