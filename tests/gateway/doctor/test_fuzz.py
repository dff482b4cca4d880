"""Whatever a server sends, the doctor says what it is: random bytes and damaged answers."""

import random
import re
import socket
import time
from functools import partial
from pathlib import Path

import pytest
from tests.gateway.doctor.broken_form import CHUNKED, answer
from tests.gateway.doctor.conftest import run
from tests.gateway.doctor.kinds import JSON, WITH_COOKIES
from tests.gateway.doctor.servers import Serve, talking

CASES = 250
LONGEST_S = 120  # of all cases together, on two slow and busy cores; most often some 8
REDIRECT = answer(b"Location: http://[::1]:1/a%20b?x#y\r\n", b"", b"HTTP/1.1 302 Found\r\n")
GOOD = (
    answer(b"Content-Length: 2\r\nVary: Origin\r\nAccess-Control-Max-Age: 600\r\n"),
    answer(CHUNKED, b"2\r\n{}\r\n0\r\n\r\n"),
    answer(b"Set-Cookie: a=b; SameSite=None; Secure\r\nContent-Length: 0\r\n", b""),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(),
    REDIRECT,
)
# Bytes that readers of HTTP and of addresses stumble over.
SPECIAL = (b"\0", b"\r", b"\n", b"\r\n", b" ", b":", b"[", b"]", b"%", b"@", b"{", b"}", b"\xff")
SPECIAL += (b"-", b"9" * 30, b"9" * 5000, b"\x9b31m", b",", b"*", b"//", b"\\", b"\x15\x03")


def damaged(chance: random.Random) -> bytes:
    """Random bytes, a good answer cut short, or one with some of its bytes replaced."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return b"HTTP/1.1 " + chance.randbytes(chance.randrange(200))
    text = chance.choice(GOOD)
    if kind == 2:
        return text[: chance.randrange(len(text))]
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(SPECIAL) + text[place + chance.randrange(3) :]
    return text


def hostile(seed: int) -> Serve:
    """A server with another damaged answer for each request."""
    chance = random.Random(seed)
    return talking(lambda connection: connection.sendall(damaged(chance)))


def test_no_answer_is_too_strange(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a damaged Location may name any host: nobody is asked for it
    numeric = partial(socket.getaddrinfo, flags=socket.AI_NUMERICHOST)
    monkeypatch.setattr(socket, "getaddrinfo", numeric)
    started = time.monotonic()
    for seed in range(CASES):
        arguments = random.Random(seed).choice([(), JSON, WITH_COOKIES, ("--expose", "X-A")])
        language = "en" if seed % 2 else "zh"
        form = ("--json",) if seed % 3 else ()
        with hostile(seed)(tmp_path) as url:
            status = run(url, *arguments, *form, "--language", language)
        said = capsys.readouterr()
        assert status in {0, 1}, (seed, said.err)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said.out), seed
    assert time.monotonic() - started < LONGEST_S
