"""A TLS receiver on blocking sockets: unlike asyncio's servers, it tells in an alert why it refuses a certificate.

A hasty one closes at once behind the alert, a wordless one as soon as TLS is spoken: a request that is on its way then
is answered by a reset.
"""

import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import Self


class TlsDoor:
    """Listens on 127.0.0.1 while it is entered, and answers every request with 200.

    Attributes:
        received: heads of the requests.
    """

    def __init__(self, tls: ssl.SSLContext, *, hasty: bool = False, wordless: bool = False) -> None:
        self.received: list[bytes] = []
        self._tls, self._hasty, self._wordless = tls, hasty, wordless
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}/"

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:  # closed
                return
            with plain, suppress(OSError):
                self._answer(plain)

    def _answer(self, plain: socket.socket) -> None:
        plain.settimeout(5)
        with plain.dup() as below:
            try:
                with self._tls.wrap_socket(plain, server_side=True) as connection:
                    if self._wordless:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    self.received.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except ssl.SSLError:
                if self._hasty:
                    return
                # A socket that is closed with something unread is reset, and the alert that was sent is lost with it.
                below.settimeout(5)
                below.shutdown(socket.SHUT_WR)
                while below.recv(65536):
                    pass
