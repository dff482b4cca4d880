"""What pages of other origins can really do, in Chromium: one row a case (browser_row.py)."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from chromium import TEST_NAMES, chromium, missing
from playwright.sync_api import Browser, Page
from tests.gateway import browser_answers, browser_front_door, browser_requests, browser_ways
from tests.gateway.browser_row import Row
from tests.gateway.browser_service import PageServer, Service, serving
from tests.gateway.lab import LOG_LATE_S, Gateway, free_port, gateway, wait_until

from gateway.render import find_nginx

pytestmark = pytest.mark.browser

ANSWER_MS = 10_000
ROWS = [*browser_requests.ROWS, *browser_answers.ROWS, *browser_ways.ROWS, *browser_front_door.ROWS]

# Name -> settings; {port} and {other} are the ports of the pages, the others of HTTPS.
LISTED = "http://app.test:{port} http://second.test:{port}"
GATEWAYS = {
    "plain": {
        "CORS_ALLOWED_ORIGINS": f"{LISTED} http://*.pages.test:{{port}} http://ports.test:*",
        "GATEWAY_MAX_BODY": "8m",
    },
    "lists": {
        "CORS_ALLOWED_ORIGINS": LISTED,
        "CORS_ALLOWED_METHODS": "GET POST PUT PATCH DELETE",
        "CORS_ALLOWED_HEADERS": "Content-Type Authorization X-A X-B",
    },
    # Over plain http only this machine may have credentials.
    "credentials": {
        "CORS_ALLOWED_ORIGINS": "http://localhost:{port}",
        "CORS_ALLOW_CREDENTIALS": "true",
    },
    "star": {
        "CORS_ALLOWED_ORIGINS": "*",
        "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1",
        "CORS_ALLOWED_METHODS": "*",
        "CORS_ALLOWED_HEADERS": "*",
        "CORS_EXPOSED_HEADERS": "*",
    },
    "star_and_authorization": {
        "CORS_ALLOWED_ORIGINS": LISTED,
        "CORS_ALLOWED_HEADERS": "* Authorization",
    },
    "age_0": {"CORS_ALLOWED_ORIGINS": LISTED, "CORS_MAX_AGE": "0"},
    "age_off": {"CORS_ALLOWED_ORIGINS": LISTED, "CORS_MAX_AGE": "off"},
    "nobody": {},
    "down": {"CORS_ALLOWED_ORIGINS": LISTED, "GATEWAY_INFERENCE": "127.0.0.1:{closed}"},
    "limited": {
        "CORS_ALLOWED_ORIGINS": LISTED,
        "GATEWAY_RATE_PER_SECOND": "1",
        "GATEWAY_RATE_BURST": "2",
    },
    "tls": {
        "CORS_ALLOWED_ORIGINS": "https://app.test:{tls}",
        "CORS_ALLOW_CREDENTIALS": "true",
        "GATEWAY_TLS": "self-signed",
        "GATEWAY_TLS_LISTEN": "127.0.0.1:{tls}",
    },
    "tls_for_http": {
        "CORS_ALLOWED_ORIGINS": LISTED,
        "GATEWAY_TLS": "self-signed",
        "GATEWAY_TLS_LISTEN": "127.0.0.1:{tls_for_http}",
    },
}
ANY_CERTIFICATE = "--ignore-certificate-errors"


@dataclass(frozen=True)
class Street:
    """Everything that runs: gateways by name, the service behind them, pages on two ports.

    secure  the ports of HTTPS, by the gateway's name
    """

    gateways: Mapping[str, Gateway]
    service: Service
    port: int
    other: int
    secure: Mapping[str, int]
    asked: list[Row] = field(default_factory=list)

    def base(self, name: str) -> str:
        if name in self.secure:
            return f"https://api.app.test:{self.secure[name]}"
        host = "localhost" if name == "credentials" else "api.test"
        return f"http://{host}:{self.gateways[name].port}"

    def page(self, row: Row) -> str:
        if row.page == "own":
            return f"{self.base(row.gateway)}/"
        if row.page.startswith("https:"):
            return f"{row.page}:{self.secure[row.gateway]}/"
        host, other_port, _ = row.page.partition(":")
        return f"http://{host}:{self.other if other_port else self.port}/"

    def preflights(self, row: Row) -> int:
        """How many the gateway answered, by its own log."""
        log = (self.gateways[row.gateway].folder / "logs" / "access.log").read_text()
        entries = map(json.loads, log.splitlines())
        return sum(
            entry["preflight"] == "1"
            and entry["status"] == 204
            and entry["uri"].startswith(row.path)
            for entry in entries
        )


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    if find_nginx() is None:
        missing("nginx (Debian: apt-get install nginx)")
    service = Service()
    with ExitStack() as stack:
        behind = stack.enter_context(serving(service.handler()))
        port, other = (stack.enter_context(serving(PageServer)) for _ in range(2))
        gateways, secure = {}, {name: free_port() for name in GATEWAYS if "tls" in name}
        for name, settings in GATEWAYS.items():
            own = {
                "GATEWAY_INFERENCE": f"127.0.0.1:{behind}",
                "GATEWAY_WEBUI": f"127.0.0.1:{port}",
                "GATEWAY_UPSTREAM_TIMEOUT_S": "1",
                # all rows are one client, and faster than any person
                "GATEWAY_RATE_PER_SECOND": "0",
                "FUSION_PROFILE": "dev" if "star" in name else "prod",  # where `*` may stand
            }
            environment = own | {
                variable: value.format(port=port, other=other, closed=free_port(), **secure)
                for variable, value in settings.items()
            }
            folder = tmp_path_factory.mktemp(f"gateway-{name}")
            gateways[name] = stack.enter_context(gateway(folder, environment))
        yield Street(gateways, service, port, other, secure)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of module scope: while it lives no other test can run an event loop."""
    with chromium(TEST_NAMES, ANY_CERTIFICATE) as browser:
        yield browser


class Pages:
    """The page on every origin, opened once: what differs between rows is their address."""

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context()
        self._context.set_default_timeout(ANSWER_MS)
        self._open: dict[str, Page] = {}

    def at(self, url: str) -> Page:
        if url not in self._open:
            self._open[url] = self._context.new_page()
            self._open[url].goto(url)
        return self._open[url]


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Pages:
    return Pages(browser)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
def test_what_a_page_can_do(street: Street, pages: Pages, row: Row) -> None:
    url = street.page(row)
    values = {name: street.base(name) for name in street.gateways} | {"here": url.rstrip("/")}
    values["insecure"] = f"http://api.app.test:{street.gateways[row.gateway].port}"
    values |= {"api": f"{street.base(row.gateway)}{row.path}", "path": row.path}
    call = f"async ({{{', '.join(values)}}}) => {{ return {row.call}; }}"
    street.asked.append(row)
    told = pages.at(url).evaluate(call, values)
    assert told == row.told
    if row.late:
        assert wait_until(lambda: row.path in street.service.abandoned, timeout_s=2)
    assert tuple(street.service.reached(row.path)) == row.reached


def test_browsers_ask_as_often_as_said_before(street: Street) -> None:
    """Of every row above: nginx writes its log a second late, so all are read at once."""
    time.sleep(LOG_LATE_S)
    counts = {row.slug: (street.preflights(row), row.preflights) for row in street.asked}
    assert not {slug: counts for slug, (seen, said) in counts.items() if seen != said}


def test_every_row_has_an_address_of_its_own() -> None:
    slugs = [row.slug for row in ROWS]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z0-9-]+", slug) for slug in slugs)
    assert len(ROWS) >= 32
