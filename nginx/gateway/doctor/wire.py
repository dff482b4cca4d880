"""Sends one request as a browser would and says in types what came back.

No cookies, no proxy, no redirect is followed, at most one request at a time.
"""

import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from gateway.doctor.connection import Connection
from gateway.doctor.failures import BrokenAnswer, Failure, failure_of
from gateway.doctor.fetch import REDIRECTS, Headers, origin_of, parsed_url
from gateway.doctor.http1 import BodyFault, Head, read_body, read_head

# Firewalls of content networks turn away what names no browser at all.
USER_AGENT = "Mozilla/5.0 (compatible; gateway-doctor)"
_LONGEST_BODY = 4096  # of errors: enough for the words by which servers are told apart
_MOST_BODY = 1024 * 1024  # enough to see how a body is sent, and no download
_BODILESS = frozenset({204, 304})  # RFC 9112 6.3


@dataclass(frozen=True)
class Answer(Head):
    """A whole answer, with the beginning of its body where that was read."""

    body: bytes = b""
    body_fault: BodyFault | None = None

    def get(self, name: str) -> str | None:
        """All lines joined (Fetch 2.2.2, "get"); None for none."""
        lines = self.lines(name)
        return ", ".join(lines) if lines else None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status <= 299  # Fetch 2.2.3, "ok status"

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as written; None for other answers.

        Browsers take a redirect to nowhere for an answer like any other.
        """
        return (self.get("Location") or None) if self.status in REDIRECTS else None

    def says(self, *words: str) -> bool:
        text = self.body.decode("utf-8", "replace").lower()
        return any(word in text for word in words)


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it.

    purpose  why it was sent, in one word
    origin   what it said in Origin; "" for none
    names    of the other headers it had; values may be secrets and are not kept
    """

    purpose: str
    method: str
    url: str
    origin: str
    names: tuple[str, ...]
    result: Answer | Failure

    @property
    def answer(self) -> Answer | None:
        return self.result if isinstance(self.result, Answer) else None

    @property
    def target(self) -> str | None:
        """The address that a redirect leads to; None where there is none that browsers take."""
        location = self.answer.location if self.answer else None
        if location is None:
            return None
        try:
            # bytes that are no ASCII are UTF-8 to browsers, whatever HTTP says of headers
            text = location.encode("latin-1").decode("utf-8", "replace")
            return parsed_url(urljoin(self.url, text))
        except ValueError:
            return None


class Wire:
    """The way to the server, in HTTP/1.1 only.

    timeout_s  for each request, from the connection to the end of the answer
    insecure   any certificate will do
    """

    def __init__(self, timeout_s: float, insecure: bool = False) -> None:
        self._timeout_s = timeout_s
        self._tls = _tls(insecure)
        self.sent: list[Exchange] = []

    def send(
        self,
        purpose: str,
        method: str,
        url: str,
        origin: str,
        headers: Headers = (),
        whole: bool = False,
    ) -> Exchange:
        """One request; `whole` also reads the body that a page would read."""
        result = self._result(method, url, origin, headers, whole)
        names = tuple(name for name, _ in headers)
        exchange = Exchange(purpose, method, url, origin, names, result)
        self.sent.append(exchange)
        return exchange

    def _result(
        self, method: str, url: str, origin: str, headers: Headers, whole: bool
    ) -> Answer | Failure:
        address = urlsplit(url)
        tls = self._tls if address.scheme == "https" else None
        try:
            with Connection(address, tls, self._timeout_s) as connection:
                connection.send(_request(method, url, origin, headers))
                return _read(connection, method, whole)
        except (OSError, BrokenAnswer) as error:
            failure = failure_of(error)
        if failure.kind == "closed" and tls is None and self._takes_tls(address):
            return Failure("http_to_https_port", failure.detail)
        return failure

    def _takes_tls(self, address: SplitResult) -> bool:
        """Whether a port that closes on plain http speaks TLS: OpenSSL's servers send no alert."""
        try:
            with Connection(address, _tls(insecure=True), self._timeout_s):
                return True
        except OSError:
            return False


def _tls(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Python 3.13 refuses certificates of private authorities for formal faults that no
    # browser minds; without the flag both agree.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _request(method: str, url: str, origin: str, headers: Headers) -> bytes:
    address = urlsplit(url)
    target = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
    host = origin_of(url).partition("://")[2]
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (*_browser_headers(method, origin), *headers)]
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _browser_headers(method: str, origin: str) -> Headers:
    # close: an answer that is shorter than its length then ends at once
    always = (("Accept", "*/*"), ("User-Agent", USER_AGENT), ("Sec-Fetch-Mode", "cors"))
    length = (("Content-Length", "0"),) if method == "POST" else ()
    asking = (("Origin", origin),) if origin else ()
    return (("Connection", "close"), *always, *asking, *length)


def _read(connection: Connection, method: str, whole: bool) -> Answer:
    head = read_head(connection)
    if method == "HEAD" or head.status in _BODILESS or not (whole or head.status >= 400):
        return Answer(head.status, head.headers, head.malformed)
    body, fault = read_body(connection, head, _MOST_BODY if whole else _LONGEST_BODY)
    return Answer(head.status, head.headers, head.malformed, body[:_LONGEST_BODY], fault)
