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
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.addresses import Address
from gateway.health import pulse
from gateway.origins import OriginPattern
from gateway.render import LOG_FILES, RenderError, render
from gateway.settings import GatewaySettings
from gateway.tls import OFF

PATHS = ("/api/v1/fusions", "/api/health/ready", "/")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
STRANGERS = ("null", "https://evil.example", "http://localhost:3000", "https://localhost")
SAFELISTED = frozenset({"GET", "HEAD", "POST"})  # Fetch, 2.2.1: need no permission of their own
_HEAD = """\
# Who may call what from a page of another origin, as nginx answers. Recorded by `gateway snapshot`;
# `gateway snapshot FILE` compares, `--update` takes the new behaviour over.
# path | origin | methods | request headers | exposed headers | credentials | seconds cached
"""
_START_S = 10.0


def snapshot(settings: GatewaySettings, templates: Path, nginx: str, known: str = "") -> str:
    """The behaviour of these settings and templates as text.

    known   an earlier snapshot: its origins are asked again
    Raises  RenderError when nginx does not take the configuration
    """
    before = [line.split(" | ")[1] for line in known.splitlines() if " | " in line[1:]]
    origins = dict.fromkeys([*probes(settings.cors.origins), *before])
    origins.pop("origin", None)  # of the heading
    with _running(settings, templates, nginx) as listen:
        lines = [_line(listen, path, origin) for path in PATHS for origin in sorted(origins)]
    return _HEAD + "\n".join(lines) + "\n"


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


def _line(listen: Address, path: str, origin: str) -> str:
    """One row of the matrix: what a browser would let a page of this origin do."""
    read = _ask(listen, "GET", path, [("Origin", origin)])
    if not _admitted(read, origin):
        return f"{path} | {origin} | -"
    methods, headers, cached = [], "", ""
    for method in METHODS:
        wish = [("Origin", origin), ("Access-Control-Request-Method", method)]
        answer = _ask(listen, "OPTIONS", path, wish)
        allowed = _names(answer.get("Access-Control-Allow-Methods", ""))
        free = method in SAFELISTED or "*" in allowed
        if _admitted(answer, origin) and (free or method in allowed):
            methods.append(method)
            headers = " ".join(_names(answer.get("Access-Control-Allow-Headers", "")))
            cached = answer.get("Access-Control-Max-Age", "")
    exposed = " ".join(_names(read.get("Access-Control-Expose-Headers", "")))
    credentials = "yes" if read.get("Access-Control-Allow-Credentials") == "true" else "no"
    cells = [path, origin, " ".join(methods), headers, exposed, credentials, cached]
    return " | ".join(cell or "-" for cell in cells)


def _admitted(answer: http.client.HTTPMessage, origin: str) -> bool:
    """The CORS check (Fetch, 4.10), without credentials."""
    values = answer.get_all("Access-Control-Allow-Origin", [])
    return values in ([origin], ["*"])


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


def _ask(
    listen: Address, method: str, path: str, headers: Sequence[tuple[str, str]]
) -> http.client.HTTPMessage:
    connection = http.client.HTTPConnection(listen.host, listen.port, timeout=_START_S)
    try:
        connection.request(method, path, headers=dict(headers))
        return connection.getresponse().headers
    finally:
        connection.close()


@contextmanager
def _running(settings: GatewaySettings, templates: Path, nginx: str) -> Iterator[Address]:
    """The gateway on a free port of this machine, with nobody behind it."""
    listen, nobody = free_address(), free_address()
    # plain: the redirect to HTTPS would be all that is seen
    alone = replace(settings, listen=listen, inference=nobody, webui=nobody, tls=OFF)
    with tempfile.TemporaryDirectory(prefix="gateway-snapshot-") as folder:
        out = Path(folder)
        out.chmod(0o755)  # nginx's workers are not root
        revision = render(alone, out, templates, LOG_FILES, nginx)
        command = [nginx, "-e", "stderr", "-p", folder, "-c", f"{folder}/nginx.conf"]
        process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            give_up = time.monotonic() + _START_S
            while pulse(listen) != revision:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RenderError("nginx did not start with this configuration")
                time.sleep(0.02)
            yield listen
        finally:
            process.terminate()
            process.wait()


def free_address() -> Address:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", int(taken.getsockname()[1]))
