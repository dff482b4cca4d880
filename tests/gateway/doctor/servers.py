"""Small deployments for the doctor: each a context manager that yields the URL to call."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from tests.gateway.lab import free_port, listens, wait_until

from gateway.render import find_nginx

ORIGIN = "https://app.example.com"
Serve = Callable[[Path], AbstractContextManager[str]]


@dataclass(frozen=True)
class Asked:
    """A request as a deployment sees it."""

    method: str
    path: str
    origin: str
    host: str
    cookie: str

    @property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS"


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"


def granted(origin: str = ORIGIN, **more: str) -> tuple[tuple[str, str], ...]:
    """Good headers for answers and preflights; `more` with _ for - replaces or adds, "" removes."""
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return tuple((name, value) for name, value in headers.items() if value)


def python(respond: Callable[[Asked], Reply], path: str = "/api") -> Serve:
    """http.server with one function for all requests."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                origin, host, cookie = (
                    self.headers.get(name) or "" for name in ("Origin", "Host", "Cookie")
                )
                reply = respond(Asked(self.command, self.path, origin, host, cookie))
                self.send_response_only(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if reply.status != 204:
                    self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}{path}"
            server.shutdown()

    return serve


def talking(talk: Callable[[socket.socket], None]) -> Serve:
    """Calls `talk` with each connection that has asked, and closes it."""

    def serve_one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            talk(connection)

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=accept, args=(server,), daemon=True).start()
            yield f"http://127.0.0.1:{server.getsockname()[1]}/api"
            server.shutdown(socket.SHUT_RDWR)

    return serve


def raw(answer: bytes) -> Serve:
    """Writes these bytes to whoever connects, and closes."""
    return talking(lambda connection: connection.sendall(answer))


def waiting(answer: bytes) -> Serve:
    """Writes these bytes and waits for the other side to go."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.recv(1)

    return talking(talk)


def dripping(answer: bytes, count: int, pause_s: float) -> Serve:
    """Writes `count` bytes at a time, with a pause after each."""

    def talk(connection: socket.socket) -> None:
        for start in range(0, len(answer), count):
            connection.sendall(answer[start : start + count])
            time.sleep(pause_s)

    return talking(talk)


def nginx(
    server: str, http: str = "", path: str = "/api", scheme: str = "http", tls: str = ""
) -> Serve:
    """A real nginx with this text in its server block; PORT is its own."""

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        program, port = find_nginx(), free_port()
        assert program is not None
        (folder / "html").mkdir(parents=True)
        (folder / "html" / "api").write_text("{}")
        (folder / "users").write_text("x:{PLAIN}x\n")
        text = f"""
            user root root; pid nginx.pid; error_log error.log; worker_processes 1;
            events {{}}
            http {{
                access_log off; client_body_temp_path tmp; proxy_temp_path tmp;
                fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
                {http}
                server {{ listen 127.0.0.1:{port} {tls}; root html; {server} }}
            }}"""
        (folder / "nginx.conf").write_text(text.replace("PORT", str(port)))
        command = [program, "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
        with subprocess.Popen([*command, "-g", "daemon off;"]) as process:
            try:
                assert wait_until(lambda: process.poll() is not None or listens(port))
                assert process.poll() is None, "nginx did not start"
                yield f"{scheme}://127.0.0.1:{port}{path}"
            finally:
                process.terminate()

    return serve


def asgi(app: ASGIApp, path: str = "/api") -> Serve:
    """A real FastAPI application in uvicorn."""

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
            thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{path}"
            server.should_exit = True
            thread.join()

    return serve


def behind(proxy: Callable[[str], Serve], service: Serve) -> Serve:
    """A proxy before a service, whose scheme://host:port it is told."""

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with service(folder / "service") as url, proxy(url.removesuffix("/api"))(folder) as front:
            yield front

    return serve


def application() -> FastAPI:
    """GET and PUT /api, POST /api with a body, and /crash; no CORS yet."""
    app = FastAPI()

    @app.get("/api")
    @app.put("/api")
    def answer() -> dict[str, str]:
        return {}

    @app.post("/api")
    def create(item: dict[str, str]) -> dict[str, str]:
        return item

    @app.get("/crash")
    def crash() -> None:
        raise RuntimeError

    return app


def tls_socket(certificate: Path, key: Path) -> Serve:
    """https with this certificate; answers nothing but a good GET."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = python(lambda asked: Reply(headers=granted(asked.origin)))

    @contextmanager
    def serve(folder: Path) -> Iterator[str]:
        with plain(folder) as inner, socket.create_server(("127.0.0.1", 0)) as server:
            port = int(inner.rpartition(":")[2].partition("/")[0])
            threading.Thread(target=_forward, args=(server, context, port), daemon=True).start()
            yield f"https://127.0.0.1:{server.getsockname()[1]}/api"
            server.shutdown(socket.SHUT_RDWR)

    return serve


def _forward(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with contextlib.suppress(OSError), context.wrap_socket(connection, True) as secure:
            request = secure.recv(65536)
            with socket.create_connection(("127.0.0.1", port), timeout=5) as behind_it:
                behind_it.sendall(request)
                secure.sendall(b"".join(iter(lambda: behind_it.recv(65536), b"")))
