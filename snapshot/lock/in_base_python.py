"""Runs inside the base image, with any Python 3: tells its version, and the facts where the tools beside it run on it.

`in_base_python.py 3.10`: the oldest Python that they run on.
"""

import os
import sys
from importlib import import_module


def main(oldest: str) -> None:
    """Answer."""
    facts = "null"
    if sys.version_info[:2] >= tuple(int(part) for part in oldest.split(".")):
        facts = import_module("json").dumps(import_module("in_base_facts").facts())
    # A Python may come without its library, `json` included.
    sys.stdout.write('{"version": "' + sys.version.split()[0] + '", "facts": ' + facts + "}")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
