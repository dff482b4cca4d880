"""Everything that can go wrong between page and service, told in words, in a real browser."""

import json
import re
import shutil
import time
from collections.abc import Iterator

import build_site
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from webui.conftest import ServeSite
from webui.fake_api import FakeApi, Reply, problem, wait_for
from webui.site import READY, Site, choose, fuse_two, photo, set_slider
from webui.test_texts import api_codes

pytestmark = pytest.mark.browser

TEXTS = build_site.load_texts()
STATUS_OF = {"OVERLOADED": 503, "RATE_LIMITED": 429, "MODEL_UNAVAILABLE": 503}


def notice(page: Page) -> Locator:
    return page.locator(".notice--error")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Page]:
    """A page that has not gone anywhere yet."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


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
    expect(notice(page)).to_contain_text("目标图尺寸过大")


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


def test_a_page_whose_origin_is_not_listed_names_it_and_the_line_to_set(
    open_page: Page, api: FakeApi, serve_site: ServeSite
) -> None:
    site = serve_site(api.base)
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text(api.base)
    expect(notice(open_page).locator("code")).to_have_text(f"CORS_ALLOWED_ORIGINS={site.origin}")
    expect(notice(open_page)).to_contain_text("origin is probably not listed")
    expect(notice(open_page)).to_contain_text("the server is down or cannot be reached")
    api.allow_origin = site.origin
    open_page.get_by_role("button", name="Try again").click()
    expect(notice(open_page)).to_have_count(0)


def test_a_server_that_is_down_is_told_from_one_that_refuses(
    open_page: Page, api: FakeApi, serve_site: ServeSite
) -> None:
    site = serve_site(api.base)
    api.stop()
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("the server is probably down")
    expect(notice(open_page).locator("code")).to_have_text(f"CORS_ALLOWED_ORIGINS={site.origin}")


def test_a_service_lost_on_the_way_is_told_once_and_found_again(
    page: Page, api: FakeApi, site: Site
) -> None:
    api.allow_origin = None
    choose(page, "target", photo())
    choose(page, "source", photo())
    expect(notice(page)).to_have_count(1)
    api.allow_origin = site.origin
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(READY)
    expect(notice(page)).to_have_count(0)


def test_a_service_on_the_pages_own_origin_needs_no_word_about_cors(
    open_page: Page, serve_site: ServeSite
) -> None:
    site = serve_site("/api")
    open_page.route("**/api/**", lambda route: route.abort())
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("The service cannot be reached")
    expect(notice(open_page)).not_to_contain_text("CORS")


def test_an_address_without_the_api_is_told(open_page: Page, serve_site: ServeSite) -> None:
    site = serve_site("/api")  # nothing but the page is there
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("does not speak the fusion API")
    expect(notice(open_page)).to_contain_text(f"{site.origin}/api answered with status 404")


def test_a_service_that_is_not_ready_is_told_at_once(
    open_page: Page, api: FakeApi, site: Site
) -> None:
    api.say_next("/health/ready", problem(503, "MODEL_UNAVAILABLE"))
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("not ready")


def test_being_offline_is_told(page: Page) -> None:
    page.context.set_offline(True)
    choose(page, "target", photo())
    expect(notice(page)).to_contain_text("You are offline")


def test_a_policy_that_forbids_the_api_is_told(
    open_page: Page, api: FakeApi, serve_site: ServeSite
) -> None:
    site = serve_site("/api")
    config = json.dumps({"apiBase": api.base})
    (site.runtime / "config.json").write_text(config)  # changed by hand, the policy was not
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("Content-Security-Policy")
    expect(notice(open_page)).to_contain_text(api.base)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"apiBase": 7}', '{"apiBase": "ftp://x/"}', '{"apiBase": "api"}',
     '{"apiBase": "/api?x"}'],
)  # fmt: skip
def test_a_broken_config_says_what_it_should_be(
    open_page: Page, serve_site: ServeSite, content: str
) -> None:
    site = serve_site("/api")
    (site.runtime / "config.json").write_text(content)
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("cannot be understood")
    expect(notice(open_page).locator("code")).to_have_text('{"apiBase": "/api"}')
    expect(open_page.locator("[data-photo=target] [data-part=choose]")).to_be_disabled()


def test_a_missing_config_says_where_it_belongs(open_page: Page, serve_site: ServeSite) -> None:
    site = serve_site("/api")
    (site.runtime / "config.json").unlink()
    open_page.goto(site.url)
    expect(notice(open_page)).to_contain_text("config.json is missing")
    expect(notice(open_page)).to_contain_text(f"{site.origin}/config.json")
    expect(notice(open_page)).to_contain_text("status 404")


def test_a_changed_config_counts_at_the_next_load(
    open_page: Page, api: FakeApi, site: Site
) -> None:
    config = site.runtime / "config.json"
    right = config.read_text()
    config.write_text("{}")
    open_page.goto(site.url)
    expect(notice(open_page)).to_be_visible()
    config.write_text(right.replace("/api", "/api///"))  # slashes at the end do no harm
    notice(open_page).get_by_role("button", name="Try again").click()
    expect(open_page.locator("[data-part=docs]")).to_have_attribute("href", f"{api.base}/docs")
    expect(notice(open_page)).to_have_count(0)


def test_the_page_works_from_a_folder_of_another_server(
    open_page: Page, api: FakeApi, site: Site
) -> None:
    folder = site.folder / "some" / "folder"
    shutil.copytree(site.folder, folder, ignore=shutil.ignore_patterns("some"))
    open_page.goto(f"{site.url}some/folder/")
    fuse_two(open_page)
    assert len(api.asked("/v1/fusions")) == 1


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
