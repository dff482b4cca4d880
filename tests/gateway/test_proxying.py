"""How requests reach the services: identity, addresses, uploads, and callers who leave."""

import json
import re
import socket
import time
from pathlib import Path

import pytest
from tests.gateway.cases import ORIGIN, STRANGER
from tests.gateway.lab import (
    LOG_LATE_S,
    Answer,
    Gateway,
    free_port,
    gateway,
    raw,
    request,
    uvicorn_serving,
    wait_until,
)


def test_pages_and_api_go_to_their_services_unchanged(live: Gateway) -> None:
    assert live.get("/index.html?a=%2F").body == b"<p>page</p>"
    assert live.get("/api/v1/models?b=%20&c=a+b").body == b"{}"
    assert [entry[1] for entry in live.webui.requests] == ["/index.html?a=%2F"]
    assert [entry[1] for entry in live.inference.requests] == ["/api/v1/models?b=%20&c=a+b"]


def log_entry(live: Gateway, answer: Answer) -> dict[str, object]:
    """The access log's line of this answer; nginx writes it after the answer has left."""
    found: list[dict[str, object]] = []

    def look() -> bool:
        text = (live.folder / "logs" / "access.log").read_text(encoding="utf-8")
        entries = [json.loads(line) for line in text.splitlines()]
        found[:] = [one for one in entries if one["request_id"] == answer.one("x-request-id")]
        return bool(found)

    assert wait_until(look)
    return found[0]


def test_a_request_gets_one_id_for_service_caller_and_log(live: Gateway) -> None:
    live.inference.headers = [("X-Request-ID", "of-the-service")]
    answer = live.get("/api/x", ORIGIN)
    request_id = answer.one("x-request-id")
    assert request_id is not None and re.fullmatch("[0-9a-f]{32}", request_id)
    assert live.inference.requests[0][2].get_all("X-Request-ID") == [request_id]
    entry = log_entry(live, answer)
    assert (entry["uri"], entry["status"], entry["cors_granted"]) == ("/api/x", 200, "1")


@pytest.mark.parametrize("request_id", ["a.caller_s-own.ID", "12345678", "x" * 64])
def test_a_harmless_id_of_the_caller_is_kept(live: Gateway, request_id: str) -> None:
    answer = live.get("/api/x", ORIGIN, ("X-Request-ID", request_id))
    assert answer.one("x-request-id") == request_id
    assert live.inference.requests[0][2].get_all("X-Request-ID") == [request_id]


@pytest.mark.parametrize("request_id", ["short", "x" * 65, 'a"b"c"d"e"', "12345678 x", "é" * 10])
def test_any_other_id_is_replaced(live: Gateway, request_id: str) -> None:
    answer = live.get("/api/x", ORIGIN, ("X-Request-ID", request_id))
    assert re.fullmatch("[0-9a-f]{32}", answer.one("x-request-id") or "")
    assert live.inference.requests[0][2].get_all("X-Request-ID") == [answer.one("x-request-id")]


def test_the_service_learns_the_callers_address_not_its_claims(live: Gateway) -> None:
    live.get(
        "/api/x",
        None,
        ("X-Forwarded-For", "10.9.8.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=10.9.8.7"),
    )
    headers = live.inference.requests[0][2]
    own = f"127.0.0.1:{live.port}"
    assert headers.get_all("X-Forwarded-For") == ["127.0.0.1"]
    assert headers.get_all("X-Forwarded-Proto") == ["http"]
    assert headers.get_all("X-Forwarded-Host") == [own]
    assert headers.get_all("Host") == [own]
    assert headers.get_all("Forwarded") is None


def test_http_1_0_without_a_host_works(live: Gateway) -> None:
    assert b" 200 OK" in raw(live.port, b"GET /api/x HTTP/1.0\r\n\r\n")
    assert live.inference.requests[0][2]["Host"] == "localhost"


def test_a_large_answer_arrives_whole(live: Gateway) -> None:
    live.inference.body = bytes(range(256)) * 40_000  # 10 MB, over all buffers
    assert live.get("/api/x", ORIGIN).body == live.inference.body


def test_a_caller_who_leaves_is_felt_by_the_service(live: Gateway) -> None:
    live.inference.delay_s = 0.9  # below these tests' time limit for the service
    with socket.create_connection(("127.0.0.1", live.port)) as caller:
        caller.sendall(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert wait_until(lambda: bool(live.inference.requests))
    assert live.inference.abandoned.wait(5)


def test_the_service_sees_nothing_of_an_unfinished_upload(live: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as caller:
        caller.sendall(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert live.get("/api/other").status == 200  # nginx has long read the first by now
        assert [entry[1] for entry in live.inference.requests] == ["/api/other"]


def test_the_log_has_no_query_and_no_id_of_a_picture(live: Gateway) -> None:
    path = "/api/v1/images/s3cr3t-id?key=s3cr3t"
    answer = request(live.port, "DELETE", path, [("Authorization", "s3cr3t")])
    entry = log_entry(live, answer)
    assert entry["uri"] == "/api/v1/images/***"
    assert "s3cr3t" not in json.dumps(entry)
    assert log_entry(live, live.get("/api/x?key=s3cr3t"))["uri"] == "/api/x"


# Address -> what the log shows of it.
SPELLINGS = {
    "/%61pi/v1/images/s3cr3t": "/***",
    "/api//v1/images/s3cr3t": "/api***",
    "//api/v1/images/s3cr3t": "***",
    "/api/v1/./images/s3cr3t": "/api/v1***",
    "/api/v1/x/../images/s3cr3t?y": "/api/v1/x***",
    "/api/v1/images%2Fs3cr3t": "/api/v1/images***",
    "/api/v1/images/s3cr3t%20x": "/api/v1/images/***",
    "http://a.example/api/v1/images/s3cr3t": "/api/v1/images/***",
    "/api/v1/images": "/api/v1/images",
    "/v1/images/s3cr3t": "/v1/images/***",
    "/api/v1/IMAGES/s3cr3t": "/api/v1/IMAGES/***",
    "/api/v1;/images;x/s3cr3t/y": "/api/v1;/images;x/***",
    "/x/images/s3cr3t/%41": "/x/images/***",
    "/api/x?y/images/s3cr3t": "/api/x",
    "/.well-known/x.y/..z?s3cr3t": "/.well-known/x.y/..z",
    "/a%20b": "/a***",
    "/api/.?s3cr3t": "/api***",
    '/api/a"b': "/api/a***",
    "/api/a\\b": "/api/a***",
}
KINDS = {
    "answer": ("GET", "Host: x"),
    "refusal": ("GET", "Host: a b"),
    "preflight": ("OPTIONS", f"Origin: {ORIGIN}\r\nAccess-Control-Request-Method: GET\r\nHost: x"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_spelling_brings_an_id_into_the_log(live: Gateway, kind: str) -> None:
    """Refusals and preflights are answered in other places of the gateway."""
    method, headers = KINDS[kind]
    called = {}
    for path in SPELLINGS:
        text = f"{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n\r\n"
        found = re.search(rb"\r\nX-Request-ID: (\S+)\r\n", raw(live.port, text.encode()))
        assert found is not None, path
        called[path] = found[1].decode()
    shown = {
        path: log_entry(live, Answer(0, (("x-request-id", request_id),), b""))["uri"]
        for path, request_id in called.items()
    }
    assert shown == SPELLINGS


def test_a_service_that_fails_brings_nothing_of_a_request_into_the_error_log(
    nginx: str, tmp_path: Path
) -> None:
    dead = {"GATEWAY_INFERENCE": f"127.0.0.1:{free_port()}"}
    with gateway(tmp_path / "gateway", dead) as running:
        answer = running.get("/api/v1/images/s3cr3t?s3cr3t")
        entry = log_entry(running, answer)
        assert (entry["status"], entry["upstream"]) == (502, dead["GATEWAY_INFERENCE"])
        assert "s3cr3t" not in running.log


def test_a_service_cannot_answer_with_an_internal_place(live: Gateway) -> None:
    live.inference.headers = [("X-Accel-Redirect", "/.preflight/1"), ("X-Accel-Limit-Rate", "1")]
    answer = live.get("/api/x", STRANGER)
    assert (answer.status, answer.body, answer.cors) == (200, b"{}", {})


@pytest.mark.parametrize("path", ["/api/health/ready", "/api/health/live?from=monitor", "/healthz"])
def test_the_log_has_no_healthy_pulse(live: Gateway, path: str) -> None:
    healthy = live.get(path)
    assert healthy.status == 200
    time.sleep(LOG_LATE_S)
    text = (live.folder / "logs" / "access.log").read_text(encoding="utf-8")
    assert str(healthy.one("x-request-id")) not in text


def test_the_log_has_every_other_answer_about_health(live: Gateway) -> None:
    live.inference.status = 503
    assert log_entry(live, live.get("/api/health/ready"))["status"] == 503
    live.inference.status = 200
    live.inference.breaks_off = True
    assert log_entry(live, live.get("/api/health/live"))["status"] == 502
    live.inference.breaks_off = False
    assert log_entry(live, live.get("/api/health/readyx"))["status"] == 200


@pytest.mark.parametrize(
    "origin", ['https://a","status":999,"x":"', "https://b\xfccher.example", "\\", "x" * 4000]
)
def test_no_header_can_break_a_log_line(live: Gateway, origin: str) -> None:
    entry = log_entry(live, live.get("/api/x", origin))
    assert entry["status"] == 200
    assert entry["origin"] in {origin, "(not an origin)"}


def test_no_address_can_break_a_log_line(live: Gateway) -> None:
    head = b'GET /api/a"\xffb HTTP/1.0\r\nX-Request-ID: an-odd-address\r\n\r\n'
    assert b" 200 OK" in raw(live.port, head)
    answer = Answer(200, (("x-request-id", "an-odd-address"),), b"")
    assert log_entry(live, answer)["uri"] == "/api/a***"


async def refuse_unread(scope: dict[str, object], receive: object, send: object) -> None:
    """An ASGI service that is busy: it answers before it has read the upload."""
    if scope["type"] == "http":
        assert callable(send)
        headers = [(b"content-length", b"4"), (b"retry-after", b"7")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"busy"})


def test_a_refusal_before_the_upload_was_read_reaches_the_caller(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With nginx's default `Connection: close` about a third of these were a 502."""
    with uvicorn_serving(refuse_unread) as port:
        environment = {
            "GATEWAY_INFERENCE": f"127.0.0.1:{port}",
            "CORS_ALLOWED_ORIGINS": ORIGIN,
        }
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
            for _ in range(20):
                body = b"x" * 8_000_000
                answer = request(running.port, "POST", "/api/x", [("Origin", ORIGIN)], body)
                assert (answer.status, answer.body) == (503, b"busy")
                assert answer.one("retry-after") == "7"
                assert answer.one("access-control-allow-origin") == ORIGIN
