"""Run a training inside an image that pins the whole platform, and record code, platform and result as one."""

__version__ = "0.1.0"
