"""`setup.py`, parsed and never run: literals, and names that the module binds to literals.

What is computed, as from another file, is not guessed: the reader is told which line says so.
"""

from __future__ import annotations

import ast
from pathlib import Path

from snapshot.errors import UsageError
from snapshot.project.formats import requirements_txt
from snapshot.project.reading import Line, Reading, normal, strings
from snapshot.project.requirements import Requirements

FILE = "setup.py"

_DEEPEST = 20
"""Names that stand for names."""


def read(reading: Reading, path: Path) -> Requirements | None:
    """What `install_requires` says, and the extras that are asked for; None when it says nothing."""
    lines = declared(reading, path, reading.extras)
    if not lines:
        return None
    return reading.requirements(reading.name(path), requirements_txt.taken_in(reading, lines, path.parent))


def declared(reading: Reading, path: Path, extras: tuple[str, ...]) -> list[Line] | None:
    """`install_requires` and those of `extras`; None when `setup()` is called without it.

    Raises UsageError for what only running the file would tell.
    """
    if b"setup" not in reading.peek(path):
        return None
    module = _Module(reading, path)
    if (node := module.argument("install_requires")) is None:
        return None
    reading.used.add(reading.name(path))
    lines = _lines(module, node, "install_requires")
    if extras:
        lines += _extras(module, extras)
    return lines


def requires_python(reading: Reading, path: Path) -> str | None:
    """`python_requires` where it is a literal; None also where the file can't be read."""
    try:
        module = _Module(reading, path)
        node = module.argument("python_requires")
    except UsageError:
        return None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def import_roots(reading: Reading, path: Path) -> tuple[str, ...]:
    """The folder that `package_dir={"": …}` or `find_packages(…)` names."""
    module = _Module(reading, path)
    try:
        found = module.value(module.argument("package_dir"), "package_dir")
    except UsageError:
        found = None
    if isinstance(found, dict) and isinstance(found.get(""), str):
        return (found[""],)
    packages = module.argument("packages")
    if not isinstance(packages, ast.Call):
        return ()
    where = [*packages.args[:1], *(word.value for word in packages.keywords if word.arg == "where")]
    return tuple(node.value for node in where if isinstance(node, ast.Constant) and isinstance(node.value, str))


class _Module:
    """A parsed `setup.py`."""

    def __init__(self, reading: Reading, path: Path) -> None:
        self.reading, self.path = reading, path
        try:
            self.tree = ast.parse(reading.peek(path))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            line = f", line {problem.lineno}" if isinstance(problem, SyntaxError) and problem.lineno else ""
            said = problem.msg if isinstance(problem, SyntaxError) else "it can't be parsed"
            raise UsageError(
                f"{reading.name(path)}{line} is not Python: {said}", hint=f"correct `{reading.name(path)}`"
            ) from None
        self.names: dict[str, ast.expr | None] = {}
        for statement in self.tree.body:
            self._bind(statement)
        for node in ast.walk(self.tree):
            # `lines.append(…)` and its like.
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = node.func
                if isinstance(called.value, ast.Name) and called.attr in ("append", "extend", "insert", "update"):
                    self.names[called.value.id] = None

    def _bind(self, node: ast.stmt) -> None:
        """Note what a statement at the top binds."""
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
                # What is bound twice is computed.
                self.names[target.id] = None if target.id in self.names else value

    def argument(self, name: str) -> ast.expr | None:
        """What `setup()` is called with; raises UsageError where that is computed as a whole."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and _called(node.func) == "setup":
                for word in node.keywords:
                    if word.arg == name:
                        return word.value
                if any(word.arg is None for word in node.keywords):
                    raise self.computed(node, name)
        return None

    def value(self, node: ast.expr | None, name: str, depth: int = 0) -> object:
        """The literal behind `node`; raises UsageError where there is none."""
        if depth > _DEEPEST:
            raise self.computed(node, name)
        if isinstance(node, ast.Name) and self.names.get(node.id) is not None:
            return self.value(self.names[node.id], name, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = (
                strings(self.value(node.left, name, depth + 1)),
                strings(self.value(node.right, name, depth + 1)),
            )
            if left is None or right is None:
                raise self.computed(node, name)
            return [*left, *right]
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(item, name, depth + 1) for item in node.elts]
        if isinstance(node, ast.Dict):
            keys = [self.value(key, name, depth + 1) for key in node.keys]
            if not all(isinstance(key, str) for key in keys):
                raise self.computed(node, name)
            return dict(zip(keys, (self.value(item, name, depth + 1) for item in node.values), strict=True))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            table = self.value(node.value, name, depth + 1)
            if isinstance(table, dict) and node.slice.value in table:
                found: object = table[node.slice.value]
                return found
        if isinstance(node, ast.Constant):
            return node.value
        raise self.computed(node, name)

    def computed(self, node: ast.AST | None, name: str) -> UsageError:
        """That `name` is not written down."""
        line = getattr(node, "lineno", None)
        return UsageError(
            f"`{self.reading.name(self.path)}` computes `{name}`"
            + (f" (line {line})" if line else "")
            + ": only running it would tell",
            hint="write the requirements into `requirements.txt`, or list `requirements` in the configuration",
        )


def _called(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else None


def _lines(module: _Module, node: ast.expr, key: str) -> list[Line]:
    value = module.value(node, key)
    texts = tuple(value.splitlines()) if isinstance(value, str) else strings(value)
    if texts is None:
        raise module.computed(node, key)
    where = f"{module.reading.name(module.path)}, {key}"
    return [Line(text.strip(), where) for text in texts if text.strip() and not text.strip().startswith("#")]


def _extras(module: _Module, extras: tuple[str, ...]) -> list[Line]:
    node = module.argument("extras_require")
    table = module.value(node, "extras_require") if node is not None else {}
    known = {normal(name): (name, items) for name, items in table.items()} if isinstance(table, dict) else {}
    out: list[Line] = []
    for extra in extras:
        if extra not in known:
            from snapshot.project.formats.pyproject import unknown

            raise unknown(module.reading, module.path, "extra", extra, [name for name, _ in known.values()])
        name, items = known[extra]
        texts = strings([items] if isinstance(items, str) else items)
        if texts is None:
            raise module.computed(node, "extras_require")
        out += [Line(text, f"{module.reading.name(module.path)}, extra `{name}`") for text in texts]
    return out
