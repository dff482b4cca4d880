"""The served page, and the pictures and gestures with which the tests use it."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Error, FilePayload, Locator, Page

READY = "[data-part=download]:not([hidden])"  # shown with a result and with nothing else
STARTED = "[data-photo=source] [data-part=choose]:enabled, .notice--error"
TWO_FACES = ((0.1, 0.2, 0.4, 0.6), (0.5, 0.3, 0.9, 0.8))  # for FakeApi.boxes, the second larger


@dataclass(frozen=True)
class Site:
    """A page that is served on a port of 127.0.0.1.

    folder   index.html, assets/ and config.json as built
    runtime  folder from which its server reads config.json
    """

    port: int
    folder: Path
    runtime: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/"


def photo(
    name: str = "photo.png",
    grey: int = 0,
    size: tuple[int, int] = (160, 120),
    **save: Any,
) -> FilePayload:
    """A picture of one grey as a file to choose; further arguments go to Pillow's save()."""
    out = io.BytesIO()
    kinds = {"jpg": "JPEG", "heic": "HEIF"}
    ending = name.rpartition(".")[2]
    Image.new("RGB", size, (grey, grey, grey)).save(out, kinds.get(ending, ending), **save)
    return {"name": name, "mimeType": f"image/{ending}", "buffer": out.getvalue()}


def visit(page: Page, url: str) -> None:
    """Opens the page and waits until its script has run, to whatever end.

    Tries again when it did not: a network interface that comes or goes (that of a container, for
    example) makes chromium drop what it is loading, without a trace on the page.
    """
    for patience_ms in (4_000, 4_000, 15_000):
        try:
            page.goto(url)
            page.wait_for_selector(STARTED, timeout=patience_ms)
        except Error as error:
            last = error
        else:
            return
    raise last


def choose(page: Page, role: str, file: FilePayload) -> None:
    page.set_input_files(f"[data-photo={role}] [data-part=file]", file)


def fuse_two(page: Page) -> None:
    """Chooses a black target and a white source and waits for the result."""
    choose(page, "target", photo("holiday at sea.png", 0))
    choose(page, "source", photo("anna.png", 255))
    page.wait_for_selector(READY)


def notice(page: Page) -> Locator:
    """All errors in sight."""
    return page.locator(".notice--error")


def set_slider(page: Page, name: str, value: float) -> None:
    page.locator(f"[data-control={name}] input").fill(str(value))


def grey_of_result(page: Page) -> int:
    """The middle of the shown result, 0..255."""
    grey = page.evaluate(
        """() => {
          const image = document.querySelector("[data-part=after]");
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          return context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0];
        }"""
    )
    return int(grey)
