"""What a project asks for, and which of its files say so."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project.sources import read, unread


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


def test_lists_tell_where_their_items_stand(tmp_path: Path) -> None:
    assert read(tmp_path, ("a", "b")).places["b"] == "the configuration, item 2"
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas"]\n')
    assert read(tmp_path).places["pandas"] == "pyproject.toml, item 1"


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    def said(configured: tuple[str, ...] | None = None) -> tuple[str, ...]:
        return unread(tmp_path, read(tmp_path, configured))

    write(tmp_path, pyproject_toml='[tool.poetry]\nname = "x"\n')
    for name, text in {"setup.py": "setup()", "setup.cfg": "install_requires = numpy", "environment.yml": ""}.items():
        (tmp_path / name).write_text(text)
    assert said() == (
        "`[tool.poetry]` of `pyproject.toml` is not read yet; write `requirements.txt`",
        "`setup.cfg` is not read yet; write `requirements.txt`",
        "`environment.yml` is not read yet; write `requirements.txt`",
    )
    assert said(()) == ()
    write(tmp_path, requirements_txt="numpy\n")
    assert said() == ()
    write(tmp_path, pyproject_toml='[project]\nname = "x"\ndependencies = ["pandas"]\n')
    assert said() == ("`requirements.txt` is read, and the dependencies in `pyproject.toml` are not",)


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


@given(st.text())
def test_any_text_is_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    (root / "requirements.txt").write_bytes(text.encode(errors="surrogatepass"))
    try:
        found = read(root)
    except UsageError as problem:
        assert "can't be read" in problem.message
    else:
        assert "requirements.txt" in found.files
