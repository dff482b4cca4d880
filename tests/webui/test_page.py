"""The page in a real browser, against a server that speaks the API: what a person does with it."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from webui.fake_api import FakeApi, problem, wait_for
from webui.site import READY, Site, choose, fuse_two, grey_of_result, photo, set_slider

pytestmark = pytest.mark.browser

TWO = ((0.1, 0.2, 0.4, 0.6), (0.5, 0.3, 0.9, 0.8))
STATUS = ".result__status"


def last_fields(api: FakeApi) -> dict[str, str | bytes]:
    return api.asked("/v1/fusions")[-1].fields


def wait_for_fusions(api: FakeApi, number: int) -> None:
    wait_for(lambda: len(api.asked("/v1/fusions")) >= number, f"{number} fusions asked for")


def test_two_photos_become_a_result_half_way(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    assert last_fields(api)["ratio"] == "0.5"
    assert grey_of_result(page) == pytest.approx(127, abs=1)  # half of 255, rounded either way
    expect(page.locator("[data-part=after]")).to_have_attribute("alt", "Fused photo at ratio 0.5")
    expect(page.locator(STATUS)).to_have_text(re.compile(r"Done in [\d.]+ s \(service: 0\.24 s\)"))


def test_download_gets_a_name_that_says_what_it_is(page: Page) -> None:
    fuse_two(page)
    with page.expect_download() as download:
        page.click("[data-part=download]")
    assert download.value.suggested_filename == "holiday-at-sea-fused-with-anna-50.png"


def test_full_size_opens_the_result_by_itself(page: Page) -> None:
    fuse_two(page)
    with page.context.expect_page() as opened:
        page.click("[data-part=full]")
    expect(opened.value.locator("img")).to_have_count(1)


def test_moving_the_ratio_fuses_again_without_sending_the_photos_again(
    page: Page, api: FakeApi
) -> None:
    fuse_two(page)
    set_slider(page, "ratio", 0.8)
    expect(page.locator("[data-control=ratio] output")).to_have_text("80%")
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-80"))
    assert grey_of_result(page) == 204  # 0.8 of 255
    assert len(api.asked("/v1/images")) == 2
    assert len(api.asked("/v1/faces")) == 2
    assert all(isinstance(last_fields(api)[role], str) for role in ("target", "source"))


def test_a_slider_on_its_way_sends_one_request_when_it_rests(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    for step in range(60, 100, 2):
        set_slider(page, "ratio", step / 100)
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-98"))
    # The pauses between the steps of the test may once exceed the page's, but not each time.
    assert len(api.asked("/v1/fusions")) < 10


def test_the_last_wish_wins_over_answers_that_come_late(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.gate.clear()
    set_slider(page, "ratio", 1)
    wait_for_fusions(api, 2)
    expect(page.locator("[data-part=result]")).to_have_attribute("aria-busy", "true")
    expect(page.locator(STATUS)).to_have_text("Fusing…")
    set_slider(page, "ratio", 0.2)
    wait_for_fusions(api, 3)
    api.gate.set()
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-20"))
    page.wait_for_timeout(300)  # a late first answer would be here by now
    assert grey_of_result(page) == 51  # 0.2 of 255
    expect(page.locator("[data-part=result]")).to_have_attribute("aria-busy", "false")


def test_photos_that_the_service_forgot_are_sent_again(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.images.clear()
    set_slider(page, "ratio", 1)
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-100"))
    assert len(api.asked("/v1/images")) == 4
    expect(page.locator(".notice--error")).to_have_count(0)


def test_photos_go_along_where_no_service_ever_knows_them(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", *[problem(404, "IMAGE_NOT_FOUND")] * 2)
    set_slider(page, "ratio", 1)
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-100"))
    assert isinstance(last_fields(api)["target"], bytes)


def test_photos_go_along_where_the_service_has_no_room_to_keep_them(
    page: Page, api: FakeApi
) -> None:
    api.say_next("/v1/images", *[problem(503, "OVERLOADED", retry_after=500)] * 2)
    fuse_two(page)
    assert isinstance(last_fields(api)["source"], bytes)
    assert len(api.asked("/v1/images")) == 2


def test_a_replaced_or_removed_photo_is_forgotten_by_the_service(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    page.click("[data-photo=target] [data-part=remove]")
    wait_for(lambda: len(api.images) == 1, "the removed photo forgotten")
    choose(page, "source", photo("other.png", 9))
    wait_for(lambda: len(api.asked("/v1/images")) == 3, "the new photo sent")
    wait_for(lambda: len(api.images) == 1, "the replaced photo forgotten")
    expect(page.locator(".stage__hint")).to_have_text(re.compile("add the target"))


def test_closing_the_page_asks_the_service_to_forget(page: Page, api: FakeApi, site: Site) -> None:
    fuse_two(page)
    page.goto("about:blank")
    wait_for(lambda: not api.images, "both photos forgotten")


def test_found_faces_lie_over_the_preview_and_the_largest_is_chosen(
    page: Page, api: FakeApi
) -> None:
    api.boxes = TWO
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
    api.boxes = TWO
    fuse_two(page)
    assert (last_fields(api)["target_face"], last_fields(api)["source_face"]) == ("largest",) * 2
    page.click("[data-photo=target] .face >> nth=0")
    wait_for_fusions(api, 2)
    assert last_fields(api)["target_face"] == "0"
    page.focus("[data-photo=source] .face >> nth=0")
    page.keyboard.press("Enter")
    wait_for_fusions(api, 3)
    assert last_fields(api)["source_face"] == "0"
    expect(page.locator("[data-photo=source] .face >> nth=0")).to_be_focused()


def test_all_faces_of_the_target_can_be_chosen_but_not_of_the_source(
    page: Page, api: FakeApi
) -> None:
    api.boxes = TWO
    fuse_two(page)
    expect(page.locator("[data-photo=source] [data-part=all]")).to_be_hidden()
    page.click("[data-photo=target] [data-part=all]")
    wait_for_fusions(api, 2)
    assert last_fields(api)["target_face"] == "all"
    expect(page.locator("[data-photo=target] .face[aria-pressed=true]")).to_have_count(2)


def test_swap_exchanges_the_photos_without_sending_them(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    before = last_fields(api)
    page.click("[data-part=swap]")
    wait_for_fusions(api, 2)
    after = last_fields(api)
    assert (after["target"], after["source"]) == (before["source"], before["target"])
    assert len(api.asked("/v1/images")) == 2


def test_another_threshold_looks_for_faces_again(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.boxes = TWO
    page.click("[data-group=detection] summary")
    set_slider(page, "face_threshold", 0.2)
    expect(page.locator("[data-photo=target] .face")).to_have_count(2)
    wait_for_fusions(api, 2)
    assert api.asked("/v1/faces")[-1].fields["face_threshold"] == "0.2"
    assert last_fields(api)["face_threshold"] == "0.2"
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


def test_warnings_are_told_in_words(page: Page, api: FakeApi) -> None:
    api.warnings = ("POSE_DIFFERENCE", "NEW_ONE")
    fuse_two(page)
    notes = page.locator(".notice--warning li")
    expect(notes.nth(0)).to_have_text(re.compile("different directions"))
    expect(notes.nth(1)).to_have_text("The service added a note: NEW_ONE.")
    api.warnings = ()
    set_slider(page, "ratio", 0.6)
    expect(notes).to_have_count(0)


def test_the_language_follows_the_browser_and_the_choice_is_remembered(
    browser: Browser, site: Site
) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(site.url)
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
    api.boxes = TWO
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
    api.boxes = TWO
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
