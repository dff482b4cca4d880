"""Sends one request as a browser would and says in types what came back.

No cookies, no proxy, no redirect is followed, at most one request at a time.
"""

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from gateway.doctor.failures import Failure, failure_of
from gateway.doctor.fetch import REDIRECTS, Headers, parsed_url

# Firewalls of content networks turn away what names no browser at all.
USER_AGENT = "Mozilla/5.0 (compatible; gateway-doctor)"
_LONGEST_BODY = 4096  # of errors only: enough for the words by which servers are told apart


@dataclass(frozen=True)
class Answer:
    """Status, header lines in their order, and the beginning of an error's body."""

    status: int
    headers: Headers
    body: bytes = b""

    def lines(self, name: str) -> list[str]:
        """The value of each line of this name, spelled in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """All lines joined (Fetch 2.2.2, "get"); None for none."""
        lines = self.lines(name)
        return ", ".join(lines) if lines else None

    def members(self, name: str) -> set[str]:
        """The members of a comma-separated list, in lower case."""
        return {item.strip().lower() for item in (self.get(name) or "").split(",")} - {""}

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
    """The way to the server.

    timeout_s  for the connection and for each wait of it
    insecure   any certificate will do
    """

    def __init__(self, timeout_s: float, insecure: bool = False) -> None:
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context()
        # Python 3.13 refuses certificates of private authorities for formal faults that no
        # browser minds; without the flag both agree.
        self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if insecure:
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE
        self.sent: list[Exchange] = []

    def send(
        self, purpose: str, method: str, url: str, origin: str, headers: Headers = ()
    ) -> Exchange:
        result = self._result(method, url, origin, headers)
        names = tuple(name for name, _ in headers)
        exchange = Exchange(purpose, method, url, origin, names, result)
        self.sent.append(exchange)
        return exchange

    def _result(self, method: str, url: str, origin: str, headers: Headers) -> Answer | Failure:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        )
        try:
            target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (*_browser_headers(method, origin), *headers):
                connection.putheader(name, value)
            connection.endheaders()
            return _read(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            return failure_of(error)
        finally:
            connection.close()


def _browser_headers(method: str, origin: str) -> Headers:
    always = (("Accept", "*/*"), ("User-Agent", USER_AGENT), ("Sec-Fetch-Mode", "cors"))
    length = (("Content-Length", "0"),) if method == "POST" else ()
    return (*always, *((("Origin", origin),) if origin else ()), *length)


def _read(response: http.client.HTTPResponse) -> Answer:
    body = b""
    if response.status >= 400:
        try:
            body = response.read(_LONGEST_BODY)
        except (OSError, http.client.HTTPException):
            body = b""  # status and headers are all there: the call was answered
    # RFC 9110 5.5: white space around a value is none of it; http.client leaves it at the end
    headers = tuple((name, value.strip(" \t")) for name, value in response.getheaders())
    return Answer(response.status, headers, body)
