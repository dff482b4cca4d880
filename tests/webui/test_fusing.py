"""From two photos to a result, in a real browser against a server that speaks the API."""

import re

import pytest
from playwright.sync_api import Page, expect
from webui.fake_api import FakeApi, problem, wait_for
from webui.site import Site, choose, fuse_two, grey_of_result, photo, set_slider

pytestmark = pytest.mark.browser

STATUS = ".result__status"


def test_two_photos_become_a_result_half_way(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    assert api.last_fields["ratio"] == "0.5"
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
    assert all(isinstance(api.last_fields[role], str) for role in ("target", "source"))


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
    api.wait_for_fusions(2)
    expect(page.locator("[data-part=result]")).to_have_attribute("aria-busy", "true")
    expect(page.locator(STATUS)).to_have_text("Fusing…")
    late = api.let_newer_pass()
    set_slider(page, "ratio", 0.2)
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-20"))
    late.set()
    page.wait_for_timeout(300)  # the late answer would be here by now
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
    assert isinstance(api.last_fields["target"], bytes)


def test_photos_go_along_where_the_service_has_no_room_to_keep_them(
    page: Page, api: FakeApi
) -> None:
    api.say_next("/v1/images", *[problem(503, "OVERLOADED", retry_after=500)] * 2)
    fuse_two(page)
    assert isinstance(api.last_fields["source"], bytes)
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


def test_warnings_are_told_in_words(page: Page, api: FakeApi) -> None:
    api.warnings = ("POSE_DIFFERENCE", "NEW_ONE")
    fuse_two(page)
    notes = page.locator(".notice--warning li")
    expect(notes.nth(0)).to_have_text(re.compile("different directions"))
    expect(notes.nth(1)).to_have_text("The service added a note: NEW_ONE.")
    api.warnings = ()
    set_slider(page, "ratio", 0.6)
    expect(notes).to_have_count(0)
