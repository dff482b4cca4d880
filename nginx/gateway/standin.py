"""A service to put behind a gateway that is only asked.

It answers everything with 200 and with CORS headers of its own, which let in everybody: the gateway
must not pass them on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.addresses import Address

_HOSTILE = (
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "*, BREW"),
    ("Access-Control-Allow-Headers", "*, X-Anything"),
    ("Access-Control-Allow-Private-Network", "true"),
    ("Access-Control-Expose-Headers", "*, X-Secret"),
    ("Access-Control-Max-Age", "86399"),
)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the gateway keeps connections

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):  # do_GET, do_PURGE: whatever the method
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin") or "*")
        for name, value in _HOSTILE:
            self.send_header(name, value)
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
