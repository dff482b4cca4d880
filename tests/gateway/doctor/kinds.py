"""What a broken deployment is, and short ways to write one."""

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.middleware.cors import CORSMiddleware
from tests.gateway.doctor.servers import (
    ORIGIN,
    Asked,
    Reply,
    Serve,
    application,
    asgi,
    granted,
    nginx,
    python,
)

JSON = ("--method", "POST", "--header", "Content-Type: application/json")
PUT = ("--method", "PUT")
WITH_COOKIES = ("--credentials",)
ADD = f"add_header Access-Control-Allow-Origin {ORIGIN}"
# the answer of a preflight as tutorials write it
ANSWERED = (
    f"{ADD} always; add_header Access-Control-Allow-Methods 'GET, POST, PUT' always;"
    "add_header Access-Control-Allow-Headers 'Content-Type' always;"
)
# add_header stands in an `if` of a location only
OPTIONS = f"location / {{ if ($request_method = OPTIONS) {{ {ANSWERED} return 204; }} }}"
REFLECT = "add_header Access-Control-Allow-Origin $http_origin always;"


@dataclass(frozen=True)
class Broken:
    """code: the diagnosis that has to come first; arguments: of the command, beside the origin."""

    name: str
    code: str
    serve: Serve
    arguments: tuple[str, ...] = ()
    origin: str = ORIGIN


def starlette(path: str = "/api", **policy: object) -> Serve:
    app = application()
    app.add_middleware(CORSMiddleware, **policy)  # type: ignore[arg-type]
    return asgi(app, path)


def fixed(value: str) -> Serve:
    """A server that sends one value to everybody."""
    return python(lambda asked: Reply(headers=granted(value)))


def listed(*origins: str, **more: str) -> Serve:
    """A server with a list that answers whoever is on it."""

    def respond(asked: Asked) -> Reply:
        headers = granted(asked.origin, **more) if asked.origin in origins else ()
        return Reply(headers=headers or (() if more else (("Vary", "Origin"),)))

    return python(respond)


def always(status: int, *headers: tuple[str, str], body: bytes = b"") -> Serve:
    return python(lambda asked: Reply(status, headers, body))


def preflights(status: int, *headers: tuple[str, str], body: bytes = b"") -> Serve:
    """Only preflights go wrong."""

    def respond(asked: Asked) -> Reply:
        return Reply(status, headers, body) if asked.is_preflight else Reply(headers=granted())

    return python(respond)


def proxied(server: str, http: str = "") -> Callable[[str], Serve]:
    return lambda url: nginx(server.replace("SERVICE", url), http)


def primed(serve: Serve) -> Serve:
    """Somebody without an Origin was there first: a search engine, a monitor, an image tag."""

    @contextmanager
    def primed_one(folder: Path) -> Iterator[str]:
        with serve(folder) as url:
            urllib.request.urlopen(url).close()
            yield url

    return primed_one
