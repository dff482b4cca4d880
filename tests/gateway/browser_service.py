"""What stands behind the gateways of the browser tests: pages, and a service that does as told."""

import base64
import hashlib
import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = Path(__file__).with_name("browser_page.html")


class PageServer(BaseHTTPRequestHandler):
    """The same page at every address, whatever host it is asked as."""

    def do_GET(self) -> None:
        body = PAGE.read_bytes()
        self.send_response_only(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Service:
    """Answers as `?say={...}` tells it, and remembers what reached it.

    status, type      of the answer
    headers           [[name, value], ...]
    body, size, png   a text, so many bytes, or a picture; without them: what was received, as JSON
    wait_s            thinks first
    breaks            "before" the answer or in the "middle" of it
    """

    requests: list[tuple[str, str]] = field(default_factory=list)
    abandoned: set[str] = field(default_factory=set)

    def reached(self, path: str) -> list[str]:
        """The methods that were asked of an address and of all below it, in order."""
        return [method for method, asked in self.requests if asked.startswith(path)]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.close_connection = True
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    service._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        what = json.loads(parse_qs(url.query).get("say", ["{}"])[0])
        received = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.requests.append((handler.command, url.path))
        if what.get("wait_s") and _caller_left(handler.connection, what["wait_s"]):
            self.abandoned.add(url.path)
            return
        if what.get("breaks") == "before":
            return
        status, body = what.get("status", 200), _body(what, handler, received)
        bodiless = status in {204, 304} or handler.command == "HEAD"
        handler.send_response_only(status)
        if "type" in what:
            handler.send_header("Content-Type", what["type"])
        for name, value in what.get("headers", []):
            handler.send_header(name, value)
        if status not in {204, 304}:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if not bodiless:
            handler.wfile.write(body[: len(body) // 2] if what.get("breaks") else body)


def _body(what: dict[str, Any], handler: BaseHTTPRequestHandler, received: bytes) -> bytes:
    if "size" in what:
        return bytes([7]) * int(what["size"])
    if what.get("png"):
        return _red_pixel()
    if "body" in what:
        return str(what["body"]).encode()
    echo = {
        "method": handler.command,
        "headers": {name.lower(): value for name, value in handler.headers.items()},
        "length": len(received),
        "sha256": hashlib.sha256(received).hexdigest(),
        "start": base64.b64encode(received[:48]).decode(),
    }
    return json.dumps(echo).encode()


def _caller_left(connection: socket.socket, wait_s: float) -> bool:
    connection.settimeout(wait_s)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


def _red_pixel() -> bytes:
    """A PNG of one red pixel (PNG, 5: signature, IHDR, IDAT, IEND)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serves on a free port of the loopback interface and tells which."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
