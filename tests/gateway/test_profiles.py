"""FUSION_PROFILE, public suffixes, and the corrected line that each fault comes with."""

import json
import re

import pytest
from tests.gateway.test_policy import faults_of, only_fault, policy_of
from tests.gateway.test_settings import run

from gateway.dotenv import parse_dotenv
from gateway.faults import InvalidSettings
from gateway.settings import GatewaySettings

LOOPBACK = ["http://localhost:3000", "https://localhost", "http://127.0.0.1:1", "http://[::1]:9"]


def allows(origin: str, **environment: str) -> bool:
    policy = policy_of(**environment)
    return any(re.fullmatch(pattern.regex, origin) for pattern in policy.origins)


@pytest.mark.parametrize("origin", LOOPBACK)
def test_dev_allows_loopback_on_any_port(origin: str) -> None:
    assert allows(origin, FUSION_PROFILE="dev")
    assert not allows(origin)
    assert not allows(origin, FUSION_PROFILE="prod")
    assert not allows(origin, FUSION_PROFILE="test", CORS_ALLOWED_ORIGINS="https://a.example.com")


def test_dev_allows_what_is_listed_too_and_nobody_else() -> None:
    dev = {"FUSION_PROFILE": "dev", "CORS_ALLOWED_ORIGINS": "https://a.example.com"}
    assert allows("https://a.example.com", **dev)
    assert not allows("https://b.example.com", **dev)
    assert not allows("http://localhost.evil.example:80", **dev)


@pytest.mark.parametrize("origin", ["https://*.example.com", "http://localhost:*"])
def test_test_is_a_fixed_list(origin: str) -> None:
    fault = only_fault(FUSION_PROFILE="test", CORS_ALLOWED_ORIGINS=origin)
    assert "fixed list" in fault.reason
    policy_of(FUSION_PROFILE="prod", CORS_ALLOWED_ORIGINS=origin)
    assert "fixed list" in only_fault(FUSION_PROFILE="test").reason


def test_test_takes_no_star_either() -> None:
    anybody = {"CORS_ALLOWED_ORIGINS": "*", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1"}
    assert "fixed list" in only_fault(FUSION_PROFILE="test", **anybody).reason
    policy_of(**anybody)


@pytest.mark.parametrize("variable", ["CORS_ALLOWED_METHODS", "CORS_ALLOWED_HEADERS"])
def test_only_dev_takes_a_star_for_names(variable: str) -> None:
    for profile in ({}, {"FUSION_PROFILE": "prod"}):
        assert "written out" in only_fault(**profile, **{variable: "*"}).reason
    policy_of(FUSION_PROFILE="dev", **{variable: "*"})


def test_an_unknown_profile_is_refused() -> None:
    fault = only_fault(FUSION_PROFILE="production")
    assert "dev, test, prod" in fault.reason
    assert fault.line == 'FUSION_PROFILE="prod"'


@pytest.mark.parametrize(
    "suffix",
    ["github.io", "co.uk", "vercel.app", "xn--p1ai", "com", "lan", "b-cdn.net", "gradio.live"],
)
def test_a_wildcard_under_a_public_suffix_needs_the_dangerous_name(suffix: str) -> None:
    fault = only_fault(CORS_ALLOWED_ORIGINS=f"https://*.{suffix}")
    assert "anybody can have a name" in fault.reason
    assert "CORS_DANGEROUSLY_ALLOW_PUBLIC_SUFFIXES=1" in fault.fix
    policy_of(
        CORS_ALLOWED_ORIGINS=f"https://*.{suffix}", CORS_DANGEROUSLY_ALLOW_PUBLIC_SUFFIXES="1"
    )
    policy_of(CORS_ALLOWED_ORIGINS=f"https://me.{suffix} https://*.me.{suffix}")


@pytest.mark.parametrize(
    ("host", "suffix"),
    [
        ("amazonaws.com", "s3.amazonaws.com"),
        ("windows.net", "web.core.windows.net"),
        ("kobe.jp", "kobe.jp"),
        ("us-east-2.airflow.amazonaws.com", "us-east-2.airflow.amazonaws.com"),
    ],
)
def test_a_wildcard_above_a_public_suffix_needs_it_too(host: str, suffix: str) -> None:
    """`*.` stands for any depth: anybody's bucket is below *.amazonaws.com."""
    fault = only_fault(CORS_ALLOWED_ORIGINS=f"https://*.{host}", CORS_ALLOW_CREDENTIALS="true")
    assert f"anybody can have a name under .{suffix}" in fault.reason
    policy_of(CORS_ALLOWED_ORIGINS=f"https://*.{host}", CORS_DANGEROUSLY_ALLOW_PUBLIC_SUFFIXES="1")
    policy_of(CORS_ALLOWED_ORIGINS=f"https://{host}")


@pytest.mark.parametrize("host", ["com", "github.io", "amazonaws.com"])
def test_no_stranger_may_frame_the_page(host: str) -> None:
    fault = only_fault(GATEWAY_FRAME_ANCESTORS=f"self https://*.{host}")
    assert (fault.value, fault.line) == (f"https://*.{host}", 'GATEWAY_FRAME_ANCESTORS="self"')
    assert "anybody can have a name" in fault.reason


def test_the_line_is_the_whole_variable_with_every_fault_mended() -> None:
    text = (
        "https://ok.example.com https://App.example.com/ https://a.example.com:443 null https://*"
    )
    faults = faults_of(CORS_ALLOWED_ORIGINS=text, CORS_ALLOWED_METHODS="GET patch TRACE")
    lines = {fault.variable: fault.line for fault in faults}
    assert lines == {
        "CORS_ALLOWED_METHODS": 'CORS_ALLOWED_METHODS="GET PATCH"',
        "CORS_ALLOWED_ORIGINS": 'CORS_ALLOWED_ORIGINS="https://ok.example.com '
        'https://app.example.com https://a.example.com"',
    }


def test_what_the_line_leaves_out_is_named_once() -> None:
    done = run("check", CORS_ALLOWED_ORIGINS="https://a.example.com *", CORS_ALLOW_CREDENTIALS="1")
    assert done.stderr.count("CORS_ALLOWED_ORIGINS: *\n") == 3
    assert done.stderr.count("without *: put it right") == 1


def test_mended_lines_are_accepted_in_the_end() -> None:
    """Some faults hide behind others: a few rounds of taking every line lead to a valid policy."""
    environment = {
        "CORS_ALLOWED_ORIGINS": "https://App.example.com/ http://x.example:80/y null a@b *",
        "CORS_ALLOWED_METHODS": "get TRACE",
        "CORS_ALLOWED_HEADERS": "Cookie X-A,*",
        "CORS_EXPOSED_HEADERS": "Set-Cookie X-B\tX-C",
        "CORS_MAX_AGE": "1h",
        "CORS_ALLOW_CREDENTIALS": "maybe",
        "FUSION_PROFILE": "production",
    }
    for _ in range(5):
        try:
            policy = GatewaySettings.from_env(environment).cors
            break
        except InvalidSettings as error:
            for fault in error.faults:
                # without a line, nobody but the operator knows: here, the default
                environment |= parse_dotenv(fault.line or f"{fault.variable}=")[0]
    assert [str(origin) for origin in policy.origins] == [
        "https://app.example.com",
        "http://x.example",
    ]
    assert (policy.methods, policy.headers) == (("GET",), ("X-A",))
    assert policy.exposed_headers == ("X-B", "X-C")


def test_the_report_is_there_for_machines_too() -> None:
    done = run("check", "--json", CORS_ALLOWED_ORIGINS="https://a.example.com/ *", CORS_MAX_AGE="9")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    rows = [row for row in document["problems"] if row["severity"] == "error"]
    assert {row["value"] for row in rows} == {"https://a.example.com/", "*"}
    keys = {"severity", "variable", "value", "reason", "fix", "line", "left_out"}
    assert all(set(row) == keys for row in rows)
    done = run("check", "--json", CORS_ALLOWED_ORIGINS="https://a.example.com")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["problems"]) == (0, True, [])
    assert document["policy"]["origins"][0]["origin"] == "https://a.example.com"


@pytest.mark.parametrize(
    ("environment", "variable", "words"),
    [
        ({"CORS_MAX_AGE": "86400"}, "CORS_MAX_AGE", "7200"),
        (
            {"CORS_ALLOWED_ORIGINS": "https://a.b.example.com https://*.b.example.com"},
            "CORS_ALLOWED_ORIGINS",
            "https://*.b.example.com covers it",
        ),
        (
            {"CORS_ALLOWED_ORIGINS": "https://a.example.com,https://a.example.com"},
            "CORS_ALLOWED_ORIGINS",
            "twice",
        ),
        ({"CORS_ALLOW_CREDENTIALS": "1"}, "CORS_ALLOW_CREDENTIALS", "no origin"),
        (
            {"CORS_ALLOW_CREDENTIALS": "1", "CORS_ALLOWED_ORIGINS": "https://a.example.com"},
            "CORS_ALLOW_CREDENTIALS",
            "no log-in",
        ),
        ({"CORS_ALLOWED_ORIGINS": "http://localhost:*"}, "CORS_ALLOWED_ORIGINS", "own machine"),
        ({"GATEWAY_RATE_PER_SECONDS": "5"}, "GATEWAY_RATE_PER_SECONDS", "no effect"),
        ({"FUSION_PROFIL": "dev"}, "FUSION_PROFIL", "no effect"),
        (
            {"CORS_ALLOWED_ORIGINS": "http://app.example.com", "GATEWAY_TLS": "self-signed"},
            "CORS_ALLOWED_ORIGINS",
            "not encrypted",
        ),
        ({"FUSION_DEADLINE_S": "100"}, "GATEWAY_UPSTREAM_TIMEOUT_S", "give up before"),
        (
            {
                "CORS_ALLOWED_ORIGINS": "https://fusion.example.com",
                "GATEWAY_PUBLIC_URL": "https://fusion.example.com",
            },
            "CORS_ALLOWED_ORIGINS",
            "same origin",
        ),
        (
            {
                "CORS_ALLOWED_ORIGINS": "http://app.example.com",
                "GATEWAY_PUBLIC_URL": "https://fusion.example.com",
            },
            "CORS_ALLOWED_ORIGINS",
            "not encrypted",
        ),
    ],
)
def test_what_may_not_be_meant_is_a_warning(
    environment: dict[str, str], variable: str, words: str
) -> None:
    done = run("check", "--json", **environment)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (0, True)
    (warning,) = document["problems"]
    assert (warning["severity"], warning["variable"]) == ("warning", variable)
    assert words in warning["reason"]
    assert re.fullmatch(r"[A-Z_]+=\".*\"", warning["line"])
    assert words in run("check", **environment).stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GATEWAY_LIMIT", "3", "remove it"),
        ("GATEWAY_TLS_MODE", "off", "did you mean GATEWAY_TLS?"),
        ("GATEWAY_TLS_CERT", "/x", "did you mean GATEWAY_TLS_CERTIFICATE?"),
        ("GATEWAY_PROFILE", "dev", "did you mean FUSION_PROFILE?"),
        ("GATEWAY_CORS_MAX_AGE", "5", "did you mean CORS_MAX_AGE?"),
        ("cors_max_age", "5", "did you mean CORS_MAX_AGE?"),
    ],
)
def test_a_name_that_is_no_setting_is_told(name: str, value: str, said: str) -> None:
    (warning,) = json.loads(run("check", "--json", **{name: value}).stdout)["problems"]
    assert (warning["severity"], warning["variable"]) == ("warning", name)
    assert said in warning["fix"]


@pytest.mark.parametrize("name", ["GATEWAY_SERVICE_HOST", "GATEWAY_PORT_80_TCP", "PROFILE"])
def test_a_name_of_somebody_else_is_left_alone(name: str) -> None:
    assert json.loads(run("check", "--json", **{name: "x"}).stdout)["problems"] == []


@pytest.mark.parametrize(
    ("host", "is_shared"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", True),
        ("mine.oss-cn-hangzhou.aliyuncs.com", False),
        ("cos.ap-guangzhou.myqcloud.com", True),
        ("mine-1250000000.cos.ap-guangzhou.myqcloud.com", False),
        ("myb-cdn.net", False),
        ("sourceforge.io", True),
        ("runpod.net", True),
        ("azure.com", True),
    ],
)
def test_a_wildcard_over_the_customers_of_a_store_needs_it_too(host: str, is_shared: bool) -> None:
    environment = {"CORS_ALLOWED_ORIGINS": f"https://*.{host}"}
    if is_shared:
        assert "anybody can have a name under" in only_fault(**environment).reason
    else:
        policy_of(**environment)
