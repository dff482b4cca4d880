"""The Fetch Standard's own questions, in its words and order. https://fetch.spec.whatwg.org

Nothing here knows a server or a fault: the rules say what an answer "no" means.
"""

import re
from collections.abc import Sequence
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit

from gateway.international import to_ascii

Headers = tuple[tuple[str, str], ...]
CorsVerdict = Literal["missing", "star", "mismatch", "credentials"]

# "normalize a method" (2.2.1): PATCH is not among them, `patch` stays `patch`
_NORMALIZED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
# "CORS-safelisted method" (2.2.1)
SAFELISTED_METHODS = frozenset({"GET", "HEAD", "POST"})
# "CORS-safelisted request-header" (2.2.2), with the bounds of one value and of all together
_SAFELISTED_TYPES = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)
_LONGEST_VALUE = 128
_LONGEST_TOGETHER = 1024
_UNSAFE_BYTES = re.compile(r"[\x00-\x08\x0a-\x1f\"():<>?@\[\\\]{}\x7f]")
# "CORS-safelisted response-header name" (2.2.2)
# fmt: off
SAFELISTED_RESPONSE_HEADERS = frozenset({
    "cache-control", "content-language", "content-length", "content-type", "expires",
    "last-modified", "pragma",
})
# fmt: on
# "CORS non-wildcard request-header name" (2.2.2): `*` does not cover it
NON_WILDCARD = "authorization"
REDIRECTS = frozenset({301, 302, 303, 307, 308})  # "redirect status" (2.2.3)
# RFC 3986's characters of paths and queries; "%" because what is quoted already stays as it is
_URL_CHARACTERS = "/?%:@!$&'()*+,;=~-._"
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/<>?@\\^|%]")  # URL, "forbidden domain code point"
_LABELS = re.compile(r"[^.]{1,63}(?:\.[^.]{1,63})*\.?")  # RFC 1035 2.3.4: sockets look up no others


class HeaderList(Protocol):
    """What the questions need of an answer."""

    def get(self, name: str) -> str | None:
        """All lines of the name joined by a comma and a space ("get", 2.2.2); None for none."""


def parsed_url(text: str) -> str:
    """The address that a page can call, in ASCII and without a fragment (URL, "basic URL parser").

    Raises ValueError for what is none: another scheme than http and https, no host, a user name.
    """
    parts = urlsplit(text)
    host = parts.hostname or ""
    host = host if host.isascii() else to_ascii(host)
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise ValueError(text)
    if _FORBIDDEN_IN_HOST.search(host) or not _LABELS.fullmatch(host):
        raise ValueError(text)
    name = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    query = f"?{parts.query}" if parts.query else ""
    path = quote(f"{parts.path or '/'}{query}", safe=_URL_CHARACTERS)
    return f"{parts.scheme}://{name}{port}{path}"


def origin_of(url: str) -> str:
    """scheme://host[:port] with the default port left out (URL, "origin").

    Raises ValueError for a broken port or bracket.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def normalized_method(method: str) -> str:
    return method.upper() if method.upper() in _NORMALIZED else method


def needs_preflight(method: str, headers: Headers) -> bool:
    """ "main fetch" (4.1): a method or header that a form could not send."""
    return method not in SAFELISTED_METHODS or bool(unsafe_names(headers))


def unsafe_names(headers: Headers) -> list[str]:
    """ "CORS-unsafe request-header names" (2.2.2): in lower case, sorted, each once."""
    safe = [(name, value) for name, value in headers if _is_safelisted(name, value)]
    unsafe = [name for name, value in headers if not _is_safelisted(name, value)]
    if sum(len(value) for _, value in safe) > _LONGEST_TOGETHER:
        unsafe += [name for name, _ in safe]
    return sorted({name.lower() for name in unsafe})


def _is_safelisted(name: str, value: str) -> bool:
    if not value or len(value) > _LONGEST_VALUE:
        return False
    match name.lower():
        case "accept":
            return not _UNSAFE_BYTES.search(value)
        case "accept-language" | "content-language":
            return re.fullmatch(r"[0-9A-Za-z *,\-.;=]*", value) is not None
        case "content-type":
            kind = value.partition(";")[0].strip().lower()
            return not _UNSAFE_BYTES.search(value) and kind in _SAFELISTED_TYPES
        case "range":
            return re.fullmatch(r"bytes=\d+-\d*", value) is not None
    return False


def cors_check(origin: str, credentials: bool, answer: HeaderList) -> CorsVerdict | None:
    """ "CORS check" (4.10): None when the page may read the answer, else the step that fails."""
    allowed = answer.get("Access-Control-Allow-Origin")
    if allowed is None:
        return "missing"
    if allowed == "*":
        return "star" if credentials else None
    if allowed != origin:
        return "mismatch"
    if not credentials or answer.get("Access-Control-Allow-Credentials") == "true":
        return None
    return "credentials"


def names_in(answer: HeaderList, header: str) -> list[str] | None:
    """ "extract header list values" (2.2.2): [] without the header, None when it does not parse."""
    value = answer.get(header)
    if value is None:
        return []
    items = [item.strip(" \t") for item in value.split(",")]
    items = [item for item in items if item]  # RFC 9110 5.6.1: empty elements are ignored
    if not all(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", item) for item in items):
        return None
    return items


def allows_method(method: str, listed: Sequence[str], credentials: bool) -> bool:
    """ "CORS-preflight fetch" (4.8), the step on methods; names are case-sensitive."""
    if method in listed or method in SAFELISTED_METHODS:
        return True
    return "*" in listed and not credentials


def refused_names(headers: Headers, listed: Sequence[str], credentials: bool) -> list[str]:
    """ "CORS-preflight fetch" (4.8), the steps on headers: the names that stop the call."""
    known = {name.lower() for name in listed}
    star = "*" in known and not credentials
    return [
        name
        for name in unsafe_names(headers)
        if name not in known and (name == NON_WILDCARD or not star)
    ]
