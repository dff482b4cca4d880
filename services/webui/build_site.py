#!/usr/bin/env python3
"""Builds the static page: templates/ + static/ + texts/ -> a folder that any web server can serve.

    build_site.py --out DIR [--api-base URL]       the page, for example for a CDN
    ... --server-config FILE --listen HOST:PORT    and the configuration of an nginx that serves it

Everything but index.html and config.json lies below assets/<hash of all of it>/, so those files
may be cached for ever while relative imports between modules keep working.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).resolve().parent
LANGUAGES = ("en", "zh")  # the first one is written into the HTML
HOST_PORT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]|\*):[1-9][0-9]{0,4}")


class SiteError(Exception):
    """A setting that cannot be built from; the message names it and says what it should be."""


def checked_api_base(value: str) -> str:
    """Returns the API's address without a trailing slash: "/api" or "https://host[:port]/api".

    The pattern lies in a file of its own because the container's start.sh holds to it too. It keeps
    quotes, semicolons, dollars and newlines out of the Content-Security-Policy.

    Raises  SiteError when it is neither a path nor an http(s) address
    """
    pattern = (HERE / "api-base.pattern").read_text().strip()
    if not value or not re.fullmatch(pattern, value, re.ASCII):
        raise SiteError(
            f"API base {value!r}: use a path such as /api, or an address such as "
            "https://fusion.example/api (no query, no user name, no spaces)"
        )
    return value.rstrip("/")


def origin_of(api_base: str) -> str:
    """Scheme, host and port of an API base; empty for a path on the page's own origin."""
    found = re.match(r"https?://[^/]+", api_base)
    return found[0] if found else ""


def load_texts() -> dict[str, dict[str, str]]:
    return {
        language: json.loads((HERE / "texts" / f"{language}.json").read_text("utf-8"))
        for language in LANGUAGES
    }


def collect_assets(texts: dict[str, dict[str, str]]) -> dict[str, bytes]:
    """Every versioned file: path below assets/<version>/ -> content."""
    assets = {
        path.relative_to(HERE / "static").as_posix(): path.read_bytes()
        for path in sorted((HERE / "static").rglob("*"))
        if path.is_file()
    }
    for language, table in texts.items():
        body = json.dumps(table, ensure_ascii=False, indent=1)
        assets[f"js/texts/{language}.js"] = f"export default {body};\n".encode()
    return assets


def version_of(assets: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(assets.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        autoescape=template.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def build(out: Path, api_base: str) -> str:
    """Writes index.html, config.json and assets/<version>/ below out; returns the version."""
    texts = load_texts()
    assets = collect_assets(texts)
    version = version_of(assets)
    base = f"assets/{version}"
    page = render(
        "index.html.j2",
        text=texts[LANGUAGES[0]],
        base=base,
        styles=sorted(name for name in assets if name.endswith(".css")),
        modules=sorted(name for name in assets if name.endswith(".js")),
    )
    shutil.rmtree(out / "assets", ignore_errors=True)
    for name, content in assets.items():
        path = out / base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (out / "index.html").write_text(page, "utf-8")
    write_config(out / "config.json", api_base)
    return version


def write_config(path: Path, api_base: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"apiBase": checked_api_base(api_base)}) + "\n", "utf-8")


def write_server_config(
    path: Path, *, site: Path, listen: str, runtime_dir: Path, worker_user: str
) -> None:
    """Writes an nginx configuration that serves `site`, for nginx 1.22 and later.

    runtime_dir  where nginx keeps its pid and temporary files, and where it reads config.json and
                 api-origin.conf (see write_runtime), so that the site itself may be read-only
    worker_user  name for the `user` directive; empty where nginx is not started by root
    Raises       SiteError for a listen address or a path that nginx could misread
    """
    if not HOST_PORT.fullmatch(listen):
        raise SiteError(f"listen address {listen!r}: use HOST:PORT, for example 127.0.0.1:8081")
    for folder in (site, runtime_dir):
        if not re.fullmatch(r"/[\w./@+~ -]*", str(folder)):
            raise SiteError(f"folder {str(folder)!r}: nginx cannot be given this path, rename it")
    text = render(
        "nginx.conf.j2",
        site=site,
        listen=listen,
        runtime_dir=runtime_dir,
        worker_user=worker_user,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def write_runtime(runtime_dir: Path, api_base: str) -> None:
    """What start.sh writes in the container: config.json and the API's origin for the policy."""
    write_config(runtime_dir / "config.json", api_base)
    origin = origin_of(checked_api_base(api_base))
    (runtime_dir / "api-origin.conf").write_text(f'default "{origin}";\n', "utf-8")


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the page")
    parser.add_argument("--api-base", default="/api", help="the API as the browser sees it")
    parser.add_argument("--server-config", type=Path, help="also write an nginx configuration")
    parser.add_argument("--listen", default="127.0.0.1:8081", help="HOST:PORT of that nginx")
    parser.add_argument(
        "--runtime-dir",
        type=Path,
        help="that nginx's writable folder, filled by somebody else (the container's start.sh); "
        "without it the folder of the configuration is used and filled",
    )
    parser.add_argument(
        "--worker-user",
        default="root" if os.geteuid() == 0 else "",
        help="user of nginx's workers when root starts it: it must be able to read the page",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    try:
        api_base = checked_api_base(options.api_base)
        version = build(options.out, api_base)
        if options.server_config:
            runtime_dir = options.runtime_dir or options.server_config.parent
            if not options.runtime_dir:
                write_runtime(runtime_dir, api_base)
            write_server_config(
                options.server_config,
                site=options.out.absolute(),
                listen=options.listen,
                runtime_dir=runtime_dir.absolute(),
                worker_user=options.worker_user,
            )
    except SiteError as error:
        print(f"build_site: {error}", file=sys.stderr)
        return 1
    print(f"page {version} in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
