"""Installed with `-e .` by those who work on it."""

NAME = "demo"
