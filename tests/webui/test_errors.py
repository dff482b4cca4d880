"""Every error of the API, told in words, in a real browser."""

import re
import time

import pytest
from playwright.sync_api import Page, expect
from webui.fake_api import FakeApi, Reply, problem, wait_for
from webui.site import choose, fuse_two, notice, photo, set_slider
from webui.test_texts import api_codes

import build_site

pytestmark = pytest.mark.browser

TEXTS = build_site.load_texts()
STATUS_OF = {"OVERLOADED": 503, "RATE_LIMITED": 429, "MODEL_UNAVAILABLE": 503}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_error_code_is_told_in_the_pages_own_words(
    page: Page, api: FakeApi, language: str
) -> None:
    page.click(f"[data-language={language}]")
    fuse_two(page)
    words = TEXTS[language]
    for number, code in enumerate(sorted(api_codes())):
        # Three times: the page tries other ways when a photo is not found. A minute: too long to
        # wait for, so that the page tells it at once.
        reply = problem(STATUS_OF.get(code, 422), code, image="source", retry_after=60)
        api.say_next("/v1/fusions", *[reply] * (3 if code == "IMAGE_NOT_FOUND" else 1))
        set_slider(page, "ratio", 0.3 + number / 100)
        shown = page.locator(f".result .notice[data-code={code}]")
        for part in ("title", "help"):
            text = words[f"error.{code}.{part}"].replace("{photo}", words["photo.source.name"])
            text = text.replace("{api}", api.base)
            expect(shown.get_by_text(text, exact=True)).to_be_visible()


def test_an_unknown_error_is_told_in_the_services_words(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", problem(422, "BRAND_NEW", "The moon is in the way."))
    set_slider(page, "ratio", 0.9)
    expect(notice(page)).to_contain_text("The moon is in the way.")
    page.click(".notice__summary")
    expect(notice(page)).to_contain_text("BRAND_NEW")
    expect(notice(page)).to_contain_text("request-7")


def test_an_error_fades_the_older_result_and_the_next_answer_clears_it(
    page: Page, api: FakeApi
) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", problem(500, "INTERNAL_ERROR"))
    set_slider(page, "ratio", 0.9)
    expect(page.locator(".result.is-stale")).to_have_count(1)
    notice(page).get_by_role("button", name="Try again").click()
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-90"))
    expect(notice(page)).to_have_count(0)
    expect(page.locator(".result.is-stale")).to_have_count(0)


def test_where_trying_again_cannot_help_it_is_not_offered(page: Page, api: FakeApi) -> None:
    api.say_next("/v1/fusions", problem(422, "POSE_TOO_DIFFERENT"))
    choose(page, "target", photo())
    choose(page, "source", photo())
    expect(notice(page)).to_be_visible()
    expect(notice(page).get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.locator(".stage__hint")).to_have_text(TEXTS["en"]["result.empty.failed"])


def test_a_photo_that_is_refused_says_so_on_its_own_card(page: Page, api: FakeApi) -> None:
    refused = problem(415, "UNSUPPORTED_FORMAT", image="image")
    api.say_next("/v1/images", refused)
    choose(page, "source", photo())
    told = page.locator("[data-photo=source] .notice--error")
    expect(told).to_contain_text("The format of the source photo is not supported")
    choose(page, "source", photo())
    expect(told).to_have_count(0)
    expect(page.locator("[data-photo=source] .face")).to_have_count(1)


def test_an_error_in_sight_changes_its_language(page: Page, api: FakeApi) -> None:
    api.say_next("/v1/images", problem(413, "IMAGE_TOO_LARGE"))
    choose(page, "target", photo())
    expect(notice(page)).to_contain_text("too large")
    page.click("[data-language=zh]")
    expect(notice(page)).to_contain_text("目标图过大")


def test_a_busy_service_is_asked_again_after_the_time_it_names(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", problem(503, "OVERLOADED", retry_after=1))
    began = time.monotonic()
    set_slider(page, "ratio", 0.9)
    expect(page.locator(".result__status")).to_have_text(
        "The service is busy. Trying again in 1 s (attempt 2 of 4)."
    )
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-90"))
    assert time.monotonic() - began >= 1
    expect(notice(page)).to_have_count(0)


def test_a_service_that_stays_busy_is_asked_four_times_and_no_more(
    page: Page, api: FakeApi
) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", *[problem(503, "OVERLOADED", retry_after=0)] * 5)
    set_slider(page, "ratio", 0.9)
    expect(notice(page)).to_contain_text("The service is busy")
    page.wait_for_timeout(300)
    assert len(api.asked("/v1/fusions")) == 1 + 4


def test_a_new_wish_ends_the_waiting_of_the_older_one(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", problem(503, "OVERLOADED", retry_after=2))
    set_slider(page, "ratio", 0.9)
    expect(page.locator(".result__status")).to_contain_text("busy")
    set_slider(page, "ratio", 0.1)
    expect(page.locator("[data-part=download]")).to_have_attribute("download", re.compile("-10"))
    page.wait_for_timeout(2300)
    ratios = [request.fields["ratio"] for request in api.asked("/v1/fusions")]
    assert ratios == ["0.5", "0.9", "0.1"]


def test_something_that_is_no_picture_is_refused_by_the_page(page: Page, api: FakeApi) -> None:
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["words"], "letter.txt", { type: "text/plain" }));
          const event = new DragEvent("drop", { dataTransfer: data, bubbles: true });
          document.querySelector("[data-photo=target]").dispatchEvent(event);
        }"""
    )
    expect(page.locator("[data-photo=target] .notice")).to_contain_text("no picture")
    assert api.asked("/v1/images") == []


def test_an_answer_that_is_no_picture_is_told(page: Page, api: FakeApi) -> None:
    fuse_two(page)
    api.say_next("/v1/fusions", Reply(200, b"<html>", {"Content-Type": "text/html"}))
    set_slider(page, "ratio", 0.9)
    expect(notice(page)).to_contain_text("does not speak the fusion API")


def test_closing_a_notice_takes_it_away(page: Page, api: FakeApi) -> None:
    api.say_next("/v1/images", problem(413, "REQUEST_TOO_LARGE"))
    choose(page, "target", photo())
    notice(page).get_by_role("button", name="Dismiss").click()
    expect(notice(page)).to_have_count(0)
    wait_for(lambda: len(api.asked("/v1/images")) == 1, "one try")
