"""The page for everybody: keyboard, screen readers, languages, small windows, calm."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from webui.fake_api import FakeApi
from webui.site import READY, TWO_FACES, Site, choose, fuse_two, photo, visit

pytestmark = pytest.mark.browser


def test_the_keyboard_chooses_a_photo_and_moves_the_divider(page: Page) -> None:
    for role in ("target", "source"):
        button = page.locator(f"[data-photo={role}] [data-part=choose]")
        with page.expect_file_chooser() as chooser:
            button.focus()
            # Also lets the browser learn that the test, not a dialog, will choose the file.
            expect(button).to_be_focused()
            page.keyboard.press("Enter")
        chooser.value.set_files(photo(f"{role}.png", 100))
    page.wait_for_selector(READY)
    page.focus(".compare__range")
    page.keyboard.press("End")
    clip = page.evaluate("getComputedStyle(document.querySelector('[data-part=after]')).clipPath")
    assert clip == "inset(0px 0px 0px 100%)"
    expect(page.locator(".compare__range")).to_have_attribute("aria-valuetext", "100% before")


def test_the_language_follows_the_browser_and_the_choice_is_remembered(
    browser: Browser, site: Site
) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    visit(page, site.url)
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("#photo-target")).to_have_text("目标图")
    expect(page).to_have_title("人脸融合")
    page.click("[data-language=en]")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#photo-target")).to_have_text("Target")
    context.close()


def test_switching_the_language_changes_everything_in_sight(page: Page, api: FakeApi) -> None:
    api.warnings = ("POSE_DIFFERENCE",)
    api.boxes = TWO_FACES
    fuse_two(page)
    page.click("[data-language=zh]")
    body = page.locator("body").inner_text()
    names = "English|JPEG|PNG|WebP"
    assert re.findall(r"[A-Za-z]{3,}", re.sub(names, "", body)) == []


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    fuse_two(page)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_every_control_has_a_name_for_screen_readers(page: Page, api: FakeApi) -> None:
    api.boxes = TWO_FACES
    fuse_two(page)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    roles = {"button", "slider", "radio", "link", "group", "region", "image"}
    found = [node for node in tree["nodes"] if node.get("role", {}).get("value") in roles]
    assert len(found) > 40
    anonymous = [node for node in found if not node["ignored"] and not node["name"]["value"]]
    # A <details> is a group that its summary names.
    assert [node for node in anonymous if node["role"]["value"] != "group"] == []


def test_little_moves_for_those_who_asked_for_that(page: Page, api: FakeApi) -> None:
    page.emulate_media(reduced_motion="reduce")
    api.gate.clear()
    choose(page, "target", photo())
    choose(page, "source", photo())
    page.wait_for_selector("[data-part=busy]:not([hidden])")
    assert page.evaluate("document.getAnimations().filter((a) => a.playState === 'running')") == []
    api.gate.set()
