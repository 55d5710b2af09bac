"""`scripts/update-cuda` on small pages of the form that its docstring describes."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "snapshot/lock/data/cuda.toml"
SOURCE = "https://docs.nvidia.com/cuda/archive/99.1.0/cuda-toolkit-release-notes/index.html"

PAGE = """<!DOCTYPE html><html><body>
<table class="docutils"><caption><span class="caption-number">Table 2 </span><span class="caption-text">CUDA Toolkit and
Minimum Required Driver Version for CUDA Minor Version Compatibility</span></caption>
<tbody><tr><td><p>CUDA 99.x</p></td><td><p>&gt;=990</p></td><td><p>N/A</p></td></tr></tbody></table>
<table class="docutils"><caption><span class="caption-number">Table 3 </span><span class="caption-text">CUDA Toolkit and
Corresponding Driver Versions</span><a class="headerlink" href="#id7">#</a></caption>
<thead><tr><th rowspan="2"><p>CUDA Toolkit</p></th><th colspan="2"><p>Toolkit Driver Version</p></th></tr>
<tr><th><p>Linux x86_64 Driver Version</p></th><th><p>Windows x86_64 Driver Version</p></th></tr></thead>
<tbody>
<tr><td><p>CUDA 99.1 GA</p></td><td><p>N/A</p></td><td><p>N/A</p></td></tr>
<tr><td><p>CUDA 99.0 Update 1</p></td><td><p>&gt;=990.100.02</p></td><td><p>&gt;=990.90</p></td></tr>
<tr><td><p>CUDA 99.0 GA</p></td><td><p>&gt;=990.26</p></td><td><p>&gt;=990.65</p></td></tr>
<tr><td><p>CUDA 12.4 Update 1</p></td><td><p>&gt;=550.54.15</p></td><td><p>&gt;=551.78</p></td></tr>
<tr><td><p>CUDA 12.4 GA</p></td><td><p>&gt;=550.54.14</p></td><td><p>&gt;=551.61</p></td></tr>
<tr><td><p>CUDA 11.0.2 GA</p></td><td><p>&gt;= 450.51.05</p></td><td><p>&gt;= 451.48</p></td></tr>
<tr><td><p>CUDA 11.0.1 RC</p></td><td><p>&gt;= 450.36.06</p></td><td><p>&gt;= 451.22</p></td></tr>
<tr><td><p>CUDA 10.2.89</p></td><td><p>&gt;= 440.33</p></td><td><p>&gt;= 441.22</p></td></tr>
<tr><td><p>CUDA 9.2 (9.2.148 Update 1)</p></td><td><p>&gt;= 396.37</p></td><td><p>&gt;= 398.26</p></td></tr>
</tbody></table></body></html>
"""


def update(folder: Path, html: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What the script said of a page, and the file afterwards."""
    (folder / "page.html").write_text(html, encoding="utf-8")
    file = folder / "cuda.toml"
    file.write_bytes(DATA.read_bytes())
    command = [sys.executable, str(ROOT / "scripts/update-cuda"), str(folder / "page.html"), "--file", str(file)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    return done, file.read_text(encoding="utf-8")


def test_new_toolkits_and_a_new_major_version_are_taken_and_what_was_known_is_kept(tmp_path: Path) -> None:
    done, text = update(tmp_path, PAGE, "--source", SOURCE)
    assert done.returncode == 0, done.stderr
    old, new = tomllib.loads(DATA.read_text(encoding="utf-8")), tomllib.loads(text)
    assert new["driver-of-toolkit"] == {**old["driver-of-toolkit"], "9.2": "396.37", "99.0": "990.26"}
    assert new["driver-floor"] == {**old["driver-floor"], "99": "990.26"}
    assert new["sources"] == {**old["sources"], "driver-of-toolkit": SOURCE}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Corresponding Driver", "Suitable Driver", "0 tables have the caption"),
        ("&gt;=990.26", "see below", "the row of CUDA 99.0 GA tells no Linux driver"),
        ("CUDA 99.0", "CUDA 99.2", "the table does not have CUDA 99.0"),
        ("<tr><td><p>CUDA", "<tr><td><p>Toolkit", "the table has 0 toolkits"),
        ("<table", "<div", "0 tables"),
    ],
)
def test_a_page_of_another_form_changes_nothing(tmp_path: Path, old: str, new: str, words: str) -> None:
    done, text = update(tmp_path, PAGE.replace(old, new), "--source", SOURCE)
    assert done.returncode == 1 and words in done.stderr and "nothing was changed" in done.stderr
    assert text == DATA.read_text(encoding="utf-8")


def test_a_saved_page_needs_its_source(tmp_path: Path) -> None:
    done, text = update(tmp_path, PAGE)
    assert done.returncode == 2 and "--source" in done.stderr
    assert text == DATA.read_text(encoding="utf-8")
