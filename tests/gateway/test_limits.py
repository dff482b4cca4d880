"""What one client may take: requests a second, connections at a time, and who counts as one."""

import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.gateway.cases import ORIGIN, STRANGER, granted_answer
from tests.gateway.lab import Answer, Gateway, gateway, preflight, request, wait_until
from tests.gateway.test_proxying import log_entry

from gateway.faults import InvalidSettings
from gateway.render import LOG_FILES, TEMPLATES, render_texts
from gateway.settings import GatewaySettings

BURST = 5
CONNECTIONS = 3


def limited(**more: str) -> dict[str, str]:
    """Small limits; clients are told apart by a header that this machine may set."""
    return {
        "CORS_ALLOWED_ORIGINS": ORIGIN,
        "GATEWAY_RATE_PER_SECOND": "1",
        "GATEWAY_RATE_BURST": str(BURST),
        "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": str(CONNECTIONS),
        "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
        **more,
    }


@pytest.fixture(scope="module")
def shared(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), limited()) as running:
        yield running


@pytest.fixture
def live(shared: Gateway) -> Gateway:
    shared.inference.reset()
    shared.webui.reset()
    return shared


def ask(live: Gateway, client: str, path: str = "/api/x", origin: str = ORIGIN) -> Answer:
    return live.get(path, origin, ("X-Forwarded-For", client))


def used_up(live: Gateway, client: str) -> None:
    """Leaves nothing of the client's share of requests for a second."""
    statuses = [ask(live, client).status for _ in range(BURST + 3)]
    assert statuses[0] == 200 and statuses[-1] == 429


def test_beyond_the_burst_is_429_and_readable(live: Gateway) -> None:
    statuses = [ask(live, "192.0.2.1").status for _ in range(BURST + 1)]
    assert statuses == [200] * (BURST + 1)  # one a second, and the burst
    answer = ask(live, "192.0.2.1")
    assert (answer.status, answer.problem["code"]) == (429, "RATE_LIMITED")
    assert (answer.cors, answer.vary) == (granted_answer(ORIGIN), ["origin"])
    assert answer.one("retry-after") == "1"
    assert "Retry-After" in answer.cors["access-control-expose-headers"]
    assert ask(live, "192.0.2.1", origin=STRANGER).cors == {}
    assert log_entry(live, answer)["refused"] == "requests"
    assert len(live.inference.requests) == BURST + 1


def test_after_a_moment_it_goes_on(live: Gateway) -> None:
    used_up(live, "192.0.2.2")
    assert wait_until(lambda: ask(live, "192.0.2.2").status == 200, 5, every_s=0.3)


def test_preflights_are_never_refused(live: Gateway) -> None:
    used_up(live, "127.0.0.1")
    answers = [preflight(live.port, "/api/x", ORIGIN) for _ in range(30)]
    assert {answer.status for answer in answers} == {204}
    assert ask(live, "127.0.0.1").status == 429


def test_preflights_do_not_use_up_the_share(live: Gateway) -> None:
    headers = [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]
    for _ in range(30):
        request(live.port, "OPTIONS", "/api/x", [*headers, ("X-Forwarded-For", "192.0.2.3")])
    assert ask(live, "192.0.2.3").status == 200


@pytest.mark.parametrize("path", ["/healthz", "/api/health/live", "/api/health/ready", "/a.css"])
def test_health_and_pages_are_not_limited(live: Gateway, path: str) -> None:
    client = f"192.0.2.{100 + len(path)}"  # each its own
    used_up(live, client)
    assert {ask(live, client, path).status for _ in range(20)} == {200}


def test_another_client_has_a_share_of_its_own(live: Gateway) -> None:
    used_up(live, "192.0.2.5")
    assert ask(live, "192.0.2.6").status == 200


def test_a_network_of_ipv6_is_one_client(live: Gateway) -> None:
    used_up(live, "2001:db8:1:2::1")
    assert ask(live, "2001:db8:1:2:ffff:ffff:ffff:ffff").status == 429
    assert ask(live, "2001:db8:1:3::1").status == 200


def test_addresses_of_ipv4_written_as_ipv6_are_told_apart(live: Gateway) -> None:
    """A gateway that listens on [::] for both sees all its IPv4 clients like this."""
    used_up(live, "::ffff:198.51.100.1")
    assert ask(live, "::ffff:198.51.100.2").status == 200


@contextmanager
def dripping(
    live: Gateway, client: str, count: int, path: str = "/api/x"
) -> Iterator[list[socket.socket]]:
    """Uploads that have begun and do not go on."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nX-Forwarded-For: {client}\r\n"
        "Content-Length: 100\r\n\r\nx"
    )
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", live.port), timeout=20)
            stack.enter_context(connection)
            connection.sendall(head.encode())
            found.append(connection)
        time.sleep(0.2)  # nginx has read them
        yield found


def test_a_client_has_so_many_connections_and_no_more(live: Gateway) -> None:
    with dripping(live, "192.0.2.7", CONNECTIONS) as uploads:
        answer = ask(live, "192.0.2.7")
        assert (answer.status, answer.problem["code"]) == (429, "RATE_LIMITED")
        assert answer.cors == granted_answer(ORIGIN)
        assert answer.one("retry-after") == "1"
        assert log_entry(live, answer)["refused"] == "connections"
        assert ask(live, "192.0.2.7", "/index.html").status == 429
        assert ask(live, "192.0.2.7", "/api/health/ready").status == 200
        assert ask(live, "192.0.2.8").status == 200
        uploads[0].close()
        assert wait_until(lambda: ask(live, "192.0.2.7", "/index.html").status == 200)


def test_uploads_to_where_monitors_look_are_counted(live: Gateway) -> None:
    with dripping(live, "192.0.2.10", CONNECTIONS + 1, "/api/health/ready") as uploads:
        answered, _, _ = select.select(uploads, [], [], 5)
        assert [upload.recv(65536)[:13] for upload in answered] == [b"HTTP/1.1 429 "]


def test_an_upload_that_is_refused_says_so_at_once(live: Gateway) -> None:
    """Before its body has been read: 429, not a connection that was reset."""
    with dripping(live, "192.0.2.9", CONNECTIONS + 1) as uploads:
        answered, _, _ = select.select(uploads, [], [], 5)  # workers take them in any order
        assert [upload.recv(65536)[:13] for upload in answered] == [b"HTTP/1.1 429 "]


def test_zero_is_no_limit(nginx: str, tmp_path: Path) -> None:
    off = {"GATEWAY_RATE_PER_SECOND": "0", "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "0"}
    with (
        gateway(tmp_path / "gateway", limited(**off)) as running,
        dripping(running, "192.0.2.1", 40),
    ):
        assert {ask(running, "192.0.2.1").status for _ in range(40)} == {200}


def test_by_default_limits_are_on() -> None:
    text = render_texts(GatewaySettings.from_env({}), TEMPLATES, LOG_FILES)[
        Path("conf/shares.conf")
    ]
    for directive in (
        "limit_conn connections 64;",
        r"rate=20r/s;",
        "limit_req zone=requests burst=100 nodelay;",
    ):
        assert directive in text
    assert len(re.findall(r"^    1?1 \$gateway_client;$", text, re.M)) == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("GATEWAY_RATE_PER_SECOND", text) for text in ("-1", "1.5", "10001", "20r/s", "off")),
        *(("GATEWAY_RATE_BURST", text) for text in ("0", "10001", "1k")),
        *(("GATEWAY_MAX_CONNECTIONS_PER_CLIENT", text) for text in ("-1", "10001", "many")),
    ],
)
def test_odd_limits_are_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env({variable: value})
    assert [fault.variable for fault in caught.value.faults] == [variable]
