"""What build_site.py writes, and that nothing in it needs another server or a parser of HTML."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import build_site

SOURCES = build_site.HERE / "static"
SCRIPTS = sorted(SOURCES.rglob("*.js"))
STYLES = sorted(SOURCES.rglob("*.css"))


class Links(HTMLParser):
    """Collects what a page points at, and what a strict Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.found.append(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        self._in_script = tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


@pytest.fixture
def built(tmp_path: Path) -> Path:
    build_site.build(tmp_path / "dist", "/api")
    return tmp_path / "dist"


def links_of(built: Path) -> Links:
    links = Links()
    links.feed((built / "index.html").read_text("utf-8"))
    return links


def test_every_link_of_the_page_is_relative_and_its_file_exists(built: Path) -> None:
    links = [link for link in links_of(built).found if link != "api/docs"]  # set when it starts
    assert len(links) > 20
    for link in links:
        assert (built / link).is_file(), link


def test_the_page_has_no_inline_script_or_style(built: Path) -> None:
    assert links_of(built).inline == []


def test_imports_between_modules_are_relative_and_resolve(built: Path) -> None:
    checked = 0
    for script in built.rglob("*.js"):
        for target in re.findall(r"""^import .*?["'](.+?)["'];$""", script.read_text(), re.M):
            assert target.startswith("."), f"{script.name}: {target}"
            assert (script.parent / target).resolve().is_file(), f"{script.name}: {target}"
            checked += 1
    assert checked > 30


def test_pictures_of_the_style_sheets_exist(built: Path) -> None:
    for sheet in built.rglob("*.css"):
        for target in re.findall(r'url\("(.+?)"\)', sheet.read_text()):
            assert (sheet.parent / target).resolve().is_file(), f"{sheet.name}: {target}"


def test_a_change_of_any_asset_changes_the_address_of_all() -> None:
    assets = {"js/a.js": b"1", "css/b.css": b"2"}
    versions = {
        build_site.version_of(assets),
        build_site.version_of({**assets, "js/a.js": b"3"}),
        build_site.version_of({**assets, "css/c.css": b"2"}),
        build_site.version_of({"js/a.js": b"1", "css/c.css": b"2"}),
    }
    assert len(versions) == 4


def test_building_again_leaves_one_version(built: Path) -> None:
    build_site.build(built, "https://fusion.example/api")
    assert len(list((built / "assets").iterdir())) == 1
    assert json.loads((built / "config.json").read_text()) == {
        "apiBase": "https://fusion.example/api"
    }


def test_a_missing_text_stops_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = build_site.load_texts()
    del texts["en"]["result.title"]
    monkeypatch.setattr(build_site, "load_texts", lambda: texts)
    with pytest.raises(UndefinedError, match=r"result\.title"):
        build_site.build(tmp_path, "/api")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_to_the_rules_of_the_house(script: Path) -> None:
    text = script.read_text("utf-8")
    code = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", text, flags=re.S | re.M)
    for forbidden in (
        r"\binnerHTML\b",
        r"\bouterHTML\b",
        r"insertAdjacentHTML",
        r"\beval\b",
        r"document\.write",
        r"\bwindow\.\w+ =",
        r"globalThis",
        r"https?://[a-z]",
    ):
        assert not re.search(forbidden, code), forbidden
    if script.name != "api.js":
        assert not re.search(r"\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket", code)
    assert text.count("\n") < 200


@pytest.mark.parametrize("sheet", STYLES, ids=lambda path: path.name)
def test_styles_select_by_class_and_take_colours_from_the_tokens(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text("utf-8"), flags=re.S)
    assert not re.search(r"[#][\w-]+[^{};]*\{", text), "an id as selector"
    assert "@import" not in text
    assert "//" not in text
    if sheet.name != "tokens.css":
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", text)
