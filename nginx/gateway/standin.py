"""A service that answers everything with 200, to put behind a gateway that is only asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.addresses import Address


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the gateway keeps connections

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):  # do_GET, do_PURGE: whatever the method
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def stand_in() -> Iterator[Address]:
    """Runs it on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield Address("127.0.0.1", server.server_port)
        finally:
            server.shutdown()
