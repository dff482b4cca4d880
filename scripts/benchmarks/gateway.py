"""scripts/bench gateway: what the gateway costs against a bare nginx, in one run.

Both answer preflights, and both pass small requests on to the same upstream; they take turns, and
begin them in turn, so that whatever else the machine does meets both. The load is enough to keep
all cores busy: with less the ratio tells how the kernel spread the processes (16 connections on
two cores: one core idle for up to a fifth of the time, ratios from 0.84 to 1.03 for one
configuration). Needs wrk (Debian: wrk).
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from gateway.health import pulse
from gateway.render import RenderError, find_nginx, render
from gateway.settings import GatewaySettings
from gateway.trial import free_address

ORIGIN = "https://app.example.com"
_SETTINGS = {
    "CORS_ALLOWED_ORIGINS": f"{ORIGIN} https://*.cdn.example.net http://localhost:*",
    # One client makes all the load; its share is not what is measured.
    "GATEWAY_RATE_PER_SECOND": "0",
    "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": "0",
}
_THREADS, _CONNECTIONS = 2, 128
# What anybody would write: the defaults, logging as nginx does, and no word about CORS.
_BARE = """
worker_processes 4;
pid nginx.pid;
error_log error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log access.log;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    scgi_temp_path temp; uwsgi_temp_path temp;
    server {{
        listen {listen};
        location /api/ {{
            if ($request_method = OPTIONS) {{ return 204; }}
            proxy_pass http://{upstream};
        }}
        location = /healthz {{ return 200 "ok bare\\n"; }}
    }}
}}
"""
_UPSTREAM = """
worker_processes 1;
pid nginx.pid;
error_log error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    scgi_temp_path temp; uwsgi_temp_path temp;
    server {{
        listen {listen};
        location / {{ return 200 '{{"status":"live"}}'; }}
        location = /healthz {{ return 200 "ok upstream\\n"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Load:
    """One kind of request for wrk."""

    name: str
    script: str


LOADS = (
    Load(
        "preflights",
        f'wrk.method="OPTIONS"; wrk.headers["Origin"]="{ORIGIN}"; '
        'wrk.headers["Access-Control-Request-Method"]="POST"',
    ),
    Load("proxied requests", f'wrk.method="GET"; wrk.headers["Origin"]="{ORIGIN}"'),
)


def run(rounds: int = 16, seconds: int = 1) -> None:
    """Prints requests a second of both and their ratio, the median of the rounds."""
    nginx, wrk = find_nginx(), shutil.which("wrk")
    if nginx is None or wrk is None:
        raise SystemExit("scripts/bench gateway needs nginx and wrk: apt-get install nginx wrk")
    with ExitStack() as stack:
        upstream, bare, ours = (free_address() for _ in range(3))
        folders = [Path(stack.enter_context(_folder())) for _ in range(3)]
        _write(folders[0], _UPSTREAM.format(listen=upstream))
        _write(folders[1], _BARE.format(listen=bare, upstream=upstream))
        addresses = {"GATEWAY_LISTEN": str(ours), "GATEWAY_INFERENCE": str(upstream)}
        render(GatewaySettings.from_env(_SETTINGS | addresses), folders[2], nginx=nginx)
        for folder, address in zip(folders, (upstream, bare, ours), strict=True):
            stack.enter_context(_nginx(nginx, folder))
            if not _answers(address):
                raise RenderError(f"nginx in {folder} did not start")
        for load in LOADS:
            rates: dict[object, list[float]] = {bare: [], ours: []}
            for number in range(rounds):
                for address in (bare, ours) if number % 2 else (ours, bare):
                    rates[address].append(_rate(wrk, str(address), load, seconds))
            plain, mine = median(rates[bare]), median(rates[ours])
            ratio = median(b / a for a, b in zip(rates[bare], rates[ours], strict=True))
            print(f"{load.name}: bare {plain:.0f}/s, gateway {mine:.0f}/s, ratio {ratio:.3f}")


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        Path(folder).chmod(0o755)  # nginx's workers are not root
        yield folder


def _write(folder: Path, text: str) -> None:
    (folder / "nginx.conf").write_text(text)


@contextmanager
def _nginx(nginx: str, folder: Path) -> Iterator[None]:
    command = [nginx, "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(address: object) -> bool:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        if pulse(address) is not None:
            return True
        time.sleep(0.05)
    return False


def _rate(wrk: str, address: str, load: Load, seconds: int) -> float:
    """Requests a second; every answer must be a 2xx."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(load.script)
        script.flush()
        command = [wrk, "-t", str(_THREADS), "-c", str(_CONNECTIONS), "-d", f"{seconds}s"]
        url = f"http://{address}/api/health/live"
        done = subprocess.run(
            [*command, "-s", script.name, url], capture_output=True, text=True, check=True
        )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"some requests failed:\n{done.stdout}")
    match = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert match is not None, done.stdout
    return float(match[1])
