"""Not run: `raise` would end it."""

from setuptools import setup

REQUIRED = ["six==1.17.0"]
ALL = REQUIRED + ["idna==3.10"]

raise SystemExit("this file is only read")

setup(name="demo", version="0.1.0", install_requires=ALL)
