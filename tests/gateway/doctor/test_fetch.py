"""The Fetch Standard's algorithms, with examples that its text gives or implies."""

import pytest

from gateway.doctor import fetch
from gateway.doctor.wire import Answer

ORIGIN = "https://app.example.com"
ALLOW = "Access-Control-Allow-Origin"
CREDENTIALS = "Access-Control-Allow-Credentials"


@pytest.mark.parametrize(
    ("method", "headers", "needed"),
    [
        ("GET", (), False),
        ("HEAD", (), False),
        ("POST", (), False),
        ("PUT", (), True),
        ("DELETE", (), True),
        ("OPTIONS", (), True),
        ("patch", (), True),
        ("POST", (("Content-Type", "text/plain;charset=UTF-8"),), False),
        ("POST", (("content-type", "Multipart/Form-Data; boundary=x"),), False),
        ("POST", (("Content-Type", "application/x-www-form-urlencoded"),), False),
        ("POST", (("Content-Type", "application/json"),), True),
        ("POST", (("Content-Type", "text/plain, application/json"),), True),
        ("POST", (("Content-Type", "text/plain; x=(y)"),), True),
        ("GET", (("Accept", "image/webp,*/*"),), False),
        ("GET", (("Accept", '"'),), True),
        ("GET", (("Accept", "a" * 129),), True),
        ("GET", (("Accept-Language", "de, en;q=0.5"),), False),
        ("GET", (("Accept-Language", "de_DE"),), True),
        ("GET", (("Range", "bytes=0-255"),), False),
        ("GET", (("Range", "bytes=-255"),), True),
        ("GET", (("X-Request-ID", "1"),), True),
        ("GET", (("Authorization", "x"),), True),
        # each is safe, but not all of them together: 9 * 128 > 1024
        ("GET", tuple(("Accept", "a" * 128) for _ in range(9)), True),
    ],
)
def test_when_a_preflight_is_needed(method: str, headers: fetch.Headers, needed: bool) -> None:
    assert fetch.needs_preflight(method, headers) is needed


def test_names_of_a_preflight_are_lower_case_sorted_and_unique() -> None:
    headers = (("X-B", "1"), ("Accept", "*/*"), ("x-a", "1"), ("X-b", "2"))
    assert fetch.unsafe_names(headers) == ["x-a", "x-b"]


@pytest.mark.parametrize(
    ("headers", "credentials", "verdict"),
    [
        ((), False, "missing"),
        (((ALLOW, "*"),), False, None),
        (((ALLOW, "*"),), True, "star"),
        (((ALLOW, ORIGIN),), False, None),
        (((ALLOW.lower(), ORIGIN),), False, None),
        (((ALLOW, ORIGIN + "/"),), False, "mismatch"),
        (((ALLOW, ORIGIN.upper()),), False, "mismatch"),
        (((ALLOW, ORIGIN), (ALLOW, ORIGIN)), False, "mismatch"),
        (((ALLOW, "*"), (ALLOW, "*")), False, "mismatch"),
        (((ALLOW, ""),), False, "mismatch"),
        (((ALLOW, ORIGIN),), True, "credentials"),
        (((ALLOW, ORIGIN), (CREDENTIALS, "True")), True, "credentials"),
        (((ALLOW, ORIGIN), (CREDENTIALS, "true")), True, None),
        (((ALLOW, ORIGIN), (CREDENTIALS, "true"), (CREDENTIALS, "true")), True, "credentials"),
    ],
)
def test_the_cors_check(headers: fetch.Headers, credentials: bool, verdict: str | None) -> None:
    assert fetch.cors_check(ORIGIN, credentials, Answer(200, headers)) == verdict


@pytest.mark.parametrize(
    ("method", "listed", "credentials", "allowed"),
    [
        ("PUT", ["PUT"], True, True),
        ("PUT", ["put"], False, False),
        ("POST", [], True, True),
        ("PUT", ["*"], False, True),
        ("PUT", ["*"], True, False),
        ("patch", ["PATCH"], False, False),
    ],
)
def test_methods_of_a_preflight(
    method: str, listed: list[str], credentials: bool, allowed: bool
) -> None:
    assert fetch.allows_method(method, listed, credentials) is allowed


@pytest.mark.parametrize(
    ("listed", "credentials", "refused"),
    [
        (["X-A", "AUTHORIZATION"], True, []),
        (["x-a"], False, ["authorization"]),
        (["*"], False, ["authorization"]),
        (["*"], True, ["authorization", "x-a"]),
        (["*", "Authorization"], False, []),
        ([], False, ["authorization", "x-a"]),
    ],
)
def test_headers_of_a_preflight(listed: list[str], credentials: bool, refused: list[str]) -> None:
    headers = (("X-A", "1"), ("Authorization", "x"), ("Accept", "*/*"))
    assert fetch.refused_names(headers, listed, credentials) == refused


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((), []),
        (("GET, PUT",), ["GET", "PUT"]),
        (("GET", "PUT ,\tHEAD"), ["GET", "PUT", "HEAD"]),
        (("",), []),
        (("GET,,PUT",), ["GET", "PUT"]),
        (("GET; PUT",), None),
        (("GET PUT",), None),
        (('"GET"',), None),
    ],
)
def test_lists_in_headers(values: tuple[str, ...], names: list[str] | None) -> None:
    answer = Answer(200, tuple(("Access-Control-Allow-Methods", value) for value in values))
    assert fetch.names_in(answer, "Access-Control-Allow-Methods") == names


@pytest.mark.parametrize(
    ("written", "sent"), [("put", "PUT"), ("Delete", "DELETE"), ("patch", "patch"), ("x", "x")]
)
def test_methods_are_normalized_as_browsers_do(written: str, sent: str) -> None:
    assert fetch.normalized_method(written) == sent


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://faß.de/x", "xn--fa-hia.de"),  # fass.de is somebody else's
        ("https://BÜCHER.example", "xn--bcher-kva.example"),
        ("https://例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("https://API.example.com.", "api.example.com."),
        ("https://my_api.example.com", "my_api.example.com"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_names_are_looked_up_as_browsers_write_them(text: str, host: str) -> None:
    assert fetch.parsed_url(text).split("/")[2] == host
