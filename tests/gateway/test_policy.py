"""What a safe policy takes and refuses, and what it tells the operator about each refusal."""

import re

import pytest
from tests.gateway.cases import ALLOWED, DENIED, POLICY

from gateway.faults import Fault, InvalidSettings
from gateway.origins import parse_origin
from gateway.policy import CorsPolicy
from gateway.settings import GatewaySettings

GOOD_ORIGINS = [
    "https://example.com",
    "https://example.com:8443",
    "http://example.com",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost:*",
    "https://localhost:8443",
    "http://*.localhost:*",
    "http://127.0.0.1:3000",
    "https://192.168.1.10",
    "http://[::1]",
    "http://[::1]:3000",
    "https://[2001:db8::1]:*",
    "https://*.example.com",
    "https://*.a.b.example.com:8443",
    "https://*.example.com:*",
    "https://a-b.example.com",
    "https://a_b.example.com",
    "https://r3---sn-a.example.com",
    "https://xn--bcher-kva.example",
    "https://xn--mgba3gch31f060k.example",  # Persian, with the joiner that it needs
    "https://1a.example.com",
    "http://example.com:443",
    "https://example.com:80",
    "https://" + ".".join(["a" * 63] * 3 + ["b" * 61]),
]

# value -> a piece of the reason that must be given
BAD_ORIGINS = {
    "null": "sandboxed",
    "file://": "http and https",
    "ftp://example.com": "http and https",
    "chrome-extension://abc": "http and https",
    "example.com": "scheme",
    "//example.com": "scheme",
    "https:example.com": "scheme",
    "https://": "host is missing",
    "https://:8443": "host is missing",
    "HTTPS://example.com": "lower case",
    "https://Example.com": "lower case",
    "https://bücher.example": "Punycode",
    "https://例え.example": "Punycode",
    "https://example。com": "Punycode",
    "https://example.com/": "slash",
    "https://example.com/page": "path",
    "https://example.com?x": "query",
    "https://user@example.com": "user name",
    "https://user:secret@example.com": "user name",
    "https://example.com:": "port",
    "https://example.com:0": "port",
    "https://example.com:08080": "port",
    "https://example.com:65536": "port",
    "https://example.com:+1": "port",
    "https://example.com:x": "port",
    "https://example.com:80*": "port",
    "https://example.com:443": "default port",
    "http://example.com:80": "default port",
    "https://example.com:1:2": "host:port",
    "https://.example.com": "empty label",
    "https://example.com.": "empty label",
    "https://a..example.com": "empty label",
    "https://-a.example.com": "label",
    "https://a-.example.com": "label",
    "https://a!b.example.com": "label",
    "https://a%62.example.com": "label",
    "https://" + "a" * 64 + ".example.com": "label",
    "https://" + "a." * 126 + "example.com": "253",
    "https://xn--.example": "label",
    "https://xn--a.example": "browser can produce",
    "https://xn--bcher-KVA.example": "lower case",
    "https://xn--a-.example": "label",
    "https://xn--BCHER-kva.example": "lower case",
    "https://xn--Bcher-kva.example": "lower case",
    "https://xn--strae-oqa-.example": "label",
    "https://xn--bucher-xyd.example": "browser can produce",  # u and a combining dieresis
    "https://xn--tda610n.example": "browser can produce",  # a zero-width space
    "https://xn--bcher-2pa.example": "browser can produce",  # an upper-case letter
    "https://1.2.3": "IPv4",
    "https://1.2.3.4.5": "IPv4",
    "https://256.1.1.1": "IPv4",
    "https://01.2.3.4": "IPv4",
    "https://0x7f.0.0.1": "IPv4",
    "https://127.0.0.0x1": "IPv4",
    "https://2130706433": "IPv4",
    "https://example.1": "IPv4",
    "http://::1": "host:port",
    "http://[::1": "host:port",
    "http://[]": "IPv6",
    "http://[::1]x": "host:port",
    "http://[0:0:0:0:0:0:0:1]": "shortest form",
    "http://[2001:db8:0:0:1:0:0:1]": "shortest form",
    "http://[2001:0db8::1]": "shortest form",
    "http://[::ffff:1.2.3.4]": "IPv6",
    "http://[::ffff:102:304]": "IPv6",
    "http://[fe80::1%eth0]": "IPv6",
    "http://[fe80::1%25eth0]": "IPv6",
    "http://[1.2.3.4]": "IPv6",
    "https://*": "whole first label",
    "https://*.": "host is missing",
    "https://**.example.com": "whole first label",
    "https://*.*.example.com": "whole first label",
    "https://*example.com": "whole first label",
    "https://a*.example.com": "whole first label",
    "https://a.*.example.com": "whole first label",
    "https://example.*": "whole first label",
    "https://*.com": "top-level",
    "https://*.internal": "top-level",
    "http://*.127.0.0.1": "no subdomains",
    "http://*.[::1]": "no subdomains",
    "*://example.com": "http and https",
    "*.example.com": "scheme",
    "https://example.com:**": "port",
}


def faults_of(**environment: str) -> tuple[Fault, ...]:
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env(environment)
    return caught.value.faults


def only_fault(**environment: str) -> Fault:
    faults = faults_of(**environment)
    assert len(faults) == 1, faults
    assert faults[0].reason and faults[0].fix
    return faults[0]


def policy_of(**environment: str) -> CorsPolicy:
    return GatewaySettings.from_env(environment).cors


@pytest.mark.parametrize("text", GOOD_ORIGINS)
def test_an_origin_as_browsers_write_it_is_taken(text: str) -> None:
    policy = policy_of(CORS_ALLOWED_ORIGINS=text)
    assert [str(origin) for origin in policy.origins] == [text]


@pytest.mark.parametrize("text", BAD_ORIGINS)
def test_any_other_origin_is_refused_with_its_reason(text: str) -> None:
    fault = only_fault(CORS_ALLOWED_ORIGINS=text)
    assert (fault.variable, fault.value) == ("CORS_ALLOWED_ORIGINS", text)
    assert BAD_ORIGINS[text] in fault.reason


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("example.com", "https://example.com"),
        ("https://Example.COM", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("https://App.example.com:443/", "https://app.example.com"),
        ("//a.example", "https://a.example"),
        ("http:a.example", "http://a.example"),
        ("localhost:3000", "http://localhost:3000"),
        ("[::1]:3000", "http://[::1]:3000"),
        ("https://*.a..example:8443", "https://*.a.example:8443"),
        ("https://example.com:08080", "https://example.com:8080"),
        # as browsers do it: UTS 46, non-transitional
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("https://Straße.example:8443/x", "https://xn--strae-oqa.example:8443"),
        ("https://ΒΌΛΟΣ.example", "https://xn--nxasmq6b.example"),
        ("https://*.bücher.example:*", "https://*.xn--bcher-kva.example:*"),
        ("https://a.example/Grüße", "https://a.example"),
        ("bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_the_fix_is_what_to_write_where_that_is_known(text: str, fix: str) -> None:
    assert only_fault(CORS_ALLOWED_ORIGINS=text).fix == fix


@pytest.mark.parametrize(
    "text",
    [
        # what browsers, or people, read a slash, a dot, a port or a user name into
        *(
            "https://a／b.example",
            "https://a。b.example",
            "https://a．b.example",
            "https://㏂.example",
        ),
        *(
            "https://a：80.example",
            "https://a＠b.example",
            "https://a？b.example",
            "https://℀.example",
        ),
        *("https://\u200b.example", "https://\ufffd.example", "https://a\xa0b.example"),
        *("rm", "https:", "//", "https://..", "https://example.com:x", "mailto:me@a.example"),
        *('https://a"b.example', "user@example.com", "https://user@example.com"),
    ],
)
def test_nobody_is_guessed(text: str) -> None:
    """A corrected line would name somebody else, or nobody."""
    fault = only_fault(CORS_ALLOWED_ORIGINS=text)
    assert fault.line == "", fault
    fault = only_fault(CORS_ALLOWED_ORIGINS=f"https://ok.example.com {text}")
    assert fault.line == 'CORS_ALLOWED_ORIGINS="https://ok.example.com"'


@pytest.mark.parametrize("origin", ALLOWED)
def test_the_expressions_match_what_the_policy_means(origin: str) -> None:
    patterns = policy_of(**POLICY).origins
    assert any(re.fullmatch(pattern.regex, origin) for pattern in patterns)


@pytest.mark.parametrize("origin", DENIED)
def test_the_expressions_match_nothing_else(origin: str) -> None:
    patterns = policy_of(**POLICY).origins
    assert not any(re.search(pattern.regex, origin) for pattern in patterns)


@pytest.mark.parametrize("text", GOOD_ORIGINS)
def test_an_origin_without_wildcards_matches_itself_alone(text: str) -> None:
    regex = parse_origin(text).regex
    assert bool(re.fullmatch(regex, text)) is ("*" not in text)
    for other in (text + ".evil.example", "x" + text, text.replace(".", "x", 1), text + "0" * 9):
        assert other == text or not re.search(regex, other)


def test_lists_take_spaces_commas_and_both() -> None:
    text = "https://a.example,https://b.example  https://c.example, https://a.example,"
    origins = policy_of(CORS_ALLOWED_ORIGINS=text).origins
    assert [str(origin) for origin in origins] == [f"https://{name}.example" for name in "abc"]


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\t", "\x0b", "\x00"])
def test_lists_are_on_one_line(separator: str) -> None:
    fault = only_fault(CORS_ALLOWED_ORIGINS=f"https://a.example{separator}https://b.example")
    assert "one line" in fault.fix
    assert only_fault(CORS_ALLOWED_METHODS=f"GET{separator}").variable == "CORS_ALLOWED_METHODS"


def test_nothing_set_is_a_valid_policy_that_allows_nobody() -> None:
    policy = policy_of()
    assert policy.origins == ()
    assert not (policy.any_origin or policy.credentials or policy.varies_by_origin)
    assert policy.methods == ("GET", "HEAD", "POST", "DELETE")
    assert policy.headers == ("Content-Type", "X-Request-ID")
    assert policy.exposed_headers[:2] == ("X-Request-ID", "Server-Timing")
    assert policy.max_age_s == 7200


def test_an_empty_variable_is_an_unset_one() -> None:
    """Compose hands over `${CORS_MAX_AGE:-}` as empty."""
    names = ("ORIGINS", "METHODS", "HEADERS")
    empty = {f"CORS_ALLOWED_{name}": " " for name in names} | {"CORS_MAX_AGE": ""}
    assert policy_of(**empty) == policy_of()


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [
        ("CORS_ALLOWED_METHODS", "methods"),
        ("CORS_ALLOWED_HEADERS", "headers"),
        ("CORS_EXPOSED_HEADERS", "exposed_headers"),
    ],
)
def test_none_is_an_empty_list(variable: str, attribute: str) -> None:
    assert getattr(policy_of(**{variable: "none"}), attribute) == ()
    fault = only_fault(**{variable: "none X-A"})
    assert "contradicts" in fault.reason
    assert fault.line == f'{variable}="X-A"'


def test_any_origin_needs_the_dangerous_name() -> None:
    fault = only_fault(CORS_ALLOWED_ORIGINS="*")
    assert "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN=1" in fault.fix
    fault = only_fault(CORS_ALLOWED_ORIGINS="*", CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN="0")
    assert fault.variable == "CORS_ALLOWED_ORIGINS"
    policy = policy_of(CORS_ALLOWED_ORIGINS="*", CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN="1")
    assert policy.any_origin and policy.origins == ()


def test_the_dangerous_name_alone_allows_nobody() -> None:
    policy = policy_of(CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN="1")
    assert (policy.any_origin, policy.origins) == (False, ())


def test_a_star_stands_alone() -> None:
    environment = {"CORS_ALLOWED_ORIGINS": "* https://a.example"}
    fault = only_fault(CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN="1", **environment)
    assert "meaningless" in fault.reason


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "TRACK", "connect", "Trace"])
def test_methods_that_pages_cannot_send_are_refused(method: str) -> None:
    assert "refuse to send" in only_fault(CORS_ALLOWED_METHODS=f"GET {method}").reason


@pytest.mark.parametrize("method", ["patch", "Get", "post"])
def test_a_method_in_another_case_is_another_method(method: str) -> None:
    assert only_fault(CORS_ALLOWED_METHODS=method).fix == method.upper()


@pytest.mark.parametrize("method", ["GE T;", "G/T", "(GET)", "GET:", "é", "G" * 65])
def test_a_method_is_a_token(method: str) -> None:
    assert faults_of(CORS_ALLOWED_METHODS=method)[0].variable == "CORS_ALLOWED_METHODS"


@pytest.mark.parametrize(
    "name",
    [
        *("Cookie", "host", "ORIGIN", "Sec-Fetch-Site", "proxy-authorization", "Content-Length"),
        *("Access-Control-Allow-Origin", "access-control-request-method", "Referer", "TE", "via"),
    ],
)
def test_request_headers_that_pages_cannot_set_are_refused(name: str) -> None:
    assert only_fault(CORS_ALLOWED_HEADERS=f"Content-Type {name}").value == name


@pytest.mark.parametrize("name", ["X A:", "X/A", "é", "(x)", "a" * 65])
def test_a_header_is_a_token(name: str) -> None:
    assert faults_of(CORS_ALLOWED_HEADERS=name)[-1].variable == "CORS_ALLOWED_HEADERS"
    assert faults_of(CORS_EXPOSED_HEADERS=name)[-1].variable == "CORS_EXPOSED_HEADERS"


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie2", "Access-Control-Max-Age"])
def test_exposed_headers_that_pages_never_see_are_refused(name: str) -> None:
    assert only_fault(CORS_EXPOSED_HEADERS=name).value == name


def test_header_names_are_listed_once_in_any_case() -> None:
    policy = policy_of(CORS_ALLOWED_HEADERS="Content-Type content-type X-A")
    assert policy.headers == ("Content-Type", "X-A")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CORS_ALLOWED_METHODS", "* GET"),
        ("CORS_ALLOWED_HEADERS", "* Content-Type"),
        ("CORS_EXPOSED_HEADERS", "* Authorization"),
    ],
)
def test_a_star_in_a_list_stands_alone(variable: str, value: str) -> None:
    assert only_fault(FUSION_PROFILE="dev", **{variable: value}).variable == variable


def test_a_star_of_headers_leaves_out_authorization() -> None:
    policy = policy_of(FUSION_PROFILE="dev", CORS_ALLOWED_HEADERS="* Authorization")
    assert policy.headers == ("*", "Authorization")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CORS_ALLOWED_METHODS", "*"),
        ("CORS_ALLOWED_HEADERS", "*"),
        ("CORS_EXPOSED_HEADERS", "*"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("CORS_ALLOWED_ORIGINS", "http://example.com"),
        ("CORS_ALLOWED_ORIGINS", "http://*.example.com"),
        ("CORS_ALLOWED_ORIGINS", "http://192.168.1.1"),
        ("CORS_ALLOWED_ORIGINS", "http://localhost.example.com"),
        ("CORS_ALLOWED_ORIGINS", "http://evillocalhost"),
        ("CORS_ALLOWED_ORIGINS", "http://evil-localhost:3000"),
    ],
)
def test_what_is_unsafe_with_credentials_is_refused(variable: str, value: str) -> None:
    rest = {"FUSION_PROFILE": "dev", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1", variable: value}
    policy_of(**rest)
    fault = only_fault(CORS_ALLOW_CREDENTIALS="true", **rest)
    assert fault.variable == variable


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:*",
        "http://a.localhost",
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]",
    ],
)
def test_loopback_may_be_http_with_credentials(origin: str) -> None:
    assert policy_of(CORS_ALLOWED_ORIGINS=origin, CORS_ALLOW_CREDENTIALS="on").credentials


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("86400", 86400), ("off", None)])
def test_a_max_age_in_range_is_taken(text: str, seconds: int | None) -> None:
    assert policy_of(CORS_MAX_AGE=text).max_age_s == seconds


@pytest.mark.parametrize("text", ["-1", "86401", "1h", "007", "1.5", "1 2", "never", "٣"])
def test_any_other_max_age_is_refused(text: str) -> None:
    assert only_fault(CORS_MAX_AGE=text).value == text


@pytest.mark.parametrize(
    "variable", ["CORS_ALLOW_CREDENTIALS", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN"]
)
@pytest.mark.parametrize("text", ["maybe", "2", "truee", "*"])
def test_a_switch_is_on_or_off(variable: str, text: str) -> None:
    assert only_fault(**{variable: text}).variable == variable


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("CORS_ALLOW_ORIGINS", "CORS_ALLOWED_ORIGINS"),
        ("CORS_ORIGINS", "CORS_ALLOWED_ORIGINS"),
        ("CORS_EXPOSE_HEADERS", "CORS_EXPOSED_HEADERS"),
        ("CORS_ALLOWED_CREDENTIALS", "CORS_ALLOW_CREDENTIALS"),
    ],
)
def test_a_mistyped_name_is_not_ignored(variable: str, near: str) -> None:
    assert only_fault(**{variable: "x"}).fix == f"did you mean {near}?"


def test_all_problems_are_told_at_once() -> None:
    faults = faults_of(
        CORS_ALLOWED_ORIGINS='* null https://a.example/ https://x";y',
        CORS_ALLOWED_METHODS="patch TRACE",
        CORS_ALLOWED_HEADERS="Cookie",
        CORS_EXPOSED_HEADERS="Set-Cookie",
        CORS_ALLOW_CREDENTIALS="maybe",
        CORS_MAX_AGE="1d",
        CORS_TYPO="1",
        GATEWAY_LISTEN="8080",
        GATEWAY_INFERENCE="http://inference:8000/",
        GATEWAY_WEBUI="webui",
        GATEWAY_MAX_BODY="0",
        GATEWAY_UPSTREAM_TIMEOUT_S="0",
    )
    assert sorted((fault.variable, fault.value) for fault in faults) == sorted(
        [
            ("CORS_ALLOWED_ORIGINS", "*"),
            ("CORS_ALLOWED_ORIGINS", "null"),
            ("CORS_ALLOWED_ORIGINS", "https://a.example/"),
            ("CORS_ALLOWED_ORIGINS", 'https://x";y'),
            ("CORS_ALLOWED_METHODS", "patch"),
            ("CORS_ALLOWED_METHODS", "TRACE"),
            ("CORS_ALLOWED_HEADERS", "Cookie"),
            ("CORS_EXPOSED_HEADERS", "Set-Cookie"),
            ("CORS_ALLOW_CREDENTIALS", "maybe"),
            ("CORS_MAX_AGE", "1d"),
            ("CORS_TYPO", "1"),
            ("GATEWAY_LISTEN", "8080"),
            ("GATEWAY_INFERENCE", "http://inference:8000/"),
            ("GATEWAY_WEBUI", "webui"),
            ("GATEWAY_MAX_BODY", "0"),
            ("GATEWAY_UPSTREAM_TIMEOUT_S", "0"),
        ]
    )
    for fault in faults:
        assert fault.reason and fault.fix
        assert fault.variable in str(fault) and fault.fix in str(fault)
