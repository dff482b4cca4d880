"""The service's own CORS, without a gateway: who gets the headers, on which answers, and when not.

tests/gateway/test_app_agrees.py holds the same application against a real nginx.
"""

import asyncio
import copy
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api.client import Client
from api.conftest import SETTINGS, ready_client
from api.server import COMMAND, environment, running

from fusion.api.cors import Cors, parse_policy
from fusion.app import create_app
from fusion.settings import Settings, SettingsError

APP, SUBDOMAIN, STRANGER = "https://app.example.com", "https://a.b.cdn.net", "https://evil.example"
# As `scripts/gateway policy` writes it.
LABELS = r"(?=[^:]{1,253}(?::|$))(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+"
POLICY = {
    "version": 1,
    "any_origin": False,
    "origins": [
        {"origin": APP, "pattern": r"^https://app\.example\.com$"},
        {"origin": "https://*.cdn.net", "pattern": rf"^https://{LABELS}cdn\.net$"},
        {"origin": "http://[::1]:8443", "pattern": r"^http://\[::1\]:8443$"},
    ],
    "methods": ["GET", "POST"],
    "headers": ["Content-Type", "X-Request-ID"],
    "exposed_headers": ["X-Request-ID", "Server-Timing"],
    "credentials": False,
    "max_age_s": 600,
}
ANSWER = {"access-control-expose-headers": "X-Request-ID, Server-Timing"}
PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "Content-Type, X-Request-ID",
    "access-control-max-age": "600",
}
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def app_with(**changed: object):
    """The application with this policy; without models, so that it starts at once."""
    policy = json.dumps({**POLICY, **changed})
    return create_app(replace(SETTINGS, models_dir=Path("/nowhere"), cors_policy=policy))


@pytest.fixture(scope="module")
def client():
    app = create_app(replace(SETTINGS, cors_policy=json.dumps(POLICY)))

    @app.get("/api/fail")
    async def fail() -> None:
        raise RuntimeError("a secret of the inside")

    yield from ready_client(app)


def cors_of(answer: httpx.Response) -> dict[str, str]:
    """Every Access-Control-* header; fails on repeats."""
    rows = [row for row in answer.headers.multi_items() if row[0].startswith("access-control-")]
    assert len(dict(rows)) == len(rows), f"repeated: {rows}"
    return dict(rows)


def preflight(client: Client, path: str, origin: str) -> httpx.Response:
    return client.request("OPTIONS", path, headers={"Origin": origin, **ASKED})


def allowed(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin}


def test_without_a_policy_the_service_says_nothing_about_cors():
    with Client(create_app(replace(SETTINGS, models_dir=Path("/nowhere")))) as client:
        answer = client.get("/api/health/live", headers={"Origin": APP})
        assert (answer.status_code, cors_of(answer)) == (200, {})
        assert "vary" not in answer.headers
        answer = preflight(client, "/api/health/live", APP)
        assert (answer.status_code, cors_of(answer)) == (405, {})


@pytest.mark.parametrize("origin", [APP, SUBDOMAIN, "https://a.cdn.net", "http://[::1]:8443"])
def test_an_allowed_origin_is_granted(client, origin):
    answer = client.get("/api/health/live", headers={"Origin": origin})
    assert cors_of(answer) == allowed(origin) | ANSWER
    assert answer.headers.get_list("vary") == ["Origin"]
    answer = preflight(client, "/api/v1/fusions", origin)
    assert cors_of(answer) == allowed(origin) | PREFLIGHT


@pytest.mark.parametrize(
    "origin",
    [STRANGER, "https://cdn.net", "https://evil-cdn.net", "https://a.cdnXnet", "null", "*",
     "https://app.example.com.evil.example", "https://app.example.com:443", "HTTPS://a.cdn.net",
     "https://*.cdn.net", "http://app.example.com", "", "https://" + "a." * 4000 + "cdn.net"],
)  # fmt: skip
def test_another_origin_is_served_and_not_granted(client, origin):
    answer = client.get("/api/health/live", headers={"Origin": origin})
    assert (answer.status_code, cors_of(answer)) == (200, {})
    assert answer.headers.get_list("vary") == ["Origin"]


def test_a_preflight_has_no_body_and_no_headers_of_one(client):
    for origin in (APP, STRANGER):
        answer = preflight(client, "/api/v1/fusions", origin)
        assert (answer.status_code, answer.content) == (204, b"")
        assert not {"content-length", "content-type"} & set(answer.headers)
        assert answer.headers.get_list("vary") == [PREFLIGHT_VARY]
        assert cors_of(answer) == (allowed(APP) | PREFLIGHT if origin == APP else {})


def test_a_preflight_is_named_and_logged_like_every_request(client, caplog):
    headers = {"Origin": APP, **ASKED, "X-Request-ID": "my-preflight"}
    with caplog.at_level("INFO", "fusion.access"):
        answer = client.request("OPTIONS", "/api/v1/fusions", headers=headers)
    assert answer.headers["x-request-id"] == "my-preflight"
    (record,) = caplog.records
    assert (record.request_id, record.status) == ("my-preflight", 204)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": APP}, ASKED, {"Origin": "", **ASKED},
     {"Origin": APP, "Access-Control-Request-Method": ""}, {}],
    ids=["only origin", "only method", "empty origin", "empty method", "bare"],
)  # fmt: skip
def test_any_other_options_request_is_no_preflight(client, headers):
    answer = client.request("OPTIONS", "/api/v1/fusions", headers=headers)
    assert answer.status_code == 405
    granted = headers.get("Origin") == APP
    assert cors_of(answer) == (allowed(APP) | ANSWER if granted else {})


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/api/v1/fusions", {}, 405),
        ("POST", "/api/v1/fusions", {"files": {"target": bytes(7_000_000)}}, 413),
        ("POST", "/api/v1/fusions", {"content": b"x"}, 415),
        ("POST", "/api/v1/fusions", {"files": {"other": b"x"}}, 422),
        ("HEAD", "/api/nothing", {}, 404),
        ("GET", "/api/fail", {}, 500),
    ],
)
def test_errors_can_be_read_by_pages(client, method, path, options, status):
    for origin in (APP, STRANGER):
        answer = client.request(method, path, headers={"Origin": origin}, **options)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert cors_of(answer) == (allowed(APP) | ANSWER if origin == APP else {})
        assert answer.headers.get_list("vary") == ["Origin"]


def test_a_service_without_models_can_be_read_by_pages():
    with Client(app_with()) as client:
        answer = client.get("/api/v1/models", headers={"Origin": APP})
    assert (answer.status_code, answer.json()["code"]) == (503, "MODEL_UNAVAILABLE")
    assert cors_of(answer) == allowed(APP) | ANSWER


def test_an_unforeseen_exception_is_a_problem_with_the_headers(client):
    answer = client.get("/api/fail", headers={"Origin": SUBDOMAIN})
    assert answer.json()["code"] == "INTERNAL_ERROR"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert cors_of(answer) == allowed(SUBDOMAIN) | ANSWER


@pytest.mark.parametrize("path", ["/", "/apis", "/api.html", "/x/api/", "/API/x"])
def test_outside_the_api_there_is_no_cors(client, path):
    for answer in (client.get(path, headers={"Origin": APP}), preflight(client, path, APP)):
        assert (answer.status_code, cors_of(answer)) == (404, {})
        assert "vary" not in answer.headers


def test_of_two_origin_lines_neither_is_granted(client):
    for lines in ([APP, STRANGER], [STRANGER, APP], [APP, APP]):
        answer = client.get("/api/health/live", headers=[("Origin", line) for line in lines])
        assert (answer.status_code, cors_of(answer)) == (200, {})


def test_credentials_are_granted_when_the_policy_says_so():
    with Client(app_with(credentials=True)) as client:
        allow = {"access-control-allow-credentials": "true"}
        answer = client.get("/api/health/live", headers={"Origin": SUBDOMAIN})
        assert cors_of(answer) == allowed(SUBDOMAIN) | ANSWER | allow
        assert cors_of(preflight(client, "/api/x", APP)) == allowed(APP) | PREFLIGHT | allow
        assert cors_of(client.get("/api/health/live", headers={"Origin": STRANGER})) == {}


def test_any_origin_is_one_star_for_all():
    with Client(app_with(any_origin=True, origins=[], headers=["*"], max_age_s=None)) as client:
        for headers in ({"Origin": STRANGER}, {"Origin": "null"}, {}):
            answer = client.get("/api/health/live", headers=headers)
            assert cors_of(answer) == allowed("*") | ANSWER
            assert "vary" not in answer.headers
        asked = {name: PREFLIGHT[name] for name in PREFLIGHT if "max-age" not in name}
        answer = preflight(client, "/api/x", STRANGER)
        assert cors_of(answer) == allowed("*") | asked | {"access-control-allow-headers": "*"}


def test_a_policy_without_origins_grants_nothing_and_varies_by_nothing():
    with Client(app_with(origins=[])) as client:
        answer = client.get("/api/health/live", headers={"Origin": APP})
        assert cors_of(answer) == {} and "vary" not in answer.headers
        answer = preflight(client, "/api/x", APP)
        assert (answer.status_code, cors_of(answer)) == (204, {})


async def called(app, **scope: object) -> list[dict]:
    """What an ASGI application sends for a request to /api/x."""
    sent = []

    async def send(message) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.disconnect"}

    await app({"type": "http", "method": "GET", "path": "/api/x", **scope}, receive, send)
    return sent


def answering(headers: list[tuple[bytes, bytes]]):
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    return Cors(app, parse_policy(json.dumps(POLICY)))


def test_what_a_route_says_about_cors_is_replaced():
    own = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-max-age", b"1"), (b"a", b"1")]
    for origin, granted in ((APP, True), (STRANGER, False)):
        (start,) = asyncio.run(called(answering(own), headers=[(b"origin", origin.encode())]))
        decided = [(b"access-control-allow-origin", APP.encode())] if granted else []
        assert [row for row in start["headers"] if row[0].startswith(b"access-control-allow")] == (
            decided
        )
        assert (b"a", b"1") in start["headers"]
        assert b"access-control-max-age" not in dict(start["headers"])


@pytest.mark.parametrize(
    ("theirs", "whole"),
    [([], "Origin"), (["Accept"], "Accept, Origin"), (["Origin"], "Origin"), (["*"], "*"),
     (["Accept, ORIGIN"], "Accept, ORIGIN"), (["X-Origin"], "X-Origin, Origin"),
     (["Accept", "Cookie"], "Accept, Cookie, Origin")],
)  # fmt: skip
def test_vary_names_the_origin_once_in_one_line(theirs, whole):
    own = [(b"vary", line.encode()) for line in theirs]
    (start,) = asyncio.run(called(answering(own), headers=[]))
    assert [value.decode() for name, value in start["headers"] if name == b"vary"] == [whole]


@pytest.mark.parametrize("path", ["/api", "/api/", "//api/x", "/y/../api/x", "/./api"])
def test_the_api_is_the_api_however_it_is_written(path):
    (start,) = asyncio.run(called(answering([]), path=path, headers=[(b"origin", APP.encode())]))
    assert dict(start["headers"])[b"access-control-allow-origin"] == APP.encode()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\x00", b" ", b"\xff"])
def test_an_origin_with_something_behind_it_is_not_granted(end):
    """A server lets few of them through; Python's `$` would take the line break."""
    headers = [(b"origin", APP.encode() + end)]
    (start,) = asyncio.run(called(answering([]), headers=headers))
    assert b"access-control-allow-origin" not in dict(start["headers"])


def test_bodies_and_disconnects_pass_through_untouched():
    seen = []
    body = {"type": "http.response.body", "body": b"x", "more_body": True}

    async def app(scope, receive, send) -> None:
        seen.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(body)

    sent = asyncio.run(called(Cors(app, parse_policy(json.dumps(POLICY))), headers=[]))
    assert seen == [{"type": "http.disconnect"}]
    assert sent[1] is body


def settings_with(folder: Path, content: str | bytes, **more: str) -> Settings:
    file = folder / "policy.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Settings.from_env({"FUSION_CORS_POLICY": str(file), **more})


def changed_policy(**changed: object) -> str:
    return json.dumps({**copy.deepcopy(POLICY), **changed})


def with_pattern(pattern: str, origin: str = "https://*.cdn.net") -> str:
    return changed_policy(origins=[{"origin": origin, "pattern": pattern}])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "no text file"),
        ("", "no JSON document"),
        ("[" * 100_000, "no JSON document"),
        ("[]", "it is no object"),
        ("{}", "version is missing; any_origin is missing"),
        ('{"version": 1, "version": 1}', "version is there twice"),
        (changed_policy(version=2), "version must be 1"),
        (changed_policy(version=True), "version must be 1"),
        (changed_policy(allow_all=True), "'allow_all' is unknown"),
        (changed_policy(any_origin="false"), "any_origin must be true or false"),
        (changed_policy(any_origin=0), "any_origin must be true or false"),
        (changed_policy(any_origin=True), "any_origin leaves no room"),
        (changed_policy(any_origin=True, origins=[], credentials=True), "`*` of any_origin"),
        (changed_policy(credentials=True, headers=["*"]), "`*` of headers"),
        (changed_policy(credentials=None), "credentials must be true or false"),
        (changed_policy(origins="*"), "origins must be a list"),
        (changed_policy(origins=["*"]), "origins must be a list"),
        (changed_policy(origins=[{"origin": APP}]), "origins must be a list"),
        (changed_policy(methods="GET"), "methods must be a list of names"),
        (changed_policy(methods=["GET\r\nSet-Cookie: a=b"]), "methods must be a list of names"),
        (changed_policy(headers=["a, b"]), "headers must be a list of names"),
        (changed_policy(exposed_headers=[1]), "exposed_headers must be a list of names"),
        (changed_policy(max_age_s=True), "max_age_s must be 0 to 86400"),
        (changed_policy(max_age_s=-1), "max_age_s must be 0 to 86400"),
        (changed_policy(max_age_s=1.5), "max_age_s must be 0 to 86400"),
        (changed_policy(max_age_s=86_401), "max_age_s must be 0 to 86400"),
        (changed_policy(version=2, credentials=1), "version must be 1; credentials must be"),
        (with_pattern("", "*"), "the pattern of '*'"),
        (with_pattern("^null$", "null"), "the pattern of 'null'"),
        # a fixed origin means itself, to the letter
        (with_pattern(r"^https://app.example\.com$", APP), "the pattern of"),
        (with_pattern(r"https://app\.example\.com$", APP), "the pattern of"),
        (with_pattern(r"^https://app\.example\.com", APP), "the pattern of"),
        (with_pattern(r"^https://app\.example\.com$|.*$", APP), "the pattern of"),
        (with_pattern(r"^https://app\.example\.com$" + "\n", APP), "the pattern of"),
        # a wildcard means what it means in the gateway, no more and no less
        (with_pattern("^https://[$"), "the pattern of"),
        (with_pattern("^.*$"), "the pattern of"),
        (with_pattern("^https://.*$"), "the pattern of"),
        (with_pattern(r"^https://.*\.cdn\.net$"), "the pattern of"),
        (with_pattern(r"^https://[a-z.-]+cdn\.net$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn.net$"), "the pattern of"),
        (with_pattern(rf"^https?://{LABELS}cdn\.net$"), "the pattern of"),
        (with_pattern(rf"^https://(?:{LABELS})?cdn\.net$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn\.net(?::[0-9]+)?$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn\.net"), "the pattern of"),
        (with_pattern(rf"https://{LABELS}cdn\.net$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn\.net\$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn\.net$|^https://evil\.example$"), "the pattern of"),
        (with_pattern(rf"(?i)^https://{LABELS}cdn\.net$"), "the pattern of"),
        (with_pattern(rf"^https://(?i:{LABELS}cdn\.net)$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}other\.net$"), "the pattern of"),
        (with_pattern(rf"^https://{LABELS}cdn\.net(?:\.evil\.example)?$"), "the pattern of"),
        (with_pattern(r"^http://localhost(?::[0-9]+)?$", "http://localhost:*"), "the pattern of"),
    ],
)  # fmt: skip
def test_a_document_that_is_not_exactly_a_policy_is_refused(tmp_path, content, reason):
    with pytest.raises(SettingsError) as refused:
        settings_with(tmp_path, content)
    (problem,) = refused.value.problems
    assert problem.startswith(f"FUSION_CORS_POLICY='{tmp_path}/policy.json' is no")
    assert reason in problem
    assert problem.endswith("Correct it, or remove it for the default.")


def test_a_file_that_cannot_be_read_is_a_bad_setting_among_others(tmp_path):
    for path, why in ((tmp_path / "none.json", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(SettingsError) as refused:
            Settings.from_env({"FUSION_CORS_POLICY": str(path), "FUSION_QUEUE": "-1"})
        assert len(refused.value.problems) == 2
        assert f"FUSION_CORS_POLICY='{path}' cannot be read: {why}" in str(refused.value)


def test_the_policy_may_come_from_a_pipe(tmp_path):
    """FUSION_CORS_POLICY=<(scripts/gateway policy): what can be read only once."""
    text = json.dumps(POLICY)
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    try:
        assert Settings.from_env({"FUSION_CORS_POLICY": f"/dev/fd/{reading}"}).cors_policy == text
    finally:
        os.close(reading)


def test_a_bad_policy_ends_the_process_with_the_reason(tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(changed_policy(version=3))
    wrong = environment(cors_policy=file)
    ended = subprocess.run(COMMAND, env=wrong, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert f"FUSION_CORS_POLICY='{file}' is no policy of `scripts/gateway policy`" in ended.stderr
    assert "version must be 1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_running_service_grants_what_its_file_says(tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    with running(tmp_path, cors_policy=file) as server:
        answer = httpx.get(f"{server.url}/api/v1/models", headers={"Origin": SUBDOMAIN})
        assert answer.status_code == 200
        assert cors_of(answer) == allowed(SUBDOMAIN) | ANSWER
        headers = {"Origin": SUBDOMAIN, **ASKED}
        answer = httpx.options(f"{server.url}/api/v1/fusions", headers=headers)
        assert (answer.status_code, cors_of(answer)) == (204, allowed(SUBDOMAIN) | PREFLIGHT)
        assert not {"content-length", "content-type", "transfer-encoding"} & set(answer.headers)
