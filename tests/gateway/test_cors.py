"""What browsers of allowed and of other origins get, over a real nginx."""

import pytest
from tests.gateway.cases import (
    ALLOWED,
    DENIED,
    EXPOSED,
    ORIGIN,
    PREFLIGHT_VARY,
    STRANGER,
    granted_answer,
    granted_preflight,
)
from tests.gateway.lab import Gateway, gateway, preflight, raw, request


def short(origin: str) -> str:
    return origin if len(origin) < 60 else f"{origin[:40]}...{len(origin)}"


@pytest.mark.parametrize("origin", ALLOWED, ids=short)
def test_an_allowed_origin_may_read_answers(live: Gateway, origin: str) -> None:
    answer = live.get("/api/v1/models", origin)
    assert answer.status == 200
    assert answer.cors == granted_answer(origin)
    assert answer.vary == ["origin"]


@pytest.mark.parametrize("origin", ALLOWED, ids=short)
def test_the_preflight_of_an_allowed_origin_is_granted(live: Gateway, origin: str) -> None:
    answer = preflight(live.port, "/api/v1/fusions", origin)
    assert answer.status == 204
    assert answer.cors == granted_preflight(origin)
    assert answer.vary == PREFLIGHT_VARY
    assert live.hits == 0


@pytest.mark.parametrize("origin", DENIED, ids=short)
def test_another_origin_may_not_read_answers(live: Gateway, origin: str) -> None:
    answer = live.get("/api/v1/models", origin)
    assert answer.status == 200  # CORS is no firewall: the request is served, the page cannot read
    assert answer.cors == {}
    assert answer.vary == ["origin"]


@pytest.mark.parametrize("origin", DENIED, ids=short)
def test_the_preflight_of_another_origin_is_not_granted(live: Gateway, origin: str) -> None:
    answer = preflight(live.port, "/api/v1/fusions", origin)
    assert answer.status == 204
    assert answer.cors == {}
    assert answer.vary == PREFLIGHT_VARY
    assert live.hits == 0


def test_without_an_origin_nothing_is_granted(live: Gateway) -> None:
    answer = live.get("/api/v1/models")
    assert (answer.cors, answer.vary) == ({}, ["origin"])


def test_a_preflight_has_no_body_and_no_headers_of_one(live: Gateway) -> None:
    head, _, body = raw(
        live.port,
        b"OPTIONS /api/v1/fusions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    ).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert body == b""
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert not names & {b"content-length", b"content-type", b"transfer-encoding"}


def test_a_preflight_lists_everything_whatever_was_asked(live: Gateway) -> None:
    answer = preflight(live.port, "/api/v1/fusions", ORIGIN, "PATCH", "x-other")
    assert answer.cors == granted_preflight(ORIGIN)


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", ORIGIN)],
        [("Access-Control-Request-Method", "POST")],
        [("Origin", ""), ("Access-Control-Request-Method", "POST")],
        [("Origin", ORIGIN), ("Access-Control-Request-Headers", "x-a")],
        [],
    ],
    ids=["only origin", "only method", "empty origin", "only headers", "bare"],
)
def test_any_other_options_request_goes_to_the_service(
    live: Gateway, headers: list[tuple[str, str]]
) -> None:
    answer = request(live.port, "OPTIONS", "/api/v1/fusions", headers)
    assert answer.status == 200
    assert [entry[0] for entry in live.inference.requests] == ["OPTIONS"]


def test_a_post_with_preflight_headers_is_no_preflight(live: Gateway) -> None:
    headers = [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]
    assert request(live.port, "POST", "/api/v1/faces", headers, b"{}").status == 200
    assert live.hits == 1


@pytest.mark.parametrize("path", ["/", "/index.html", "/apis", "/api.html", "/x/api/", "/healthz"])
def test_pages_have_no_cors(live: Gateway, path: str) -> None:
    live.webui.headers = [("Access-Control-Allow-Origin", "*")]
    answer = live.get(path, ORIGIN)
    assert (answer.status, answer.cors, answer.vary) == (200, {}, [])


def test_the_preflight_of_a_page_goes_to_the_page_server(live: Gateway) -> None:
    live.webui.status = 405
    answer = preflight(live.port, "/index.html", ORIGIN)
    assert (answer.status, answer.cors, answer.vary) == (405, {}, [])
    assert len(live.webui.requests) == 1


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api?x=1", "//api/x", "/%61pi/x", "/y/../api/x"]
)
def test_the_api_is_the_api_however_it_is_written(live: Gateway, path: str) -> None:
    assert live.get(path, ORIGIN).cors == granted_answer(ORIGIN)
    assert len(live.inference.requests) == 1
    assert preflight(live.port, path, ORIGIN).status == 204
    assert live.hits == 1


HOSTILE = [
    ("Access-Control-Allow-Origin", "*"),
    ("access-control-allow-origin", STRANGER),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "*"),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Expose-Headers", "*"),
    ("Access-Control-Max-Age", "1"),
    ("Access-Control-Allow-Private-Network", "true"),
    ("X-Request-ID", "not-the-one"),
]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_service_cannot_speak_about_cors(live: Gateway, status: int) -> None:
    live.inference.status, live.inference.headers = status, HOSTILE
    assert live.get("/api/x", ORIGIN).cors == granted_answer(ORIGIN)
    assert live.get("/api/x", STRANGER).cors == {}
    assert live.get("/api/x", ORIGIN).one("x-request-id") != "not-the-one"


@pytest.mark.parametrize(
    ("theirs", "members"),
    [
        (["Accept"], ["accept", "origin"]),
        (["Origin"], ["origin"]),
        (["Accept, ORIGIN"], ["accept", "origin"]),
        (["X-Origin, Origin-Id"], ["origin", "origin-id", "x-origin"]),
        (["*"], ["*"]),
        (["Accept-Encoding", "Accept"], ["accept", "accept-encoding", "origin"]),
    ],
)
def test_vary_names_the_origin_once_beside_what_the_service_names(
    live: Gateway, theirs: list[str], members: list[str]
) -> None:
    live.inference.headers = [("Vary", line) for line in theirs]
    assert live.get("/api/x", ORIGIN).vary == members
    assert live.get("/api/x", STRANGER).vary == members


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 304, 307, 400, 401, 403, 404, 405])
@pytest.mark.parametrize("origin", [ORIGIN, STRANGER])
def test_every_status_of_the_service_carries_the_decision(
    live: Gateway, status: int, origin: str
) -> None:
    live.inference.status = status
    answer = live.get("/api/x", origin)
    assert answer.status == status
    assert answer.cors == (granted_answer(origin) if origin == ORIGIN else {})
    assert answer.vary == ["origin"]


@pytest.mark.parametrize("status", [408, 413, 414, 415, 422, 429, 431, 500, 502, 503, 504])
def test_errors_of_the_service_pass_through_with_the_decision(live: Gateway, status: int) -> None:
    live.inference.status, live.inference.body = status, b'{"code":"OF_THE_SERVICE"}'
    live.inference.headers = [("Retry-After", "9"), ("Content-Type", "application/problem+json")]
    answer = live.get("/api/x", ORIGIN)
    assert (answer.status, answer.body) == (status, b'{"code":"OF_THE_SERVICE"}')
    assert answer.cors == granted_answer(ORIGIN)
    assert answer.one("retry-after") == "9"


@pytest.mark.parametrize("first_is_ours", [True, False])
def test_two_origin_lines_never_grant_the_other_one(live: Gateway, first_is_ours: bool) -> None:
    """nginx 1.22 takes the first line, 1.23 and later join them to what no origin is."""
    lines = [b"Origin: https://app.example.com\r\n", b"Origin: https://evil.example\r\n"]
    head = b"".join(lines if first_is_ours else reversed(lines))
    answer = raw(
        live.port, b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n"
    )
    assert b"Access-Control-Allow-Origin: https://evil.example" not in answer
    if not first_is_ours:
        assert b"Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x0b", b"\x7f", b"\xff", b"\r", b"\n"])
def test_a_control_byte_in_the_origin_is_never_granted(live: Gateway, byte: bytes) -> None:
    answer = raw(
        live.port,
        b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Origin: https://app.example.com" + byte + b".evil.example\r\n\r\n",
    )
    # after CR LF or LF the rest is another line, so the origin is ours and nothing is wrong
    if byte != b"\n":
        assert b"Access-Control-Allow-Origin" not in answer


def test_credentials_are_granted_when_the_policy_says_so(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = {"CORS_ALLOWED_ORIGINS": ORIGIN, "CORS_ALLOW_CREDENTIALS": "true"}
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        allow = {"access-control-allow-credentials": "true"}
        assert running.get("/api/x", ORIGIN).cors == granted_answer(ORIGIN) | allow
        answer = preflight(running.port, "/api/x", ORIGIN)
        assert answer.cors == granted_preflight(ORIGIN) | allow
        assert running.get("/api/x", STRANGER).cors == {}


def test_without_origins_the_same_origin_works_and_no_other(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with gateway(tmp_path_factory.mktemp("gateway"), {}) as running:
        own = f"http://127.0.0.1:{running.port}"
        answer = running.get("/api/x", own)
        # no Vary: the answer is the same for everybody
        assert (answer.status, answer.cors, answer.vary) == (200, {}, [])
        answer = preflight(running.port, "/api/x", ORIGIN)
        assert (answer.status, answer.cors) == (204, {})
        assert running.hits == 1


def test_any_origin_is_one_star_for_all(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = {
        "CORS_ALLOWED_ORIGINS": "*",
        "FUSION_PROFILE": "dev",
        "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1",
        "CORS_MAX_AGE": "off",
        "CORS_ALLOWED_HEADERS": "* Authorization",
    }
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        star = {"access-control-allow-origin": "*", "access-control-expose-headers": EXPOSED}
        for origin in (ORIGIN, STRANGER, "null", None):
            answer = running.get("/api/x", origin)
            assert (answer.cors, answer.vary) == (star, [])
        assert preflight(running.port, "/api/x", STRANGER).cors == {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "GET, HEAD, POST, DELETE",
            "access-control-allow-headers": "*, Authorization",
        }
        assert running.get("/", STRANGER).cors == {}
