"""The command line: one file for each command, nothing but arguments in and words out."""

from __future__ import annotations


def main() -> None:
    """Run the program; the only place that ends it."""
    import os
    import sys
    from contextlib import suppress

    _open_streams()
    from snapshot.cli.app import snap

    try:
        snap()
    except SystemExit as end:
        # Taking the interpreter down module by module would cost every command 10 ms for nothing.
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            pass
        except OSError:
            # Said already, unless the command had ended well.
            code = code or 3
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _open_streams() -> None:
    """Make sure that there are three: one that the caller closed (`>&-`) would be the next file that is opened."""
    import os
    import sys

    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, so this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace"))
    # Names of files may have letters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
