"""How photos get into the page, and their faces, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect
from webui.fake_api import FakeApi
from webui.site import READY, TWO_FACES, choose, fuse_two, photo, set_slider

pytestmark = pytest.mark.browser


def test_found_faces_lie_over_the_preview_and_the_largest_is_chosen(
    page: Page, api: FakeApi
) -> None:
    api.boxes = TWO_FACES
    choose(page, "target", photo(size=(400, 300)))
    faces = page.locator("[data-photo=target] .face")
    expect(faces).to_have_count(2)
    expect(faces.nth(1)).to_have_attribute("aria-pressed", "true")
    picture = page.locator("[data-photo=target] .photo__image").bounding_box()
    box = faces.nth(0).bounding_box()
    assert picture is not None
    assert box is not None
    # Within a pixel, which is what layout rounds to.
    assert box["x"] == pytest.approx(picture["x"] + 0.1 * picture["width"], abs=1)
    assert box["y"] == pytest.approx(picture["y"] + 0.2 * picture["height"], abs=1)
    assert box["width"] == pytest.approx(0.3 * picture["width"], abs=1)
    assert box["height"] == pytest.approx(0.4 * picture["height"], abs=1)


def test_a_clicked_face_is_the_one_that_is_fused(page: Page, api: FakeApi) -> None:
    api.boxes = TWO_FACES
    fuse_two(page)
    assert (api.last_fields["target_face"], api.last_fields["source_face"]) == ("largest",) * 2
    page.click("[data-photo=target] .face >> nth=0")
    api.wait_for_fusions(2)
    assert api.last_fields["target_face"] == "0"
    page.focus("[data-photo=source] .face >> nth=0")
    page.keyboard.press("Enter")
    api.wait_for_fusions(3)
    assert api.last_fields["source_face"] == "0"
    expect(page.locator("[data-photo=source] .face >> nth=0")).to_be_focused()


def test_all_faces_of_the_target_can_be_chosen_but_not_of_the_source(
    page: Page, api: FakeApi
) -> None:
    api.boxes = TWO_FACES
    fuse_two(page)
    expect(page.locator("[data-photo=source] [data-part=all]")).to_be_hidden()
    page.click("[data-photo=target] [data-part=all]")
    api.wait_for_fusions(2)
    assert api.last_fields["target_face"] == "all"
    expect(page.locator("[data-photo=target] .face[aria-pressed=true]")).to_have_count(2)


def test_swap_exchanges_the_photos_without_sending_them(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    before = api.last_fields
    page.click("[data-part=swap]")
    api.wait_for_fusions(2)
    after = api.last_fields
    assert (after["target"], after["source"]) == (before["source"], before["target"])
    assert len(api.asked("/v1/images")) == 2


def test_another_threshold_looks_for_faces_again(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.boxes = TWO_FACES
    page.click("[data-group=detection] summary")
    set_slider(page, "face_threshold", 0.2)
    expect(page.locator("[data-photo=target] .face")).to_have_count(2)
    api.wait_for_fusions(2)
    assert api.asked("/v1/faces")[-1].fields["face_threshold"] == "0.2"
    assert api.last_fields["face_threshold"] == "0.2"
    assert len(api.asked("/v1/images")) == 2


def test_a_photo_without_a_face_says_so_and_fuses_nothing(page: Page, api: FakeApi) -> None:
    api.boxes = ()
    choose(page, "target", photo())
    choose(page, "source", photo())
    expect(page.locator("[data-photo=target] .photo__status")).to_have_text(re.compile("No face"))
    expect(page.locator(".stage__hint")).to_have_text(re.compile("need a face"))
    assert api.asked("/v1/fusions") == []


def test_preview_stands_upright_by_the_cameras_note(page: Page) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # turn right
    choose(page, "target", photo("turned.jpg", size=(400, 200), exif=exif))
    expect(page.locator("[data-photo=target] .face")).to_have_count(1)
    box = page.locator("[data-photo=target] .photo__image").bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(2 * box["width"], abs=1)


def test_a_format_that_the_browser_cannot_show_is_named_and_fused(page: Page) -> None:
    choose(page, "target", photo("holiday.heic", 0))
    choose(page, "source", photo("anna.png", 255))
    note = page.locator("[data-photo=target] [data-part=note]")
    expect(note).to_contain_text("holiday.heic")
    expect(note).to_contain_text("cannot show")
    expect(page.locator("[data-photo=target] .face")).to_have_count(1)
    page.wait_for_selector(READY)
    expect(page.locator(".compare__range")).to_be_hidden()  # there is no "before" to compare with
    choose(page, "target", photo("holiday.png", 0))
    expect(page.locator(".compare__range")).to_be_visible()
    expect(note).to_be_hidden()


def give_files(page: Page, kind: str, selector: str, count: int) -> None:
    """Sends the event that a browser sends for dropped or pasted pictures."""
    page.evaluate(
        """async ([kind, selector, count]) => {
          const canvas = new OffscreenCanvas(80, 60);
          canvas.getContext("2d").fillRect(0, 0, 80, 60);
          const blob = await canvas.convertToBlob();
          const data = new DataTransfer();
          for (let each = 0; each < count; each += 1) {
            data.items.add(new File([blob], `${kind}${each}.png`, { type: "image/png" }));
          }
          const event = kind === "paste"
            ? new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true })
            : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
          document.querySelector(selector).dispatchEvent(event);
        }""",
        [kind, selector, count],
    )


def test_photos_can_be_dropped_and_a_second_one_goes_to_the_other_card(page: Page) -> None:
    give_files(page, "drop", "[data-photo=source] [data-part=choose]", 2)
    image = page.locator("[data-photo=source] .photo__image")
    expect(image).to_have_attribute("alt", "Source photo: drop0.png")
    page.wait_for_selector(READY)


def test_pasted_photos_fill_the_empty_cards_in_turn(page: Page) -> None:
    give_files(page, "paste", "body", 1)
    expect(page.locator("[data-photo=target] .face")).to_have_count(1)
    give_files(page, "paste", "body", 1)
    expect(page.locator("[data-photo=source] .face")).to_have_count(1)


def test_a_pasted_photo_goes_where_the_keyboard_is(page: Page) -> None:
    page.focus("[data-photo=source] [data-part=choose]")
    give_files(page, "paste", "body", 1)
    expect(page.locator("[data-photo=source] .face")).to_have_count(1)
    expect(page.locator("[data-photo=target]")).not_to_have_class(re.compile("is-filled"))


def test_a_drop_that_misses_the_cards_does_not_leave_the_page(page: Page) -> None:
    allowed = page.evaluate(
        """() => {
          const event = new DragEvent("drop", { bubbles: true, cancelable: true });
          document.body.dispatchEvent(event);
          return !event.defaultPrevented;
        }"""
    )
    assert not allowed
