"""What operators could write into the settings, on purpose or by accident: good values, broken."""

import os
import random

DANGEROUS = "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN"
# Variable -> good values, of README and .env.example; the first one is in force when another
# variable is drawn.
GOOD = {
    "CORS_ALLOWED_ORIGINS": [
        "https://app.example.com https://*.cdn.example.net,http://localhost:*",
        "https://xn--bcher-kva.example",
        "http://[::1]:8443 http://127.0.0.1:3000",
        "*",
        "",
    ],
    "CORS_ALLOWED_METHODS": ["GET HEAD POST DELETE", "PUT,PATCH", "*"],
    "CORS_ALLOWED_HEADERS": ["Content-Type X-Request-ID", "* Authorization", "*", "x-a, x-b"],
    "CORS_EXPOSED_HEADERS": ["X-Request-ID Retry-After", "Server-Timing", "*"],
    "CORS_ALLOW_CREDENTIALS": ["false", "0", "off", "no"],
    "CORS_MAX_AGE": ["7200", "0", "off", "86400"],
    DANGEROUS: ["0", "1", "true", "false"],
    "GATEWAY_LISTEN": ["127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080"],
    "GATEWAY_INFERENCE": ["127.0.0.1:8000", "inference:8000", "[::1]:8000"],
    "GATEWAY_WEBUI": ["127.0.0.1:8081", "webui:8080"],
    "GATEWAY_MAX_BODY": ["64m", "65536", "1g", "512k"],
    "GATEWAY_UPSTREAM_TIMEOUT_S": ["75", "1", "3600"],
    "GATEWAY_PUBLIC_URL": ["https://fusion.example.com", ""],
    "GATEWAY_FRAME_ANCESTORS": ["self https://app.example.com", "none", "https://*.example.com"],
    "GATEWAY_TRUSTED_PROXIES": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1", ""],
    "GATEWAY_CLIENT_ADDRESS_HEADER": ["X-Forwarded-For", "CF-Connecting-IP"],
    "GATEWAY_MAX_CONNECTIONS_PER_CLIENT": ["64", "0"],
    "GATEWAY_RATE_PER_SECOND": ["20", "0"],
    "GATEWAY_RATE_BURST": ["100", "1"],
    "GATEWAY_TLS": ["off"],
    "GATEWAY_TLS_LISTEN": ["127.0.0.1:8443"],
    "GATEWAY_TLS_CERTIFICATE": [""],
    "GATEWAY_TLS_KEY": [""],
    "GATEWAY_HSTS_S": ["0", "600"],
}
# What has a meaning in nginx, its expressions, templates or shells.
PIECES = [
    *[
        '"',
        "'",
        ";",
        "{",
        "}",
        "$",
        "${",
        "\\",
        "#",
        "`",
        "~",
        "~*",
        "^",
        "|",
        ".*",
        "(?i)",
        "$http_origin",
    ],
    *["\n", "\r", "\t", "\x0b", "\x1b[0m", "\x7f", "\u2028", "\xa0", "\u212a", "\u017f", "\u0661"],
    *['" 1; default 1; "', "; add_header Access-Control-Allow-Origin *", "{{ 1 }}", "{% raw %}"],
    *["https://", "http://", "*.", ".*", ":*", ":443", ":0", "@", "/", "?", "null", "**", "*", "."],
    *["https://*", "https://*.com", "https://*.", "https://*:*", "https://.example.com", ",", " "],
    *[
        "default",
        "hostnames",
        "include",
        "volatile",
        "1",
        "0",
        "-1",
        "00",
        "e9",
        "true",
        "on",
        "%00",
    ],
]
LONGEST_NOISE = 40


def draw(rng: random.Random) -> tuple[dict[str, str], str]:
    """An environment with one variable that nobody checked, and its name."""
    environment = {variable: values[0] for variable, values in GOOD.items()}
    variable = rng.choice(list(GOOD))
    environment[variable] = rng.choice(WAYS)(rng, variable)
    if variable == DANGEROUS:
        environment["CORS_ALLOWED_ORIGINS"] = rng.choice(["*", GOOD["CORS_ALLOWED_ORIGINS"][0]])
    elif rng.random() < 0.2:
        environment[DANGEROUS] = "1"  # which alone allows nobody
    return environment, variable


def _noise(rng: random.Random, variable: str) -> str:
    """Bytes as they come; an environment has no zero byte."""
    length = rng.randint(1, LONGEST_NOISE)
    return os.fsdecode(bytes(rng.randint(1, 255) for _ in range(length)))


def _mixture(rng: random.Random, variable: str) -> str:
    good = rng.choice(GOOD[variable])
    parts = [rng.choice([*PIECES, good]) for _ in range(rng.randint(1, 5))]
    return rng.choice(["", " ", ","]).join(parts)


def _damaged(rng: random.Random, variable: str) -> str:
    """A good value with up to three bytes or pieces too much, too few or changed."""
    text = rng.choice(GOOD[variable])
    for _ in range(rng.randint(1, 3)):
        place = rng.randint(0, len(text))
        more = rng.choice([*PIECES, chr(rng.randint(1, 255)), chr(rng.randint(32, 126)), ""])
        text = text[:place] + more + text[place + rng.randint(0, 1) :]
    return text


def _retouched(rng: random.Random, variable: str) -> str:
    """A good value with one character another, from those that good values are made of."""
    text = rng.choice(GOOD[variable])
    place = rng.randint(0, len(text))
    more = rng.choice(["", *"abkmxz0123456789-_.:*, /"])
    return text[:place] + more + text[place + rng.randint(0, 1) :]


# Half of them near enough to a good value to be taken: what is refused shows little.
WAYS = [_noise, _mixture, _damaged, _retouched, _retouched, _retouched]
