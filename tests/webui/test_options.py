"""The page's controls: what they send, and that they are the API's options with its defaults."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from webui.fake_api import FakeApi, wait_for
from webui.site import fuse_two, set_slider

from fusion.api.parameters import fusion_parameters

pytestmark = pytest.mark.browser

# Chosen on the photos themselves, or not offered by the page.
NOT_CONTROLS = {"source_face", "target_face", "mappings"}
LIST = """async () => {
  const script = document.querySelector("script[type=module]").src;
  const { controls } = await import(new URL("controls/list.js", script));
  return controls.map(({ build, ...rest }) => rest);
}"""


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def test_controls_are_the_options_of_the_api_with_its_ranges_and_defaults(page: Page) -> None:
    rows = {row.name: row for row in fusion_parameters(["mesh", "unet"])}
    controls: list[dict[str, Any]] = page.evaluate(LIST)
    assert {control["name"] for control in controls} == set(rows) - NOT_CONTROLS
    for control in controls:
        row = rows[control["name"]]
        node = page.locator(f"[data-control={control['name']}]")
        if "minimum" in row.schema:
            slider = node.locator("input")
            assert float(slider.get_attribute("min") or "nan") >= row.schema["minimum"]
            assert float(slider.get_attribute("max") or "nan") <= row.schema["maximum"]
            assert control["initial"] == row.default
        else:
            words = [item.get_attribute("value") for item in node.locator("input").all()]
            assert set(words) - {control.get("unsent")} == set(row.schema["enum"])
            default = row.schema.get("default", row.default)
            assert control["initial"] == (control.get("unsent") if default is None else default)


def test_every_control_brings_its_words_in_both_languages(page: Page) -> None:
    for language in ("en", "zh"):
        page.click(f"[data-language={language}]")
        open_all(page)
        for node in page.locator(".control [data-text]").all():
            key = node.get_attribute("data-text")
            expect(node).not_to_have_text(str(key))  # a key that has no text is shown itself


def test_a_changed_control_is_sent_and_its_reset_takes_it_back(page: Page, api: FakeApi) -> None:
    open_all(page)
    fuse_two(page)
    fusions = 1
    for name, value in (
        ("shape", 0.3),
        ("smooth", 0.4),
        ("brightness", -0.2),
        ("contrast", 0.25),
        ("saturation", 0.5),
        ("quality", 60),
    ):
        initial = api.last_fields[name]
        set_slider(page, name, value)
        fusions += 1
        api.wait_for_fusions(fusions)
        assert api.last_fields[name] == f"{value:g}"
        page.click(f"[data-control={name}] .button--icon")
        fusions += 1
        api.wait_for_fusions(fusions)
        assert api.last_fields[name] == initial


def test_choices_are_sent_and_reset_all_takes_back_everything_but_the_ratio(
    page: Page, api: FakeApi
) -> None:
    open_all(page)
    fuse_two(page)
    set_slider(page, "ratio", 0.7)
    for name, word in (("mode", "overlay"), ("output_size", "512"), ("format", "webp")):
        page.locator(f"[data-control={name}] input[value={word!r}]").check()
    wanted = {"mode": "overlay", "output_size": "512", "format": "webp", "ratio": "0.7"}
    wait_for(lambda: wanted.items() <= api.last_fields.items(), "all sent")
    page.click("[data-part=reset-all]")
    wanted = {"mode": "normal", "output_size": "original", "ratio": "0.7"}
    wait_for(lambda: wanted.items() <= api.last_fields.items(), "all reset")
    assert "format" not in api.last_fields
    expect(page.locator("[data-part=reset-all]")).to_be_hidden()
