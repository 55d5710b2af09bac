"""What the project asks for: the first of these that is there and says something, and nothing of the others.

0. the file that `snap lock --from FILE` names;
1. `requirements` in the configuration, in pip's notation (`-r FILE` too; an empty list asks for no packages);
2. lock files of other tools: `pylock.toml`; `uv.lock`, `poetry.lock` and `pdm.lock` beside the `pyproject.toml` that
   they belong to, `Pipfile.lock` beside its `Pipfile`; without their manifest they come after 3;
3. `requirements.txt` (hashed or not), `requirements.in`, and the file of `requirements/` that is called `base`, `main`,
   `prod`, `production`, `requirements` or `default`, or is the only one there;
4. `pyproject.toml`: `[project]` (PEP 621), else `[tool.poetry]`; with the extras and groups of the configuration;
5. `Pipfile`;
6. `environment.yml`;
7. `setup.cfg`, then `setup.py`, as far as they are static;
8. `%pip install` and `!pip install` in notebooks;
9. the imports of the code.

A requirements file that is there and empty says that nothing is needed; of the others, one that names nothing is passed
by. A project with none of them asks for no packages. No file is ever executed, and requirements are parsed by pip, in
the base image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from snapshot.errors import UsageError
from snapshot.project.reading import Reading
from snapshot.project.requirements import Requirements

REQUIREMENTS_FILE = "requirements.txt"
PROJECT_FILE = "pyproject.toml"
CONFIGURED = "the configuration"
IMPORTS = "the imports"
"""Where the code itself tells: `lines` depend on the active environment too, `files` only on what is imported."""
NONE = "the project"
"""Where nothing is written."""

REQUIREMENTS = (REQUIREMENTS_FILE, "requirements.in")
FOLDER = "requirements"
BASE_NAMES = ("base", "main", "prod", "production", "requirements", "default")
"""What the file in `requirements/` is called that the others include."""
LOCKS = {"uv.lock": PROJECT_FILE, "poetry.lock": PROJECT_FILE, "pdm.lock": PROJECT_FILE, "Pipfile.lock": "Pipfile"}
"""Lock file → the manifest that it is made of."""
ENVIRONMENTS = ("environment.yml", "environment.yaml")
UNREAD = {"cog.yaml": b"_packages:", "python_env.yaml": b"\ndependencies:"}
"""Files of programs that do other things too (Cog, MLflow) → what stands in them where they name packages."""
READ = (
    "`pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock`, `requirements.txt`, `pyproject.toml`, "
    "`Pipfile`, `environment.yml`, `setup.cfg`, `setup.py`, `notebook.ipynb`"
)

Reader = Callable[[Reading, Path], Requirements | None]


def read(
    root: Path,
    configured: Sequence[str] | None = None,
    *,
    chosen: str | None = None,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Requirements:
    """What the project in `root` asks for.

    `chosen` names the one file to read, from `root`. `environment` holds the environment variables, which tell where
    packages are installed whose versions the imports are to have; None asks for no versions of imports.
    Raises UsageError when a file is not there or malformed, naming it and the place.
    """
    reading = Reading(root, extras=extras, groups=groups, environment=environment)
    requires_python = _requires_python(reading)
    if chosen is not None:
        found = _chosen(reading, chosen)
    elif configured is not None:
        from snapshot.project.formats import requirements_txt

        found = requirements_txt.read_lines(reading, configured, CONFIGURED)
    else:
        found = _first(reading)
    _tell_unused(reading, found)
    _tell_unread(reading, found)
    return msgspec.structs.replace(
        found,
        files=dict(sorted(reading.files.items())),
        folders=tuple(dict.fromkeys(reading.folders)),
        requires_python=requires_python or found.requires_python,
        import_roots=_import_roots(reading, found),
        passed_over=_passed_over(reading, found),
        notes=tuple(reading.notes),
    )


def _first(reading: Reading) -> Requirements:
    """The first that says something."""
    for name in _candidates(reading):
        if reading.there(reading.root / name):
            before = dict(reading.files)
            if (found := _reader(name)(reading, reading.root / name)) is not None:
                return found
            reading.files = before
    return _of_code(reading) or Requirements(source=NONE)


def _candidates(reading: Reading) -> tuple[str, ...]:
    """The files that may be there, in order."""
    root = reading.root
    locks = [name for name in LOCKS if os.path.lexists(root / name)]
    belonging = [name for name in locks if _belongs(reading, name)]
    order = [*belonging, *REQUIREMENTS]
    # What `snap lock --export` wrote is no source of locks, unless it is named.
    if not (root / "pylock.toml").is_file() or b'created-by = "snapshot-ml"' not in reading.peek(root / "pylock.toml"):
        order.insert(0, "pylock.toml")
    order += [f"{FOLDER}/{name}" for name in _in_folder(root)]
    order += [name for name in locks if name not in belonging]
    return (*order, PROJECT_FILE, "Pipfile", *ENVIRONMENTS, "setup.cfg", "setup.py")


def _belongs(reading: Reading, lock: str) -> bool:
    """Whether the manifest that `lock` is made of is there, and is one."""
    manifest = reading.root / LOCKS[lock]
    if not os.path.isfile(manifest):
        return False
    if LOCKS[lock] != PROJECT_FILE:
        return True
    from snapshot.project.formats import pyproject

    # A workspace's top need not be a project itself.
    return pyproject.is_named(reading, manifest) or (lock == "uv.lock" and b"tool.uv" in reading.peek(manifest))


def _in_folder(root: Path) -> tuple[str, ...]:
    """The name of the one file in `requirements/` that stands for all, if there is one."""
    try:
        names = sorted(path.name for path in (root / FOLDER).iterdir() if path.suffix in (".txt", ".in"))
    except OSError:
        return ()
    for stem in BASE_NAMES:
        for suffix in (".txt", ".in"):
            if stem + suffix in names:
                return (stem + suffix,)
    return tuple(names) if len(names) == 1 else ()


def _reader(name: str) -> Reader:
    """How a file of that name is read; what it takes is imported only now."""
    from snapshot.project.formats import requirements_txt

    match name.rpartition("/")[2]:
        case "pylock.toml":
            from snapshot.project.formats import pylock

            return pylock.read
        case "uv.lock":
            from snapshot.project.formats import uv_lock

            return uv_lock.read
        case "poetry.lock":
            from snapshot.project.formats import poetry_lock

            return poetry_lock.read
        case "pdm.lock":
            from snapshot.project.formats import pdm_lock

            return pdm_lock.read
        case "Pipfile.lock" | "Pipfile":
            from snapshot.project.formats import pipfile

            return pipfile.read_lock if name.endswith(".lock") else pipfile.read
        case "pyproject.toml":
            from snapshot.project.formats import pyproject

            return pyproject.read
        case "environment.yml" | "environment.yaml":
            from snapshot.project.formats import conda

            return conda.read
        case "setup.cfg":
            from snapshot.project.formats import setup_cfg

            return setup_cfg.read
        case "setup.py":
            from snapshot.project.formats import setup_py

            return setup_py.read
        case _:
            return requirements_txt.read


def _of_code(reading: Reading) -> Requirements | None:
    """What notebooks install, else what the code imports."""
    from snapshot.project import tree
    from snapshot.project.formats import imports, notebook

    scan = tree.scan(reading.root)
    paths = [reading.root / name for name in imports.notebooks(scan)]
    readable = []
    for path in paths:
        try:
            notebook.code(reading, path)
        except UsageError as problem:
            reading.note(problem.message)
        else:
            readable.append(path)
    return notebook.read(reading, readable) or imports.read(reading, scan)


def _chosen(reading: Reading, name: str) -> Requirements:
    """What the file `name` says; raises UsageError when it is of no known kind, or says nothing."""
    path = reading.root / name
    if not os.path.isfile(path):
        raise UsageError(f"there is no file `{name}`", hint="correct the path after `--from`")
    kind = _kind(reading, path)
    if kind == "notebook":
        from snapshot.project.formats import notebook

        found = notebook.read(reading, [path])
    else:
        found = _reader(kind)(reading, path)
    if found is None:
        raise UsageError(f"`{name}` names no requirements", hint="name another file with `--from`")
    return found


def _kind(reading: Reading, path: Path) -> str:
    """The usual name of a file like `path`, told by its name and else by its content."""
    name = path.name
    if name in (*LOCKS, "Pipfile", PROJECT_FILE, "pylock.toml", "setup.cfg", "setup.py", *ENVIRONMENTS):
        return name
    if path.suffix in (".txt", ".in"):
        return REQUIREMENTS_FILE
    if path.suffix in (".yml", ".yaml"):
        return ENVIRONMENTS[0]
    if path.suffix == ".ipynb":
        return "notebook"
    if path.suffix in (".toml", ".lock") and (kind := _kind_of_toml(reading, path)):
        return kind
    if path.suffix == ".json" and "_meta" in reading.json(path, peek=True):
        return "Pipfile.lock"
    raise UsageError(f"`{reading.name(path)}` is of no kind that is read", hint=f"name one like {READ}")


def _kind_of_toml(reading: Reading, path: Path) -> str | None:
    from snapshot.project.formats import pdm_lock, poetry_lock, pylock, uv_lock

    table = reading.toml(path, peek=True)
    for name, fits in (
        ("pylock.toml", pylock.is_pylock(table)),
        ("pdm.lock", pdm_lock.is_pdm_lock(table)),
        ("poetry.lock", poetry_lock.is_poetry_lock(table)),
        ("uv.lock", uv_lock.is_uv_lock(table)),
        (PROJECT_FILE, "project" in table or "tool" in table or "dependency-groups" in table),
        ("Pipfile", "packages" in table),
    ):
        if fits:
            return name
    return None


def _requires_python(reading: Reading) -> str | None:
    """What the project requires of Python, whatever file its requirements are in."""
    root = reading.root
    if reading.there(root / PROJECT_FILE):
        from snapshot.project.formats import pyproject

        if found := pyproject.requires_python(reading, root / PROJECT_FILE):
            return found
    for name in ("setup.cfg", "setup.py"):
        if os.path.isfile(root / name) and b"python_requires" in reading.peek(root / name):
            from snapshot.project.formats import setup_cfg, setup_py

            ask = setup_cfg.requires_python if name == "setup.cfg" else setup_py.requires_python
            if found := ask(reading, root / name):
                return found
    return None


def _import_roots(reading: Reading, found: Requirements) -> tuple[str, ...]:
    """The folders that are found on the import path; `src` too where a project is declared, wherever it says what it
    needs: many list that in `requirements.txt` and install the project itself on top.
    """
    root, manifest = reading.root, reading.root / PROJECT_FILE
    own = found.source in ("setup.cfg", "setup.py")
    if found.source != "uv.lock" and os.path.isfile(manifest):
        from snapshot.project.formats import pyproject

        own = own or pyproject.is_named(reading, manifest)
    if own:
        from snapshot.project import local

        for folder in local.import_roots(reading, root):
            name = reading.name(folder)
            if name != "." and name not in reading.import_roots and local.is_inside(reading, folder):
                reading.import_roots.append(name)
    return tuple(reading.import_roots)


def _tell_unused(reading: Reading, found: Requirements) -> None:
    """Note extras and groups of the configuration that nothing was there to have."""
    declares = found.pins is not None or found.source in (PROJECT_FILE, "Pipfile", "setup.cfg", "setup.py")
    asked = [*(f"extra `{one}`" for one in reading.extras), *(f"group `{one}`" for one in reading.groups)]
    if asked and not declares:
        reading.note(
            f"{found.source} has no extras and groups: {', '.join(asked)} of the configuration changes nothing"
        )


def _tell_unread(reading: Reading, found: Requirements) -> None:
    """Note files that name packages and that nobody reads, unless somebody has written down what is needed."""
    for name in (name for name, mark in UNREAD.items() if _holds(reading.root / name, mark)):
        if found.source != CONFIGURED:
            reading.note(f"`{name}` is not read: what it names belongs into `{REQUIREMENTS_FILE}` or the configuration")


def _passed_over(reading: Reading, found: Requirements) -> tuple[str, ...]:
    """What names requirements too and was not used; a manifest is, where its lock file is."""
    used = {found.source, LOCKS.get(found.source), *reading.files, *reading.used}
    return tuple(name for name in _others(reading.root) if name not in used)


def _others(root: Path) -> Iterator[str]:
    """The files of the project that name requirements, as far as a look at them tells."""
    for name in ("pylock.toml", *LOCKS, *REQUIREMENTS, "Pipfile", *ENVIRONMENTS):
        if os.path.isfile(root / name):
            yield name
    for name in _in_folder(root):
        yield f"{FOLDER}/{name}"
    for name, mark in (
        (PROJECT_FILE, b"dependencies"),
        ("setup.cfg", b"install_requires"),
        ("setup.py", b"install_requires"),
    ):
        if _holds(root / name, mark):
            yield name


def _holds(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes()
    except OSError:
        return False
