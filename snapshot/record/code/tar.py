"""Headers of plain tar files (POSIX.1-2001 pax), written by hand: `tarfile` takes 60 µs for each member, this takes 2.

Everything that tells when or by whom is zero, so that equal content is equal bytes.
"""

from __future__ import annotations

BLOCK = 512
END = bytes(2 * BLOCK)

_NAME = 100
_LARGEST = 8**11 - 1
"""What the size field can say; pax records say more."""


def header(name: bytes, size: int, *, executable: bool = False) -> bytes:
    """The blocks before the content of a file of `size` bytes."""
    if len(name) <= _NAME and size <= _LARGEST and name.isascii():
        return _block(name, size, _EXECUTABLE if executable else _PLAIN)
    return _extended(name, size) + _block(
        _approximate(name), min(size, _LARGEST), _EXECUTABLE if executable else _PLAIN
    )


def padding(size: int) -> bytes:
    """What fills the last block of a content of `size` bytes."""
    return bytes(-size % BLOCK)


class _Template:
    """A header block but for its name, size and checksum."""

    def __init__(self, mode: int, kind: bytes) -> None:
        self.owner = b"%07o\0" % mode + b"0000000\0" * 2
        self.time = b"\0" + b"00000000000\0"
        self.rest = (kind.ljust(101, b"\0") + b"ustar\0" + b"00" + bytes(64) + b"0000000\0" * 2).ljust(
            BLOCK - 156, b"\0"
        )
        self.sum = sum(self.owner) + sum(self.time) + 8 * ord(" ") + sum(self.rest)


_PLAIN = _Template(0o644, b"0")
_EXECUTABLE = _Template(0o755, b"0")
_RECORDS = _Template(0o644, b"x")


def _block(name: bytes, size: int, template: _Template) -> bytes:
    length = b"%011o" % size
    checksum = b"%06o\0 " % (template.sum + sum(name) + sum(length))
    return b"".join((name.ljust(_NAME, b"\0"), template.owner, length, template.time, checksum, template.rest))


def _extended(name: bytes, size: int) -> bytes:
    """A pax header with what the next block can't say."""
    # Names that are not UTF-8 would call for `hdrcharset=BINARY`, which GNU tar complains of; all readers take bytes.
    records = _record(b"path", name)
    if size > _LARGEST:
        records += _record(b"size", b"%d" % size)
    return _block(b"PaxHeaders/" + _approximate(name)[-80:], len(records), _RECORDS) + records + padding(len(records))


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH key=value`, where LENGTH counts its own digits too."""
    bare = len(key) + len(value) + 3
    length = bare + len(str(bare))
    length = bare + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _approximate(name: bytes) -> bytes:
    """`name` for programs that don't know pax."""
    return bytes(byte if byte < 128 else ord("_") for byte in name)[:_NAME]
