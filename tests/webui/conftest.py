"""What the page's tests share: the built page behind its own nginx, a browser, a fake API."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from chromium import TEST_NAMES, chromium, missing
from playwright.sync_api import Browser, Page
from webui.fake_api import FakeApi
from webui.site import Site, visit

import build_site


class ServeSite(Protocol):
    """Serves the page that asks the API at api_base; port 0 is any free one."""

    def __call__(self, api_base: str, port: int = 0) -> Site: ...


@pytest.fixture
def serve_site(tmp_path: Path) -> Iterator[ServeSite]:
    """Builds the page for an API's address and serves it as scripts/run does."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        missing("nginx (Debian: apt-get install nginx)")
    started: list[subprocess.Popen[bytes]] = []

    def serve(api_base: str, port: int = 0) -> Site:
        port = port or free_port()
        folder = tmp_path / f"site-{port}"
        config = folder / "server" / "nginx.conf"
        arguments = ["--out", str(folder / "page"), "--api-base", api_base]
        arguments += ["--server-config", str(config), "--listen", f"127.0.0.1:{port}"]
        assert build_site.main(arguments) == 0
        command = [nginx, "-e", "stderr", "-p", str(config.parent), "-c", str(config)]
        started.append(subprocess.Popen(command))
        wait_for_port(port)
        return Site(port, folder / "page", config.parent)

    yield serve
    for process in started:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, timeout_s: float = 10) -> None:
    end = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of module scope: while it lives no other test can run an event loop."""
    with chromium(TEST_NAMES) as browser:
        yield browser


@pytest.fixture
def api() -> Iterator[FakeApi]:
    api = FakeApi()
    yield api
    api.stop()


@pytest.fixture
def site(api: FakeApi, serve_site: ServeSite) -> Site:
    """The page on one origin, the fake API on another one that lets the page in."""
    site = serve_site(api.base)
    api.allow_origin = site.origin
    return site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The page, open in English. Faults of the page's own code fail the test."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(10_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    visit(page, site.url)
    yield page
    context.close()
    assert not faults
