"""Text is compressed, pictures are not, and caches learn the truth about it."""

import gzip

import pytest
from tests.gateway.cases import ORIGIN, PREFLIGHT_VARY, granted_answer
from tests.gateway.lab import Answer, Gateway, preflight, request

TEXTS = [
    "text/html",
    "text/html; charset=utf-8",
    "text/css",
    "text/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
]
OTHERS = ["image/jpeg", "image/png", "image/webp", "application/octet-stream", "text/event-stream"]
BODY = b'{"some": "text"}' * 100
BOTH = ["accept-encoding", "origin"]


def ask(live: Gateway, accepted: str = "gzip", method: str = "GET", path: str = "/api/x") -> Answer:
    headers = [("Origin", ORIGIN), ("Accept-Encoding", accepted)]
    return request(live.port, method, path, headers)


def serve(live: Gateway, kind: str, body: bytes = BODY, *more: tuple[str, str]) -> None:
    for service in (live.inference, live.webui):
        service.headers, service.body = [("Content-Type", kind), *more], body


@pytest.mark.parametrize("kind", TEXTS)
def test_text_is_compressed_for_who_asks(live: Gateway, kind: str) -> None:
    serve(live, kind)
    answer = ask(live)
    assert answer.one("content-encoding") == "gzip"
    assert gzip.decompress(answer.body) == BODY
    assert (answer.cors, answer.vary) == (granted_answer(ORIGIN), BOTH)
    assert len(answer.all("vary")) == 1


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0"])
def test_and_not_for_who_does_not_but_caches_are_told(live: Gateway, accepted: str) -> None:
    serve(live, "application/json")
    answer = ask(live, accepted)
    assert (answer.one("content-encoding"), answer.body) == (None, BODY)
    assert answer.vary == BOTH


def test_a_head_tells_caches_the_same(live: Gateway) -> None:
    serve(live, "application/json")
    assert ask(live, method="HEAD").vary == BOTH


def test_through_another_proxy_too(live: Gateway) -> None:
    serve(live, "application/json")
    headers = [("Accept-Encoding", "gzip"), ("Via", "1.1 a-cdn")]
    assert request(live.port, "GET", "/api/x", headers).one("content-encoding") == "gzip"


@pytest.mark.parametrize("kind", OTHERS)
def test_pictures_are_not_compressed(live: Gateway, kind: str) -> None:
    serve(live, kind)
    answer = ask(live)
    assert (answer.one("content-encoding"), answer.body) == (None, BODY)
    assert answer.vary == ["origin"]


@pytest.mark.parametrize(("length", "vary"), [(999, ["origin"]), (1000, BOTH)])
def test_short_text_is_not_worth_it(live: Gateway, length: int, vary: list[str]) -> None:
    serve(live, "application/json", b"x" * length)
    answer = ask(live)
    assert (answer.one("content-encoding") == "gzip") == (vary == BOTH)
    assert answer.vary == vary


@pytest.mark.parametrize("status", [200, 403, 404])
def test_these_statuses_are_compressed(live: Gateway, status: int) -> None:
    serve(live, "application/json")
    live.inference.status = status
    answer = ask(live)
    assert (answer.one("content-encoding"), answer.vary) == ("gzip", BOTH)


@pytest.mark.parametrize("status", [201, 206, 304, 400, 422, 500, 503])
def test_other_statuses_are_not(live: Gateway, status: int) -> None:
    serve(live, "application/json")
    live.inference.status = status
    answer = ask(live)
    assert (answer.one("content-encoding"), answer.vary) == (None, ["origin"])


@pytest.mark.parametrize(
    ("theirs", "members"),
    [
        ("Accept-Encoding", BOTH),
        ("accept-encoding, Accept", ["accept", *BOTH]),
        ("Origin, Accept-Encoding", BOTH),
        ("Origin", BOTH),
        ("X-Accept-Encoding", [*BOTH, "x-accept-encoding"]),
        ("*", ["*"]),
    ],
)
def test_what_the_service_says_about_it_is_not_repeated(
    live: Gateway, theirs: str, members: list[str]
) -> None:
    serve(live, "application/json", BODY, ("Vary", theirs))
    for accepted in ("gzip", "identity"):
        assert ask(live, accepted).vary == members


def test_what_a_service_has_compressed_passes(live: Gateway) -> None:
    packed = gzip.compress(BODY)
    serve(live, "text/css", packed, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    answer = ask(live, path="/a.css")
    assert (answer.one("content-encoding"), answer.body) == ("gzip", packed)
    assert answer.vary == ["accept-encoding"]


def test_pages_vary_by_encoding_alone(live: Gateway) -> None:
    serve(live, "text/html")
    answer = ask(live, path="/")
    assert (answer.one("content-encoding"), answer.vary) == ("gzip", ["accept-encoding"])


def test_preflights_do_not_vary_by_encoding(live: Gateway) -> None:
    assert preflight(live.port, "/api/x", ORIGIN).vary == PREFLIGHT_VARY
