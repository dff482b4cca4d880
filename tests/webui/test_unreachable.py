"""The page when the service, its own config.json or its policy is the trouble."""

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from webui.conftest import ServeSite
from webui.fake_api import FakeApi, problem
from webui.site import READY, Site, choose, fuse_two, notice, photo, visit

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Page]:
    """A page that has not gone anywhere yet."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def test_a_page_whose_origin_is_not_listed_names_it_and_the_line_to_set(
    open_page: Page, api: FakeApi, serve_site: ServeSite
) -> None:
    site = serve_site(api.base)
    visit(open_page, site.url)
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
    visit(open_page, site.url)
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
    visit(open_page, site.url)
    expect(notice(open_page)).to_contain_text("The service cannot be reached")
    expect(notice(open_page)).not_to_contain_text("CORS")


def test_an_address_without_the_api_is_told(open_page: Page, serve_site: ServeSite) -> None:
    site = serve_site("/api")  # nothing but the page is there
    visit(open_page, site.url)
    expect(notice(open_page)).to_contain_text("does not speak the fusion API")
    expect(notice(open_page)).to_contain_text(f"{site.origin}/api answered with status 404")


def test_a_service_that_is_not_ready_is_told_at_once(
    open_page: Page, api: FakeApi, site: Site
) -> None:
    api.say_next("/health/ready", problem(503, "MODEL_UNAVAILABLE"))
    visit(open_page, site.url)
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
    visit(open_page, site.url)
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
    visit(open_page, site.url)
    expect(notice(open_page)).to_contain_text("cannot be understood")
    expect(notice(open_page).locator("code")).to_have_text('{"apiBase": "/api"}')
    expect(open_page.locator("[data-photo=target] [data-part=choose]")).to_be_disabled()


def test_a_missing_config_says_where_it_belongs(open_page: Page, serve_site: ServeSite) -> None:
    site = serve_site("/api")
    (site.runtime / "config.json").unlink()
    visit(open_page, site.url)
    expect(notice(open_page)).to_contain_text("config.json is missing")
    expect(notice(open_page)).to_contain_text(f"{site.origin}/config.json")
    expect(notice(open_page)).to_contain_text("status 404")


def test_a_changed_config_counts_at_the_next_load(
    open_page: Page, api: FakeApi, site: Site
) -> None:
    config = site.runtime / "config.json"
    right = config.read_text()
    config.write_text("{}")
    visit(open_page, site.url)
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
    visit(open_page, f"{site.url}some/folder/")
    fuse_two(open_page)
    assert len(api.asked("/v1/fusions")) == 1
