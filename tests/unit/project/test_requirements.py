"""What a project asks for, and which of its files say so."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshot import digest
from snapshot.errors import UsageError
from snapshot.project.requirements import read


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
    assert (read(tmp_path).source, read(tmp_path).lines) == ("nothing", ())


def test_no_file_asks_for_nothing(tmp_path: Path) -> None:
    assert (read(tmp_path).source, read(tmp_path).lines) == ("nothing", ())


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


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="-r b.txt\n", b_txt="-r requirements.txt\nnumpy\n")
    assert set(read(tmp_path).files) == {"requirements.txt", "b.txt"}


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
