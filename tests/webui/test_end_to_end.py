"""Photos through everything: page -> nginx -> service and back, in a real browser.

`scripts/run` starts the stack, the page is served from a second origin as by a CDN.
"""

import io
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chromium import missing
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect
from stack.running import RunningStack
from webui.conftest import ServeSite, free_port
from webui.site import READY, choose, set_slider, visit

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FUSE_MS = 60_000  # the service's own deadline
SIDE = 640  # of the test's pictures: whatever their size, it is this that the time goes into


@dataclass(frozen=True)
class Stack:
    """A running stack; pages of the origin http://page.test:<page_port> may use it."""

    port: int
    page_port: int


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(free_port(), free_port())
    settings = {
        "CORS_ALLOWED_ORIGINS": f"http://page.test:{stack.page_port}",
        "GATEWAY_MAX_BODY": "4m",
    }
    folder = tmp_path_factory.mktemp("stack")
    with RunningStack("native", stack.port, folder, **settings) as running:
        running.wait_until_ready()
        yield stack


@pytest.fixture(scope="module")
def photos() -> tuple[FilePayload, FilePayload]:
    """A target and a source as PNG, so that the browser and the service decode the same pixels."""
    folders = [ROOT / "tests/data/composites", ROOT.parent / "shared/data/photos"]
    if "FUSION_PHOTOS" in os.environ:
        folders.insert(1, Path(os.environ["FUSION_PHOTOS"]) / "photos")
    found = [path for folder in folders for path in sorted(folder.glob("*.jpg"))]
    if len(found) < 2:
        missing(f"a picture with a face in {' or '.join(map(str, folders))}")
    return png_of(found[0]), png_of(found[1])


def png_of(path: Path) -> FilePayload:
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    return as_file(picture, f"{path.stem}.png")


def as_file(picture: Image.Image, name: str) -> FilePayload:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(FUSE_MS)
    yield page
    context.close()


def fuse(page: Page, photos: tuple[FilePayload, FilePayload], ratio: float) -> None:
    """Chooses the photos and fuses them into a PNG at a ratio."""
    page.click("[data-group=output] summary")
    page.locator("[data-control=format] input[value=png]").check()
    set_slider(page, "ratio", ratio)
    choose(page, "target", photos[0])
    choose(page, "source", photos[1])
    page.wait_for_selector(READY)


def changed_shares(page: Page) -> tuple[float, float]:
    """Shares of changed pixels, inside the target's face box and outside of twice that box."""
    inside, outside = page.evaluate(
        """() => {
          const pixels = (name) => {
            const image = document.querySelector(`[data-part=${name}]`);
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          };
          const [before, after] = [pixels("before"), pixels("after")];
          if (before.data.length !== after.data.length) throw new Error("another size");
          const { style } = document.querySelector("[data-photo=target] .face[aria-pressed=true]");
          const share = (name) => parseFloat(style[name]) / 100;
          const [left, top] = [share("left"), share("top")];
          const [width, height] = [share("width"), share("height")];
          const counts = { inside: [0, 0], outside: [0, 0] };
          for (let at = 0; at < before.data.length; at += 4) {
            const x = ((at / 4) % before.width) / before.width;
            const y = Math.floor(at / 4 / before.width) / before.height;
            const dx = Math.abs(x - left - width / 2) / width;
            const dy = Math.abs(y - top - height / 2) / height;
            const where = dx < 0.5 && dy < 0.5 ? "inside" : dx > 1 || dy > 1 ? "outside" : null;
            if (!where) continue;
            const same = [0, 1, 2].every((c) => before.data[at + c] === after.data[at + c]);
            counts[where][0] += same ? 0 : 1;
            counts[where][1] += 1;
          }
          return [counts.inside, counts.outside].map(([changed, all]) => changed / all);
        }"""
    )
    return float(inside), float(outside)


def test_a_page_on_another_origin_shows_a_fusion_of_two_photos(
    visitor: Page,
    stack: Stack,
    serve_site: ServeSite,
    photos: tuple[FilePayload, FilePayload],
) -> None:
    serve_site(f"http://api.test:{stack.port}/api", stack.page_port)
    visit(visitor, f"http://page.test:{stack.page_port}/")
    fuse(visitor, photos, ratio=1)
    inside, outside = changed_shares(visitor)
    assert inside > 0.3  # a face fills most of its box; corners, hair and exact hits stay
    assert outside == 0  # the contract: bit-identical outside of the mask
    # Readable only because the gateway exposes the header to other origins.
    expect(visitor.locator(".result__status")).to_contain_text("service:")

    set_slider(visitor, "ratio", 0)
    download = visitor.locator("[data-part=download]")
    expect(download).to_have_attribute("download", re.compile(r"-0\.png"), timeout=FUSE_MS)
    assert changed_shares(visitor) == (0, 0)  # the contract: ratio 0 is the target
    expect(visitor.locator(".notice--error")).to_have_count(0)


def test_the_page_of_the_gateway_itself_fuses_and_breaks_none_of_its_own_rules(
    visitor: Page, stack: Stack, photos: tuple[FilePayload, FilePayload]
) -> None:
    broken: list[str] = []
    visitor.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
    visit(visitor, f"http://localhost:{stack.port}/")
    fuse(visitor, photos, ratio=0.5)
    assert changed_shares(visitor)[0] > 0.3
    with visitor.expect_response("**/api/docs") as answer:
        visitor.click("[data-part=docs]")
    assert answer.value.status == 200
    assert broken == []


def test_a_file_that_the_gateway_refuses_is_told_across_origins(
    visitor: Page, stack: Stack, serve_site: ServeSite
) -> None:
    serve_site(f"http://api.test:{stack.port}/api", stack.page_port)
    visit(visitor, f"http://page.test:{stack.page_port}/")
    # Noise does not compress: 4.7 MB, and the gateway takes 4.
    noise = Image.frombytes("RGB", (1250, 1250), random.Random(7).randbytes(1250 * 1250 * 3))
    choose(visitor, "target", as_file(noise, "noise.png"))
    told = visitor.locator("[data-photo=target] .notice--error")
    expect(told).to_contain_text("The file is too large to send", timeout=FUSE_MS)


def test_a_page_that_is_not_listed_is_told_what_to_set(
    visitor: Page, stack: Stack, serve_site: ServeSite
) -> None:
    site = serve_site(f"http://api.test:{stack.port}/api")
    visit(visitor, f"http://page.test:{site.port}/")
    told = visitor.locator(".notice--error")
    expect(told).to_contain_text("origin is probably not listed")
    expect(told.locator("code")).to_have_text(f"CORS_ALLOWED_ORIGINS=http://page.test:{site.port}")
