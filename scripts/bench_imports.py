"""Reading requirements off the imports of 5,000 files, for the first time and again. Called by scripts/bench."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from bench_table import Row, in_turns, seconds

from snapshot.project import sources

FILES = 5000
THIRD = ("numpy", "torch", "pandas", "sklearn.svm", "yaml", "PIL", "matplotlib.pyplot", "tqdm", "cv2", "scipy.stats")
OWN = ("os", "sys", "re", "json", "math", "random", "pathlib", "typing", "functools", "itertools", "logging")
BODY = '''def function_{0}(a: int, b: str | None = None) -> dict[str, list[int]]:
    """What {0} imports from where."""
    out: dict[str, list[int]] = {{}}
    for i in range(a):
        out.setdefault(str(i), []).append(i * 2 + len(b or ""))
        if i % 3 == 0:
            continue
    return {{k: v for k, v in out.items() if sum(v) > {0}}}


'''


def measure(rounds: int = 5) -> list[Row]:
    """Both rows; no engine is needed."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        generate(project)
        store = project / ".snap"

        def first(_: object) -> None:
            shutil.rmtree(store, ignore_errors=True)
            store.mkdir()
            sources.read(project)

        first(None)
        cold, warm = in_turns(rounds, first, lambda _: sources.read(project))
    what = f"imports of {FILES} files"
    return [
        Row(what=what, ours=cold, floor="", theirs=None, goal=2.0),
        Row(what=f"{what}, none changed", ours=warm, floor="", theirs=None, goal=0.3),
    ]


def generate(root: Path) -> None:
    """Files of some 100 to 170 lines; each has an optional import, so that each must be parsed: the worst case."""
    chance = random.Random(1)
    for number in range(FILES):
        folder = root / f"pkg{number % 50}" / f"sub{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        for package in (folder.parent, folder):
            (package / "__init__.py").touch()
        head = [f'"""Module {number}.\n\nfrom here on we import things\n"""', "from __future__ import annotations"]
        head += [f"import {name}" for name in chance.sample(OWN, 5)]
        head += [f"from {name} import thing" for name in chance.sample(THIRD, 4)]
        head += [
            f"from pkg{(number + 1) % 50} import other",
            "try:\n    import apex\nexcept ImportError:\n    apex = None",
        ]
        body = "".join(BODY.format(k) for k in range(chance.randint(10, 17)))
        (folder / f"mod{number}.py").write_text("\n".join(head) + "\n\n\n" + body)


if __name__ == "__main__":
    for row in measure():
        print(f"{row.what}: {seconds(row.ours)} (goal {seconds(row.goal)})")
