"""One connection to a server, with one deadline for all that happens on it."""

import socket
import ssl
import time
from types import TracebackType
from urllib.parse import SplitResult

_RECEIVE = 65_536
_LONGEST_LINE = 16_384  # net/http/http_chunked_decoder.h, kMaxLineLen


class Connection:
    """Connects, and gathers what the server sends in `buffer`.

    tls        None for plain http
    timeout_s  for the connection, the handshake and the whole answer together

    Raises OSError where the network or TLS fails, TimeoutError at the deadline. Only the name
    server takes its own time: the system's resolver knows no deadline.
    """

    def __init__(self, address: SplitResult, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        host = address.hostname or ""
        port = address.port or (443 if address.scheme == "https" else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self._ends = time.monotonic() + timeout_s
        self._socket = self._connected([(str(entry[4][0]), port) for entry in found])
        self.buffer = bytearray()
        if tls is not None:
            try:
                self._socket.settimeout(self._left())
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
            except BaseException:
                self._socket.close()
                raise

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(request)

    def receive(self) -> None:
        """Adds what comes next to `buffer`; raises EOFError when nothing comes any more."""
        self._socket.settimeout(self._left())
        data = self._socket.recv(_RECEIVE)
        if not data:
            raise EOFError
        self.buffer += data

    def take(self, count: int) -> bytes:
        """The next bytes of the buffer; raises EOFError when fewer come."""
        while len(self.buffer) < count:
            self.receive()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def line(self) -> bytes:
        """The next line, without what ends it, or the beginning of one that is far too long.

        Raises EOFError when it has no end.
        """
        while b"\n" not in self.buffer and len(self.buffer) < _LONGEST_LINE:
            self.receive()
        return self.take((self.buffer.find(b"\n") + 1) or _LONGEST_LINE).rstrip(b"\r\n")

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _connected(self, addresses: list[tuple[str, int]]) -> socket.socket:
        """To the first address that answers; each has its share of the time."""
        for index, address in enumerate(addresses):
            try:
                share = self._left() / (len(addresses) - index)
                return socket.create_connection(address, share)
            except OSError as error:
                failed = error
        raise failed
