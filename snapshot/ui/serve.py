"""The server: on this machine's own address, until it is interrupted."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

from snapshot.errors import HostError
from snapshot.record.store import Store

ADDRESS = "127.0.0.1"
PORT = 8790
"""Where nothing is said, and it is free."""


def listen(port: int | None) -> socket.socket:
    """A socket on `port`; where none is asked for, on the usual one, or on any that is free.

    Raises HostError when that can't be.
    """
    for wanted in (PORT, 0) if port is None else (port,):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((ADDRESS, wanted))
            # Before the address is told, so that who asks at once is answered; and two that bind can't both listen.
            listening.listen(socket.SOMAXCONN)
        except OSError as problem:
            listening.close()
            if wanted == PORT and port is None:
                continue
            reason = "is in use" if problem.errno == errno.EADDRINUSE else f"can't be had: {problem.strerror}".lower()
            raise HostError(f"port {wanted} {reason}", hint="name another after `--port`, or leave it away") from None
        return listening
    raise AssertionError("the last port is either had or refused")


def serve(store: Store, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Answer until Ctrl-C; `ready` gets the address that opens the first page, with a token made for this time."""
    import uvicorn

    from snapshot.ui.app import application
    from snapshot.ui.guard import PARAMETER, Guard

    token = secrets.token_urlsafe(32)
    port = listening.getsockname()[1]
    # Streams end when the server is to end, so that it does not wait for whoever looks at a page.
    app = Guard(application(store, lambda: server.should_exit), token=token, port=port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    ready(f"http://{ADDRESS}:{port}/?{PARAMETER}={token}")
    with suppress(KeyboardInterrupt):  # the usual end
        server.run(sockets=[listening])
