"""Rows: what pages can do where the gateway limits its clients or speaks HTTPS."""

from tests.gateway.browser_row import NOTHING, REFUSED, STRANGER, Row

USED_UP = "Promise.all(Array.from({length: 9}, () => status(`${limited}/api/used-up/`)))"
LIMITS = [
    Row(
        "429 of the gateway",
        f"{USED_UP}.then(() => ask(api)).then(async (got) => [got.status,"
        " (await got.answer.json()).code, got.header('retry-after')])",
        [429, "RATE_LIMITED", "1"],
        0,
        NOTHING,
        gateway="limited",
    ),
    Row(
        "429 after a preflight that is not limited",
        f"{USED_UP}.then(() => status(api, asJson()))",
        429,
        1,
        NOTHING,
        gateway="limited",
    ),
    Row(
        "429 for a stranger",
        f"{USED_UP}.then(() => status(api))",
        REFUSED,
        0,
        NOTHING,
        page=STRANGER,
        gateway="limited",
    ),
]

# The gateway's own page on another host name: another origin, on HTTPS as well.
SECURE_PAGE = "https://app.test"
HTTPS = [
    Row("a page on https", "status(api)", 200, page=SECURE_PAGE, gateway="tls"),
    Row(
        "a preflight on https",
        "json(api, asJson()).then((told) => told.method)",
        "POST",
        1,
        ("POST",),
        page=SECURE_PAGE,
        gateway="tls",
    ),
    Row(
        "a cookie of a sister host on https",
        "inTurn(() => status(say(api, {headers: [['Set-Cookie', 'a=1; SameSite=Strict; Secure']]}),"
        " {credentials: 'include'}), () => json(api, {credentials: 'include'})"
        ".then((told) => told.headers.cookie))",
        [200, "a=1"],
        0,
        ("GET", "GET"),
        page=SECURE_PAGE,
        gateway="tls",
    ),
    Row("a stranger on https", "status(api)", REFUSED, page=f"https://{STRANGER}", gateway="tls"),
    # browsers do not let a page on https call plain http at all
    Row(
        "a page on https calls http",
        "status(`${insecure}${path}`)",
        REFUSED,
        0,
        NOTHING,
        page=SECURE_PAGE,
        gateway="tls",
    ),
    # README: the origin of what is redirected to another origin is null
    Row(
        "a redirect from http to https loses the origin",
        "status(`${insecure}${path}`)",
        REFUSED,
        gateway="tls_for_http",
    ),
]

ROWS = [*LIMITS, *HTTPS]
