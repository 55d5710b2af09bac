"""Hashes small files, as a program of its own: `apart` starts it. The standard library alone, and little of it.

It reads frames from stdin, 4 bytes of length and that many: a folder that ends in `/`, and names in it, with NUL
between them. For each name it writes ANSWER: the sha256 of the file, and its stat after it was read; a size of -1 for a
file that is none, can't be read, or is not shorter than BUFFER.
"""

from __future__ import annotations

import hashlib
import os
import signal
import struct
import sys

BUFFER = 1 << 20
ANSWER = struct.Struct("<32s4q")
"""sha256, size, mtime in ns, ctime in ns, inode."""
_NOTHING = ANSWER.pack(bytes(32), -1, 0, 0, 0)
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def answer(path: bytes, buffer: bytearray) -> bytes:
    """The answer for one file."""
    descriptor = -1
    try:
        descriptor = os.open(path, _FLAGS)
        count, status = os.readv(descriptor, (buffer,)), os.fstat(descriptor)
    except OSError:
        return _NOTHING
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    if count != status.st_size or count == BUFFER:
        return _NOTHING
    sha256 = hashlib.sha256(memoryview(buffer)[:count]).digest()
    return ANSWER.pack(sha256, count, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def main(nice: int) -> None:
    """Answer until whoever asks is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks
    os.nice(nice)
    asked, buffer = sys.stdin.buffer, bytearray(BUFFER)
    while len(head := asked.read(4)) == 4:
        folder, *names = asked.read(int.from_bytes(head, "little")).split(b"\0")
        sys.stdout.buffer.write(b"".join([answer(folder + name, buffer) for name in names]))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
