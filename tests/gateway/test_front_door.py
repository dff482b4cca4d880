"""What every answer carries beside CORS, what is never public, and what the log says of it."""

import json
import shutil
import socket
from pathlib import Path

import pytest
from tests.gateway.cases import ORIGIN, granted_answer
from tests.gateway.lab import Gateway, gateway, preflight, raw, request, wait_until
from tests.gateway.test_proxying import log_entry

from gateway.faults import InvalidSettings
from gateway.render import TEMPLATES
from gateway.settings import GatewaySettings

NOBODY = "frame-ancestors 'none'"
THEIRS = [
    ("X-Content-Type-Options", "sniff"),
    ("X-Frame-Options", "ALLOWALL"),
    ("Strict-Transport-Security", "max-age=1"),
]


@pytest.mark.parametrize("path", ["/", "/api/x", "/healthz", "/metrics"])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_every_answer_is_protected_once(live: Gateway, path: str, status: int) -> None:
    for service in (live.inference, live.webui):
        service.status, service.headers = status, THEIRS
    answer = live.get(path, ORIGIN)
    assert answer.one("x-content-type-options") == "nosniff"
    assert answer.one("content-security-policy") == NOBODY
    assert answer.one("x-frame-options") == "DENY"
    assert answer.one("strict-transport-security") is None


def test_errors_of_nginx_are_protected_too(live: Gateway) -> None:
    live.inference.breaks_off = True
    answers = [
        live.get("/api/x", ORIGIN),
        request(live.port, "TRACE", "/api/x"),
        request(live.port, "POST", "/api/x", [], b"x" * 1_048_577),
        request(live.port, "GET", "/", [("X-Big", "x" * 40_000)]),
    ]
    assert [answer.status for answer in answers] == [502, 405, 413, 431]
    assert {answer.one("x-content-type-options") for answer in answers} == {"nosniff"}
    assert b"nosniff" in raw(live.port, b"GARBAGE / x\r\n\r\n")


def test_a_preflight_says_nothing_about_frames(live: Gateway) -> None:
    answer = preflight(live.port, "/api/x", ORIGIN)
    assert answer.one("content-security-policy") is None
    assert answer.one("x-frame-options") is None


def test_a_services_own_policy_stands_beside_the_gateways(live: Gateway) -> None:
    live.webui.headers = [("Content-Security-Policy", "default-src 'none'")]
    assert live.get("/").all("content-security-policy") == ["default-src 'none'", NOBODY]


@pytest.mark.parametrize(
    ("setting", "policy", "legacy"),
    [
        ("none", "'none'", "DENY"),
        ("self", "'self'", "SAMEORIGIN"),
        ("https://www.example.com", "https://www.example.com", None),
        (
            "self, https://*.example.com http://localhost:*",
            "'self' https://*.example.com http://localhost:*",
            None,
        ),
    ],
)
def test_a_page_may_be_framed_by_whom_the_setting_names(
    nginx: str, tmp_path: Path, setting: str, policy: str, legacy: str | None
) -> None:
    with gateway(tmp_path / "gateway", {"GATEWAY_FRAME_ANCESTORS": setting}) as running:
        answer = running.get("/")
        assert answer.one("content-security-policy") == f"frame-ancestors {policy}"
        assert answer.one("x-frame-options") == legacy


@pytest.mark.parametrize(
    "setting",
    [
        *("*", "'self'", "Self", "none self", "none https://a.example", "https://a.example/"),
        *("a.example", "https:", "data:", "https://*", "http://[::1]:3000", "null"),
        " ".join(f"https://{number:060}.example" for number in range(40)),
    ],
)
def test_other_frames_are_refused(setting: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env({"GATEWAY_FRAME_ANCESTORS": setting})
    assert {fault.variable for fault in caught.value.faults} == {"GATEWAY_FRAME_ANCESTORS"}


INTERNAL = [
    "/metrics",
    "/metrics/",
    "/metrics?x=1",
    "/api/metrics",
    "/api/metrics/x",
    "/api/internal",
    "/api/internal/",
    "/api/internal/metrics",
    "/api/internal/a/b?c=d",
    "//metrics",
    "/api//internal/x",
    "/api/./internal/x",
    "/api/v1/../internal/x",
    "/api/%69nternal/x",
    "/api/internal%2Fx",
    "/x/..%2Fapi/metrics",
]


@pytest.mark.parametrize("path", INTERNAL)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_internal_addresses_are_not_there(live: Gateway, path: str, method: str) -> None:
    answer = request(live.port, method, path, [("Origin", ORIGIN)])
    assert (answer.status, answer.problem["code"]) == (404, "NOT_FOUND")
    below = "api" in path
    assert answer.cors == (granted_answer(ORIGIN) if below else {})
    assert live.hits == 0


@pytest.mark.parametrize("path", ["/api/internals", "/api/metricsx", "/api/v1/metrics", "/metric"])
def test_their_neighbours_are(live: Gateway, path: str) -> None:
    assert live.get(path).status == 200
    assert live.hits == 1


def test_the_log_tells_how_a_request_came(live: Gateway) -> None:
    entry = log_entry(live, live.get("/api/x", ORIGIN))
    known = {name: entry[name] for name in ("client", "peer", "scheme", "protocol", "tls")}
    assert known == {
        "client": "127.0.0.1",
        "peer": "127.0.0.1",
        "scheme": "http",
        "protocol": "HTTP/1.1",
        "tls": "",
    }
    assert (entry["cors_granted"], entry["preflight"], entry["refused"]) == ("1", "0", "")
    assert (entry["origin"], log_entry(live, live.get("/api/x"))["origin"]) == (ORIGIN, "")
    assert float(str(entry["upstream_seconds"])) >= 0
    entry = log_entry(live, preflight(live.port, "/api/x", ORIGIN))
    assert (entry["status"], entry["preflight"], entry["upstream_seconds"]) == (204, "1", "")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /\r\n",  # HTTP/0.9, whose status nginx writes as 009
        b"GARBAGE\r\n\r\n",
        b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",  # and then leaves
        b'GET /" HTTP/1.1\r\nHost: a"b\r\nX-Request-ID: "\r\nX-Forwarded-For: "\r\n\r\n',
        b'GET / HTTP/1.1"\r\n\r\n',
    ],
)
def test_every_line_of_the_log_is_json(live: Gateway, sent: bytes) -> None:
    log = live.folder / "logs" / "access.log"
    before = len(log.read_bytes().splitlines())
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert wait_until(lambda: len(log.read_bytes().splitlines()) > before)
    for line in log.read_text(encoding="utf-8").splitlines()[before:]:
        assert isinstance(json.loads(line)["status"], int)


@pytest.mark.parametrize("status", [99, 7, 0])
def test_a_status_that_a_service_makes_up_is_json_too(live: Gateway, status: int) -> None:
    log = live.folder / "logs" / "access.log"
    before = len(log.read_bytes().splitlines())
    reason = f"HTTP/1.1 {status:03} Odd\r\nContent-Length: 0\r\n\r\n"
    live.inference.instead = reason.encode()
    raw(live.port, b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert wait_until(lambda: len(log.read_bytes().splitlines()) > before)
    for line in log.read_text(encoding="utf-8").splitlines()[before:]:
        assert json.loads(line)["status"] in {0, 502}


def test_an_upload_that_stands_still_is_cut_with_a_reset(nginx: str, tmp_path: Path) -> None:
    """The kernel would else keep what is left of the connection for minutes."""
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    limits = tmp_path / "templates" / "conf" / "limits.conf.j2"
    hurried = limits.read_text().replace("client_body_timeout 20s", "client_body_timeout 1s")
    limits.write_text(hurried)
    with (
        gateway(tmp_path / "gateway", {}, templates=tmp_path / "templates") as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as caller,
    ):
        caller.sendall(b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        with pytest.raises(ConnectionResetError):
            caller.recv(1)


def test_the_page_is_protected_where_it_stands_alone() -> None:
    """The page's own server forbids frames in a way that the gateway can take back."""
    text = (Path(__file__).parents[2] / "services/webui/templates/nginx.conf.j2").read_text()
    assert "add_header X-Frame-Options DENY always;" in text
    assert "frame-ancestors" not in text.split("Content-Security-Policy")[1].split('"')[1]
