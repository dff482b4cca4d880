"""Answers that are not quite HTTP, byte by byte."""

from tests.gateway.doctor.kinds import JSON, Broken
from tests.gateway.doctor.servers import raw

_ALLOW = b"Access-Control-Allow-Origin: *\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NUL = b"X-A: a\0b\r\n"


def answer(
    head: bytes = b"Content-Length: 2\r\n",
    body: bytes = b"{}",
    status: bytes = b"HTTP/1.1 200 OK\r\n",
) -> bytes:
    """A good answer for any page, unless one of the parts is not."""
    return status + head + _ALLOW + b"\r\n" + body


def big(count: int) -> bytes:
    return b"X-Big: " + b"x" * count + b"\r\n"


FORM = (
    Broken("a word as status", "status_line_broken", raw(answer(status=b"HTTP/1.1 OK\r\n"))),
    Broken("a status too long", "status_line_broken", raw(answer(status=b"HTTP/1.1 2000 x\r\n"))),
    Broken("ends in the headers", "headers_cut", raw(answer().partition(b"\r\n\r\n")[0])),
    Broken("ends after 103", "closed", raw(b"HTTP/1.1 103 Early Hints\r\n\r\n")),
    Broken("300 KB in a header", "answer_headers_too_large", raw(answer(big(300_000)))),
    Broken("300 KB of headers", "answer_headers_too_large", raw(answer(big(10_000) * 30))),
    Broken("a NUL byte", "nul_in_headers", raw(answer(NUL))),
    Broken("a NUL byte in the preflight", "nul_in_headers", raw(answer(NUL)), JSON),
    Broken(
        "two lengths", "header_twice", raw(answer(b"Content-Length: 2\r\nContent-Length: 3\r\n"))
    ),
    Broken("two lengths in one", "header_twice", raw(answer(b"Content-Length: 2, 3\r\n"))),
    Broken("two Locations", "header_twice", raw(answer(b"Location: /a\r\nLocation: /b\r\n"))),
    Broken("shorter than its length", "body_cut", raw(answer(b"Content-Length: 10\r\n"))),
    Broken("ends in a chunk", "body_cut", raw(answer(CHUNKED, b"20\r\n{}"))),
    Broken("no last chunk", "body_cut", raw(answer(CHUNKED, b"2\r\n{}\r\n"))),
    Broken("nothing after the last chunk", "body_cut", raw(answer(CHUNKED, b"2\r\n{}\r\n0\r\n"))),
    Broken("no chunks", "chunks_broken", raw(answer(CHUNKED, b'{"a": 1}\r\n'))),
    Broken("a chunk of no size", "chunks_broken", raw(answer(CHUNKED, b"\r\n{}\r\n0\r\n\r\n"))),
    Broken("a size below 0", "chunks_broken", raw(answer(CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"))),
    Broken("a chunk that goes on", "chunks_broken", raw(answer(CHUNKED, b"1\r\n{}\r\n0\r\n\r\n"))),
    Broken("a line without end", "chunks_broken", raw(answer(CHUNKED, b"2" * 100_000))),
)

# What browsers take as well as they take any answer.
GOOD_FORMS = {
    "103 Early Hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(),
    "several 1xx": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\n\r\n" + answer(),
    "200 headers": answer(b"".join(b"X-%d: a\r\n" % number for number in range(200))),
    "a header of 200 KB": answer(big(200_000)),
    "line feeds alone": answer().replace(b"\r\n", b"\n"),
    "an empty line first": b"\r\n" + answer(),
    "the end of another answer first": b"ab\n" + answer(),
    "no reason": answer(status=b"HTTP/1.1 200\r\n"),
    "HTTP/1.0": answer(status=b"HTTP/1.0 200 OK\r\n"),
    "a folded header": answer(b"X-A: a\r\n b\r\n"),
    "a folded origin": b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin:\r\n *\r\n\r\n{}",
    "Latin-1": answer(b"X-A: \xe9\xff\r\n"),
    "chunks": answer(CHUNKED, b"2;a=b\r\n{}\r\n0\r\nX-A: a\r\n\r\n"),
    "chunks with line feeds": answer(CHUNKED, b"2 \n{}\n0\n\n"),
    "chunks and two lengths": answer(
        CHUNKED + b"Content-Length: 5\r\nContent-Length: 6\r\n", b"2\r\n{}\r\n0\r\n\r\n"
    ),
    "a length twice": answer(b"Content-Length: 2\r\n" * 2),
    "more than its length": answer(b"Content-Length: 2\r\n", b"{}{}"),
    "no length": answer(b""),
}
# Of these it passes over a part, and the doctor writes a note.
NOTED_FORMS = {
    "no colon": ("header_malformed", answer(b"this is no header\r\n")),
    "a name with a space": ("header_malformed", answer(b"X A: a\r\n")),
    "a space before the colon": (
        "header_malformed",
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin : *\r\n\r\n{}",
    ),
    "a carriage return in a value": ("header_malformed", answer(b"X-A: a\rb: c\r\n")),
    "a length below 0": ("length_invalid", answer(b"Content-Length: -5\r\n")),
    "a length in words": ("length_invalid", answer(b"Content-Length: two\r\n")),
    "a length over 64 bits": (
        "length_invalid",
        answer(b"Content-Length: %s\r\n" % (b"9" * 20)),
    ),
}
