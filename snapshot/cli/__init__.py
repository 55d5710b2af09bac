"""The command line: one file for each command, nothing but arguments in and words out."""

from __future__ import annotations


def main() -> None:
    """Run the program; the only place that ends it."""
    from snapshot.cli.app import snap

    snap()
