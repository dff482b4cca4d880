"""The web server of the page (the rendered nginx, really run) and the container's start script."""

import json
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest
from webui.conftest import ServeSite

import build_site

GOOD = {
    "/api": ("/api", ""),
    "/": ("", ""),
    "/fusion/api/": ("/fusion/api", ""),
    "https://fusion.example/api": ("https://fusion.example/api", "https://fusion.example"),
    "https://fusion.example": ("https://fusion.example", "https://fusion.example"),
    "http://localhost:8080/api/": ("http://localhost:8080/api", "http://localhost:8080"),
    "http://[::1]:8080/api": ("http://[::1]:8080/api", "http://[::1]:8080"),
}
BAD = [
    "",
    "api",
    "//fusion.example/api",
    "ftp://fusion.example/api",
    "https://",
    "https://fusion.example/api?x=1",
    "https://fusion.example/api#x",
    "https://user@fusion.example/api",
    "https://fusion.example:0/api",
    "https://fusion.example/a b",
    "https://fusion.example/api\n",
    'https://fusion.example";script-src *',
    "https://fusion.example;script-src *",
    "https://$host/api",
    "/api\n/other",
    "javascript:alert(1)",
]


def start(api_base: str | None, runtime: Path) -> subprocess.CompletedProcess[str]:
    """Runs the container's start script with `true` in nginx's place."""
    environment = {"PATH": os.environ["PATH"]}
    if api_base is not None:
        environment["WEBUI_API_BASE"] = api_base
    return subprocess.run(
        [build_site.HERE / "start.sh", runtime, "true"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("value", "expected"), GOOD.items())
def test_builder_and_container_write_the_same_for_a_good_address(
    tmp_path: Path, value: str, expected: tuple[str, str]
) -> None:
    built, started = tmp_path / "built", tmp_path / "started"
    started.mkdir()
    build_site.write_runtime(built, value)
    assert start(value, started).returncode == 0
    for folder in (built, started):
        assert json.loads((folder / "config.json").read_text()) == {"apiBase": expected[0]}
        assert (folder / "api-origin.conf").read_text() == f'default "{expected[1]}";\n'


@pytest.mark.parametrize("value", BAD)
def test_builder_and_container_refuse_a_bad_address_and_say_why(tmp_path: Path, value: str) -> None:
    with pytest.raises(build_site.SiteError, match="use a path"):
        build_site.checked_api_base(value)
    done = start(value, tmp_path)
    assert done.returncode == 64
    assert "WEBUI_API_BASE=" in done.stderr
    assert "https://fusion.example/api" in done.stderr
    assert not (tmp_path / "config.json").exists()


def test_container_without_a_setting_asks_the_same_gateway(tmp_path: Path) -> None:
    assert start(None, tmp_path).returncode == 0
    assert json.loads((tmp_path / "config.json").read_text()) == {"apiBase": "/api"}


@pytest.mark.parametrize("listen", ["8081", "127.0.0.1", "127.0.0.1:0", "a:1; return 200"])
def test_a_bad_listen_address_is_refused(tmp_path: Path, listen: str) -> None:
    arguments = ["--out", str(tmp_path), "--server-config", str(tmp_path / "n"), "--listen", listen]
    assert build_site.main(arguments) == 1
    assert not (tmp_path / "n").exists()


def test_caching_follows_the_kind_of_file(serve_site: ServeSite) -> None:
    site = serve_site("/api")
    asset = next(site.folder.glob("assets/*/js/main.js")).relative_to(site.folder)
    expected = {
        "": (200, "no-cache"),
        "index.html": (200, "no-cache"),
        "config.json": (200, "no-store"),
        str(asset): (200, "public, max-age=31536000, immutable"),
        # An address that is not there yet may be there after the next deployment.
        "assets/0/js/main.js": (404, "no-cache"),
        "nothing": (404, "no-cache"),
    }
    for path, (status, cache) in expected.items():
        answer = httpx.get(site.url + path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, cache), path


def test_every_answer_has_the_security_headers_and_none_speaks_cors(serve_site: ServeSite) -> None:
    site = serve_site("https://fusion.example:8443/api")
    for path in ("", "config.json", "nothing", "assets/"):
        headers = httpx.get(site.url + path, headers={"Origin": "https://other.example"}).headers
        policy = headers["Content-Security-Policy"]
        assert "connect-src 'self' https://fusion.example:8443;" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "/" not in headers["Server"], "the server tells its version"
        assert not [name for name in headers if name.startswith("access-control-")]


def test_text_is_compressed_even_for_an_old_proxy(serve_site: ServeSite) -> None:
    site = serve_site("/api")
    headers = {"Accept-Encoding": "gzip", "Via": "1.0 gateway"}
    for path in (
        "",
        "index.html",
        *re.findall(r'href="(assets/\S+?\.(?:js|css))"', page_of(site.folder)),
    ):
        answer = httpx.get(site.url + path, headers=headers)
        small = int(answer.headers.get("Content-Length", 1 << 20)) < 512
        assert small or answer.headers["Content-Encoding"] == "gzip", path


def test_the_server_takes_no_bodies(serve_site: ServeSite) -> None:
    site = serve_site("/api")
    assert httpx.post(site.url, content=b"x").status_code == 405
    assert httpx.post(site.url, content=b"x" * 2048).status_code == 413


def test_nothing_but_the_page_is_served(serve_site: ServeSite) -> None:
    site = serve_site("/api")
    for path in (
        "../server/nginx.conf",
        "%2e%2e/server/nginx.conf",
        "nginx.conf",
        "api-origin.conf",
    ):
        assert httpx.get(site.url + path).status_code in (400, 404), path


def page_of(folder: Path) -> str:
    return (folder / "index.html").read_text("utf-8")
