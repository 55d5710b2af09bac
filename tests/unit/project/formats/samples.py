"""One document of each kind, in which everything that its reader looks at occurs."""

import json

DIGITS = "ab" * 32

KINDS = {
    "pylock.toml": f"""
lock-version = "1.0"
created-by = "x"
requires-python = ">=3.9"
extras = ["gpu"]
dependency-groups = ["dev"]
default-groups = ["dev"]
[[packages]]
name = "six"
version = "1.17.0"
marker = "'gpu' in extras or 'dev' in dependency_groups and os_name == 'posix'"
index = "https://index.example/simple"
sdist = {{ url = "https://f.example/six-1.17.0.tar.gz", size = 3, hashes = {{ sha256 = "{DIGITS}" }} }}
wheels = [{{ path = "six-1.17.0-py2.py3-none-any.whl", hashes = {{ sha256 = "{DIGITS}" }} }}]
[[packages]]
name = "a"
vcs = {{ type = "git", url = "https://h.example/a.git", commit-id = "c0ffee", subdirectory = "x" }}
[[packages]]
name = "b"
directory = {{ path = "lib", editable = true }}
[[packages]]
name = "c"
archive = {{ url = "https://h.example/c.zip", hashes = {{ sha256 = "{DIGITS}" }} }}
""",
    "uv.lock": f"""
version = 1
revision = 3
requires-python = ">=3.9"
conflicts = [[{{ package = "demo", extra = "gpu" }}]]
[manifest]
members = ["demo", "lib"]
[[package]]
name = "demo"
version = "0"
source = {{ editable = "." }}
dependencies = [{{ name = "six", extra = ["x"], marker = "extra == 'extra-4-demo-gpu'" }}, {{ name = "lib" }}]
optional-dependencies.gpu = [{{ name = "six" }}]
dev-dependencies.dev = [{{ name = "six", version = "1" }}]
metadata.requires-dist = [{{ name = "six" }}]
[[package]]
name = "lib"
version = "0"
source = {{ directory = "lib" }}
dependencies = [{{ name = "six" }}, {{ name = "lib" }}]
[[package]]
name = "six"
version = "1"
source = {{ registry = "https://index.example/simple" }}
wheels = [{{ url = "https://f.example/six-1-py3-none-any.whl", hash = "sha256:{DIGITS}", size = 3 }}]
[[package]]
name = "a"
version = "1"
source = {{ git = "https://h.example/a?rev=main#c0ffee" }}
""",
    "poetry.lock": f"""
[[package]]
name = "six"
version = "1"
optional = false
groups = ["main", "dev"]
markers = {{ main = "extra == 'gpu'", dev = "os_name == 'posix'" }}
files = [{{ file = "six-1.tar.gz", hash = "sha256:{DIGITS}" }}]
[package.dependencies]
a = [{{ version = ">=1", markers = "os_name == 'nt'", python = "^3.8", extras = ["x"] }}]
[package.extras]
x = ["a (>=1)"]
[package.source]
type = "git"
url = "https://h.example/a.git"
resolved_reference = "c0ffee"
[extras]
gpu = ["six"]
[metadata]
lock-version = "2.1"
content-hash = "x"
""",
    "pdm.lock": f"""
[metadata]
groups = ["default", "gpu", "dev"]
lock_version = "4.5.0"
[[package]]
name = "six"
version = "1"
groups = ["default"]
marker = "os_name == 'posix'"
dependencies = ["a[x]>=1; os_name == 'nt'"]
files = [{{ url = "https://f.example/six-1.tar.gz", hash = "sha256:{DIGITS}" }}]
[[package]]
name = "six"
version = "1"
groups = ["default"]
extras = ["x"]
[[package]]
name = "a"
version = "1"
groups = ["gpu"]
path = "lib"
""",
    "Pipfile.lock": json.dumps(
        {
            "_meta": {
                "hash": {"sha256": "x"},
                "pipfile-spec": 6,
                "sources": [{"name": "a", "url": "https://a.example"}],
            },
            "default": {
                "six": {
                    "version": "==1",
                    "hashes": [f"sha256:{DIGITS}"],
                    "markers": "os_name == 'posix'",
                    "index": "a",
                },
                "a": {"git": "https://h.example/a.git", "ref": "c0ffee"},
                "b": {"path": "lib", "editable": True},
            },
            "develop": {},
        }
    ),
    "requirements.txt": (
        "-e ./lib[x] ; os_name == 'posix'\n-r more.txt\n-c more.txt\nsix==1 --hash=sha256:ab \\\n  # x\n-f .\n"
    ),
    "pyproject.toml": """
[project]
name = "own"
requires-python = ">=3.9"
dependencies = ["six", "a @ file:lib"]
optional-dependencies = { gpu = ["own[x]"], x = ["idna"] }
[dependency-groups]
dev = ["attrs", { include-group = "more" }]
more = []
[tool.uv.sources]
six = { git = "https://h.example/six.git", rev = "main", subdirectory = "x" }
[[tool.uv.index]]
name = "x"
url = "https://x.example/"
[tool.uv.workspace]
members = ["*"]
[tool.poetry.dependencies]
python = "^3.9"
b = { version = "^1", extras = ["x"], optional = true, markers = "os_name == 'nt'" }
c = [{ path = "lib" }, { url = "https://h.example/c.whl", platform = "linux", python = "<4" }]
[tool.poetry.group.dev.dependencies]
d = "~1.2"
[tool.poetry.extras]
gpu = ["b"]
""",
    "Pipfile": """
[[source]]
url = "https://a.example"
[[source]]
url = "https://b.example"
[packages]
six = { version = ">=1", extras = ["x"], markers = "os_name == 'nt'", os_name = "== 'nt'" }
a = { path = "lib", editable = true }
b = { git = "https://h.example/b.git", ref = "main" }
[dev-packages]
c = "*"
[requires]
python_version = "3.11"
""",
    "environment.yml": """
dependencies:
  - python=3.11
  - conda-forge::numpy=1.26=py311_0
  - cudatoolkit
  - 'pandas[version=">=1"]'
  - pip: [six, -e ./lib, "git+https://h.example/a.git"]
""",
    "setup.cfg": (
        "[options]\npython_requires = >=3.9\ninstall_requires =\n  six\n[options.extras_require]\ngpu = idna\n"
    ),
    "setup.py": (
        "import pathlib\npathlib.Path('ran').touch()\nA = ['six']\n"
        "setup(install_requires=A + ['a'], extras_require={'gpu': 'b'}, python_requires='>=3.9', packages=f('src'))\n"
    ),
    "a.ipynb": json.dumps(
        {"cells": [{"cell_type": "code", "source": ["%pip install -q six 'a<2' -e lib -r b.txt\n", "import numpy"]}]}
    ),
}
