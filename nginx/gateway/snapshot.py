"""The behaviour of a policy as a file: who may do what where, asked of a real nginx.

A change of settings or templates is then reviewed as a change of behaviour, line by line.
"""

import difflib
import http.client
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.addresses import Address
from gateway.health import pulse
from gateway.origins import OriginPattern
from gateway.render import LOG_FILES, RenderError, render
from gateway.settings import GatewaySettings
from gateway.standin import stand_in
from gateway.tls import OFF

# Addresses of every kind below the API, an error of nginx's own among them (internal), their
# neighbours, and what lies outside.
PATHS = (
    "/api",
    "/api/",
    "/api/v1/fusions",
    "/api/v1/images/id",
    "/api/health/ready",
    "/api/docs",
    "/api/internal/x",
    "/apix",
    "/v1/fusions",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/healthz",
    "/config.json",
    "/static/x.js",
    "/",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
UNLISTED = "X-UNLISTED"  # a method that no policy names: who may use it may use any
STRANGERS = ("null", "https://evil.example", "http://localhost:3000", "https://localhost")
SAFELISTED = frozenset({"GET", "HEAD", "POST"})  # Fetch, 2.2.1: need no permission of their own
_HEAD = """\
# Who may call what from a page of another origin, as nginx answers. Recorded by `gateway snapshot`;
# `gateway snapshot FILE` compares, `--update` takes the new behaviour over.
# Answers: own (readable by this origin), any (by every origin) or -; a lone - means nothing at all.
# path | origin | methods | request headers | answers | exposed headers | credentials | max-age
"""
_ROW = re.compile(r"/[!-~]* \| (?P<origin>[!-~]+) \| ", re.A)  # an Origin header is plain ASCII
_START_S = 10.0


class SnapshotError(Exception):
    """The file cannot be used as a snapshot; the message is for the operator."""


def snapshot(settings: GatewaySettings, templates: Path, nginx: str, known: str = "") -> str:
    """The behaviour of these settings and templates as text.

    known   an earlier snapshot: its origins are asked again
    Raises  SnapshotError for what is no snapshot, RenderError when nginx does not take the
            configuration
    """
    origins = dict.fromkeys([*probes(settings.cors.origins), *_origins_of(known)])
    methods = tuple(dict.fromkeys([*METHODS, *settings.cors.methods, UNLISTED]))
    with _running(settings, templates, nginx) as listen:
        gateway = http.client.HTTPConnection(listen.host, listen.port, timeout=_START_S)
        with closing(gateway):
            rows = [(path, origin) for path in PATHS for origin in sorted(origins)]
            lines = [_line(gateway, path, origin, methods) for path, origin in rows]
    return _HEAD + "\n".join(lines) + "\n"


def recorded(file: Path) -> str:
    """The text of an earlier snapshot, empty where there is none yet; raises SnapshotError."""
    try:
        if not file.parent.is_dir():
            raise SnapshotError(f"{file.parent} is no folder; make it first, or name another file")
        return file.read_text(encoding="utf-8") if file.exists() else ""
    except OSError as error:
        raise SnapshotError(f"{file}: {error.strerror}; name a file that can be read") from error
    except UnicodeError as error:
        raise SnapshotError(f"{file} is no snapshot (not UTF-8); name another file") from error


def record(file: Path, text: str) -> None:
    """Writes a snapshot; raises SnapshotError."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SnapshotError(f"{file}: {error.strerror}; name a file that can be written") from error


def _origins_of(known: str) -> Iterator[str]:
    for number, line in enumerate(known.splitlines(), start=1):
        if line.startswith("#") or not line:
            continue
        row = _ROW.match(line)
        if row is None:
            reason = f"line {number} of the file is no row of a snapshot: {line[:80]!a}"
            raise SnapshotError(f"{reason}; mend it, or record a new file")
        yield row["origin"]


def compared(before: str, now: str, name: str) -> str:
    """The rows that differ, as a unified diff without context; empty when none does."""
    lines = difflib.unified_diff(
        before.splitlines(), now.splitlines(), f"{name} (recorded)", "now", n=0, lineterm=""
    )
    return "\n".join(line for line in lines if not line.startswith("@@"))


def probes(patterns: Iterable[OriginPattern]) -> Iterator[str]:
    """Origins that should be let in, and their neighbours, which should not."""
    for pattern in patterns:
        hosts = [f"a.{pattern.host}", f"a.b.{pattern.host}"] if pattern.subdomains else []
        ports = ["", ":3000", ":65535"] if pattern.any_port else []
        own = f":{pattern.port}" if pattern.port else ""
        for host in hosts or [pattern.host]:
            for port in ports or [own]:
                yield f"{pattern.scheme}://{host}{port}"
        yield from _neighbours(pattern, own)
    yield from STRANGERS


def _neighbours(pattern: OriginPattern, port: str) -> Iterator[str]:
    other = "http" if pattern.scheme == "https" else "https"
    yield f"{other}://{pattern.host}{port}"
    yield f"{pattern.scheme}://{pattern.host}:{8443 if pattern.port != 8443 else 9443}"
    yield f"{pattern.scheme}://{pattern.host}{port}"
    if not pattern.host.startswith("["):
        yield f"{pattern.scheme}://{pattern.host}.evil.example{port}"
        yield f"{pattern.scheme}://evil-{pattern.host}{port}"
        yield f"{pattern.scheme}://evil.{pattern.host}{port}"


def _line(
    gateway: http.client.HTTPConnection, path: str, origin: str, methods: Sequence[str]
) -> str:
    """One row of the matrix: what a browser would let a page of this origin do."""
    read = _ask(gateway, "GET", path, [("Origin", origin)])
    answers = _admitted(read, origin)
    allowed, asked = [], None
    for method in methods:
        wish = [("Origin", origin), ("Access-Control-Request-Method", method)]
        answer = _ask(gateway, "OPTIONS", path, wish)
        listed = _names(answer.get("Access-Control-Allow-Methods", ""))
        free = method in SAFELISTED or "*" in listed
        if _admitted(answer, origin) and (free or method in listed):
            allowed.append(method)
            asked = asked or answer
    if not answers and asked is None:
        return f"{path} | {origin} | -"
    headers = " ".join(_names(_value(asked, "Access-Control-Allow-Headers")))
    exposed = " ".join(_names(_value(read, "Access-Control-Expose-Headers")))
    cached = _value(asked, "Access-Control-Max-Age")
    cells = [" ".join(allowed), headers, answers, exposed, _credentials(asked, read), cached]
    return " | ".join([path, origin, *(cell or "-" for cell in cells)])


def _admitted(answer: http.client.HTTPMessage, origin: str) -> str:
    """The CORS check (Fetch, 4.10), without credentials: `own`, `any`, or nothing."""
    values = answer.get_all("Access-Control-Allow-Origin", [])
    return "own" if values == [origin] else "any" if values == ["*"] else ""


def _credentials(asked: http.client.HTTPMessage | None, read: http.client.HTTPMessage) -> str:
    """Where cookies are allowed; a request with a preflight needs both."""
    name = "Access-Control-Allow-Credentials"
    found = (_value(asked, name) == "true", _value(read, name) == "true")
    return {
        (False, False): "no",
        (True, False): "preflights",
        (False, True): "answers",
        (True, True): "yes",
    }[found]


def _value(answer: http.client.HTTPMessage | None, name: str) -> str:
    return ", ".join(answer.get_all(name, [])) if answer else ""


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


def _ask(
    gateway: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]],
) -> http.client.HTTPMessage:
    gateway.request(method, path, headers=dict(headers))
    with gateway.getresponse() as answer:
        answer.read()  # else the connection could not be used again
        return answer.headers


@contextmanager
def _running(settings: GatewaySettings, templates: Path, nginx: str) -> Iterator[Address]:
    """The gateway on a free port of this machine, with services behind it that answer 200."""
    with stand_in() as service:
        listen = free_address()
        alone = replace(
            settings,
            listen=listen,
            inference=service,
            webui=service,
            tls=OFF,  # the redirect to HTTPS would be all that is seen
            # so many questions come from one client
            limits=replace(settings.limits, connections=0, rate_per_second=0),
        )
        with _started(alone, templates, nginx):
            yield listen


@contextmanager
def _started(settings: GatewaySettings, templates: Path, nginx: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="gateway-snapshot-") as folder:
        out = Path(folder)
        out.chmod(0o755)  # nginx's workers are not root
        revision = render(settings, out, templates, LOG_FILES, nginx)
        command = [nginx, "-e", "stderr", "-p", folder, "-c", f"{folder}/nginx.conf"]
        process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            give_up = time.monotonic() + _START_S
            while pulse(settings.listen) != revision:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RenderError("nginx did not start with this configuration")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait()


def free_address() -> Address:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", int(taken.getsockname()[1]))
