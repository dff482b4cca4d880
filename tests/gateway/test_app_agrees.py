"""The application's own CORS against a real nginx: one policy, the same headers from both.

Where the two servers differ in what they take for a request at all (a control byte or a tab in a
header, two Origin lines, a method in small letters), each test says what holds nevertheless. One
is not held: nginx refuses an address with a NUL before it has read the Origin, and so without the
headers; the service answers 404 with them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from api.conftest import SETTINGS
from tests.gateway.cases import (
    ALLOWED,
    DENIED,
    ORIGIN,
    POLICY,
    PREFLIGHT_VARY,
    STRANGER,
    granted_answer,
    granted_preflight,
)
from tests.gateway.lab import (
    Answer,
    Gateway,
    Headers,
    gateway,
    preflight,
    raw,
    request,
    uvicorn_serving,
)

from fusion.api.cors import parse_policy
from fusion.app import create_app
from fusion.settings import Settings
from gateway.policy_document import policy_document
from gateway.settings import GatewaySettings

WITH_CREDENTIALS = {
    "CORS_ALLOWED_ORIGINS": f"{ORIGIN} https://*.cdn.example.net",
    "CORS_ALLOW_CREDENTIALS": "true",
    "CORS_MAX_AGE": "off",
}
ANY_ORIGIN = {
    "CORS_ALLOWED_ORIGINS": "*",
    "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1",
    "CORS_ALLOWED_HEADERS": "Content-Type Authorization",
    "CORS_MAX_AGE": "0",
}
POLICIES: dict[str, Mapping[str, str]] = {
    "credentials": WITH_CREDENTIALS,
    "any origin": ANY_ORIGIN,
    "nobody": {},
    "no names": {
        "CORS_ALLOWED_ORIGINS": ORIGIN,
        "CORS_ALLOWED_METHODS": "none",
        "CORS_ALLOWED_HEADERS": "none",
        "CORS_EXPOSED_HEADERS": "none",
    },
    "development": {"FUSION_PROFILE": "dev", "CORS_ALLOWED_METHODS": "*"},
    "addresses": {
        "CORS_ALLOWED_ORIGINS": "http://[::1]:* http://127.0.0.1:* https://*.localhost:*"
    },
}


def short(origin: str) -> str:
    return origin if len(origin) < 60 else f"{origin[:40]}...{len(origin)}"


def policy_file(folder: Path, environment: Mapping[str, str]) -> Path:
    """What `scripts/gateway policy` prints for this environment, in a file."""
    policy = GatewaySettings.from_env(environment).cors
    file = folder / "policy.json"
    file.write_text(json.dumps(policy_document(policy)))
    return file


@contextmanager
def service(folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """The application in a uvicorn, with the gateway's policy read as at its start; its port.

    Without its lifespan and so without models: /api/v1/models answers 503.
    """
    file = policy_file(folder, environment)
    policy = Settings.from_env({"FUSION_CORS_POLICY": str(file)}).cors_policy
    app = create_app(replace(SETTINGS, cors_policy=policy))

    @app.get("/api/fail")
    async def fail() -> None:
        raise RuntimeError("unforeseen")

    with uvicorn_serving(app) as port:
        yield port


@pytest.fixture(scope="module")
def app_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with service(tmp_path_factory.mktemp("service"), POLICY) as port:
        yield port


@pytest.fixture(scope="module")
def both(nginx: str, app_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose service speaks about CORS itself, from the same policy."""
    environment = {**POLICY, "GATEWAY_INFERENCE": f"127.0.0.1:{app_port}"}
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        yield running


def decision(answer: Answer) -> tuple[dict[str, str], list[str]]:
    return answer.cors, answer.vary


def asked(port: int, origin: str, path: str = "/api/health/live") -> tuple[Answer, Answer]:
    """A GET and a preflight of this origin."""
    return request(port, "GET", path, [("Origin", origin)]), preflight(port, path, origin)


@pytest.mark.parametrize("origin", [*ALLOWED, *DENIED], ids=short)
def test_the_service_decides_as_nginx_does(live: Gateway, app_port: int, origin: str) -> None:
    nginx_answer, nginx_preflight = asked(live.port, origin)
    own_answer, own_preflight = asked(app_port, origin)
    assert decision(own_answer) == decision(nginx_answer)
    assert decision(own_preflight) == decision(nginx_preflight)
    assert (own_answer.status, own_preflight.status) == (200, 204)
    # and so that both are not wrong together
    granted = origin in ALLOWED
    assert own_answer.cors == (granted_answer(origin) if granted else {})
    assert own_preflight.cors == (granted_preflight(origin) if granted else {})


@pytest.mark.parametrize("origin", [*ALLOWED, *DENIED], ids=short)
def test_behind_nginx_a_browser_sees_every_header_once(both: Gateway, origin: str) -> None:
    """Answer.cors fails on a repeat, which is what a browser calls "multiple values"."""
    answer, preflight_answer = asked(both.port, origin)
    granted = origin in ALLOWED
    assert decision(answer) == (granted_answer(origin) if granted else {}, ["origin"])
    assert decision(preflight_answer) == (
        granted_preflight(origin) if granted else {},
        PREFLIGHT_VARY,
    )
    assert answer.all("vary") == ["Origin"]
    assert len(answer.all("x-request-id")) == 1


@pytest.mark.parametrize("name", POLICIES)
def test_they_agree_under_every_kind_of_policy(
    nginx: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = POLICIES[name]
    origins = [ORIGIN, STRANGER, "null", "https://a.cdn.example.net", "https://cdn.example.net"]
    origins += ["http://localhost:3000", "http://[::1]:8000", "http://127.0.0.1:1"]
    origins += ["https://a.localhost", "https://localhost"]
    with (
        service(tmp_path_factory.mktemp("service"), environment) as own,
        gateway(
            tmp_path_factory.mktemp("gateway"),
            {**environment, "GATEWAY_INFERENCE": f"127.0.0.1:{own}"},
        ) as in_front,
        gateway(tmp_path_factory.mktemp("gateway"), environment) as plain,
    ):
        for origin in origins:
            expected = [decision(answer) for answer in asked(plain.port, origin)]
            assert [decision(answer) for answer in asked(own, origin)] == expected, origin
            assert [decision(answer) for answer in asked(in_front.port, origin)] == expected, origin
        without = [decision(request(port, "GET", "/api/x")) for port in (plain.port, own)]
        assert without[0] == without[1]


def test_a_wider_policy_of_the_service_widens_nothing_behind_nginx(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with service(tmp_path_factory.mktemp("service"), ANY_ORIGIN) as port:
        environment = {**POLICY, "GATEWAY_INFERENCE": f"127.0.0.1:{port}"}
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
            for answer in asked(running.port, STRANGER):
                assert answer.cors == {}
            assert running.get("/api/fail", ORIGIN).cors == granted_answer(ORIGIN)


@pytest.mark.parametrize("port", ["", ":*", ":1", ":6553", ":65535"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_service_takes_every_kind_of_origin(scheme: str, port: str, tmp_path: Path) -> None:
    """It compares each pattern with its own reading of the origin: version 1 means one thing."""
    hosts = ["app.example.com", "localhost", "xn--bcher-kva.example", "a-b.x_y.co.uk", "x.x.x"]
    hosts += ["*.example", "*.app.example", "*.localhost", f"*.{'a' * 63}.com"]
    hosts += ["127.0.0.1", "[::1]", "[2001:db8::1]"]
    environment = {
        "CORS_ALLOWED_ORIGINS": " ".join(f"{scheme}://{host}{port}" for host in hosts),
        "CORS_DANGEROUSLY_ALLOW_PUBLIC_SUFFIXES": "1",
    }
    file = policy_file(tmp_path, environment)
    taken = parse_policy(Settings.from_env({"FUSION_CORS_POLICY": str(file)}).cors_policy)
    assert len(taken.origins) == len(hosts)


REQUESTS: dict[str, tuple[str, Headers]] = {
    "no origin": ("GET", []),
    "head": ("HEAD", [("Origin", ORIGIN)]),
    "options with origin": ("OPTIONS", [("Origin", ORIGIN)]),
    "options with method": ("OPTIONS", [("Access-Control-Request-Method", "POST")]),
    "options with headers": (
        "OPTIONS",
        [("Origin", ORIGIN), ("Access-Control-Request-Headers", "x-a")],
    ),
    "bare options": ("OPTIONS", []),
    "empty origin": ("OPTIONS", [("Origin", ""), ("Access-Control-Request-Method", "POST")]),
    "empty method": ("OPTIONS", [("Origin", ORIGIN), ("Access-Control-Request-Method", "")]),
    "other method": ("OPTIONS", [("Origin", ORIGIN), ("Access-Control-Request-Method", "PATCH")]),
    "post with both": ("POST", [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]),
    "small options": ("options", [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_they_agree_on_what_a_preflight_is(
    live: Gateway, app_port: int, both: Gateway, name: str
) -> None:
    method, headers = REQUESTS[name]
    answers = [
        request(port, method, "/api/x", headers) for port in (live.port, app_port, both.port)
    ]
    if name == "small options":  # nginx refuses it, methods are case-sensitive: no preflight
        assert [answer.status for answer in answers] == [400, 404, 400]
        return
    assert decision(answers[0]) == decision(answers[1]) == decision(answers[2])
    preflights = {answer.status == 204 for answer in answers}
    assert preflights == {name == "other method"}


API = ["/api", "/api/", "/api?x=1", "//api/x", "/%61pi/x", "/y/../api/x", "/api%2fx"]
NOT_API = ["/", "/apis", "/api.html", "/x/api/", "/API/x", "/api/../x", "/api%00", "/index.html"]


@pytest.mark.parametrize("path", [*API, *NOT_API])
def test_they_agree_on_where_the_api_begins(live: Gateway, app_port: int, path: str) -> None:
    for nginx_answer, own_answer in zip(
        asked(live.port, ORIGIN, path), asked(app_port, ORIGIN, path), strict=True
    ):
        assert decision(own_answer) == decision(nginx_answer)
        assert bool(own_answer.cors) == (path in API)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/fail", 500), ("GET", "/api/nothing", 404), ("DELETE", "/api/health/live", 405),
     ("GET", "/api/v1/models", 503)],
)  # fmt: skip
@pytest.mark.parametrize("origin", [ORIGIN, STRANGER])
def test_errors_of_the_service_carry_the_decision_once(
    app_port: int, both: Gateway, method: str, path: str, status: int, origin: str
) -> None:
    for port in (app_port, both.port):
        answer = request(port, method, path, [("Origin", origin)])
        assert (answer.status, answer.one("content-type")) == (status, "application/problem+json")
        assert answer.cors == (granted_answer(origin) if origin == ORIGIN else {})
        assert answer.all("vary") == ["Origin"]


def test_a_preflight_of_the_service_has_no_body_and_no_headers_of_one(app_port: int) -> None:
    head, _, body = raw(
        app_port,
        b"OPTIONS /api/v1/fusions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    ).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 204 ")
    assert body == b""
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert not names & {b"content-length", b"content-type", b"transfer-encoding"}


@pytest.mark.parametrize("first_is_ours", [True, False])
def test_two_origin_lines_are_not_granted(app_port: int, first_is_ours: bool) -> None:
    """nginx 1.22 takes the first line; the service and later ones take neither."""
    lines = [("Origin", ORIGIN), ("Origin", STRANGER)]
    headers = lines if first_is_ours else lines[::-1]
    assert request(app_port, "GET", "/api/health/live", headers).cors == {}


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x0b", b"\x7f", b"\xff", b"\r", b"\n"])
def test_a_control_byte_in_the_origin_is_never_granted(app_port: int, byte: bytes) -> None:
    """uvicorn refuses some of them by itself, as nginx does others."""
    answer = raw(
        app_port,
        b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Origin: https://app.example.com" + byte + b".evil.example\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"access-control-allow-origin" not in answer.lower()


@pytest.mark.parametrize("end", [b" ", b"\t", b" \t "])
def test_space_behind_an_origin_is_no_part_of_it(live: Gateway, app_port: int, end: bytes) -> None:
    """RFC 9110, 5.5. nginx takes off spaces and no tabs; no browser sends either."""
    head = b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    line = head + b"Origin: " + ORIGIN.encode() + end + b"\r\n\r\n"
    granted = b"access-control-allow-origin: " + ORIGIN.encode() + b"\r\n"
    assert granted in raw(app_port, line).lower()
    if b"\t" not in end:
        assert granted in raw(live.port, line).lower()
