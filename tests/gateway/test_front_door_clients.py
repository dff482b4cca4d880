"""Behind a CDN: whose address is logged, limited and passed on, and whose word is taken for it."""

import json
from collections.abc import Iterator

import pytest
from tests.gateway.cases import ORIGIN
from tests.gateway.lab import Gateway, gateway
from tests.gateway.test_proxying import log_entry

from gateway.faults import InvalidSettings
from gateway.settings import GatewaySettings

CLIENT = "203.0.113.9"
BEHIND = {"CORS_ALLOWED_ORIGINS": ORIGIN, "GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8"}


@pytest.fixture(scope="module")
def shared(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), BEHIND) as running:
        yield running


@pytest.fixture
def behind(shared: Gateway) -> Gateway:
    """A gateway that trusts this machine and 10.0.0.0/8."""
    shared.inference.reset()
    return shared


def passed_on(live: Gateway, *headers: tuple[str, str]) -> tuple[str | None, str | None]:
    """The client's address and the scheme, as the service learns them."""
    live.get("/api/x", None, *headers)
    received = live.inference.requests[-1][2]
    assert len(received.get_all("X-Forwarded-For", [])) == 1
    return received["X-Forwarded-For"], received["X-Forwarded-Proto"]


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ([CLIENT], CLIENT),
        ([f"{CLIENT}, 10.1.2.3"], CLIENT),
        ([f"1.2.3.4, {CLIENT}, 10.1.2.3, 10.9.9.9"], CLIENT),
        ([f"10.0.0.1, {CLIENT}"], CLIENT),
        ([f"1.2.3.4, {CLIENT}:4711"], CLIENT),
        ([f"1.2.3.4, nonsense, {CLIENT}"], CLIENT),
        (["2001:db8::7"], "2001:db8::7"),
        (["1.2.3.4, nonsense"], "127.0.0.1"),
        (['"'], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_the_client(behind: Gateway, claims: list[str], client: str) -> None:
    headers = [("X-Forwarded-For", claim) for claim in claims]
    assert passed_on(behind, *headers)[0] == client
    entry = log_entry(behind, behind.get("/api/x", ORIGIN, *headers))
    assert (entry["client"], entry["peer"]) == (client, "127.0.0.1")


@pytest.mark.parametrize(
    ("claim", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http", "http"), ("ftp", "http"), ('"', "http")],
)
def test_a_trusted_proxy_names_the_scheme(behind: Gateway, claim: str, scheme: str) -> None:
    assert passed_on(behind, ("X-Forwarded-Proto", claim))[1] == scheme
    entry = log_entry(behind, behind.get("/", None, ("X-Forwarded-Proto", claim)))
    assert entry["scheme"] == scheme


def test_nobody_is_trusted_by_default(live: Gateway) -> None:
    headers = [("X-Forwarded-For", CLIENT), ("X-Real-IP", CLIENT), ("X-Forwarded-Proto", "https")]
    assert passed_on(live, *headers) == ("127.0.0.1", "http")
    assert CLIENT not in json.dumps(log_entry(live, live.get("/api/x", ORIGIN, *headers)))


def test_who_is_not_in_the_list_is_not_trusted(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = BEHIND | {"GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8 2001:db8::/32"}
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        claims = [("X-Forwarded-For", CLIENT), ("X-Forwarded-Proto", "https")]
        assert passed_on(running, *claims) == ("127.0.0.1", "http")


def test_only_the_header_of_the_setting_is_read(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = BEHIND | {
        "GATEWAY_CLIENT_ADDRESS_HEADER": "cf-connecting-ip",
        "GATEWAY_HSTS_S": "60",
    }
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as running:
        assert passed_on(running, ("X-Forwarded-For", "1.2.3.4"))[0] == "127.0.0.1"
        headers = [("CF-Connecting-IP", CLIENT), ("X-Forwarded-For", "1.2.3.4")]
        assert passed_on(running, *headers)[0] == CLIENT
        # TLS ends at the CDN: what the caller spoke decides
        answer = running.get("/", None, ("X-Forwarded-Proto", "https"))
        assert answer.one("strict-transport-security") == "max-age=60"
        assert running.get("/").one("strict-transport-security") is None


def test_networks_and_headers_are_written_in_canonical_form() -> None:
    settings = GatewaySettings.from_env(
        {
            "GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.7 2001:DB8:0::/32 ::1 10.0.0.0/8",
            "GATEWAY_CLIENT_ADDRESS_HEADER": "x-real-ip",
        }
    )
    assert settings.proxies.trusted == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128")
    assert settings.proxies.header == "X-Real-IP"
    assert GatewaySettings.from_env({}).proxies.trusted == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(
            ("GATEWAY_TRUSTED_PROXIES", text)
            for text in (
                *(
                    "cdn.example.com",
                    "10.0.0.0/33",
                    "0.0.0.0/1",
                    "128.0.0.0/1",
                    "16.0.0.0/7",
                    "2000::/15",
                    "8000::/1",
                    "10.0.0",
                    "10",
                    "*",
                    "all",
                    "10.0.0.0-10.0.0.9",
                ),
                *(
                    "fe80::1%eth0",
                    "[::1]",
                    "10.0.0.1/8",
                    "0.0.0.0/0",
                    "::/0",
                    "10.0.0.0/255.0.0.0;",
                ),
            )
        ),
        *(
            ("GATEWAY_CLIENT_ADDRESS_HEADER", text)
            for text in ("Host", "X-My-Header", "proxy_protocol", "X-Forwarded-For X-Real-IP")
        ),
    ],
)
def test_odd_values_are_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env({variable: value})
    assert [fault.variable for fault in caught.value.faults] == [variable]


@pytest.mark.parametrize("text", ["10.0.0.0/8", "127.0.0.0/8", "fc00::/7", "2400::/16"])
def test_wide_networks_of_one_owner_are_taken(text: str) -> None:
    assert GatewaySettings.from_env({"GATEWAY_TRUSTED_PROXIES": text}).proxies.trusted == (text,)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("198.51.100.7/24", "198.51.100.0/24"),
        # A slip that would trust sixteen million addresses of others.
        ("198.51.100.0/8", ""),
        ("2001:db8::1/24", ""),
        # nginx compares what it sees, and sees IPv4.
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
    ],
)
def test_a_network_is_mended_where_it_is_clear_what_was_meant(text: str, line: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env({"GATEWAY_TRUSTED_PROXIES": text})
    [fault] = caught.value.faults
    assert fault.line == (f'GATEWAY_TRUSTED_PROXIES="{line}"' if line else "")
