"""The errors that nginx makes itself: readable by pages, in the API's shape."""

import json
import socket

import pytest
from tests.gateway.cases import ORIGIN, POLICY, STRANGER, granted_answer
from tests.gateway.lab import Answer, Gateway, free_port, gateway, raw, request


def assert_readable(answer: Answer, status: int, code: str) -> None:
    """The error is a problem document that the page at ORIGIN may read."""
    assert answer.status == status
    assert answer.problem["code"] == code
    assert answer.cors == granted_answer(ORIGIN)
    assert answer.vary == ["origin"]
    assert answer.one("cache-control") == "no-store"


def test_a_body_over_the_limit_is_413(live: Gateway) -> None:
    answer = request(live.port, "POST", "/api/v1/faces", [("Origin", ORIGIN)], b"x" * 1_048_577)
    assert_readable(answer, 413, "REQUEST_TOO_LARGE")
    assert "1 MB" in str(answer.problem["detail"])
    assert live.hits == 0


def test_a_chunked_body_over_the_limit_is_413(live: Gateway) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = (
        f"POST /api/x HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as connection:
        connection.sendall(head.encode() + chunk * 17)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"REQUEST_TOO_LARGE" in answer
    assert f"Access-Control-Allow-Origin: {ORIGIN}".encode() in answer
    assert live.hits == 0


def test_a_body_at_the_limit_passes(live: Gateway) -> None:
    """Also that uploads beyond the buffer can be stored where this was rendered."""
    answer = request(live.port, "POST", "/api/v1/faces", [("Origin", ORIGIN)], b"x" * 1_048_576)
    assert answer.status == 200
    assert live.inference.requests[0][3] == 1_048_576


@pytest.mark.parametrize("path", ["/api/x", "/api/x.html", "/api/x.json", "/api/x.png"])
def test_the_type_does_not_follow_the_ending_of_the_address(live: Gateway, path: str) -> None:
    answer = request(live.port, "POST", path, [("Origin", ORIGIN)], b"x" * 1_048_577)
    assert_readable(answer, 413, "REQUEST_TOO_LARGE")


def test_a_method_that_nginx_refuses_is_405_and_says_what_is_allowed(live: Gateway) -> None:
    answer = request(live.port, "TRACE", "/api/x", [("Origin", ORIGIN)])
    assert_readable(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.one("allow") == "GET, HEAD, POST, DELETE, OPTIONS"


def test_headers_that_are_too_large_are_431(live: Gateway) -> None:
    answer = request(live.port, "GET", "/api/x", [("Origin", ORIGIN), ("X-Big", "x" * 40_000)])
    assert_readable(answer, 431, "HEADERS_TOO_LARGE")


def test_an_unknown_transfer_encoding_is_501(live: Gateway) -> None:
    answer = request(live.port, "POST", "/api/x", [("Origin", ORIGIN), ("Transfer-Encoding", "x")])
    assert_readable(answer, 501, "NOT_IMPLEMENTED")


def test_a_slow_service_is_504(live: Gateway) -> None:
    live.inference.delay_s = 5.0  # the policy of these tests waits for one second
    answer = live.get("/api/x", ORIGIN)
    assert_readable(answer, 504, "UPSTREAM_TIMEOUT")
    assert answer.one("retry-after") == "10"


@pytest.mark.parametrize(
    "upstream",
    ["127.0.0.1:{dead}", "no-such-name.invalid:8000", "[::1]:{dead}"],
    ids=["nobody listens", "name does not resolve", "nobody listens on IPv6"],
)
def test_a_dead_service_is_502_and_preflights_still_work(
    nginx: str, tmp_path_factory: pytest.TempPathFactory, upstream: str
) -> None:
    environment = POLICY | {"GATEWAY_INFERENCE": upstream.format(dead=free_port())}
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        answer = running.get("/api/x", ORIGIN)
        assert_readable(answer, 502, "UPSTREAM_UNAVAILABLE")
        assert answer.one("retry-after") == "2"
        assert running.get("/api/x", STRANGER).cors == {}
        headers = [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]
        assert request(running.port, "OPTIONS", "/api/x", headers).status == 204
        assert running.get("/healthz").status == 200
        assert running.get("/").status == 200


def test_a_service_that_breaks_off_is_502(live: Gateway) -> None:
    live.inference.breaks_off = True
    assert_readable(live.get("/api/x", ORIGIN), 502, "UPSTREAM_UNAVAILABLE")


def test_errors_on_pages_have_no_cors(live: Gateway) -> None:
    live.webui.breaks_off = True
    answer = live.get("/", ORIGIN)
    assert (answer.status, answer.cors, answer.vary) == (502, {}, [])
    assert answer.problem["code"] == "UPSTREAM_UNAVAILABLE"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GARBAGE / x", b"400"),
        (b"GET /api/%00 HTTP/1.1", b"400"),
        (b"GET /api/%2e%2e/%2e%2e HTTP/1.1", b"400"),
        (b"GET /api/" + b"x" * 40_000 + b" HTTP/1.1", b"414"),
    ],
)
def test_a_broken_request_line_is_a_problem_without_cors(
    live: Gateway, request_line: bytes, status: bytes
) -> None:
    """nginx does not know the headers yet: the documented exceptions."""
    answer = raw(live.port, request_line + f"\r\nHost: x\r\nOrigin: {ORIGIN}\r\n\r\n".encode())
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 " + status)
    assert json.loads(body)["status"] == int(status)
    assert b"Access-Control-" not in head


@pytest.mark.parametrize(
    "headers",
    ["Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "Host: a b", "X-No-Host: 1"],
    ids=["two lengths", "a bad host", "no host"],
)
@pytest.mark.parametrize(("path", "readable"), [("/api/x", True), ("/apix", False), ("/", False)])
def test_headers_that_nginx_refuses_are_400_and_readable_below_api(
    live: Gateway, headers: str, path: str, readable: bool
) -> None:
    text = f"GET {path} HTTP/1.1\r\nOrigin: {ORIGIN}\r\n{headers}\r\n\r\n0\r\n\r\n"
    head, body = raw(live.port, text.encode()).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "INVALID_REQUEST"
    assert (f"Access-Control-Allow-Origin: {ORIGIN}".encode() in head) == readable
    assert live.hits == 0


def test_a_condition_that_does_not_hold_is_412(live: Gateway) -> None:
    for path in ("/healthz", "/api/health/live"):
        headers = [("Origin", ORIGIN), ("If-Match", '"x"')]
        answer = request(live.port, "GET", path, headers)
        if answer.status != 200:  # what a service makes of it is its own affair
            assert (answer.status, answer.problem["code"]) == (412, "PRECONDITION_FAILED")


def test_an_unknown_version_of_http_is_505(live: Gateway) -> None:
    answer = raw(live.port, f"GET /api/x HTTP/2.0\r\nHost: x\r\nOrigin: {ORIGIN}\r\n\r\n".encode())
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 505 ")
    assert json.loads(body)["code"] == "HTTP_VERSION_NOT_SUPPORTED"


def test_the_addresses_of_problems_are_no_addresses(live: Gateway) -> None:
    answer = live.get("/.problem/400", ORIGIN)
    assert (answer.status, answer.cors, answer.problem["code"]) == (404, {}, "NOT_FOUND")


def test_no_answer_tells_the_version(live: Gateway) -> None:
    assert live.get("/api/x").one("server") == "nginx"
    assert b"nginx/" not in raw(live.port, b"GARBAGE\r\n\r\n")
