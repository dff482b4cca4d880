"""An answer in HTTP/1.x as browsers read it: more leniently than RFC 9112, and in places stricter.

Python's own reader drops all headers after a bad line, stops at 100 of them and knows no 1xx but
100. What is done here in place of it was seen in Chromium 156.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.doctor.connection import Connection
from gateway.doctor.failures import BrokenAnswer
from gateway.doctor.fetch import Headers

BodyFault = Literal["body_cut", "chunks_broken"]

# net/http/http_stream_parser.h, kMaxHeaderBufSize
_MOST_HEADERS = 256 * 1024
# A few stray bytes of the answer before are no other protocol (kStatusLineHttpSlop).
_START = re.compile(rb".{0,4}?http", re.I | re.S)
_LONGEST_START = 8
_SHOWN = 40  # bytes of what is wrong, for the evidence
_SPACE = " \t"  # RFC 9110 5.6.3
_TLS_ALERT = b"\x15\x03"  # RFC 8446 5.1: a record of type alert, version 3.x
_END = re.compile(rb"[^\r\n]\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP(?:/[0-9.]+)? +([0-9]{3})(?: |$)", re.I)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.S)
# Two different values of one of these look like response splitting (RFC 9112 11.1).
_ONCE = ("Content-Disposition", "Content-Length", "Location")


@dataclass(frozen=True)
class Head:
    """Status, header lines in their order, and the lines among them that are no proper header."""

    status: int
    headers: Headers
    malformed: tuple[str, ...] = ()

    def lines(self, name: str) -> list[str]:
        """The value of each line of this name, spelled in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def members(self, name: str) -> set[str]:
        """The members of a comma-separated list, in lower case."""
        return {item.strip().lower() for item in ",".join(self.lines(name)).split(",")} - {""}

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.members("Transfer-Encoding")

    @property
    def length(self) -> int | None:
        """Of the body; None where it ends with the connection, as with a length that is none."""
        value = next(iter(self.lines("Content-Length")), "")
        # 18 digits fit into 64 bits
        return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None


def read_head(connection: Connection) -> Head:
    """The head of the final answer, after any 1xx; raises BrokenAnswer and OSError."""
    while True:
        head = _parsed(_block(connection))
        if not 100 <= head.status <= 199:
            return head


def read_body(connection: Connection, head: Head, most: int) -> tuple[bytes, BodyFault | None]:
    """The body's first `most` bytes or more, and why a browser's reading of it fails.

    What goes on beyond them or beyond the deadline may be a stream: it has no fault.
    """
    body = bytearray()
    pieces = _chunks(connection) if head.is_chunked else _plain(connection, head.length)
    try:
        for piece in pieces:
            body += piece
            if len(body) >= most:
                break
    except TimeoutError:
        pass
    except (EOFError, OSError):
        return bytes(body), "body_cut"
    except _BrokenChunk:
        return bytes(body), "chunks_broken"
    return bytes(body), None


class _BrokenChunk(Exception):
    """A chunk without a size or without its end."""


def _plain(connection: Connection, length: int | None) -> Iterator[bytes]:
    left = length
    while left is None or left > 0:
        if not connection.buffer:
            try:
                connection.receive()
            except EOFError:
                if left is None:
                    return
                raise
        piece = connection.take(min(len(connection.buffer), left or len(connection.buffer)))
        left = None if left is None else left - len(piece)
        yield piece


def _chunks(connection: Connection) -> Iterator[bytes]:
    """RFC 9112 7.1."""
    while found := _CHUNK_SIZE.fullmatch(connection.line()):
        size = int(found[1], 16)
        yield from _plain(connection, size)
        if size == 0:
            while connection.line():
                pass  # trailers
            return
        if connection.line():
            break
    raise _BrokenChunk


def _block(connection: Connection) -> bytes:
    """Status line and header lines, without the empty line at their end."""
    buffer = connection.buffer
    while not (end := _END.search(buffer)):
        _check_start(buffer, len(buffer) >= _LONGEST_START)
        if len(buffer) > _MOST_HEADERS:
            raise BrokenAnswer("answer_headers_too_large", f"more than {_MOST_HEADERS} bytes")
        try:
            connection.receive()
        except EOFError:
            if not buffer:
                raise BrokenAnswer("closed", "the connection ended") from None
            _check_start(buffer, True)
            raise BrokenAnswer("headers_cut", f"after {len(buffer)} bytes") from None
    _check_start(buffer, True)
    if end.end() > _MOST_HEADERS:
        raise BrokenAnswer("answer_headers_too_large", f"{end.end()} bytes")
    return connection.take(end.end())


def _check_start(buffer: bytearray, is_long_enough: bool) -> None:
    if buffer.startswith(_TLS_ALERT):
        raise BrokenAnswer("http_to_https_port", "a TLS alert")
    if is_long_enough and not _START.match(buffer):
        raise BrokenAnswer("not_http", repr(bytes(buffer[:_SHOWN])))


def _parsed(block: bytes) -> Head:
    if b"\0" in block:
        before = block[: block.index(b"\0") + 1]
        raise BrokenAnswer("nul_in_headers", repr(before[-_SHOWN:]))
    first, *lines = block.decode("latin-1").strip("\r\n").split("\n")
    # stray bytes of the answer before may be a line of their own
    while lines and "http" not in first.lower():
        first = lines.pop(0)
    found = _STATUS_LINE.search(first.rstrip("\r"))
    if found is None:
        raise BrokenAnswer("status_line_broken", repr(first[:_SHOWN]))
    head = _with_headers(int(found[1]), [line.removesuffix("\r") for line in lines])
    for name in _ONCE:
        values = set(head.lines(name))
        if name == "Content-Length":
            values = set() if head.is_chunked else head.members(name)
        if len(values) > 1:
            raise BrokenAnswer("header_twice", f"{name}: {', '.join(sorted(values))}")
    return head


def _with_headers(status: int, lines: Sequence[str]) -> Head:
    headers: list[tuple[str, str]] = []
    malformed: list[str] = []
    for line in lines:
        if "\r" in line:
            malformed.append(line)
        for part in line.split("\r"):  # which ends a line in Chromium, and in others does not
            if part[:1] in {" ", "\t"} and headers:  # RFC 9112 5.2: folded
                name, value = headers.pop()
                headers.append((name, f"{value} {part.strip(_SPACE)}".strip(_SPACE)))
                continue
            name, colon, value = part.partition(":")
            own_name = name.strip(_SPACE)
            if not colon or not _TOKEN.fullmatch(name):
                malformed.append(line)
            if colon and _TOKEN.fullmatch(own_name):
                headers.append((own_name, value.strip(_SPACE)))
    return Head(status, tuple(headers), tuple(dict.fromkeys(malformed)))
