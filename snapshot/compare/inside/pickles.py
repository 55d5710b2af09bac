"""Loads pickles, and says in a neutral form what is in them. It runs in a container that can do no harm.

    python3 pickles.py FILE…

For each file stdout gets eight bytes, little-endian, that say how long the JSON is that follows, then that JSON, then
the bytes of its arrays:

    {"leaves": [{"at": "layer1.weight", "thing": "torch.Tensor", "dtype": "F32", "shape": [2, 3], "start": 0}, …]}
    {"problem": "there is no `torch` in the image"}

`at` is where a value lies, `thing` its class; `value` is what is no array, as text, and `number` whether it is one;
`start` is where the array begins behind the JSON. `unknown` says why a value can't be taken apart.
"""

import json
import os
import sys

from loading import ProblemError, load
from telling import DEEPEST, Telling, text

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from typing import Any

    from telling import Read


def told(path: str) -> "tuple[dict[str, Any], list[Read]]":
    """What is said of a file, and its arrays."""
    try:
        loaded = load(path)
        telling = Telling()
        telling.value(loaded, "")
    except ProblemError as problem:
        return {"problem": str(problem)}, []
    except Exception as problem:
        said = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
        return {"problem": text("it can't be loaded: " + said)}, []
    return {"leaves": telling.leaves}, telling.arrays


def main() -> None:
    """What a pickle prints while it is loaded goes to stderr."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.setrecursionlimit(20 * DEEPEST + 1000)
    for path in sys.argv[1:]:
        header, arrays = told(path)
        data = json.dumps(header).encode()
        out.write(len(data).to_bytes(8, "little") + data)
        for read in arrays:
            for piece in read():
                out.write(piece)
        out.flush()


if __name__ == "__main__":
    main()
