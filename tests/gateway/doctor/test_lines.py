"""The lines to change work where they are pasted, and take nothing away that is allowed today."""

import json
import re
from pathlib import Path

import pytest
from fastapi.middleware.cors import CORSMiddleware
from tests.gateway.doctor.conftest import Diagnosis, Doctor, run
from tests.gateway.doctor.kinds import always, proxied, starlette
from tests.gateway.doctor.servers import (
    ORIGIN,
    Asked,
    Reply,
    Serve,
    application,
    asgi,
    behind,
    granted,
    nginx,
    python,
)

from gateway.doctor.remedies import LINES
from gateway.doctor.texts import texts_in

OTHER = "https://shop.example.com"
PUT = ("--method", "PUT", "--header", "Authorization", "--header", "X-A: 1")
EVERYTHING = (*PUT, "--credentials", "--expose", "X-B")
STEPS = {
    "nothing": ("", ()),
    "a plain call": ("", ("--method", "GET")),
    "a redirect": ("if ($request_method != GET) { return 301 /login; }", ()),
    "a log-in": ("location / { if ($request_method = OPTIONS) { return 401; } }", ()),
}


def _change(found: Diagnosis, place: str) -> str:
    changes = found.findings[0]["change"]
    assert isinstance(changes, dict)
    return str(changes[place])


@pytest.mark.parametrize(
    ("listed", "line"),
    [
        ("GET, HEAD, POST, DELETE", "DELETE GET HEAD POST PUT"),
        ("get, put", "GET PUT"),
        ("'GET' 'DELETE'", "DELETE GET PUT"),
        ("`id`, DELETE", "DELETE id PUT"),
        ("", "GET HEAD POST PUT"),
    ],
)
def test_methods_that_are_listed_stay(
    listed: str, line: str, doctor: Doctor, tmp_path: Path
) -> None:
    headers = granted(Access_Control_Allow_Methods=listed)
    with python(lambda asked: Reply(headers=headers))(tmp_path) as url:
        found = doctor(url, "--method", "PUT")
    assert _change(found, "gateway") == f'CORS_ALLOWED_METHODS="{line}"'


@pytest.mark.parametrize(
    ("listed", "arguments", "line"),
    [
        ("content-type, X-Old", (), "authorization content-type X-Old X-Request-ID"),
        ("", ("--header", "content-type"), "authorization content-type X-Request-ID"),
        ("*", ("--credentials",), "authorization Content-Type X-Request-ID"),
    ],
)
def test_headers_that_are_listed_stay(
    listed: str, arguments: tuple[str, ...], line: str, doctor: Doctor, tmp_path: Path
) -> None:
    headers = granted(Access_Control_Allow_Headers=listed, Access_Control_Allow_Credentials="true")
    with python(lambda asked: Reply(headers=headers))(tmp_path) as url:
        found = doctor(url, "--header", "Authorization", *arguments)
    assert _change(found, "gateway") == f'CORS_ALLOWED_HEADERS="{line}"'


def test_a_star_stays_where_it_holds(doctor: Doctor, tmp_path: Path) -> None:
    with always(200, *granted(Access_Control_Allow_Headers="*"))(tmp_path) as url:
        found = doctor(url, "--header", "Authorization")
    assert found.codes == ["authorization_not_covered"]
    assert '"*, authorization"' in _change(found, "nginx")


def test_exposed_headers_that_are_listed_stay(doctor: Doctor, tmp_path: Path) -> None:
    with always(200, *granted(Access_Control_Expose_Headers="X-Old"))(tmp_path) as url:
        found = doctor(url, "--expose", "X-B")
    assert _change(found, "gateway") == 'CORS_EXPOSED_HEADERS="X-B X-Old"'
    assert '"X-B, X-Old"' in _change(found, "nginx")


def test_the_origin_is_added_and_replaces_none(doctor: Doctor, tmp_path: Path) -> None:
    with always(200, *granted(OTHER))(tmp_path) as url:
        found = doctor(url)
    assert found.codes == ["other_origin"]
    assert _change(found, "gateway").startswith(f"add {ORIGIN} to CORS_ALLOWED_ORIGINS")
    assert f'allow_origins=["{ORIGIN}", "{OTHER}"],  # and those' in _change(found, "fastapi")
    for origin in (ORIGIN, OTHER):
        assert f'"~^{re.escape(origin)}$" $http_origin;' in _change(found, "nginx")


def _with_lines(text: str, server: str) -> Serve:
    """An nginx with the printed lines where their comments say, before what it had."""
    _, http, own = re.split(r"(?m)^#.*\n", text)
    return nginx(f"{own}\n{server}", http)


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("arguments", [PUT, EVERYTHING])
@pytest.mark.parametrize("name", STEPS)
def test_the_lines_for_nginx_mend_it(
    name: str, arguments: tuple[str, ...], doctor: Doctor, tmp_path: Path
) -> None:
    server, more = STEPS[name]
    with nginx(server)(tmp_path / "before") as url:
        found = doctor(url, *arguments, *more)
    assert found.status == 1
    with _with_lines(_change(found, "nginx"), server)(tmp_path / "after") as url:
        assert doctor(url, *arguments, *more).findings == []


@pytest.mark.usefixtures("nginx")
def test_the_lines_for_nginx_speak_for_the_service_as_well(doctor: Doctor, tmp_path: Path) -> None:
    def respond(asked: Asked) -> Reply:
        own = granted(
            Access_Control_Allow_Credentials="true",
            Access_Control_Allow_Methods="",
            Access_Control_Allow_Headers="",
        )
        return Reply(405 if asked.is_preflight else 200, own)

    server = "location / { proxy_pass SERVICE; }"
    with behind(proxied(server), python(respond))(tmp_path / "before") as url:
        found = doctor(url, *EVERYTHING)
    assert found.codes[0] == "preflight_405"

    def mended(url: str) -> Serve:
        return _with_lines(_change(found, "nginx"), server.replace("SERVICE", url))

    with behind(mended, python(respond))(tmp_path / "after") as url:
        assert doctor(url, *EVERYTHING).findings == []


@pytest.mark.usefixtures("nginx")
def test_only_preflights_are_answered_by_nginx(doctor: Doctor, tmp_path: Path) -> None:
    with nginx("")(tmp_path / "before") as url:
        found = doctor(url, *PUT)
    asked: list[Asked] = []

    def respond(request: Asked) -> Reply:
        asked.append(request)
        return Reply()

    def mended(url: str) -> Serve:
        return _with_lines(_change(found, "nginx"), f"location / {{ proxy_pass {url}; }}")

    with behind(mended, python(respond))(tmp_path / "after") as url:
        # fetch(url, {method: "OPTIONS"}) is a call of its own, after its preflight
        assert doctor(url, "--method", "OPTIONS").codes == ["method_not_listed"]
    assert "OPTIONS" in {request.method for request in asked}


def _application(lines: str) -> Serve:
    """The application of the tests with the printed lines in its module."""
    names: dict[str, object] = {"app": application(), "CORSMiddleware": CORSMiddleware}
    exec(lines, names)
    return asgi(names["app"])  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [("--expose", "X-B"), PUT, EVERYTHING])
@pytest.mark.parametrize(
    "policy",
    [
        None,
        {"allow_origins": [OTHER]},
        {"allow_origins": [ORIGIN], "allow_methods": ["DELETE"]},
        {"allow_origins": [ORIGIN], "allow_headers": ["X-A"], "allow_methods": ["PUT"]},
    ],
)
def test_the_lines_for_fastapi_mend_it(
    policy: dict[str, object] | None, arguments: tuple[str, ...], doctor: Doctor, tmp_path: Path
) -> None:
    serve = asgi(application()) if policy is None else starlette(**policy)
    with serve(tmp_path) as url:
        found = doctor(url, *arguments)
    assert found.status == 1
    lines = _change(found, "fastapi")
    with _application(lines)(tmp_path) as url:
        assert doctor(url, *arguments).findings == []
    if policy and "DELETE" in str(policy) and arguments == PUT:
        assert '"DELETE"' in lines


def test_the_outermost_middleware_is_python(doctor: Doctor, tmp_path: Path) -> None:
    def respond(asked: Asked) -> Reply:
        return Reply(404) if "doctor-" in asked.path else Reply(headers=granted())

    with python(respond)(tmp_path) as url:
        found = doctor(url)
    with _application(_change(found, "fastapi"))(tmp_path) as url:
        assert doctor(url).findings == []


def test_lines_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = granted(Access_Control_Allow_Methods="GET")
    with python(lambda asked: Reply(headers=headers))(tmp_path) as url:
        assert run(url, *PUT) == 1
        out = capsys.readouterr().out
        assert run(url, *PUT, "--json") == 1
    assert out.count("CORSMiddleware,") == 1
    assert out.count("change (FastAPI): as above") == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert all("CORSMiddleware," in fault["change"]["fastapi"] for fault in findings)


@pytest.mark.parametrize("remedy", LINES)
def test_comments_have_the_language_of_the_report(remedy: str) -> None:
    for line in "\n".join(LINES[remedy].values()).splitlines():
        for comment in re.findall(r"(?:#|//) (.*)", line):
            assert re.fullmatch(r"\{note_\w+\}.*", comment), line
            note = texts_in("zh").notes[comment[1 : comment.index("}")]]
            assert re.search(r"[\u4e00-\u9fff]", note), line
