"""The rendered gateway on free ports of this machine, to be asked how it behaves."""

import http.client
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.addresses import Address
from gateway.health import pulse
from gateway.render import LOG_FILES, RenderError, render, scratch
from gateway.settings import GatewaySettings
from gateway.standin import stand_in

_START_S = 10.0
# Behind the first three, which are to be left alone: texts and comments.
_PASS = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\#[^\n]*)|"""
    r"""\b(proxy|fastcgi|scgi|uwsgi|grpc|memcached)_pass\s[^;]*;"""
)
Answer = http.client.HTTPMessage


class Trial:
    """A running gateway that is asked one question after another, on one connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def ask(self, method: str, path: str, headers: Sequence[tuple[str, str]]) -> Answer:
        """The headers of the answer; none at all where the gateway gives none."""
        return self._ask(method, path, headers)[1]

    def preflight(self, path: str, origin: str, method: str) -> Answer:
        """The headers of what a browser is told before such a request; none unless it is a 2xx."""
        wish = [("Origin", origin), ("Access-Control-Request-Method", method)]
        status, headers = self._ask("OPTIONS", path, wish)
        return headers if 200 <= status < 300 else Answer()

    def _ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]]
    ) -> tuple[int, Answer]:
        try:
            self._connection.request(method, path, headers=dict(headers))
            with self._connection.getresponse() as answer:
                answer.read()  # else the connection could not be used again
                return answer.status, answer.headers
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next question opens a new one
            return 0, Answer()


@dataclass(frozen=True)
class Doors:
    """Where a running gateway can be asked.

    main   over HTTPS where that is on
    plain  the listener that leads there, None where there is no HTTPS
    text   the whole rendered configuration
    """

    main: Trial
    plain: Trial | None
    text: str


@contextmanager
def trial(settings: GatewaySettings, templates: Path, nginx: str) -> Iterator[Doors]:
    """Runs it, with a service behind it that answers everything.

    Raises  RenderError when nginx does not take the configuration
    """
    with stand_in() as service:
        listen, secure = free_address(), free_address()
        alone = replace(
            settings,
            listen=listen,
            inference=service,
            webui=service,
            tls=replace(settings.tls, listen=secure),
            # so many questions come from one client
            limits=replace(settings.limits, connections=0, rate_per_second=0),
        )
        plain = http.client.HTTPConnection(listen.host, listen.port, timeout=_START_S)
        https = http.client.HTTPSConnection(
            secure.host, secure.port, timeout=_START_S, context=_trusting_all()
        )
        with _started(alone, templates, nginx) as text, closing(plain), closing(https):
            if settings.tls.is_on:
                yield Doors(Trial(https), Trial(plain), text)
            else:
                yield Doors(Trial(plain), None, text)


def _kept_here(text: str, service: Address) -> str:
    """A configuration whose every question goes to the stand-in: none may reach a real service."""

    def instead(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        return f"proxy_pass http://{service};" if found[2] == "proxy" else "return 204;"

    return _PASS.sub(instead, text)


def _trusting_all() -> ssl.SSLContext:
    """It is this machine that is asked, by an address that no certificate names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def admitted(answer: Answer, origin: str) -> str:
    """The CORS check (Fetch, 4.10), without credentials: `own`, `any`, or nothing."""
    values = answer.get_all("Access-Control-Allow-Origin", [])
    return "own" if values == [origin] else "any" if values == ["*"] else ""


def value_of(answer: Answer | None, name: str) -> str:
    return ", ".join(answer.get_all(name, [])) if answer else ""


def names_in(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


@contextmanager
def _started(settings: GatewaySettings, templates: Path, nginx: str) -> Iterator[str]:
    """Runs nginx; gives the text of its configuration."""
    with scratch("gateway-trial-") as out:
        out.chmod(0o755)  # nginx's workers are not root
        revision = render(settings, out, templates, LOG_FILES, nginx)
        for path in filter(Path.is_file, out.rglob("*")):
            path.write_text(_kept_here(path.read_text(), settings.inference))
        command = [nginx, "-e", "stderr", "-p", str(out), "-c", f"{out}/nginx.conf"]
        said = out / "said"
        with said.open("w") as file:
            process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=file)
        try:
            give_up = time.monotonic() + _START_S
            while pulse(settings.listen) != revision:
                if process.poll() is not None:
                    why = said.read_text(errors="replace").strip()
                    raise RenderError(f"nginx does not start with this configuration:\n{why}")
                if time.monotonic() > give_up:
                    raise RenderError("with this configuration /healthz is not as conf/pulse.conf")
                time.sleep(0.02)
            yield "\n".join(path.read_text() for path in sorted(out.rglob("*.conf")))
        finally:
            process.terminate()
            process.wait()


def free_address() -> Address:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", int(taken.getsockname()[1]))
