"""Whether anything listens at an address."""

from __future__ import annotations

import socket

from snapshot.errors import NetworkError


def reach(host: str, port: int, *, timeout: float) -> None:
    """Open a TCP connection and close it; raises NetworkError when nobody takes it within `timeout` seconds."""
    try:
        socket.create_connection((host, port), timeout).close()
    except (OSError, UnicodeError, OverflowError) as problem:
        reason = (getattr(problem, "strerror", None) or str(problem)).lower()
        raise NetworkError(f"{host}:{port} can't be reached: {reason}") from None
