"""Keeps pip from `distutils`, which Debian and Ubuntu leave out of their Python; run as a program, it is pip.

Before Python 3.10 pip asks distutils for folders, unless this attribute says otherwise (pip issue 10647).
"""

from __future__ import annotations

import runpy
import sys
import sysconfig
from pathlib import Path

sysconfig._PIP_USE_SYSCONFIG = True  # type: ignore[attr-defined]

if __name__ == "__main__":
    pip = Path(__file__).with_name("pip")
    # Nothing but pip is to be found beside this file.
    sys.path[0] = str(pip)
    runpy.run_path(str(pip / "__pip-runner__.py"), run_name="__main__")
