"""Deployments that work get no finding; what is only worth a note does not change the status."""

from pathlib import Path

import pytest
from tests.gateway.doctor.broken_form import GOOD_FORMS, NOTED_FORMS
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.doctor.kinds import JSON, PUT, WITH_COOKIES, always, listed, starlette
from tests.gateway.doctor.servers import ORIGIN, Asked, Reply, Serve, granted, nginx, python, raw
from tests.gateway.lab import Gateway

from gateway.doctor.call import read_call
from gateway.doctor.examine import examine
from gateway.doctor.wire import Wire

_MAP = "map $http_origin $o { '~^https://(?:app|www)\\.example\\.com$' $http_origin; }"
_HEADERS = (
    "add_header Access-Control-Allow-Origin $o always; add_header Vary Origin always;"
    "add_header Access-Control-Allow-Credentials true always;"
)
WRITTEN = nginx(
    f"""{_HEADERS}
    location / {{ if ($request_method = OPTIONS) {{
        {_HEADERS} add_header Access-Control-Allow-Methods 'GET, PUT' always;
        add_header Access-Control-Allow-Headers 'X-Token' always;
        add_header Access-Control-Max-Age 600 always; return 204;
    }} }}""",
    _MAP,
)
PUBLIC = python(lambda asked: Reply(404 if "doctor-" in asked.path else 200, granted("*")))


def _public_elsewhere(asked: Asked) -> Reply:
    there = asked.host.replace("127.0.0.1", "localhost")
    moved = (("Location", f"http://{there}/v2"),) if there != asked.host else ()
    return Reply(302 if moved else 200, (*granted("*"), *moved))


def _moved_to(location: str) -> Serve:
    def respond(asked: Asked) -> Reply:
        moved = asked.path == "/api"
        return Reply(302 if moved else 200, (*granted("*"), ("Location", location)))

    return python(respond)


def _no_such_method(asked: Asked) -> Reply:
    return Reply(501) if asked.method == "QUERY" else Reply(headers=granted("*"))


GOOD = {
    "an API that has moved to a name with a space": (_moved_to("/v 2"), ()),
    "an API that has moved to a Chinese name": (_moved_to("/\xe4\xba\xba"), ()),
    "a redirect to nowhere": (always(302, *granted("*")), ()),
    "a public API that has moved": (python(_public_elsewhere), ()),
    "nginx by hand": (WRITTEN, ()),
    "nginx by hand, with cookies": (WRITTEN, (*PUT, "--header", "X-Token", *WITH_COOKIES)),
    "FastAPI": (starlette(allow_origins=[ORIGIN], expose_headers=["X-A"]), ("--expose", "X-A")),
    "FastAPI with a preflight": (starlette(allow_origins=[ORIGIN], allow_methods=["POST"]), JSON),
    "FastAPI with cookies": (
        starlette(allow_origins=[ORIGIN], allow_credentials=True, allow_methods=["PUT"]),
        (*PUT, *WITH_COOKIES),
    ),
    "a public API": (PUBLIC, ()),
    "a public API with a preflight": (PUBLIC, JSON),
    "white space around the value": (python(lambda asked: Reply(headers=granted(" * "))), ()),
    "a server without the method QUERY": (python(_no_such_method), ()),
    "a list": (listed(ORIGIN), ("--method", "POST")),
    **{name: (raw(form), ()) for name, form in GOOD_FORMS.items()},
}


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("name", GOOD)
def test_a_good_deployment_has_no_finding(name: str, doctor: Doctor, tmp_path: Path) -> None:
    serve, arguments = GOOD[name]
    with serve(tmp_path / "served") as url:
        found = doctor(url, *arguments)
    assert (found.findings, found.status) == ([], 0)


@pytest.mark.parametrize(
    ("origin", "arguments"),
    [
        (ORIGIN, ()),
        (ORIGIN, ("--header", "X-Request-ID: 1", "--expose", "X-Request-ID")),
        (ORIGIN, ("--method", "DELETE")),
        ("https://a.cdn.example.net", JSON),
        ("http://localhost:5173", ()),
        ("https://shop.example.com:8443", JSON),
        ("http://[::1]:8443", ()),
    ],
)
def test_our_gateway_has_no_finding(
    live: Gateway, doctor: Doctor, origin: str, arguments: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{live.port}/api/v1/models"
    found = doctor(url, *arguments, origin=origin)
    assert (found.findings, found.status) == ([], 0)


@pytest.mark.parametrize("status", [413, 429, 500, 502, 503])
def test_errors_of_our_gateway_are_not_taken_for_cors(
    live: Gateway, doctor: Doctor, status: int
) -> None:
    live.inference.status = status
    found = doctor(f"http://127.0.0.1:{live.port}/api/v1/models")
    assert found.codes == ["server_error" if status >= 500 else "call_refused"]
    assert found.status == (1 if status >= 500 else 0)


@pytest.mark.parametrize("path", ["/api/v1/models", "/"])
def test_the_same_origin_needs_no_headers(live: Gateway, doctor: Doctor, path: str) -> None:
    site = f"http://127.0.0.1:{live.port}"
    found = doctor(f"{site}{path}", *PUT, *WITH_COOKIES, origin=site)
    assert (found.findings, found.status) == ([], 0)


def _noted(**headers: str) -> Serve:
    return python(lambda asked: Reply(headers=granted("*", **headers)))


def _wrong_method(asked: Asked) -> Reply:
    return Reply(405) if asked.method == "QUERY" else Reply(headers=granted("*"))


def _length(asked: Asked) -> Reply:
    return Reply(204, (*granted("*"), ("Content-Length", "0")))


def _other_block_below(asked: Asked) -> Reply:
    if asked.path.startswith("/api/"):
        return Reply(404)
    return Reply(405 if asked.method == "QUERY" else 200, granted("*"))


NOTES = {
    "missing_below": (python(_other_block_below), ()),
    "max_age_missing": (_noted(Access_Control_Max_Age=""), JSON),
    "max_age_invalid": (_noted(Access_Control_Max_Age="1 day"), JSON),
    "max_age_capped": (_noted(Access_Control_Max_Age="31536000"), JSON),
    "length_on_204": (python(_length), JSON),
    "missing_on_wrong_method": (python(_wrong_method), ()),
    "any_origin_reflected": (python(lambda asked: Reply(headers=granted(asked.origin))), ()),
    "vary_missing": (listed(ORIGIN, Vary=""), ()),
    "call_refused": (python(lambda asked: Reply(403, granted("*"))), ()),
}


@pytest.mark.parametrize("code", NOTES)
def test_a_note_does_not_change_the_exit_status(code: str, doctor: Doctor, tmp_path: Path) -> None:
    serve, arguments = NOTES[code]
    with serve(tmp_path / "served") as url:
        found = doctor(url, *arguments)
    assert (found.codes, found.status) == ([code], 0)
    assert found.findings[0]["severity"] == "warning"


@pytest.mark.parametrize("name", NOTED_FORMS)
def test_what_a_browser_passes_over_is_noted(name: str, doctor: Doctor, tmp_path: Path) -> None:
    code, form = NOTED_FORMS[name]
    with raw(form)(tmp_path) as url:
        found = doctor(url)
    assert (found.codes, found.status) == ([code], 0)


def test_nothing_harmful_is_sent(live: Gateway) -> None:
    call = read_call(f"http://127.0.0.1:{live.port}/api/things/1", ORIGIN, "DELETE", (), True)
    examine(call, Wire(3))
    assert live.inference.requests
    for method, _, headers, length in live.inference.requests:
        assert method in {"GET", "HEAD", "OPTIONS", "QUERY"}
        assert length == 0
        assert headers["Cookie"] in {None, "gateway-doctor=1"}


def test_mixed_content_is_not_sent() -> None:
    wire = Wire(0.1)
    examine(read_call("http://api.example.com/", ORIGIN), wire)
    assert wire.sent == []


def test_made_up_origins_cannot_get_into_a_cache(live: Gateway) -> None:
    call = read_call(f"http://127.0.0.1:{live.port}/api/v1/models?size=1", ORIGIN)
    wire = Wire(3)
    examine(call, wire)
    kept = {sent.origin for sent in wire.sent if sent.url == call.url and sent.method != "OPTIONS"}
    assert kept == {ORIGIN}
    assert len({sent.origin for sent in wire.sent}) > 3
