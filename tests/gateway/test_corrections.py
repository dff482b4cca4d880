"""The line that a fault comes with: whatever is offered, the check itself takes it."""

import json
import random
import re
from collections.abc import Callable

import pytest
from tests.gateway.test_policy import faults_of, only_fault, policy_of
from tests.gateway.test_settings import run
from tests.gateway.written import GOOD, draw

from gateway.advice import looked_over
from gateway.dotenv import parse_dotenv
from gateway.faults import Fault
from gateway.settings import GatewaySettings

DRAWN = 500
# Near to what people write: the pieces of written.py seldom make more than one fault.
WRITTEN = [
    *(
        "https://App.example.com/",
        "http://a.example:80",
        "https://a..b.example",
        "https://..",
        "null",
    ),
    *("bücher.example", "https://faß.example:443/x", "//a.example", "localhost:3000", "[::1]:80"),
    *("https:a.example", "rm", ";", "*", "https://*.com", "http://a.example:8443", "https://a／b"),
    *('https://a"b', "http://*.b.example:443", "https://a.example", "http://localhost:*", "a\\b"),
]
HEADERS = ["*", "Authorization", "X-A", "x-a", "Cookie", "none", "é", "X A", '"', "GET"]


def problems(environment: dict[str, str]) -> tuple[Fault, ...]:
    """Errors and warnings."""
    return looked_over(environment)[1]


def damaged(rng: random.Random) -> dict[str, str]:
    return draw(rng)[0]


def as_people_write(rng: random.Random) -> dict[str, str]:
    def some(items: list[str]) -> str:
        return rng.choice([" ", ","]).join(rng.choices(items, k=rng.randint(1, 4)))

    lists = {name: some(HEADERS) for name in GOOD if name.endswith(("METHODS", "HEADERS"))}
    return {
        "FUSION_PROFILE": rng.choice(["dev", "test", "prod", "production"]),
        "CORS_ALLOWED_ORIGINS": some(WRITTEN),
        "CORS_ALLOW_CREDENTIALS": rng.choice(["true", "false", "maybe"]),
        "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": rng.choice(["0", "1"]),
        "GATEWAY_FRAME_ANCESTORS": some([*WRITTEN, "self", "none"]),
        "GATEWAY_PUBLIC_URL": rng.choice(WRITTEN),
        "FUSION_DEADLINE_S": rng.choice(["9", "100", "9999"]),
        rng.choice(["CORS_ORIGINS", "CORS_AGE", "GATEWAY_RATE_PER_SECONDS"]): rng.choice(WRITTEN),
        **rng.choice([lists, {}]),
    }


@pytest.mark.parametrize("written", [damaged, as_people_write])
def test_every_line_that_is_offered_is_accepted(
    written: Callable[[random.Random], dict[str, str]],
) -> None:
    rng = random.Random(3)
    offered = 0
    for _ in range(DRAWN):
        environment = written(rng)
        for fault in problems(environment):
            if not fault.line:
                continue
            values, bad = parse_dotenv(fault.line)
            assert not bad and len(values) == 1, fault
            (name,) = values
            rest = {key: value for key, value in environment.items() if key != fault.variable}
            left = {other.variable for other in GatewaySettings.read(rest | values)[1]}
            assert name not in left, (environment, fault)
            offered += 1
    assert offered > DRAWN / 10


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (
            {"FUSION_PROFILE": "dev", "CORS_ALLOWED_HEADERS": "* Authorization x Y"},
            'CORS_ALLOWED_HEADERS="* Authorization"',
        ),
        (
            {"CORS_ALLOW_CREDENTIALS": "1", "CORS_ALLOWED_ORIGINS": "http://a.example.com:8443"},
            'CORS_ALLOWED_ORIGINS="https://a.example.com:8443"',
        ),
        (
            {"CORS_ALLOW_CREDENTIALS": "1", "CORS_ALLOWED_ORIGINS": "http://*.a.example.com:443"},
            'CORS_ALLOWED_ORIGINS="https://*.a.example.com"',
        ),
        (
            {"CORS_ALLOWED_ORIGINS": "http://localhost:3000/ ; rm"},
            'CORS_ALLOWED_ORIGINS="http://localhost:3000"',
        ),
        ({"CORS_ORIGINS": "a.example.com"}, 'CORS_ALLOWED_ORIGINS="https://a.example.com"'),
        ({"FUSION_PROFILE": "development"}, 'FUSION_PROFILE="dev"'),
        ({"FUSION_PROFILE": "staging"}, 'FUSION_PROFILE="prod"'),
        ({"FUSION_PROFILE": "device"}, 'FUSION_PROFILE="prod"'),
        # It would want a list of origins.
        ({"FUSION_PROFILE": "testing"}, ""),
        ({"GATEWAY_LISTEN": "9090"}, 'GATEWAY_LISTEN="127.0.0.1:9090"'),
        ({"GATEWAY_WEBUI": "localhost"}, ""),
        # Only its own line is mended, and what is risky is written by hand.
        (
            {"CORS_ALLOW_ORIGINS": "https://a.example http://localhost:1"},
            'CORS_ALLOWED_ORIGINS="https://a.example http://localhost:1"',
        ),
        ({"CORS_TRUST_TEMPLATES": "1"}, ""),
        ({"GATEWAY_HSTS_S": "1y"}, 'GATEWAY_HSTS_S="31536000"'),
        ({"GATEWAY_HSTS_S": "30 days"}, 'GATEWAY_HSTS_S="2592000"'),
        ({"GATEWAY_HSTS_S": "9y"}, 'GATEWAY_HSTS_S="63072000"'),
        # Not `off`, and which certificate is not known.
        ({"GATEWAY_TLS": "on"}, ""),
        # Empty would be the default, and the name that was meant is taken already.
        ({"CORS_ALLOWED_METHODS": "*"}, ""),
        ({"CORS_ALLOWED_ORIGINS": "null"}, ""),
        ({"CORS_ORIGINS": "null", "CORS_ALLOWED_ORIGINS": "https://a.example.com"}, ""),
    ],
)
def test_the_line_says_what_was_meant_or_nothing(environment: dict[str, str], line: str) -> None:
    assert {fault.line for fault in faults_of(**environment)} == {line}


def test_warnings_are_told_beside_errors_and_one_line_mends_all() -> None:
    written = "https://a.example https://a.example https://b.example/ https://*.c.example"
    environment = {
        "CORS_ALLOWED_ORIGINS": f"{written} https://x.c.example http://d.example:80 http://[::1]:3",
        "GATEWAY_PUBLIC_URL": "https://a.example",
        "CORS_MAX_AGE": "80000",
    }
    done = run("check", **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("The gateway's settings have 2 problems and 6 warnings:\n")
    assert re.findall(r"^  write: (.*)$", done.stderr, re.M) == [
        'CORS_ALLOWED_ORIGINS="https://b.example https://*.c.example https://d.example"',
        'CORS_MAX_AGE="7200"',
    ]
    document = json.loads(run("check", "--json", **environment).stdout)
    told = [(row["severity"], row["value"]) for row in document["problems"]]
    assert told == [
        ("error", "https://b.example/"),
        ("error", "http://d.example:80"),
        ("warning", "https://a.example"),
        ("warning", "https://x.c.example"),
        ("warning", "https://a.example"),
        ("warning", "http://d.example"),
        ("warning", "http://[::1]:3"),
        ("warning", "80000"),
    ]


def test_a_warning_does_not_speak_of_what_an_error_has_emptied() -> None:
    environment = {"CORS_ALLOWED_ORIGINS": "https://*", "CORS_ALLOW_CREDENTIALS": "true"}
    reasons = [fault.reason for fault in problems(environment) if fault.severity == "warning"]
    assert len(reasons) == 1 and "no origin is listed" not in reasons[0]


def test_a_misspelt_name_gets_one_line_that_can_be_copied() -> None:
    origins = " ".join(f"https://customer-{k}.example.com" for k in range(40))
    done = run("check", CORS_ALLOW_ORIGINS=origins)
    assert re.findall(r"^  write: (.*)$", done.stderr, re.M) == [
        f'CORS_ALLOWED_ORIGINS="{origins}"'
    ]


def test_what_the_profile_covers_is_told() -> None:
    [fault] = problems({"FUSION_PROFILE": "dev", "CORS_ALLOWED_ORIGINS": "http://localhost:3000"})
    assert fault.reason == "http://localhost:* covers it already"


def test_a_list_of_nothing_is_told() -> None:
    assert only_fault(CORS_ALLOWED_METHODS=" , ").reason == "it is a list of nothing"
    policy_of(CORS_ALLOWED_METHODS=" ")


def test_a_value_is_shown_as_it_is_written() -> None:
    shown = str(only_fault(CORS_MAX_AGE="bücher\u202e\x1b\\"))
    assert "CORS_MAX_AGE: bücher\\u202e\\x1b\\\n" in shown


def test_a_warning_offers_no_line_that_would_be_refused() -> None:
    environment = {"FUSION_DEADLINE_S": "9999"}
    (warning,) = problems(environment)
    assert (warning.variable, warning.line) == ("GATEWAY_UPSTREAM_TIMEOUT_S", "")


def test_the_address_of_the_gateway_is_not_guessed() -> None:
    assert only_fault(GATEWAY_PUBLIC_URL="https://*.example.com").line == ""
