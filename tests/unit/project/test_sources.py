"""What a project asks for, and which of its files say so."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project.sources import read


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_txt", ".txt").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_configuration_wins_over_files(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n", pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas"]\n')
    found = read(tmp_path, ("scipy>=1",))
    assert (found.source, found.lines, found.file, dict(found.files)) == ("the configuration", ("scipy>=1",), None, {})


def test_an_empty_list_in_the_configuration_asks_for_nothing(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    assert read(tmp_path, ()).lines == ()


def test_requirements_txt_wins_over_pyproject(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n", pyproject_toml='[project]\nrequires-python = ">=3.10"\n')
    found = read(tmp_path)
    assert (found.source, found.lines, found.file) == ("requirements.txt", ("numpy",), tmp_path / "requirements.txt")
    assert found.requires_python == ">=3.10"


def test_pyproject_dependencies(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas>2", "numpy"]\n')
    found = read(tmp_path)
    assert (found.source, found.lines, found.file) == ("pyproject.toml", ("pandas>2", "numpy"), None)


def test_a_pyproject_that_only_configures_tools_asks_for_nothing(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml="[tool.ruff]\nline-length = 99\n")
    assert (read(tmp_path).source, read(tmp_path).lines) == ("the project", ())


def test_no_file_asks_for_nothing(tmp_path: Path) -> None:
    assert (read(tmp_path).source, read(tmp_path).lines) == ("the project", ())


def test_dynamic_dependencies_are_refused(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndynamic = ["dependencies"]\n')
    with pytest.raises(UsageError, match="dynamic") as caught:
        read(tmp_path)
    assert caught.value.hint and "requirements.txt" in caught.value.hint


def test_malformed_pyproject_is_named(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml="[project\n")
    with pytest.raises(UsageError, match=r"`pyproject\.toml` is not TOML"):
        read(tmp_path)


def test_included_files_are_followed_and_hashed(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements_txt="-r more/gpu.txt  # ours\nnumpy\n--constraint=limits.txt\n",
        more__gpu_txt="-c ../limits.txt\ntorch\n",
        limits_txt="numpy<3\n",
    )
    found = read(tmp_path)
    assert set(found.files) == {"requirements.txt", "more/gpu.txt", "limits.txt"}
    assert found.files["limits.txt"] == digest.of_bytes(b"numpy<3\n")
    assert {"torch", "numpy", "numpy<3"} <= set(found.lines)
    assert found.places["torch"] == "more/gpu.txt, line 2"


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="-r b.txt\n", b_txt="numpy\n-r requirements.txt\n")
    with pytest.raises(UsageError, match=r"`requirements\.txt` → `b\.txt` → `requirements\.txt`") as caught:
        read(tmp_path)
    assert caught.value.hint == "remove line 2 of `b.txt`"


def test_a_file_that_two_others_include_is_no_cycle(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="-r a.txt\n-r b.txt\n", a_txt="-r b.txt\n", b_txt="numpy\n")
    assert set(read(tmp_path).files) == {"requirements.txt", "a.txt", "b.txt"}


def test_other_encodings_say_what_they_are(tmp_path: Path) -> None:
    for data in (
        "numpy\n".encode("utf-16"),
        "numpy\n".encode("utf-8-sig"),
        "# coding: latin-1 ñ\nnumpy\n".encode("latin-1"),
    ):
        (tmp_path / "requirements.txt").write_bytes(data)
        assert read(tmp_path).lines == ("numpy",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"numpy\n\xff\n", "requirements.txt, line 2 can't be read: it is not UTF-8"),
        ("a\nb\n".encode("utf-16")[:-1], "requirements.txt, line 2 can't be read: it is not UTF-16"),
        (b"# coding: klingon\n", "requirements.txt can't be read: there is no encoding `klingon`"),
    ],
)
def test_damaged_text_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "requirements.txt").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read(tmp_path)
    assert caught.value.message == words and caught.value.hint == "save `requirements.txt` as UTF-8"


def test_requirements_txt_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").symlink_to("gone.txt")
    with pytest.raises(UsageError, match="a link that leads nowhere"):
        read(tmp_path)
    (tmp_path / "requirements.txt").unlink()
    (tmp_path / "requirements.txt").mkdir()
    with pytest.raises(UsageError, match="is no file"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "pyproject.toml", "Pipfile", "environment.yml", "setup.py"])
def test_what_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(name)
    with pytest.raises(UsageError, match="a link that leads nowhere"):
        read(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="is no file"):
        read(tmp_path)
    with pytest.raises(UsageError, match="is no file"):
        read(tmp_path, (f"-r {name}",))


def test_lists_tell_where_their_items_stand(tmp_path: Path) -> None:
    assert read(tmp_path, ("a", "b")).places["b"] == "the configuration, item 2"
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas"]\n')
    assert read(tmp_path).places["pandas"] == "pyproject.toml, item 1"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cog.yaml", "build:\n  python_packages: [numpy]\n"),
        ("python_env.yaml", "python: '3.11'\ndependencies: [numpy]\n"),
    ],
)
def test_a_file_of_another_program_that_names_packages_is_said_to_be_unread(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    (note,) = read(tmp_path).notes
    assert note.startswith(f"`{name}` is not read")
    assert read(tmp_path, ["numpy"]).notes == ()
    (tmp_path / name).write_text("run: train.py\n")
    assert read(tmp_path).notes == ()


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    assert read(tmp_path).passed_over == ()
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas"]\n')
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(install_requires=['a'])\n")
    (tmp_path / "setup.cfg").write_text("[flake8]\n")
    assert read(tmp_path).passed_over == ("pyproject.toml", "setup.py")


LOCK = 'version = 1\nrequires-python = ">=3.9"\n[[package]]\nname = "six"\nversion = "1.0"\nsource = {registry = "x"}\n'
OWN = LOCK + '[[package]]\nname = "x"\nversion = "0"\nsource = {virtual = "."}\ndependencies = [{name = "six"}]\n'


def test_a_lock_file_wins_only_with_its_manifest(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    (tmp_path / "uv.lock").write_text(OWN)
    assert (read(tmp_path).source, read(tmp_path).passed_over) == ("requirements.txt", ("uv.lock",))
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["six"]\n')
    assert (read(tmp_path).source, read(tmp_path).passed_over) == ("uv.lock", ("requirements.txt",))


def test_a_lock_file_without_manifest_wins_over_what_comes_later(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(OWN)
    (tmp_path / "environment.yml").write_text("dependencies: [numpy]\n")
    assert read(tmp_path).source == "uv.lock"


def test_the_order_of_all_kinds(tmp_path: Path) -> None:
    kinds = {
        "pylock.toml": 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n',
        "requirements.txt": "a\n",
        "requirements.in": "a\n",
        "requirements/base.txt": "a\n",
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["a"]\n',
        "Pipfile": '[packages]\na = "*"\n',
        "environment.yml": "dependencies: [a]\n",
        "setup.cfg": "[options]\ninstall_requires = a\n",
        "setup.py": "from setuptools import setup\nsetup(install_requires=['a'])\n",
        "try.ipynb": '{"cells": [{"cell_type": "code", "source": "%pip install a"}]}',
        "train.py": "import a\n",
    }
    (tmp_path / "requirements").mkdir()
    for name, text in kinds.items():
        (tmp_path / name).write_text(text)
    seen = []
    for name in kinds:
        seen.append(read(tmp_path).source)
        (tmp_path / name).unlink()
    assert seen == [*list(kinds)[:-1], "the imports"]
    assert read(tmp_path).source == "the project"


def test_what_says_nothing_does_not_stop_the_search(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = []\n[tool.ruff]\n')
    for name, text in {
        "Pipfile": "[packages]\n",
        "environment.yml": "name: x\n",
        "setup.cfg": "[flake8]\nmax-line-length = 99\n",
        "setup.py": "from setuptools import setup\nsetup(name='x')\n",
        "train.py": "import os, six\n",
    }.items():
        (tmp_path / name).write_text(text)
    found = read(tmp_path)
    assert (found.source, found.lines, set(found.files)) == ("the imports", ("six",), {"the imports"})


def test_one_file_can_be_chosen(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n", envs__gpu_txt="torch\n")
    (tmp_path / "envs" / "gpu.yaml").write_text("dependencies: [python=3.11, pip: [jax]]\n")
    (tmp_path / "pylock.gpu.toml").write_text('lock-version = "1.0"\ncreated-by = "x"\npackages = []\n')
    (tmp_path / "other.lock").write_text(OWN)
    assert read(tmp_path, ("scipy",), chosen="envs/gpu.txt").lines == ("torch",)
    found = read(tmp_path, chosen="envs/gpu.yaml")
    assert (found.source, found.lines, found.python) == ("envs/gpu.yaml", ("jax",), "3.11")
    assert found.passed_over == ("requirements.txt",)
    for name in ("pylock.gpu.toml", "other.lock"):
        assert read(tmp_path, chosen=name).pins is not None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("notes.md", "", "`notes.md` is of no kind that is read"),
        ("some.toml", "x = 1", "`some.toml` is of no kind that is read"),
        ("some.json", "{}", "`some.json` is of no kind that is read"),
        ("Pipfile", "", "`Pipfile` names no requirements"),
    ],
)
def test_a_chosen_file_that_says_nothing_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=words) as caught:
        read(tmp_path, chosen=name)
    assert caught.value.hint
    with pytest.raises(UsageError, match="there is no file `gone`"):
        read(tmp_path, chosen="gone")


def test_extras_that_nothing_declares_are_told(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    (note,) = read(tmp_path, extras=("GPU",), groups=("dev",)).notes
    assert "extra `gpu`, group `dev`" in note


def test_the_python_is_required_whatever_is_read(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(python_requires='>=3.8')\n")
    assert read(tmp_path).requires_python == ">=3.8"
    (tmp_path / "setup.cfg").write_text("[options]\npython_requires = >=3.9\n")
    assert read(tmp_path).requires_python == ">=3.9"
    write(tmp_path, pyproject_toml='[tool.poetry.dependencies]\npython = "^3.10"\n')
    assert read(tmp_path).requires_python == ">=3.10,<4.0"


def test_a_file_outside_the_project_is_followed(tmp_path: Path) -> None:
    write(tmp_path, common_txt="numpy\n", project__requirements_txt='-r "../common.txt"\n')
    assert set(read(tmp_path / "project").files) == {"requirements.txt", "../common.txt"}


def test_the_configuration_may_include_files(tmp_path: Path) -> None:
    write(tmp_path, gpu_txt="torch\n")
    found = read(tmp_path, ("-r gpu.txt", "numpy"))
    assert found.lines == ("-r gpu.txt", "numpy")
    assert set(found.files) == {"gpu.txt"}


def test_a_missing_include_names_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n\n-r nope.txt\n")
    with pytest.raises(UsageError, match=r"`nope\.txt`, which line 3 of `requirements\.txt` includes, can't be read"):
        read(tmp_path)


def test_included_addresses_are_pips_affair(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="-r https://example.org/requirements.txt\n")
    assert set(read(tmp_path).files) == {"requirements.txt"}


def test_folders_of_packages_are_found(tmp_path: Path) -> None:
    index = tmp_path / "index" / "simple"
    index.mkdir(parents=True)
    write(
        tmp_path, requirements_txt=f"--find-links wheels\n--extra-index-url file://{index}\n-f https://example.org/\n"
    )
    assert read(tmp_path).folders == (tmp_path / "wheels", tmp_path / "index")


def test_continued_lines_and_comments(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="# all\nnumpy \\\n  >=2  # new\n\npandas#not-a-comment\n")
    assert read(tmp_path).lines == ("numpy   >=2", "pandas#not-a-comment")


def test_an_edit_changes_the_digest_and_nothing_else_does(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="numpy\n")
    before = read(tmp_path)
    assert read(tmp_path) == before
    write(tmp_path, requirements_txt="numpy\n# no change of meaning\n")
    assert read(tmp_path).files != before.files


def inner(root: Path, *, dependencies: str = '["six>=1"]', package: str = "src/own") -> None:
    (root / package).mkdir(parents=True)
    (root / package / "__init__.py").touch()
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "own"\ndependencies = {dependencies}\n'
        '[project.optional-dependencies]\nplot = ["attrs"]\nall = ["own[plot]", "idna"]\n'
    )


@pytest.mark.parametrize("line", ["-e .", ".", "--editable=.", "own @ file:.", "-e file:."])
def test_the_project_itself_is_code_and_what_it_needs_is_installed(tmp_path: Path, line: str) -> None:
    inner(tmp_path)
    write(tmp_path, requirements_txt=f"numpy\n{line}\n--extra-index-url https://example.org/simple\n")
    found = read(tmp_path)
    assert found.lines == ("numpy", "six>=1", "--extra-index-url https://example.org/simple")
    assert (found.file, found.import_roots, found.passed_over) == (None, ("src",), ())
    assert found.places["six>=1"] == "pyproject.toml, item 1"
    assert set(found.files) == {"requirements.txt"}


def test_extras_and_markers_of_a_project_in_the_project_are_kept(tmp_path: Path) -> None:
    inner(tmp_path / "lib", dependencies="[\"six ; sys_platform == 'linux'\"]", package="own")
    write(tmp_path, requirements_txt="-e ./lib[all] ; python_version > '3'\n")
    found = read(tmp_path)
    assert found.lines == (
        "six ; sys_platform == 'linux' and python_version > '3'",
        "idna ; python_version > '3'",
        "attrs ; python_version > '3'",
    )
    assert found.import_roots == ("lib",)


def test_options_and_constraints_survive_where_a_line_is_replaced(tmp_path: Path) -> None:
    inner(tmp_path)
    write(tmp_path, requirements_txt="-r more/all.txt\n", more__all_txt="-e .\n-c limits.txt\n-f ../wheels\nattrs\n")
    (tmp_path / "more" / "limits.txt").write_text("attrs<30\n")
    found = read(tmp_path)
    assert found.lines == ("six>=1", "-c more/limits.txt", "-f wheels", "attrs")
    assert set(found.files) == {"requirements.txt", "more/all.txt", "more/limits.txt"}


def test_what_lies_beside_the_project_stays_a_line(tmp_path: Path) -> None:
    inner(tmp_path / "lib")
    lines = ("-e ../lib", "../lib", "git+https://example.org/a.git", "b @ https://example.org/b.whl", "./c.whl")
    write(tmp_path / "project", requirements_txt="\n".join(lines))
    found = read(tmp_path / "project")
    assert (found.lines, found.import_roots) == (lines, ())
    assert found.file == tmp_path / "project" / "requirements.txt"


def test_projects_that_need_each_other_come_to_an_end(tmp_path: Path) -> None:
    inner(tmp_path / "a", dependencies='["b @ file:../b", "six"]')
    inner(tmp_path / "b", dependencies='["a @ file:../a", "attrs"]')
    found = read(tmp_path, ("-e a",))
    assert (set(found.lines), set(found.import_roots)) == ({"attrs", "six"}, {"a/src", "b/src"})


def test_a_project_in_the_project_that_computes_what_it_needs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    with pytest.raises(UsageError, match="`lib` is no project"):
        read(tmp_path, ("-e lib",))
    (tmp_path / "lib" / "setup.py").write_text("from setuptools import setup\nsetup(install_requires=read('x'))\n")
    with pytest.raises(UsageError, match=r"`lib/setup\.py` computes `install_requires` \(line 2\)"):
        read(tmp_path, ("-e lib",))


def test_compiled_modules_in_the_project_are_told(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(ext_modules=[], install_requires=['six'])\n"
    )
    found = read(tmp_path, ("-e .",))
    assert (found.lines, found.import_roots) == (("six",), (".",))
    assert "compiled" in found.notes[0]


@pytest.mark.parametrize(
    ("pyproject", "folder"),
    [
        ('[tool.setuptools.packages.find]\nwhere = ["python"]', "python"),
        ('[tool.setuptools.package-dir]\n"" = "python"', "python"),
        ('[tool.poetry]\npackages = [{include = "own", from = "python"}]', "python"),
        ('[tool.hatch.build.targets.wheel]\npackages = ["python/own"]', "python"),
        ("", "."),
    ],
)
def test_the_folder_of_the_packages_is_asked_of_the_build_backend(tmp_path: Path, pyproject: str, folder: str) -> None:
    (tmp_path / "python" / "own").mkdir(parents=True)
    (tmp_path / "python" / "own" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "own"\ndependencies = ["six"]\n{pyproject}\n')
    assert read(tmp_path, ("-e .",)).import_roots == (folder,)
    assert read(tmp_path).import_roots == (() if folder == "." else (folder,))


@given(st.text())
def test_any_text_is_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    (root / "requirements.txt").write_bytes(text.encode(errors="surrogatepass"))
    try:
        found = read(root)
    except UsageError as problem:
        assert "can't be read" in problem.message or "is no project" in problem.message
    else:
        assert "requirements.txt" in found.files


def test_an_export_of_ours_is_a_source_only_if_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "snapshot-ml"\npackages = []\n')
    found = read(tmp_path)
    assert (found.source, found.passed_over) == ("requirements.txt", ("pylock.toml",))
    assert read(tmp_path, chosen="pylock.toml").source == "pylock.toml"


def test_requirements_beside_a_declared_project_leave_its_packages_importable(tmp_path: Path) -> None:
    inner(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy\n")
    found = read(tmp_path)
    assert (found.source, found.lines, found.import_roots) == ("requirements.txt", ("numpy",), ("src",))
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert read(tmp_path).import_roots == ()
