"""Runs inside the base image: tells what it is, and which markers and wheels hold in it (PEP 508, PEP 425)."""

from __future__ import annotations

import json
import os
import sys

from in_base import interpreter, operating_system
from pip._vendor.packaging.markers import default_environment
from pip._vendor.packaging.tags import sys_tags

if __name__ == "__main__":
    answer = {
        "python": interpreter(),
        "os": operating_system(),
        "markers": dict(default_environment()),
        "tags": [str(tag) for tag in sys_tags()],
    }
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)
