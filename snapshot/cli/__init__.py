"""The command line: one file for each command, nothing but arguments in and words out."""

from __future__ import annotations


def main() -> None:
    """Run the program; the only place that ends it."""
    import os
    import sys
    from contextlib import suppress

    from snapshot.cli.app import snap

    try:
        snap()
    except SystemExit as end:
        # Taking the interpreter down module by module would cost every command 10 ms for nothing.
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 0 if end.code is None else 1)
