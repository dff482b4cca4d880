"""A real uvicorn process of the service, started as the image starts it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from api.conftest import SETTINGS

SERVICE = Path(__file__).parents[2] / "services/inference"
PATIENCE_S = 120  # only how long a broken test waits before it fails
EDGE = "edge"
COMMAND = [sys.executable, "-m", "uvicorn", "--factory", "fusion.app:app_from_env"]


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with FUSION_* variables; names without prefix, in lower case."""
    variables = {f"FUSION_{name.upper()}": str(value) for name, value in settings.items()}
    path = os.pathsep.join(filter(None, [str(SERVICE), os.environ.get("PYTHONPATH")]))
    models = {"FUSION_MODELS_DIR": str(SETTINGS.models_dir)}
    return {**os.environ, **models, **variables, "PYTHONPATH": path}


class Server:
    """A running process; its log is read from a file, one JSON object a line."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self._log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def log(self) -> list[dict]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def requests(self, status: int) -> list[dict]:
        """Access log lines of answered fusions with this status."""
        return [
            line for line in self.log()
            if line["logger"] == "fusion.access" and line["status"] == status
            and line["path"].endswith("/fusions")
        ]  # fmt: skip

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def started(self, body: bytes, send: int | None = None, request_id: str = "") -> socket.socket:
        """A connection on which a fusion was asked for, with the first `send` bytes of its body."""
        connection = self.connect()
        head = (
            f"POST /api/v1/fusions HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
            f"Content-Type: multipart/form-data; boundary={EDGE}\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        head += f"X-Request-ID: {request_id}\r\n" if request_id else ""
        connection.sendall(head.encode() + b"\r\n" + body[:send])
        return connection


def answer_on(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body, read as far as Content-Length says."""
    received, length = b"", -1
    while length < 0 or len(received) < length:
        chunk = connection.recv(1 << 16)
        assert chunk, f"closed before the answer was complete: {received[:300]!r}"
        received += chunk
        head, end, _ = received.partition(b"\r\n\r\n")
        if end:
            length = len(head) + 4 + int(head.lower().split(b"content-length: ")[1].split()[0])
    return int(received.split(b" ", 2)[1]), received


def form(target: bytes, source: bytes, **fields: str) -> bytes:
    """A multipart body with both pictures."""
    parts = [('name="target"; filename="t"', target), ('name="source"; filename="s"', source)]
    parts += [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    body = b"".join(
        f"--{EDGE}\r\nContent-Disposition: form-data; {about}\r\n\r\n".encode() + content + b"\r\n"
        for about, content in parts
    )
    return body + f"--{EDGE}--\r\n".encode()


def until(condition: object, what: str) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.01)


@contextmanager
def running(folder: Path, **settings: object) -> Iterator[Server]:
    """A ready server; settings as for environment()."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "60"]
    log = folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([*COMMAND, *options], env=environment(**settings), stderr=stream)
    server = Server(process, port, log)
    try:
        until(lambda: _ready(server), "ready")
        yield server
    finally:
        process.kill()
        process.wait()


def _ready(server: Server) -> bool:
    assert server.process.poll() is None, server._log.read_text()
    try:
        return httpx.get(f"{server.url}/api/health/ready").status_code == 200
    except httpx.TransportError:
        return False
