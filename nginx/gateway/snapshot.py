"""The behaviour of a policy as a file: who may do what where, asked of a real nginx.

A change of settings or templates is then reviewed as a change of behaviour, line by line.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.origins import OriginPattern
from gateway.settings import GatewaySettings
from gateway.tls import OFF
from gateway.trial import Answer, Trial, admitted, names_in, trial, value_of

# Addresses of every kind below the API, an error of nginx's own among them (internal), their
# neighbours, and what lies outside.
PATHS = (
    "/api",
    "/api/",
    "/api/v1/fusions",
    "/api/v1/faces",
    "/api/v1/images",
    "/api/v1/images/id",
    "/api/v1/models",
    "/api/health/ready",
    "/api/docs",
    "/api/openapi.json",
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
STRANGERS = ("https://evil.example", "null", "http://localhost:3000", "https://localhost")
SAFELISTED = frozenset({"GET", "HEAD", "POST"})  # Fetch, 2.2.1: need no permission of their own
_HEAD = """\
# Who may call what from a page of another origin, as nginx answers. Recorded by `gateway snapshot`;
# `gateway snapshot FILE` compares, `--update` takes the new behaviour over.
# Answers: own (readable by this origin), any (by every origin) or -; a lone - means nothing at all.
# path | origin | methods | request headers | answers | exposed headers | credentials | max-age
"""
_NOTHING = " | -"  # all that follows path and origin where nothing is allowed
_ROW = re.compile(r"/[!-~]* \| (?P<origin>[!-~]+) \| ", re.A)  # an Origin header is plain ASCII


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
    # without HTTPS the same is seen, and no certificate is needed
    with trial(replace(settings, tls=OFF), templates, nginx) as doors:
        rows = [(path, origin) for path in PATHS for origin in sorted(origins)]
        lines = [_line(doors.main, path, origin, methods) for path, origin in rows]
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
    """The rows that differ, as a unified diff without context; empty when none does.

    Left out: neighbours of a new origin that are not let in, and were not asked about before.
    """
    old = before.splitlines()
    asked = {_asked(row) for row in old}
    new = [
        row for row in now.splitlines() if row != f"{_asked(row)}{_NOTHING}" or _asked(row) in asked
    ]
    lines = difflib.unified_diff(old, new, f"{name} (recorded)", "now", n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _asked(row: str) -> str:
    """Path and origin of a row."""
    return " | ".join(row.split(" | ")[:2])


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


def _line(gateway: Trial, path: str, origin: str, methods: Sequence[str]) -> str:
    """One row of the matrix: what a browser would let a page of this origin do."""
    read = gateway.ask("GET", path, [("Origin", origin)])
    answers = admitted(read, origin)
    allowed, asked = [], None
    for method in methods:
        answer = gateway.preflight(path, origin, method)
        listed = names_in(answer.get("Access-Control-Allow-Methods", ""))
        free = method in SAFELISTED or "*" in listed
        if admitted(answer, origin) and (free or method in listed):
            allowed.append(method)
            asked = asked or answer
    if not answers and asked is None:
        return f"{path} | {origin}{_NOTHING}"
    headers = " ".join(names_in(value_of(asked, "Access-Control-Allow-Headers")))
    exposed = " ".join(names_in(value_of(read, "Access-Control-Expose-Headers")))
    cached = value_of(asked, "Access-Control-Max-Age")
    cells = [" ".join(allowed), headers, answers, exposed, _credentials(asked, read), cached]
    return " | ".join([path, origin, *(cell or "-" for cell in cells)])


def _credentials(asked: Answer | None, read: Answer) -> str:
    """Where cookies are allowed; a request with a preflight needs both."""
    name = "Access-Control-Allow-Credentials"
    found = (value_of(asked, name) == "true", value_of(read, name) == "true")
    return {
        (False, False): "no",
        (True, False): "preflights",
        (False, True): "answers",
        (True, True): "yes",
    }[found]
