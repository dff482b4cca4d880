"""The service's own CORS, for those who run it without the gateway; off unless a policy is given.

The policy is the document that `scripts/gateway policy` writes, so both decide from the same lists,
and the headers follow the same rules as the gateway's: below /api only, errors included. Behind the
gateway it is harmless, which hides what a service says about CORS.

Source: Fetch, https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]

_VERSION = 1
_LONGEST_MAX_AGE_S = 86_400  # Firefox's cap, the highest of any browser
_CORS = b"access-control-"
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_NAME = re.compile(r"\*|[A-Za-z0-9._-]{1,64}")
_ORIGIN = re.compile(r"(https?)://(\*\.)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\*|:[1-9][0-9]{0,4})?")
# What the wildcards of version 1 stand for: labels of RFC 1123 and the underscore, in a host of at
# most 253 bytes (RFC 1035), and a port without leading zeros.
_SUBDOMAINS = r"(?=[^:]{1,253}(?::|$))(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+"
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class CorsPolicy:
    """Who may call from another origin, and how.

    origins      anchored expressions; empty: nobody but pages of the same origin
    any_origin   `*`: everybody, then `origins` is empty and `credentials` False
    max_age_s    seconds a browser may keep a preflight's answer; None sends no header
    """

    any_origin: bool
    origins: tuple[re.Pattern[str], ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    credentials: bool
    max_age_s: int | None

    def allow_origin(self, origins: list[str]) -> str:
        """The value of Access-Control-Allow-Origin for a request's Origin lines; "" for none."""
        if self.any_origin:
            return "*"
        if len(origins) != 1:
            return ""
        # fullmatch: Python's `$` alone would let a line break through
        allowed = any(pattern.fullmatch(origins[0]) for pattern in self.origins)
        return origins[0] if allowed else ""

    def headers_for(self, origins: list[str], preflight: bool) -> RawHeaders:
        """The Access-Control-* headers of an answer; none for an origin that is not allowed."""
        allow_origin = self.allow_origin(origins)
        if not allow_origin:
            return []
        named = {"allow-origin": allow_origin}
        named["allow-credentials"] = "true" if self.credentials else ""
        if preflight:
            # The whole lists, whatever was asked for: browsers then name what is missing.
            named["allow-methods"] = ", ".join(self.methods)
            named["allow-headers"] = ", ".join(self.headers)
            named["max-age"] = "" if self.max_age_s is None else str(self.max_age_s)
        else:
            named["expose-headers"] = ", ".join(self.exposed_headers)
        rows = ((_CORS + name.encode(), value.encode()) for name, value in named.items())
        return [(name, value) for name, value in rows if value]


class Cors:
    """The outermost layer: every answer below /api gets the decision, unforeseen 500s as well."""

    def __init__(self, app: ASGIApp, policy: CorsPolicy) -> None:
        self._app, self._policy = app, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_api(scope):
            await self._app(scope, receive, send)
            return
        preflight = _is_preflight(scope)
        decision = self._policy.headers_for(Headers(scope=scope).getlist("origin"), preflight)
        # Caches must know what an answer depends on, whether the origin was allowed or not.
        varies = "Origin" if self._policy.origins else ""

        async def send_decided(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _with_vary(message["headers"], _PREFLIGHT_VARY if preflight else varies)
                message = {**message, "headers": headers + decision}
            await send(message)

        await self._app(scope, receive, send_decided)


class Preflights:
    """The innermost layer, so that preflights are named and logged as all requests are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = _is_api(scope) and _is_preflight(scope)
        # 204 without a body and what would describe one; Cors adds the decision.
        app = Response(status_code=HTTPStatus.NO_CONTENT) if answered else self._app
        await app(scope, receive, send)


def _is_api(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    # normalised, as the gateway sees it: /api is /api however it is written
    return posixpath.normpath(f"/{scope['path'].lstrip('/')}").split("/")[1] == "api"


def _is_preflight(scope: Scope) -> bool:
    """OPTIONS with Origin and Access-Control-Request-Method (Fetch, 4.8); others are requests."""
    headers = Headers(scope=scope)
    asked = (headers.getlist(name) for name in ("origin", "access-control-request-method"))
    return scope["method"] == "OPTIONS" and all(any(lines) for lines in asked)


def _with_vary(headers: Iterable[tuple[bytes, bytes]], vary: str) -> RawHeaders:
    """The headers of an answer without their own Access-Control-*, with `vary` in a single Vary."""
    kept = [(name, value) for name, value in headers if not name.lower().startswith(_CORS)]
    lines = [value.decode("latin-1") for name, value in kept if name.lower() == b"vary"]
    there = {member.strip().lower() for line in lines for member in line.split(",")}
    if not vary or there & {"origin", "*"}:
        return kept
    joined = ", ".join([*lines, vary]).encode("latin-1")
    return [row for row in kept if row[0].lower() != b"vary"] + [(b"vary", joined)]


def parse_policy(text: str) -> CorsPolicy:
    """Reads a document of `scripts/gateway policy`; anything unknown in it is refused.

    Raises   ValueError with everything that is wrong
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON document: {error}") from error
    problems = list(_problems(document))
    if problems:
        raise ValueError(f"is no policy of `scripts/gateway policy`: {'; '.join(problems)}")
    return CorsPolicy(
        any_origin=document["any_origin"],
        origins=tuple(re.compile(row["pattern"]) for row in document["origins"]),
        methods=tuple(document["methods"]),
        headers=tuple(document["headers"]),
        exposed_headers=tuple(document["exposed_headers"]),
        credentials=document["credentials"],
        max_age_s=document["max_age_s"],
    )


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(repeated)} is there twice")
    return dict(pairs)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _are_names(value: object) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(name, str) for name in value)
        and all(_NAME.fullmatch(name) for name in value)
    )


def _are_origins(value: object) -> bool:
    keys = {"origin", "pattern"}
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and set(row) == keys
        and all(isinstance(row[key], str) for key in keys)
        for row in value
    )


def _is_max_age(value: object) -> bool:
    # not isinstance: True is an int, too
    return value is None or (type(value) is int and 0 <= value <= _LONGEST_MAX_AGE_S)


_NAMES = (_are_names, "must be a list of names")
_SWITCH = (_is_switch, "must be true or false")
# Key -> whether a value can be used, and what it must be.
_KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    "version": (lambda value: type(value) is int and value == _VERSION, f"must be {_VERSION}"),
    "any_origin": _SWITCH,
    "origins": (_are_origins, "must be a list of objects with origin and pattern"),
    "methods": _NAMES,
    "headers": _NAMES,
    "exposed_headers": _NAMES,
    "credentials": _SWITCH,
    "max_age_s": (_is_max_age, f"must be 0 to {_LONGEST_MAX_AGE_S}, or null"),
}


def _problems(document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "it is no object"
        return
    yield from (f"{key} is missing" for key in _KEYS if key not in document)
    yield from (f"{key!r} is unknown" for key in document if key not in _KEYS)
    unusable = [key for key in _KEYS if key in document and not _KEYS[key][0](document[key])]
    yield from (f"{key} {_KEYS[key][1]}" for key in unusable)
    if unusable or set(document) != set(_KEYS):
        return
    for row in document["origins"]:
        if not row["pattern"] or row["pattern"] != _meaning(row["origin"]):
            yield f"the pattern of {row['origin']!r} is not what this origin means"
    if document["any_origin"] and document["origins"]:
        yield "any_origin leaves no room for origins"
    lists = ("methods", "headers", "exposed_headers")
    stars = [key for key in lists if "*" in document[key]]
    stars += ["any_origin"] if document["any_origin"] else []
    if document["credentials"] and stars:
        yield f"with credentials browsers take the `*` of {' and '.join(stars)} literally"


def _meaning(origin: str) -> str:
    """The one expression that a document may give for an origin; "" for what is no origin.

    Compared and not trusted: a damaged or edited pattern would decide about every request, and no
    number of examples can show that an expression matches nothing else.
    """
    parts = _ORIGIN.fullmatch(origin)
    if parts is None:
        return ""
    scheme, subdomains, host, port = parts.groups(default="")
    if port == ":*":
        port = f"(?::(?!{_DEFAULT_PORTS[scheme]}$){_PORT})?"
    literal = re.sub(r"([.\[\]])", r"\\\1", host)
    return f"^{scheme}://{_SUBDOMAINS if subdomains else ''}{literal}{port}$"
