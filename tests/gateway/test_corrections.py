"""The line that a fault comes with: whatever is offered, the check itself takes it."""

import random
from collections.abc import Callable

import pytest
from tests.gateway.test_policy import faults_of, only_fault
from tests.gateway.written import GOOD, draw

from gateway.advice import warnings
from gateway.dotenv import parse_dotenv
from gateway.faults import Fault, InvalidSettings
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
    """Errors, or else warnings."""
    try:
        return warnings(GatewaySettings.from_env(environment), environment)
    except InvalidSettings as error:
        return error.faults


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
            left = {other.variable for other in GatewaySettings.faults_of(rest | values)}
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


def test_a_warning_offers_no_line_that_would_be_refused() -> None:
    environment = {"FUSION_DEADLINE_S": "9999"}
    (warning,) = problems(environment)
    assert (warning.variable, warning.line) == ("GATEWAY_UPSTREAM_TIMEOUT_S", "")


def test_the_address_of_the_gateway_is_not_guessed() -> None:
    assert only_fault(GATEWAY_PUBLIC_URL="https://*.example.com").line == ""
