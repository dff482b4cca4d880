"""What the doctor says of a gateway of this repository."""

from pathlib import Path

import pytest
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.doctor.kinds import PUT, always
from tests.gateway.doctor.servers import ORIGIN
from tests.gateway.lab import Gateway
from tests.gateway.test_app_agrees import service

STRANGER = "https://stranger.example"


@pytest.mark.parametrize("arguments", [(), PUT])
@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/models", "/apis"])
def test_only_the_api_is_for_other_origins(
    path: str, arguments: tuple[str, ...], live: Gateway, doctor: Doctor
) -> None:
    found = doctor(f"http://127.0.0.1:{live.port}{path}", *arguments)
    assert (found.codes, found.status) == (["outside_api"], 1)
    assert found.findings[0]["change"] == {
        "page": f'fetch("http://127.0.0.1:{live.port}/api/v1/...")  '
        f"// what there is: http://127.0.0.1:{live.port}/api/docs",
        "cdn": "nothing to change",
    }


@pytest.mark.parametrize("arguments", [(), PUT, ("--method", "POST"), ("--credentials",)])
def test_the_service_alone_is_for_other_origins_below_the_api(
    arguments: tuple[str, ...], doctor: Doctor, tmp_path: Path
) -> None:
    with service(tmp_path, {"CORS_ALLOWED_ORIGINS": ORIGIN}) as port:
        found = doctor(f"http://127.0.0.1:{port}/v1/models", *arguments)
    assert found.codes[0] == "outside_api"
    assert found.codes == ["outside_api"] or arguments == ("--credentials",)


def test_an_origin_that_is_not_listed_is_told_as_well(live: Gateway, doctor: Doctor) -> None:
    found = doctor(f"http://127.0.0.1:{live.port}/", origin=STRANGER)
    assert found.codes == ["outside_api", "origin_not_listed"]


def test_in_the_api_the_list_is_at_fault(live: Gateway, doctor: Doctor) -> None:
    found = doctor(f"http://127.0.0.1:{live.port}/api/v1/models", origin=STRANGER)
    assert found.codes == ["origin_not_listed"]


def test_a_server_that_a_redirect_led_to_is_named(doctor: Doctor, tmp_path: Path) -> None:
    headers = (("Location", "http://127.0.0.1:1/x"), ("Access-Control-Allow-Origin", "*"))
    with always(302, *headers)(tmp_path) as url:
        found = doctor(url, origin=ORIGIN)
    assert found.codes == ["refused"]
    [fault] = found.findings
    assert str(fault["sentence"]).startswith("Nothing listens at 127.0.0.1 on port 1.")
    assert fault["change"]["nginx"] == "listen 1;"  # type: ignore[index]


def test_another_server_is_not_taken_for_the_gateway(doctor: Doctor, tmp_path: Path) -> None:
    own = b'{"type":"about:blank","code":"NOT_FOUND","detail":"Not Found"}'
    with always(404, body=own)(tmp_path) as url:
        found = doctor(url.removesuffix("/api"), origin=ORIGIN)
    assert found.codes == ["failed_without_header"]
