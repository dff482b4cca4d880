"""The call of a page that is to be examined, as it was written on the command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from gateway.doctor import fetch
from gateway.faults import Refused
from gateway.names import FORBIDDEN_METHODS, FORBIDDEN_PREFIXES, FORBIDDEN_REQUEST_HEADERS
from gateway.origins import OriginPattern, parse_origin

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# `--header Content-Type` without a value: the type that makes calls of today's pages unsafe
_ASSUMED_TYPE = "application/json"
_EXAMPLE = "https://app.example.com"


class WrongUsage(Exception):
    """A word of the command line that no browser could turn into a call.

    key, values  of the text that says so
    """

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True)
class Call:
    """`fetch(url, {method, headers, credentials})` on a page of `origin`.

    url      absolute, ASCII, without a fragment
    headers  (name, value); "" where only the name is known: it is announced, but not sent
    expose   response headers that the page wants to read
    """

    url: str
    origin: str
    method: str = "GET"
    headers: fetch.Headers = ()
    credentials: bool = False
    expose: tuple[str, ...] = ()

    @cached_property
    def api_origin(self) -> str:
        return fetch.origin_of(self.url)

    @property
    def is_same_origin(self) -> bool:
        return self.origin == self.api_origin

    @property
    def needs_preflight(self) -> bool:
        return not self.is_same_origin and fetch.needs_preflight(self.method, self.headers)

    @property
    def is_mixed_content(self) -> bool:
        """An https page asks an http address that is not the visitor's own machine.

        Source  Mixed Content 4.4, with Secure Contexts 3.1 for what is trustworthy
        """
        return self.origin.startswith("https://") and is_unencrypted(self.url)

    @property
    def probe_method(self) -> str:
        """What is really sent: POST without a body, GET for what could change or delete."""
        return self.method if self.method in {"GET", "HEAD", "OPTIONS", "POST"} else "GET"


def read_call(
    url: str,
    origin: str,
    method: str = "GET",
    headers: Sequence[str] = (),
    credentials: bool = False,
    expose: Sequence[str] = (),
) -> Call:
    """Raises WrongUsage for the first word that is none of a browser's."""
    return Call(
        _read_url(url),
        _read_origin(origin),
        _read_method(method),
        tuple(_read_header(text) for text in headers),
        credentials,
        tuple(_read_name(text) for text in expose),
    )


def is_unencrypted(url: str) -> bool:
    """Whether a secure page may not ask this address."""
    if url.startswith("https://"):
        return False
    pattern = _pattern(fetch.origin_of(url))
    return pattern is None or not pattern.is_loopback


def _read_url(text: str) -> str:
    try:
        return fetch.parsed_url(text)
    except ValueError:
        raise WrongUsage("usage_url", url=text) from None


def _read_origin(text: str) -> str:
    if text == "null":
        raise WrongUsage("usage_null", instead=_EXAMPLE)
    pattern = _pattern(text)
    if pattern is None or pattern.subdomains or pattern.any_port:
        raise WrongUsage("usage_origin", value=text, instead=_instead(text))
    return text


def _instead(text: str) -> str:
    """The origin that was most likely meant, else an example."""
    try:
        parse_origin(text)
    except Refused as error:  # it knows how other alphabets are written
        if _pattern(error.fix):
            return error.fix
    try:
        meant = fetch.origin_of(text if "://" in text else f"https://{text}")
    except ValueError:
        return _EXAMPLE
    pattern = _pattern(meant)
    is_host = pattern is not None and ("." in pattern.host or pattern.is_loopback)
    return meant if pattern and is_host and not pattern.subdomains else _EXAMPLE


def _pattern(origin: str) -> OriginPattern | None:
    try:
        return parse_origin(origin)
    except Refused:
        return None


def _read_method(text: str) -> str:
    if not _TOKEN.fullmatch(text) or text.upper() in FORBIDDEN_METHODS:
        raise WrongUsage("usage_method", value=text)
    return fetch.normalized_method(text)


def _read_header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    name, value = _read_name(name.strip()), value.strip()
    lower = name.lower()
    if lower in FORBIDDEN_REQUEST_HEADERS or lower.startswith(FORBIDDEN_PREFIXES):
        raise WrongUsage("usage_forbidden_header", value=name)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or not value.isascii():
        raise WrongUsage("usage_header", value=name)
    return name, value or (_ASSUMED_TYPE if lower == "content-type" else "")


def _read_name(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise WrongUsage("usage_header", value=text)
    return text


def of_address(url: str) -> dict[str, str]:
    """What texts say of an address; `secure` is the one to try over TLS."""
    parts = urlsplit(url)
    return {
        "url": url,
        "host": parts.hostname or "",
        "port": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "secure": url.replace("http://", "https://", 1),
    }
