"""A policy recorded as behaviour: what a change of it lets in and shuts out."""

import re
import shutil
from pathlib import Path

import pytest
from tests.gateway.test_settings import run

from gateway.origins import parse_origin
from gateway.render import TEMPLATES
from gateway.snapshot import PATHS, probes

POLICY = {"CORS_ALLOWED_ORIGINS": "https://app.example.com https://*.cdn.example.net"}


def rows_of(file: Path) -> dict[tuple[str, str], list[str]]:
    rows = [line.split(" | ") for line in file.read_text().splitlines() if line[0] != "#"]
    return {(row[0], row[1]): row[2:] for row in rows}


@pytest.fixture
def recorded(nginx: str, tmp_path: Path) -> Path:
    file = tmp_path / "cors.snapshot"
    done = run("snapshot", str(file), **POLICY)
    assert done.returncode == 0, done.stderr
    return file


def test_who_may_do_what_is_recorded(recorded: Path) -> None:
    rows = rows_of(recorded)
    granted = [
        "GET HEAD POST DELETE",
        "Content-Type X-Request-ID",
        "X-Request-ID Server-Timing X-Fusion-Warnings Retry-After Content-Disposition",
        "no",
        "7200",
    ]
    for origin in ("https://app.example.com", "https://a.b.cdn.example.net"):
        assert rows["/api/v1/fusions", origin] == granted
        assert rows["/", origin] == ["-"], "pages are not for other origins"
    strangers = (
        "null",
        "https://evil.example",
        "http://app.example.com",
        "https://cdn.example.net",
    )
    for origin in (*strangers, "https://app.example.com.evil.example", "https://localhost"):
        assert rows["/api/v1/fusions", origin] == ["-"]


def test_nothing_changed_is_no_difference(recorded: Path) -> None:
    before = recorded.read_text()
    done = run("snapshot", str(recorded), **POLICY)
    assert (done.returncode, done.stdout) == (0, f"no change: {recorded}\n")
    assert recorded.read_text() == before


def test_a_changed_policy_is_shown_as_behaviour(recorded: Path) -> None:
    before = recorded.read_text()
    changed = {"CORS_ALLOWED_ORIGINS": "https://app.example.com", "CORS_MAX_AGE": "60"}
    done = run("snapshot", str(recorded), **changed)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "+/api/v1/fusions | https://a.cdn.example.net | -" in lines, "asked again, though gone"
    (app,) = [line for line in lines if line.startswith("+/api/v1/fusions | https://app")]
    assert app.endswith(" | 60")
    assert not any("evil.example" in line for line in lines), "only what differs"
    assert recorded.read_text() == before
    assert run("snapshot", str(recorded), "--update", **changed).returncode == 0
    assert rows_of(recorded)["/api/v1/fusions", "https://a.cdn.example.net"] == ["-"]
    assert run("snapshot", str(recorded), **changed).returncode == 0


def test_an_edited_template_shows_in_the_behaviour(recorded: Path, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    for name, old, new in (
        ("cors-policy", "default {{ 1 if settings.cors.any_origin else 0 }}", "default 1"),
        ("cors-values", "1 $http_origin;", "1 *;"),
    ):
        template = tmp_path / "templates" / "conf" / f"{name}.conf.j2"
        template.write_text(template.read_text().replace(old, new))
    done = run("snapshot", str(recorded), "--templates", str(tmp_path / "templates"), **POLICY)
    assert done.returncode == 1
    assert "-/api/v1/fusions | https://evil.example | -" in done.stdout.splitlines()


def test_a_bad_policy_is_not_recorded(nginx: str, tmp_path: Path) -> None:
    done = run("snapshot", str(tmp_path / "new"), CORS_ALLOWED_ORIGINS="*")
    assert done.returncode == 1 and "why:" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("pattern", "inside"),
    [
        ("https://app.example.com", {"https://app.example.com"}),
        ("http://localhost:*", {"http://localhost", "http://localhost:3000"}),
        ("https://*.example.com:8443", {"https://a.b.example.com:8443"}),
        ("http://[::1]:8443", {"http://[::1]:8443"}),
    ],
)
def test_the_origins_that_are_asked_lie_on_both_sides(pattern: str, inside: set[str]) -> None:
    origin = parse_origin(pattern)
    asked = set(probes([origin]))
    admitted = {text for text in asked if re.fullmatch(origin.regex, text)}
    assert inside <= admitted
    assert len(asked - admitted) >= 5
    assert len(PATHS) == 3
