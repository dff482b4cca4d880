"""Every broken deployment gets the right diagnosis first."""

import time
from pathlib import Path

import pytest
from tests.gateway.doctor.broken_answers import ANSWERS
from tests.gateway.doctor.broken_form import CHUNKED, FORM, answer, big
from tests.gateway.doctor.broken_origins import ORIGINS
from tests.gateway.doctor.broken_preflights import PREFLIGHTS
from tests.gateway.doctor.broken_reach import REACH
from tests.gateway.doctor.certificates import Certificates
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.doctor.kinds import JSON, Broken
from tests.gateway.doctor.servers import (
    ORIGIN,
    Asked,
    Reply,
    dripping,
    granted,
    nginx,
    python,
    raw,
    tls_socket,
    waiting,
)
from tests.gateway.lab import gateway

from gateway.doctor.findings import ROWS

BROKEN = (*REACH, *FORM, *ORIGINS, *PREFLIGHTS, *ANSWERS)
TLS = {
    "self_signed": "tls_self_signed",
    "good": "tls_untrusted",
    "expired": "tls_expired",
    "wrong_name": "tls_wrong_name",
}
# made in tests of their own
ELSEWHERE = {*TLS.values(), "tls_failed", "http_to_https_port", "unreachable", "outside_api"}


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_the_first_diagnosis_is_the_cause(broken: Broken, doctor: Doctor, tmp_path: Path) -> None:
    with broken.serve(tmp_path / "served") as url:
        found = doctor(url, *broken.arguments, origin=broken.origin)
    assert found.codes[:1] == [broken.code], found.findings
    assert found.status == 1
    assert found.findings[0]["severity"] == "error"


@pytest.mark.usefixtures("nginx")
@pytest.mark.parametrize(
    "name",
    [
        "FastAPI without the middleware",
        "nginx without OPTIONS and headers",
        "a firewall",
        "authentication without headers",
        "http to https",
        "the slash",
        "a slash at the end, in a list",
        "everything fails",
        "FastAPI without POST",
    ],
)
def test_consequences_are_not_listed(name: str, doctor: Doctor, tmp_path: Path) -> None:
    [broken] = [broken for broken in BROKEN if broken.name == name]
    with broken.serve(tmp_path / "served") as url:
        found = doctor(url, *broken.arguments, "--expose", "X-A", origin=broken.origin)
    later = [code for code in found.codes if code != "header_not_exposed"]
    assert later == [broken.code]


def test_what_cannot_be_read_is_not_examined_further(doctor: Doctor, tmp_path: Path) -> None:
    headers = granted("https://site.example", Set_Cookie="id=1")
    with python(lambda asked: Reply(headers=headers))(tmp_path) as url:
        assert doctor(url, "--expose", "X-A", "--credentials").codes == ["other_origin"]


def test_several_faults_are_all_found(doctor: Doctor, tmp_path: Path) -> None:
    headers = granted(Access_Control_Allow_Methods="GET", Access_Control_Max_Age="x")
    with python(lambda asked: Reply(headers=headers))(tmp_path) as url:
        found = doctor(url, "--method", "PUT", "--header", "X-A", "--expose", "X-B")
    expected = ["method_not_listed", "header_not_listed", "header_not_exposed", "max_age_invalid"]
    assert found.codes == expected
    assert found.status == 1


@pytest.mark.parametrize("origin", [ORIGIN, "*"])
@pytest.mark.parametrize("status", [200, 400])
def test_missing_credentials_hide_nothing(
    status: int, origin: str, doctor: Doctor, tmp_path: Path
) -> None:
    def respond(asked: Asked) -> Reply:
        return Reply(status if asked.is_preflight else 200, granted(origin))

    arguments = ("--method", "PATCH", "--header", "Authorization", "--expose", "X-Foo")
    with python(respond)(tmp_path) as url:
        found = doctor(url, *arguments, "--credentials")
    first = "credentials_missing" if origin == ORIGIN else "star_with_credentials"
    others = ["method_not_listed", "header_not_listed", "header_not_exposed"]
    assert found.codes == [first, *others]


@pytest.mark.usefixtures("nginx")
def test_missing_credentials_hide_nothing_of_our_gateway(doctor: Doctor, tmp_path: Path) -> None:
    arguments = ("--method", "PATCH", "--header", "Authorization", "--expose", "X-Foo")
    with gateway(tmp_path / "gateway", {"CORS_ALLOWED_ORIGINS": ORIGIN}) as live:
        found = doctor(f"http://127.0.0.1:{live.port}/api/v1/models", *arguments, "--credentials")
    others = ["method_not_listed", "header_not_listed", "header_not_exposed"]
    assert found.codes == ["credentials_missing", *others]


def test_a_body_that_breaks_off_hides_no_status(doctor: Doctor, tmp_path: Path) -> None:
    short = answer(b"Content-Length: 10\r\n", status=b"HTTP/1.1 500 x\r\n")
    with raw(short)(tmp_path) as url:
        assert doctor(url).codes == ["server_error", "body_cut"]


def test_a_bad_line_may_explain_a_missing_header(doctor: Doctor, tmp_path: Path) -> None:
    with raw(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin *\r\n\r\n{}")(tmp_path) as url:
        assert doctor(url).codes == ["no_header", "header_malformed"]


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 103 x\r\n\r\n"])
def test_one_deadline_holds_for_all_of_an_answer(
    first: bytes, doctor: Doctor, tmp_path: Path
) -> None:
    started = time.monotonic()
    with dripping(first + answer(big(1000)), 10, 0.1)(tmp_path) as url:
        assert doctor(url, "--timeout", "0.5").codes == ["timeout"]
    # by waits of 0.1 s it would take 10
    assert time.monotonic() - started < 3


def test_a_stream_that_goes_on_is_no_fault(doctor: Doctor, tmp_path: Path) -> None:
    events = CHUNKED + b"Content-Type: text/event-stream\r\n"
    with waiting(answer(events, b"2\r\n{}\r\n"))(tmp_path) as url:
        found = doctor(url, "--timeout", "0.5")
    assert (found.codes, found.status) == ([], 0)


def test_the_own_server_does_not_know_the_method(doctor: Doctor, tmp_path: Path) -> None:
    with python(lambda asked: Reply(501))(tmp_path) as url:
        own = url.removesuffix("/api")
        assert doctor(url, "--method", "POST", origin=own).codes == ["method_refused"]


def test_every_fault_has_a_deployment() -> None:
    errors = {code for code, row in ROWS.items() if row.severity == "error"}
    assert {broken.code for broken in BROKEN} | ELSEWHERE == errors


@pytest.mark.parametrize(("certificate", "code"), TLS.items())
def test_a_certificate_that_browsers_refuse(
    certificate: str,
    code: str,
    made: Certificates,
    doctor: Doctor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if certificate in {"expired", "wrong_name"}:
        # trusted by name, so that only date and host are wrong
        monkeypatch.setenv("SSL_CERT_FILE", str(made["authority"][0]))
    with tls_socket(*made[certificate])(tmp_path) as url:
        found = doctor(url)
        assert (found.codes, found.status) == ([code], 1)
        # looking past the certificate shows that the rest is well
        assert doctor(url, "--insecure").codes == ["any_origin_reflected"]


def test_a_trusted_certificate_is_no_fault(
    made: Certificates, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made["authority"][0]))
    with tls_socket(*made["good"])(tmp_path) as url:
        assert doctor(url).status == 0


@pytest.mark.usefixtures("nginx")
def test_http_at_a_port_of_https(made: Certificates, doctor: Doctor, tmp_path: Path) -> None:
    certificate, key = made["good"]
    text = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
    with nginx(text, tls="ssl")(tmp_path / "served") as url:
        found = doctor(url)
    assert (found.codes, found.status) == (["http_to_https_port"], 1)


@pytest.mark.parametrize("arguments", [(), JSON])
def test_http_at_a_port_of_https_that_only_closes(
    arguments: tuple[str, ...], made: Certificates, doctor: Doctor, tmp_path: Path
) -> None:
    with tls_socket(*made["good"])(tmp_path) as url:
        found = doctor(url.replace("https://", "http://"), *arguments)
    assert found.codes == ["http_to_https_port"]


@pytest.mark.usefixtures("nginx")
def test_tls_that_is_too_old(
    made: Certificates, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = made["good"]
    # NULL ciphers: a handshake that no client of today agrees to
    text = f"""ssl_certificate {certificate}; ssl_certificate_key {key};
        ssl_protocols TLSv1.2; ssl_ciphers NULL-SHA256:@SECLEVEL=0;"""
    with nginx(text, tls="ssl", scheme="https")(tmp_path / "served") as url:
        assert doctor(url).codes == ["tls_failed"]
