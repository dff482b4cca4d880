"""A small server that speaks the fusion API's contract, for what a real service does rarely.

It really decodes and blends the pictures it is sent, keeps uploaded ones, and counts faces as it is
told. `say_next` makes the next requests to a path fail in a way of the test's choice.
"""

import contextlib
import io
import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()

EXPOSED = "X-Request-ID, X-Fusion-Warnings, Server-Timing, Retry-After"
CENTRE = ((0.3, 0.25, 0.7, 0.75),)  # one face in the middle, in shares of the picture


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    origin: str | None
    fields: dict[str, str | bytes]


def problem(status: int, code: str, detail: str = "told so by the test", **extra: Any) -> Reply:
    """A problem document as the service and the gateway write it."""
    headers = {"Content-Type": "application/problem+json", "X-Request-ID": "request-7"}
    if "retry_after" in extra:
        headers["Retry-After"] = str(extra.pop("retry_after"))
    body = {"title": code, "status": status, "code": code, "detail": detail, **extra}
    return Reply(status, json.dumps(body).encode(), headers)


class FakeApi:
    """Listens on a free port of 127.0.0.1; `base` is the API's address.

    allow_origin  page that may read the answers; None sends no CORS header at all
    boxes         faces of each picture: shares of width and height, x0 y0 x1 y1
    warnings      codes of X-Fusion-Warnings
    gate          fusions wait while it is not set: a test can look at the page while it is busy
    """

    def __init__(self, allow_origin: str | None = None) -> None:
        self.allow_origin = allow_origin
        self.boxes: tuple[tuple[float, float, float, float], ...] = CENTRE
        self.warnings: tuple[str, ...] = ()
        self.gate = threading.Event()
        self.gate.set()
        self.images: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self._next: dict[str, list[Reply]] = defaultdict(list)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}/api"

    def let_newer_pass(self) -> threading.Event:
        """Opens a new gate for fusions still to come; gives the old one, at which some wait."""
        old, self.gate = self.gate, threading.Event()
        self.gate.set()
        return old

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def say_next(self, path: str, *replies: Reply) -> None:
        self._next[path].extend(replies)

    def asked(self, path: str, method: str = "POST") -> list[Request]:
        return [each for each in self.requests if each.path == path and each.method == method]

    @property
    def last_fields(self) -> dict[str, str | bytes]:
        """Fields of the latest fusion that was asked for."""
        return self.asked("/v1/fusions")[-1].fields

    def wait_for_fusions(self, number: int) -> None:
        wait_for(lambda: len(self.asked("/v1/fusions")) >= number, f"{number} fusions asked for")

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if self._next[request.path]:
            return self._next[request.path].pop(0)
        if request.path.startswith("/v1/images/") and request.method == "DELETE":
            self.images.pop(request.path.rpartition("/")[2], None)
            return Reply(204, b"")
        routes: dict[str, Callable[[Request], Reply]] = {
            "/health/ready": lambda _: self._json({"status": "ready"}),
            "/health/live": lambda _: self._json({"status": "live"}),
            "/v1/images": self._store,
            "/v1/faces": self._faces,
            "/v1/fusions": self._fuse,
        }
        route = routes.get(request.path)
        return route(request) if route else problem(404, "NOT_FOUND")

    @staticmethod
    def _json(value: Any, status: int = 200) -> Reply:
        return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _picture(self, given: str | bytes) -> Image.Image:
        data = given if isinstance(given, bytes) else self.images[given]
        return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    def _store(self, request: Request) -> Reply:
        data = request.fields["image"]
        assert isinstance(data, bytes)
        width, height = self._picture(data).size
        name = uuid.uuid4().hex
        self.images[name] = data
        return self._json({"id": name, "width": width, "height": height, "expires_in_s": 600}, 201)

    def _faces(self, request: Request) -> Reply:
        given = request.fields["image"]
        if isinstance(given, str) and given not in self.images:
            return problem(404, "IMAGE_NOT_FOUND")
        width, height = self._picture(given).size
        faces = []
        for index, (x0, y0, x1, y1) in enumerate(self.boxes):
            box = [x0 * width, y0 * height, x1 * width, y1 * height]
            points = [[box[0] + 5, box[1] + 5]] * 5
            size = max(box[2] - box[0], box[3] - box[1])
            faces.append({"index": index, "box": box, "points": points, "score": 0.9, "size": size})
        return self._json({"width": width, "height": height, "faces": faces})

    def _fuse(self, request: Request) -> Reply:
        self.gate.wait(30)
        pictures = [request.fields["target"], request.fields["source"]]
        if any(isinstance(given, str) and given not in self.images for given in pictures):
            return problem(404, "IMAGE_NOT_FOUND")
        ratio = float(request.fields["ratio"])
        target, source = (self._picture(given) for given in pictures)
        fused = Image.blend(target, source.resize(target.size), ratio)
        kind = str(request.fields.get("format", "png"))
        out = io.BytesIO()
        fused.save(out, kind)
        headers = {
            "Content-Type": f"image/{kind}",
            "Server-Timing": "detect;dur=40.0, swap;dur=200.5",
        }
        if self.warnings:
            headers["X-Fusion-Warnings"] = ", ".join(self.warnings)
        return Reply(200, out.getvalue(), headers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin = self.headers["Origin"]
                path = self.path.removeprefix("/api")
                size = int(self.headers["Content-Length"] or 0)
                fields = parse_form(self.headers, self.rfile.read(size)) if size else {}
                self.send(api.answer(Request(self.command, path, origin, fields)))

            do_POST = do_DELETE = do_GET

            def do_OPTIONS(self) -> None:
                headers = {"Access-Control-Allow-Methods": "GET, POST, DELETE"}
                self.send(Reply(204, b"", headers if api.allow_origin else {}))

            def send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if api.allow_origin:
                    self.send_header("Access-Control-Allow-Origin", api.allow_origin)
                    self.send_header("Access-Control-Expose-Headers", EXPOSED)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                # The page may have given this request up.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(reply.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def parse_form(headers: Message, body: bytes) -> dict[str, str | bytes]:
    """Fields of a multipart form: text as str, files as bytes."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    fields: dict[str, str | bytes] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        fields[name] = content if part.get_filename() is not None else content.decode()
    return fields


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
    """Waits for something that happens in another thread; fails with `what` when it does not."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {timeout_s} s: {what}")
        time.sleep(0.02)
