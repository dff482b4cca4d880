"""A policy recorded as behaviour: what a change of it lets in and shuts out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gateway.test_settings import PACKAGE_ROOT, run

from gateway.origins import parse_origin
from gateway.render import TEMPLATES
from gateway.snapshot import UNLISTED, probes

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
        "own",
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


@pytest.mark.parametrize("max_age", ["60", "off"])
def test_a_new_origin_is_shown_where_it_is_let_in(recorded: Path, max_age: str) -> None:
    """Its neighbours, who are not let in, would be most of the lines."""
    policy = POLICY | {"CORS_MAX_AGE": max_age}
    assert run("snapshot", str(recorded), "--update", **policy).returncode == 0
    new = "https://new.example"
    origins = f"{POLICY['CORS_ALLOWED_ORIGINS']} {new}"
    done = run("snapshot", str(recorded), **policy | {"CORS_ALLOWED_ORIGINS": origins})
    assert done.returncode == 1
    _, _, *rows = done.stdout.splitlines()
    assert len(rows) == 11 and all(row.startswith("+/api") and f" {new} " in row for row in rows)


def test_a_reader_who_has_seen_enough_is_no_error(recorded: Path) -> None:
    """As `| head` does with a long difference."""
    recorded.write_text("# nothing\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "snapshot", str(recorded)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), **POLICY},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


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


APP, STRANGER = "https://app.example.com", "https://evil.example"
METHODS, HEADERS = "GET HEAD POST DELETE", "Content-Type X-Request-ID"
EDITS = {
    "everybody is let in": (
        "cors-policy",
        "default {{ 1 if settings.cors.any_origin else 0 }}",
        "default 1",
        f"+/api/v1/fusions | {STRANGER} | {METHODS} | {HEADERS} | own | ",
    ),
    "a header of a location's own": (
        "site",
        "location /api/ {\n        include conf/cors.conf;",
        "location /api/ {\n        add_header Access-Control-Allow-Origin * always;",
        f"+/api/v1/fusions | {STRANGER} | - | - | any | - | no | -",
    ),
    "credentials on preflights": (
        "preflight",
        "    add_header Access-Control-Allow-Methods",
        "    add_header Access-Control-Allow-Credentials true always;\n"
        "    add_header Access-Control-Allow-Methods",
        " | preflights | 7200",
    ),
    "credentials on answers": (
        "cors",
        "Credentials $cors_allow_credentials",
        "Credentials true",
        " | answers | 7200",
    ),
    "a wider path": (
        "cors-policy",
        "^/api(?:/|",
        "^/(?:api|metrics|docs)(?:/|",
        f"+/docs | {APP} | ",
    ),
    "any method": (
        "preflight",
        """{{ settings.cors.methods | join(', ') }}""",
        "*",
        f"+/api/v1/fusions | {APP} | GET HEAD POST PUT PATCH DELETE {UNLISTED} | ",
    ),
    "preflights alone": (
        "preflight",
        "    add_header Vary",
        "    add_header Access-Control-Allow-Origin * always;\n    add_header Vary",
        f"+/api/v1/fusions | {STRANGER} | GET HEAD POST | - | - | - | no | -",
    ),
    "an error's header": (
        "errors",
        "    add_header Cache-Control no-store always;",
        "    add_header Access-Control-Allow-Origin * always;",
        f"+/api/internal/x | {STRANGER} | - | - | any | ",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_template_shows_in_the_behaviour(
    recorded: Path, tmp_path: Path, edit: str
) -> None:
    name, old, new, row = EDITS[edit]
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    template = tmp_path / "templates" / "conf" / f"{name}.conf.j2"
    assert old in template.read_text()
    template.write_text(template.read_text().replace(old, new))
    done = run("snapshot", str(recorded), "--templates", str(tmp_path / "templates"), **POLICY)
    assert done.returncode == 1, done.stderr
    assert row in done.stdout


def test_methods_of_the_policy_are_asked(recorded: Path) -> None:
    more = POLICY | {"CORS_ALLOWED_METHODS": f"{METHODS} PURGE OPTIONS"}
    done = run("snapshot", str(recorded), **more)
    assert f"+/api/v1/fusions | {APP} | {METHODS} PURGE OPTIONS | " in done.stdout


def test_the_shares_of_a_client_are_not_in_the_way(recorded: Path) -> None:
    few = {"GATEWAY_RATE_PER_SECOND": "1", "GATEWAY_RATE_BURST": "1"}
    done = run("snapshot", str(recorded), **POLICY, **few)
    assert (done.returncode, done.stdout) == (0, f"no change: {recorded}\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "not UTF-8"),
        ("/api/x | https://b\u0142.example | -\n".encode(), "line 1 "),
        (b"# x\n/api/x | a\x00b | -\n", "line 2 "),
        (b"something else\n", "line 1 "),
    ],
)
def test_a_file_that_is_no_snapshot_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "cors.snapshot"
    file.write_bytes(content)
    done = run("snapshot", str(file), "--update", **POLICY)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert said in done.stderr
    assert file.read_bytes() == content


@pytest.mark.parametrize(("name", "said"), [("", "directory"), ("none/x", "is no folder")])
def test_a_place_for_no_file_is_told(tmp_path: Path, name: str, said: str) -> None:
    done = run("snapshot", str(tmp_path / name), **POLICY)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert said in done.stderr


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
