"""A gateway under test with everything real: nginx processes, sockets, and tiny upstreams."""

import asyncio
import http.client
import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from gateway.render import TEMPLATES, find_nginx, render
from gateway.settings import GatewaySettings

Headers = Sequence[tuple[str, str]]
START_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire; header names in lower case, repeats kept."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def one(self, name: str) -> str | None:
        """The header's only value, None when absent; a repeat is a failure of its own."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def cors(self) -> dict[str, str]:
        """Every Access-Control-* header; fails on repeats."""
        names = {key for key, _ in self.headers if key.startswith("access-control-")}
        return {name: self.one(name) or "" for name in names}

    @property
    def problem(self) -> dict[str, object]:
        """The problem document in the body; fails when it is none or has another status."""
        assert self.one("content-type") == "application/problem+json"
        document = json.loads(self.body)
        assert set(document) == {"type", "title", "status", "detail", "code", "request_id"}
        assert document["status"] == self.status
        assert document["request_id"] == self.one("x-request-id")
        return dict(document)

    @property
    def vary(self) -> list[str]:
        """Members of all Vary lines in lower case, sorted."""
        members = (
            member.strip().lower() for line in self.all("vary") for member in line.split(",")
        )
        return sorted(member for member in members if member)


def request(port: int, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
    """One request on a connection of its own; nothing is added but Host and the body's length."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, pairs, answer.read())
    finally:
        connection.close()


def preflight(port: int, path: str, origin: str, method: str = "POST", *more: str) -> Answer:
    headers = [("Origin", origin), ("Access-Control-Request-Method", method)]
    if more:
        headers.append(("Access-Control-Request-Headers", ",".join(more)))
    return request(port, "OPTIONS", path, headers)


def raw(port: int, data: bytes) -> bytes:
    """Sends bytes as they are and reads until the gateway closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@dataclass
class Upstream:
    """A service behind the gateway: counts what reaches it and answers as told.

    status, headers, body   of every answer
    delay_s                 how long it thinks; ends early when the caller goes away
    breaks_off              closes the connection instead of answering
    instead                 bytes to answer with, whatever they are
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b"{}"
    delay_s: float = 0.0
    breaks_off: bool = False
    instead: bytes = b""
    requests: list[tuple[str, str, Message, int]] = field(default_factory=list)
    abandoned: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def reset(self) -> None:
        """As new, at the same port; a page's body stays a page's."""
        self.status, self.headers, self.body = 200, [], self.first_body
        self.delay_s, self.breaks_off, self.instead = 0.0, False, b""
        self.requests.clear()
        self.abandoned.clear()

    def __post_init__(self) -> None:
        self.first_body = self.body

    def serve(self) -> ThreadingHTTPServer:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.close_connection = True
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    upstream._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        received = len(handler.rfile.read(length))
        self.requests.append((handler.command, handler.path, handler.headers, received))
        if self.delay_s and self._caller_left(handler.connection):
            self.abandoned.set()
            return
        if self.breaks_off:
            return
        if self.instead:
            handler.wfile.write(self.instead)
            return
        handler.send_response_only(self.status)
        for name, value in self.headers:
            handler.send_header(name, value)
        if self.status not in {204, 304}:
            handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        if handler.command != "HEAD" and self.status not in {204, 304}:
            handler.wfile.write(self.body)

    def _caller_left(self, connection: socket.socket) -> bool:
        connection.settimeout(self.delay_s)
        try:
            return connection.recv(1) == b""
        except TimeoutError:
            return False


@contextmanager
def running(upstream: Upstream) -> Iterator[Upstream]:
    server = upstream.serve()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def uvicorn_serving(app: ASGIApp) -> Iterator[int]:
    """An application on a port of this machine, without its lifespan."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        assert wait_until(lambda: server.started and listens(port))
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join()


def free_port() -> int:
    """A port above 20000 that nobody listens on."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass(frozen=True)
class Gateway:
    """A running gateway and the two services behind it."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"
    inference: Upstream
    webui: Upstream

    def get(self, path: str, origin: str | None = None, *more: tuple[str, str]) -> Answer:
        headers = ([("Origin", origin)] if origin is not None else []) + list(more)
        return request(self.port, "GET", path, headers)

    @property
    def hits(self) -> int:
        return len(self.inference.requests) + len(self.webui.requests)

    @property
    def log(self) -> str:
        return (self.folder / "logs" / "error.log").read_text()


LOG_LATE_S = 1.5  # conf/log.conf: lines wait up to a second for others


def wait_until(
    condition: Callable[[], bool], timeout_s: float = START_TIMEOUT_S, every_s: float = 0.02
) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def answers(port: int) -> bool:
    """Whether a gateway answers; `nginx -t` opens its ports as well, and drops them at once."""
    try:
        return request(port, "GET", "/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _has_begun(pid: int) -> bool:
    """Whether this nginx is a master by now: it listens before it has written its files."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"nginx: master process")


@contextmanager
def gateway(
    folder: Path,
    environment: Mapping[str, str],
    port: int | None = None,
    templates: Path = TEMPLATES,
) -> Iterator[Gateway]:
    """Renders with this environment, starts nginx, and stops it again; upstreams are running."""
    nginx = find_nginx()
    assert nginx is not None
    with running(Upstream()) as inference, running(Upstream(body=b"<p>page</p>")) as webui:
        port = port or free_port()
        own = {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "GATEWAY_INFERENCE": f"127.0.0.1:{inference.port}",
            "GATEWAY_WEBUI": f"127.0.0.1:{webui.port}",
            # one client with hundreds of requests a second is what tests are
            "GATEWAY_RATE_PER_SECOND": "0",
        }
        render(GatewaySettings.from_env(own | dict(environment)), folder, templates, nginx=nginx)
        command = [nginx, "-p", str(folder), "-c", f"{folder}/nginx.conf", "-g", "daemon off;"]
        with subprocess.Popen(command) as process:
            try:
                assert wait_until(lambda: process.poll() is not None or _has_begun(process.pid))
                assert process.poll() is None, "nginx did not start"
                assert wait_until(lambda: listens(port))
                yield Gateway(port, folder, process, inference, webui)
            finally:
                process.terminate()
