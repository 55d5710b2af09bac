"""The socket of the server."""

from __future__ import annotations

import socket

import pytest

from snapshot.errors import HostError
from snapshot.ui.serve import listen


def test_who_asks_as_soon_as_the_address_is_told_is_heard() -> None:
    with listen(None) as listening, socket.create_connection(listening.getsockname(), timeout=20) as asking:
        asking.sendall(b"GET / HTTP/1.1\r\n")


def test_of_two_that_ask_for_a_port_one_has_it() -> None:
    with listen(None) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(HostError, match=f"port {port} is in use"):
            listen(port)
