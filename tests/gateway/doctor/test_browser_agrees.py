"""A real browser is the judge: where the doctor says that a call fails, Chromium's fetch does."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from chromium import chromium
from playwright.sync_api import Browser, Error, Page
from tests.gateway.doctor.broken_answers import ANSWERS
from tests.gateway.doctor.broken_form import FORM, NOTED_FORMS
from tests.gateway.doctor.broken_origins import ORIGINS
from tests.gateway.doctor.broken_preflights import PREFLIGHTS
from tests.gateway.doctor.certificates import Certificates
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.doctor.kinds import Broken
from tests.gateway.doctor.servers import raw
from tests.gateway.doctor.test_good import GOOD

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("nginx")]

# Faults of answers that a page can read all the same, or that only others meet.
READABLE = {
    "cookie_not_secure",
    "cookie_samesite",
    "header_not_exposed",
    "method_refused",
    "missing_on_errors",
    "null_allowed",
    "origin_hole",
    "reflects_anybody",
    "server_error",
    "star_expose_with_credentials",
    "vary_missing_cached",
}
# Chromium, to 156 at least, still takes `*` for Authorization and writes a warning, a broken first
# line for 200, and over plain http the beginning of the headers for all of them.
LENIENT = {"authorization_not_covered", "headers_cut", "status_line_broken"}
# Fails or not by the page's own body or cookies, or has a preflight that fails for another reason.
UNDECIDED = {"a POST that fails, without always", "everything fails", "reflects for a cookie"}
CASES = [case for case in (*FORM, *ORIGINS, *PREFLIGHTS, *ANSWERS) if case.name not in UNDECIDED]
CASES += [Broken(name, "", serve, arguments) for name, (serve, arguments) in GOOD.items()]
CASES += [Broken(name, "", raw(form)) for name, (_, form) in NOTED_FORMS.items()]
ASK = """async ([url, options]) => {
    try {
        const answer = await fetch(url, {...options, signal: AbortSignal.timeout(8000)})
        await answer.text()
        return true
    }
    catch (error) { return String(error) }
}"""


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _pages(context: ssl.SSLContext | None) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def browser(made: Certificates) -> Iterator[Browser]:
    """Every host name is this machine; pages come from two servers, whatever their port says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made["self_signed"])
    with _pages(context) as secure, _pages(None) as plain:
        ports = ", ".join(f"MAP {host} 127.0.0.1:{plain}" for host in _PLAIN)
        with chromium(
            "--ignore-certificate-errors",
            # pages of the internet ask the visitor before they may call this machine
            "--disable-features=LocalNetworkAccessChecks",
            f"--host-resolver-rules={ports}, MAP *.example.com 127.0.0.1:{secure}, "
            f"MAP example.com 127.0.0.1:{secure}",
        ) as running:
            yield running


_PLAIN = sorted(
    {urlsplit(case.origin).netloc for case in CASES if case.origin.startswith("http://")}
)


def _visit(page: Page, url: str) -> None:
    try:
        page.goto(url)
    except Error as error:
        # Somebody else's container has just come or gone.
        if "ERR_NETWORK_CHANGED" not in str(error):
            raise
        page.goto(url)


def _options(arguments: tuple[str, ...]) -> dict[str, Any]:
    """The command's arguments as those of fetch."""
    words = iter(arguments)
    options: dict[str, Any] = {"headers": {}, "cache": "no-store"}
    for word in words:
        if word == "--method":
            options["method"] = next(words)
        elif word == "--header":
            name, _, value = next(words).partition(":")
            options["headers"][name] = value.strip() or "x"
        elif word == "--expose":
            next(words)
        elif word == "--credentials":
            options["credentials"] = "include"
    return options


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_chromium_agrees(case: Broken, browser: Browser, doctor: Doctor, tmp_path: Path) -> None:
    options = _options(case.arguments)
    with case.serve(tmp_path / "served") as url, browser.new_page() as page:
        _visit(page, f"{case.origin}/")
        assert page.evaluate("location.origin") == case.origin
        answered = page.evaluate(ASK, [url, options])
        found = doctor(url, *case.arguments, origin=case.origin)
    readable = not case.code or case.code in READABLE | LENIENT
    assert (answered is True) == readable, json.dumps([answered, found.codes])
