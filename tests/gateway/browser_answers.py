"""Rows: what pages of other origins can read of answers, errors and redirects."""

from tests.gateway.browser_row import NOTHING, REFUSED, STRANGER, Row

GET_GET = ("GET", "GET")

NAMES = "(got) => [...got.answer.headers.keys()].sort()"
FILTERED = [
    Row(
        "exposed headers are readable",
        "ask(say(api, {headers: [['Server-Timing', 'a;dur=1'], ['Retry-After', '3'],"
        " ['Content-Disposition', 'inline']]})).then((got) => [got.header('server-timing'),"
        " got.header('retry-after'), got.header('content-disposition'),"
        " got.header('x-request-id').length])",
        ["a;dur=1", "3", "inline", 32],
    ),
    Row(
        "headers that are not exposed are not there",
        f"ask(say(api, {{headers: [['X-Secret', '1'], ['Set-Cookie', 'a=1']]}})).then({NAMES})",
        ["content-length", "x-request-id"],
    ),
    Row(
        "safe headers need not be exposed",
        "ask(say(api, {headers: ['Cache-Control', 'Content-Language', 'Content-Type', 'Expires',"
        f" 'Last-Modified', 'Pragma'].map((name) => [name, 'x'])}})).then({NAMES})",
        [
            *["cache-control", "content-language", "content-length", "content-type", "expires"],
            *["last-modified", "pragma", "x-request-id"],
        ],
    ),
    Row(
        "XMLHttpRequest reads the same headers",
        "xhr('GET', say(api, {headers: [['X-Secret', '1'], ['Retry-After', '3']]}))"
        ".then((got) => [got.getResponseHeader('Retry-After'), got.getResponseHeader('X-Secret')])",
        ["3", None],
    ),
]

# Of the service; the page reads both the status and the reason.
STATUSES = [
    200,
    201,
    206,
    301,
    400,
    401,
    403,
    404,
    405,
    410,
    413,
    414,
    415,
    416,
    422,
    425,
    429,
]
STATUSES += [431, 500, 501, 502, 503, 504]
# not 408: Chromium sends such a request again by itself
READ = (
    "ask(say(api, {{status: {}, body: 'why'}}))"
    ".then(async ({{answer}}) => [answer.status, await answer.text()])"
)
READABLE = [
    *[Row(f"status {code}", READ.format(code), [code, "why"]) for code in STATUSES],
    *[Row(f"status {code}", READ.format(code), [code, ""]) for code in (204, 304)],
]

CODE = ".then(async (got) => [got.status, got.answer && (await got.answer.json()).code])"
GATEWAY_ERRORS = [
    Row(
        "413 of the gateway",
        f"ask(api, {{method: 'POST', body: form(['target', 9_000_000])}}){CODE}",
        [413, "REQUEST_TOO_LARGE"],
        0,
        NOTHING,
    ),
    Row(
        "413 of the gateway for a stranger",
        "status(api, {method: 'POST', body: form(['target', 9_000_000])})",
        REFUSED,
        0,
        NOTHING,
        page=STRANGER,
    ),
    Row(
        "502 of the gateway",
        f"ask(api){CODE}",
        [502, "UPSTREAM_UNAVAILABLE"],
        0,
        NOTHING,
        gateway="down",
    ),
    Row("502 for a stranger", "status(api)", REFUSED, 0, NOTHING, page=STRANGER, gateway="down"),
    Row(
        "502 when the service breaks off before its answer",
        f"ask(say(api, {{breaks: 'before'}})){CODE}",
        [502, "UPSTREAM_UNAVAILABLE"],
    ),
    Row(
        "a service that breaks off in its answer",
        "readBroken(say(api, {breaks: 'middle', size: 200_000}))",
        [200, REFUSED],
    ),
    Row(
        "504 of the gateway",
        f"ask(say(api, {{wait_s: 3}})){CODE}",
        [504, "UPSTREAM_TIMEOUT"],
        late=True,
    ),
    # Chromium writes Cookie last and headers of the page first. nginx stops reading at the one that
    # is too large, so it knows the origin in the first case only.
    Row(
        "431 for cookies",
        "inTurn(...['a', 'b', 'c'].map((name) => () => status(say(api, {headers:"
        " [['Set-Cookie', name + '=' + 'x'.repeat(3000)]]}), {credentials: 'include'})),"
        f" () => ask(api, {{credentials: 'include'}}){CODE})",
        [200, 200, 200, [431, "HEADERS_TOO_LARGE"]],
        0,
        ("GET", "GET", "GET"),
        page="localhost",
        gateway="credentials",
    ),
    Row(
        "431 for a header of the page cannot be read",
        "status(api, withHeaders({'X-Request-ID': 'a'.repeat(9000)}))",
        REFUSED,
        1,
        NOTHING,
    ),
    # nginx refuses the line before it has read any header, so it knows no origin: README says so
    Row("414 cannot be read", "status(api + 'x'.repeat(9000))", REFUSED, 0, NOTHING),
    # nginx takes methods in capitals only: another line that is refused before its headers
    Row(
        "lower-case patch reaches nobody",
        "status(api, {method: 'patch'})",
        REFUSED,
        1,
        NOTHING,
        gateway="star",
    ),
]

HOSTILE = (
    "[['Access-Control-Allow-Origin', '*'], ['Access-Control-Allow-Origin', 'http://evil.test'],"
    " ['Access-Control-Allow-Credentials', 'true'], ['Access-Control-Expose-Headers', '*'],"
    " ['Access-Control-Allow-Methods', '*'], ['X-Secret', '1']]"
)
OTHER_VOICES = [
    Row("a service with CORS of its own", f"status(say(api, {{headers: {HOSTILE}}}))", 200),
    Row("its errors too", f"status(say(api, {{status: 500, headers: {HOSTILE}}}))", 500),
    Row(
        "a service cannot expose headers",
        f"ask(say(api, {{headers: {HOSTILE}}})).then((got) => got.header('x-secret'))",
        None,
    ),
    Row(
        "a service cannot let strangers in",
        f"status(say(api, {{headers: {HOSTILE}}}))",
        REFUSED,
        page=STRANGER,
    ),
    Row(
        "a service cannot allow credentials",
        f"status(say(api, {{headers: {HOSTILE}}}), {{credentials: 'include'}})",
        REFUSED,
    ),
]


def to(status: int, where: str) -> str:
    return f"say(api, {{status: {status}, headers: [['Location', {where}]]}})"


SEEN = ".then((got) => [got.status, got.redirected])"
REDIRECTED = [
    Row("a redirect on the same origin", f"ask({to(302, 'path')}){SEEN}", [200, True], 0, GET_GET),
    Row(
        "303 after a POST",
        f"status({to(303, 'path')}, {{method: 'POST', body: 'x'}})",
        200,
        0,
        ("POST", "GET"),
    ),
    Row(
        "307 after a POST",
        f"json({to(307, 'path')}, {{method: 'POST', body: 'xyz'}}).then((told) => told.length)",
        3,
        0,
        ("POST", "POST"),
    ),
    # another address, so another preflight; Chromium asks for it
    Row(
        "307 after a preflighted POST",
        f"status({to(307, 'path + `next`')}, asJson())",
        200,
        2,
        ("POST", "POST"),
    ),
    # After a redirect to another origin the request is nobody's: Origin is null (Fetch, 4.4).
    Row(
        "a redirect to another origin that lists the page",
        f"status({to(302, 'lists + path')})",
        REFUSED,
        0,
        GET_GET,
    ),
    Row(
        "a redirect to another origin that lists all",
        f"json({to(302, 'star + path')}).then((told) => told.headers.origin)",
        "null",
        0,
        GET_GET,
    ),
    Row(
        "a preflighted redirect to another origin",
        f"status({to(307, 'lists + path')}, asJson())",
        REFUSED,
        1,
        ("POST",),
    ),
    Row(
        "a redirect back to the page's own origin", f"status({to(302, 'here + `/back`')})", REFUSED
    ),
    Row(
        "a redirect with a user in it",
        f"status({to(302, 'api.replace(`//`, `//user:secret@`)')})",
        REFUSED,
    ),
    Row(
        "a redirect that is only looked at",
        f"ask({to(302, 'path')}, {{redirect: 'manual'}}).then((got) => [got.status, got.type])",
        [0, "opaqueredirect"],
    ),
    Row(
        "a redirect that is not wanted",
        f"status({to(302, 'path')}, {{redirect: 'error'}})",
        REFUSED,
    ),
]

ROWS = [*FILTERED, *READABLE, *GATEWAY_ERRORS, *OTHER_VOICES, *REDIRECTED]
