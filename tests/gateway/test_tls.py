"""HTTPS at the gateway: the certificate, the redirect, and what must not be redirected."""

import http.client
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.cases import (
    ORIGIN,
    POLICY,
    PREFLIGHT_VARY,
    STRANGER,
    granted_answer,
    granted_preflight,
)
from tests.gateway.lab import Answer, Gateway, Headers, free_port, gateway, preflight, raw, request

from gateway.certificate import place_certificate
from gateway.reload import reload
from gateway.render import TEMPLATES
from gateway.settings import GatewaySettings
from gateway.snapshot import snapshot
from gateway.tls import OWN_CERTIFICATE, OWN_KEY

SELF_SIGNED = {"GATEWAY_TLS": "self-signed"}
TLS_PORT = free_port()


@pytest.fixture(scope="module")
def shared(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    acme = tmp_path_factory.mktemp("acme")
    (acme / ".well-known" / "acme-challenge").mkdir(parents=True)
    (acme / ".well-known" / "acme-challenge" / "token").write_text("proof")
    environment = {
        **POLICY,
        **SELF_SIGNED,
        "GATEWAY_TLS_LISTEN": f"127.0.0.1:{TLS_PORT}",
        "GATEWAY_ACME_ROOT": str(acme),
    }
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        yield running


@pytest.fixture
def live(shared: Gateway) -> Gateway:
    shared.inference.reset()
    shared.webui.reset()
    return shared


def trusting(live: Gateway) -> ssl.SSLContext:
    """A client to whom the gateway's own certificate was given."""
    return ssl.create_default_context(cafile=str(live.folder / OWN_CERTIFICATE))


def https(
    live: Gateway, method: str, path: str, headers: Headers = (), body: bytes = b"", to: str = ""
) -> Answer:
    host, port = to or "127.0.0.1", TLS_PORT
    connection = http.client.HTTPSConnection(host, port, timeout=20, context=trusting(live))
    try:
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, pairs, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_self_signed_certificate_is_for_this_machines_names(live: Gateway, name: str) -> None:
    assert https(live, "GET", "/", to=name).body == b"<p>page</p>"


def test_its_key_is_private(live: Gateway) -> None:
    assert (live.folder / OWN_KEY).stat().st_mode & 0o077 == 0


def test_the_api_over_tls_is_the_api(live: Gateway) -> None:
    answer = https(live, "POST", "/api/v1/faces?a=1", [("Origin", ORIGIN)], b"x" * 500_000)
    assert (answer.status, answer.cors, answer.vary) == (200, granted_answer(ORIGIN), ["origin"])
    method, path, headers, received = live.inference.requests[0]
    assert (method, path, received) == ("POST", "/api/v1/faces?a=1", 500_000)
    assert headers.get_all("X-Forwarded-Proto") == ["https"]
    assert headers.get_all("X-Forwarded-Host") == [f"127.0.0.1:{TLS_PORT}"]


def test_preflights_and_errors_over_tls_are_as_without(live: Gateway) -> None:
    asked = [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]
    answer = https(live, "OPTIONS", "/api/v1/faces", asked)
    assert (answer.status, answer.cors) == (204, granted_preflight(ORIGIN))
    answer = https(live, "POST", "/api/x", [("Origin", ORIGIN)], b"x" * 1_048_577)
    assert (answer.problem["code"], answer.cors) == ("REQUEST_TOO_LARGE", granted_answer(ORIGIN))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_protocols_are_spoken(live: Gateway, version: ssl.TLSVersion) -> None:
    protocol, above, cipher = handshake(live, version)
    assert (protocol, above) == (version.name.replace("_", "."), "h2")
    assert "GCM" in cipher or "CHACHA20" in cipher


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_protocols_are_not(live: Gateway, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        handshake(live, version)


def handshake(live: Gateway, version: ssl.TLSVersion) -> tuple[str | None, str | None, str]:
    """Protocol, the one above it, and the cipher, for a client that knows this version only."""
    context = trusting(live)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # this side would speak anything
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", TLS_PORT), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        cipher = connection.cipher()
        assert cipher is not None
        return connection.version(), connection.selected_alpn_protocol(), cipher[0]


def test_sessions_are_kept_here_and_not_in_tickets(live: Gateway) -> None:
    """In TLS 1.2, where the two can be told apart from outside."""
    context = trusting(live)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def session(known: ssl.SSLSession | None) -> tuple[ssl.SSLSession, bool]:
        with (
            socket.create_connection(("127.0.0.1", TLS_PORT), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=known) as connection,
        ):
            assert connection.session is not None
            return connection.session, bool(connection.session_reused)

    first, _ = session(None)
    assert (first.has_ticket, session(first)[1]) == (False, True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_http_2_carries_the_headers(live: Gateway) -> None:
    command = ["curl", "--silent", "--include", "--http2", "--header", f"Origin: {ORIGIN}"]
    command += ["--cacert", str(live.folder / OWN_CERTIFICATE)]
    url = f"https://localhost:{TLS_PORT}/api/x"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.startswith("HTTP/2 200")
    assert f"access-control-allow-origin: {ORIGIN}\n" in done.stdout.replace("\r", "")
    assert live.inference.requests[0][2].get_all("Host") == [f"localhost:{TLS_PORT}"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    ("path", "origin", "cors"),
    [
        ("/", ORIGIN, {}),
        ("/api/v1/x%20y?a=%2F&b", ORIGIN, granted_answer(ORIGIN)),
        ("/api/v1/x", STRANGER, {}),
    ],
)
def test_plain_http_is_led_to_https(
    live: Gateway, method: str, path: str, origin: str, cors: dict[str, str]
) -> None:
    headers = [("Origin", origin), ("Host", f"Fusion.Example.com:{live.port}")]
    answer = raw_request(live, method, path, headers)
    assert answer.status == 308  # which keeps method and body
    assert answer.one("location") == f"https://fusion.example.com:{TLS_PORT}{path}"
    assert answer.cors == cors
    assert answer.vary == (["origin"] if path.startswith("/api") else [])
    assert answer.one("cache-control") == "no-store"
    assert live.hits == 0


def raw_request(live: Gateway, method: str, path: str, headers: Headers) -> Answer:
    """With a Host of the caller's choice."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=20)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, pairs, answer.read())
    finally:
        connection.close()


def test_without_a_host_the_redirect_leads_to_this_machine(live: Gateway) -> None:
    answer = raw(live.port, b"GET /x HTTP/1.0\r\n\r\n")
    assert f"Location: https://localhost:{TLS_PORT}/x\r\n".encode() in answer


@pytest.mark.parametrize("origin", [ORIGIN, STRANGER])
def test_a_preflight_over_plain_http_is_answered_and_not_redirected(
    live: Gateway, origin: str
) -> None:
    answer = preflight(live.port, "/api/v1/fusions", origin)
    granted = granted_preflight(origin) if origin == ORIGIN else {}
    assert (answer.status, answer.cors, answer.vary) == (204, granted, PREFLIGHT_VARY)
    assert answer.one("location") is None


def test_monitors_may_ask_over_plain_http(live: Gateway) -> None:
    assert request(live.port, "GET", "/healthz").status == 200
    for path in ("/api/health/live", "/api/health/ready"):
        assert request(live.port, "GET", path).status == 200
    assert live.hits == 2
    assert request(live.port, "GET", "/api/health/other").status == 308


def test_the_challenge_of_a_certificate_authority_is_answered(live: Gateway) -> None:
    answer = request(live.port, "GET", "/.well-known/acme-challenge/token")
    assert (answer.status, answer.body) == (200, b"proof")
    assert request(live.port, "GET", "/.well-known/acme-challenge/other").status == 404
    assert request(live.port, "GET", "/.well-known/security.txt").status == 308


def test_plain_http_on_the_port_of_tls_is_led_to_https(live: Gateway) -> None:
    answer = raw(TLS_PORT, f"GET /api/x HTTP/1.0\r\nHost: a.b\r\nOrigin: {ORIGIN}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert f"Location: https://a.b:{TLS_PORT}/api/x\r\n".encode() in answer
    assert f"Access-Control-Allow-Origin: {ORIGIN}\r\n".encode() in answer


@pytest.mark.parametrize(("origin", "cors"), [(ORIGIN, granted_preflight(ORIGIN)), (STRANGER, {})])
def test_a_plain_preflight_on_the_port_of_tls_is_answered(
    live: Gateway, origin: str, cors: dict[str, str]
) -> None:
    answer = preflight(TLS_PORT, "/api/x", origin)
    assert (answer.status, answer.cors, answer.body) == (204, cors, b"")
    assert answer.vary == PREFLIGHT_VARY
    assert answer.one("location") is None
    assert live.hits == 0


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/x?y"])
def test_the_redirect_is_a_problem_document(live: Gateway, method: str, path: str) -> None:
    """On both ports, for callers who do not follow."""
    for port in (live.port, TLS_PORT):
        answer = request(port, method, path, [("Origin", ORIGIN)], b"x" * 500)
        assert (answer.status, answer.problem["code"]) == (308, "HTTPS_REQUIRED")
        assert answer.one("location") == f"https://127.0.0.1:{TLS_PORT}{path}"
        assert answer.one("cache-control") == "no-store"
        assert answer.cors == (granted_answer(ORIGIN) if "api" in path else {})
        assert answer.one("x-content-type-options") == "nosniff"


def test_by_default_browsers_are_not_told_to_remember_https(live: Gateway) -> None:
    assert https(live, "GET", "/").one("strict-transport-security") is None


def test_with_a_certificate_of_ones_own_and_a_public_address(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files, port = pair(tmp_path_factory.mktemp("pair")), free_port()
    environment = {
        **POLICY,
        **files,
        "GATEWAY_TLS_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_PUBLIC_URL": "https://fusion.example.com",
        "GATEWAY_HSTS_S": "86400",
    }
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        answer = raw_request(running, "GET", "/api/x?y", [("Host", "evil.example")])
        assert answer.one("location") == "https://fusion.example.com/api/x?y"
        assert answer.one("strict-transport-security") is None  # it would mean nothing
        context = ssl.create_default_context(cafile=files["GATEWAY_TLS_CERTIFICATE"])
        connection = http.client.HTTPSConnection("localhost", port, context=context)
        connection.request("GET", "/")
        got = connection.getresponse()
        assert got.getheader("Strict-Transport-Security") == "max-age=86400"
        connection.close()


def pair(folder: Path) -> dict[str, str]:
    """A certificate and its key as an operator would name them."""
    place_certificate(folder, folder)
    return {
        "GATEWAY_TLS": "files",
        "GATEWAY_TLS_CERTIFICATE": str(folder / OWN_CERTIFICATE),
        "GATEWAY_TLS_KEY": str(folder / OWN_KEY),
    }


def test_a_snapshot_is_of_the_site_and_not_of_the_redirect(live: Gateway, nginx: str) -> None:
    """Also while a gateway with the same settings holds the port of TLS."""
    tls = SELF_SIGNED | {"GATEWAY_TLS_LISTEN": f"127.0.0.1:{TLS_PORT}"}
    policy = {"CORS_ALLOWED_ORIGINS": ORIGIN}
    plain, encrypted = (
        snapshot(GatewaySettings.from_env(policy | more), TEMPLATES, nginx) for more in ({}, tls)
    )
    assert encrypted == plain


def test_a_reload_takes_tls_settings_over(nginx: str, tmp_path: Path) -> None:
    port = free_port()
    own = SELF_SIGNED | {"GATEWAY_TLS_LISTEN": f"127.0.0.1:{port}"}
    with gateway(tmp_path / "gateway", own) as running:
        assert running.get("/").one("location") == f"https://127.0.0.1:{port}/"
        public = {"GATEWAY_PUBLIC_URL": "https://fusion.example.com"}
        # the address of the run is kept, as the others are
        reload(running.folder, SELF_SIGNED | public, TEMPLATES, nginx)
        assert running.get("/").one("location") == "https://fusion.example.com/"
        reload(running.folder, {}, TEMPLATES, nginx)
        assert running.get("/").status == 200
