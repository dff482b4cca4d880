"""Debian's chromium for the tests of all rooms, and what happens where something is missing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-proxy-server",
)
# Any name below .test is this machine: pages of different origins without a name server.
TEST_NAMES = "--host-resolver-rules=MAP *.test 127.0.0.1"


def missing(what: str) -> NoReturn:
    """Skips where a program is not installed, except in CI, where it must be."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing")


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A running browser. While it lives no other test can run an event loop."""
    program = shutil.which("chromium")
    if program is None:
        missing("chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_FLAGS, *flags])
        yield browser
        browser.close()
