"""Method and header names of a CORS policy: which the Fetch standard lets a policy list at all.

Source: Fetch, "forbidden method", "forbidden request-header" and "CORS protocol" sections.
"""

import re
from collections.abc import Callable

from gateway.faults import Refused

# The token characters of RFC 9110 5.6.2 that real names use; the rest of them ($ ' ` # among
# them) would only serve an attack on the rendered configuration.
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")

STANDARD_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})
# fmt: off
FORBIDDEN_REQUEST_HEADERS = frozenset({
    "accept-charset", "accept-encoding", "connection", "content-length", "cookie", "cookie2",
    "date", "dnt", "expect", "host", "keep-alive", "origin", "referer", "set-cookie", "te",
    "trailer", "transfer-encoding", "upgrade", "via",
})
# fmt: on
FORBIDDEN_PREFIXES = ("sec-", "proxy-", "access-control-")
FORBIDDEN_RESPONSE_HEADERS = frozenset({"set-cookie", "set-cookie2"})


def parse_method(text: str) -> str:
    if text == "*":
        return text
    upper = text.upper()
    if not _TOKEN.fullmatch(text):
        raise Refused("it is not a method name", "GET, HEAD, POST, PUT, PATCH, DELETE")
    if upper in FORBIDDEN_METHODS:
        raise Refused("browsers refuse to send this method from a page", "remove it")
    if upper in STANDARD_METHODS and text != upper:
        # `fetch(url, {method: "patch"})` really sends "patch", which is not PATCH
        raise Refused("method names are case-sensitive", upper)
    return text


def parse_request_header(text: str) -> str:
    """A name for Access-Control-Allow-Headers."""
    if text == "*":
        return text
    name = _header(text).lower()
    if name.startswith("access-control-"):
        raise Refused("it belongs to the CORS protocol itself", "remove it")
    if name in FORBIDDEN_REQUEST_HEADERS or name.startswith(FORBIDDEN_PREFIXES):
        raise Refused("browsers never let a page set this header", "remove it")
    return text


def parse_exposed_header(text: str) -> str:
    """A name for Access-Control-Expose-Headers."""
    if text == "*":
        return text
    name = _header(text).lower()
    if name in FORBIDDEN_RESPONSE_HEADERS:
        raise Refused("browsers never show cookies of an answer to a page", "remove it")
    if name.startswith("access-control-"):
        raise Refused("it belongs to the CORS protocol itself", "remove it")
    return text


def unique(names: tuple[str, ...], key: Callable[[str], str] = str.lower) -> tuple[str, ...]:
    """The first of each name, compared by `key`; header names differ in case only by spelling."""
    return tuple({key(name): name for name in reversed(names)}.values())[::-1]


def _header(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise Refused("it is not a header name", "check the spelling, for example Content-Type")
    return text
