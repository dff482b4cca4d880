"""Rows: which requests pages of other origins may send, and how often they have to ask first."""

from tests.gateway.browser_row import NOTHING, REFUSED, STRANGER, Row

SIMPLE = [
    Row("GET", "status(api)", 200),
    Row("HEAD", "status(api, {method: 'HEAD'})", 200, reached=("HEAD",)),
    Row(
        "POST of text",
        "json(api, {method: 'POST', body: 'hello'}).then((told) => told.headers['content-type'])",
        "text/plain;charset=UTF-8",
        reached=("POST",),
    ),
    Row(
        "POST of a form",
        "json(api, {method: 'POST', body: new URLSearchParams('a=1')}).then(({length}) => length)",
        3,
        reached=("POST",),
    ),
    Row(
        "POST of a form with files",
        "status(api, {method: 'POST', body: form(['target', 10], ['source', 10])})",
        200,
        reached=("POST",),
    ),
    Row(
        "POST of bytes without a type",
        "status(api, {method: 'POST', body: new Blob([bytes(9)])})",
        200,
        reached=("POST",),
    ),
    Row("lower-case get", "status(api, {method: 'get'})", 200),
    Row("GET by XMLHttpRequest", "xhr('GET', api).then((got) => got.status)", 200),
    Row(
        "safe headers need no preflight",
        "status(api, withHeaders({Accept: 'image/png', 'Accept-Language': 'zh'}))",
        200,
    ),
    Row("a simple range needs no preflight", "status(api, withHeaders({Range: 'bytes=0-9'}))", 200),
    Row("from a worker", "fromWorker(api)", 200),
    Row("from a frame of the same origin", "fromFrame(srcdoc, api).then(([, told]) => told)", 200),
    # CORS is no access control: the request is served, only its answer cannot be read
    Row("a stranger cannot read", "status(api)", REFUSED, page=STRANGER),
    Row(
        "a stranger can post but not read",
        "status(api, {method: 'POST', body: 'x'})",
        REFUSED,
        reached=("POST",),
        page=STRANGER,
    ),
    Row(
        "a stranger without cors sees nothing",
        "ask(api, {mode: 'no-cors'}).then((got) => [got.status, got.type])",
        [0, "opaque"],
        page=STRANGER,
    ),
    Row("same-origin mode asks nobody", "status(api, {mode: 'same-origin'})", REFUSED, 0, NOTHING),
    Row("nobody is listed", "status(api)", REFUSED, gateway="nobody"),
    Row(
        "the gateway's own page needs no setting",
        "inTurn(() => status(api, asJson()), () => status(api, {method: 'PUT'}))",
        [200, 200],
        reached=("POST", "PUT"),
        page="own",
        gateway="nobody",
    ),
    Row(
        "the gateway's own page reads every header",
        "ask(say(api, {headers: [['X-Secret', 'seen']]})).then((got) => got.header('x-secret'))",
        "seen",
        page="own",
    ),
]

ORIGINS = [
    Row("the second of the list", "status(api)", 200, page="second.test"),
    Row("a subdomain", "status(api, asJson())", 200, 1, ("POST",), page="a.pages.test"),
    Row("a deep subdomain", "status(api, asJson())", 200, 1, ("POST",), page="a.b-c.d.pages.test"),
    Row("the domain of subdomains itself", "status(api)", REFUSED, page="pages.test"),
    Row("a domain that ends like it", "status(api)", REFUSED, page="evilpages.test"),
    Row("subdomains keep their port", "status(api)", REFUSED, page="a.pages.test:"),
    Row("any port", "status(api, asJson())", 200, 1, ("POST",), page="ports.test"),
    Row("any other port", "status(api, asJson())", 200, 1, ("POST",), page="ports.test:"),
    Row("any port but not any subdomain", "status(api)", REFUSED, page="a.ports.test"),
    Row("another port of an exact origin", "status(api)", REFUSED, page="app.test:"),
    Row("a subdomain of an exact origin", "status(api)", REFUSED, page="a.app.test"),
    Row("an exact origin in front", "status(api)", REFUSED, page="app.test.evil.test"),
    Row("a host in capitals is the same", "status(api)", 200, page="APP.test"),
    Row(
        "localhost is not 127.0.0.1",
        "status(api)",
        REFUSED,
        0,
        gateway="credentials",
        page="127.0.0.1",
    ),
]

PREFLIGHTED = [
    Row("POST of JSON", "status(api, asJson())", 200, 1, ("POST",)),
    Row("DELETE", "status(api, {method: 'DELETE'})", 200, 1, ("DELETE",)),
    Row("lower-case delete", "status(api, {method: 'delete'})", 200, 1, ("DELETE",)),
    Row("PUT is not listed", "status(api, {method: 'PUT'})", REFUSED, 1, NOTHING),
    Row("a made-up method is not listed", "status(api, {method: 'CHICKEN'})", REFUSED, 1, NOTHING),
    Row("PUT is listed", "status(api, {method: 'PUT'})", 200, 1, ("PUT",), gateway="lists"),
    Row("PATCH is listed", "status(api, {method: 'PATCH'})", 200, 1, ("PATCH",), gateway="lists"),
    # Fetch makes get, put, delete ... capitals, patch not: it is another method
    Row("lower-case put", "status(api, {method: 'put'})", 200, 1, ("PUT",), gateway="lists"),
    Row("lower-case patch", "status(api, {method: 'patch'})", REFUSED, 1, NOTHING, gateway="lists"),
    Row("TRACE is for no page", "status(api, {method: 'TRACE'})", REFUSED, 0, NOTHING),
    Row(
        "a listed header in any case",
        "inTurn(...['X-Request-ID', 'x-request-id', 'X-REQUEST-ID'].map("
        "(name) => () => status(api, withHeaders({[name]: 'abcdefgh'}))))",
        [200, 200, 200],
        1,
        ("GET", "GET", "GET"),
    ),
    Row("an unlisted header", "status(api, withHeaders({'X-Other': '1'}))", REFUSED, 1, NOTHING),
    Row(
        "one of two headers is not listed",
        "status(api, withHeaders({'X-Request-ID': 'abcdefgh', 'X-Other': '1'}))",
        REFUSED,
        1,
        NOTHING,
    ),
    Row(
        "Authorization is not listed",
        "status(api, withHeaders({Authorization: 'Bearer x'}))",
        REFUSED,
        1,
        NOTHING,
    ),
    Row(
        "Authorization is listed",
        "json(api, withHeaders({Authorization: 'Bearer x'}))"
        ".then(({headers}) => headers.authorization)",
        "Bearer x",
        1,
        gateway="lists",
    ),
    Row(
        "bytes of a type",
        "status(api, asJson({headers: {'Content-Type': 'image/png'}}))",
        200,
        1,
        ("POST",),
    ),
    # A safe name with an unsafe or overlong value is no safe header any more
    Row("an unsafe Accept", "status(api, withHeaders({Accept: 'a(b)'}))", REFUSED, 1, NOTHING),
    Row(
        "a long Accept", "status(api, withHeaders({Accept: 'a'.repeat(129)}))", REFUSED, 1, NOTHING
    ),
    Row(
        "an open-ended range of two",
        "status(api, withHeaders({Range: 'bytes=0-1,3-4'}))",
        REFUSED,
        1,
        NOTHING,
    ),
    Row(
        "the preflight of a stranger",
        "status(api, asJson())",
        REFUSED,
        1,
        NOTHING,
        page=STRANGER,
    ),
    Row(
        "a preflight does not wait for the service",
        "ask(api, asJson()).then(async ({status, answer}) => [status, (await answer.json()).code])",
        [502, "UPSTREAM_UNAVAILABLE"],
        1,
        NOTHING,
        gateway="down",
    ),
    Row(
        "an upload that is listened to has a preflight",
        "xhr('POST', api, {body: 'x', upload: () => {}}).then((got) => got.status)",
        200,
        1,
        ("POST",),
    ),
]

TWICE = "inTurn(() => status(api, asJson()), () => status(api, asJson()))"
REMEMBERED = [
    Row("a preflight is remembered", TWICE, [200, 200], 1, ("POST", "POST")),
    Row("max-age 0 forgets at once", TWICE, [200, 200], 2, ("POST", "POST"), gateway="age_0"),
    # Fetch: without the header 5 seconds
    Row("max-age off is five seconds", TWICE, [200, 200], 1, ("POST", "POST"), gateway="age_off"),
    # The answer lists all that is allowed, so one preflight is enough for all of it.
    Row(
        "another listed header is remembered too",
        "inTurn(...['X-A', 'X-B'].map((name) => () => status(api, withHeaders({[name]: '1'}))))",
        [200, 200],
        1,
        ("GET", "GET"),
        gateway="lists",
    ),
    Row(
        "another listed method is remembered too",
        "inTurn(() => status(api, {method: 'PUT'}), () => status(api, {method: 'DELETE'}))",
        [200, 200],
        1,
        ("PUT", "DELETE"),
        gateway="lists",
    ),
    Row(
        "an unlisted header needs another one",
        "inTurn(() => status(api, asJson()), () => status(api, withHeaders({'X-Other': '1'})))",
        [200, REFUSED],
        2,
        ("POST",),
    ),
    Row(
        "a refused preflight is not remembered",
        "inTurn(() => status(api, {method: 'PUT'}), () => status(api, {method: 'PUT'}))",
        [REFUSED, REFUSED],
        2,
        NOTHING,
    ),
    Row(
        "another address needs another one",
        "inTurn(() => status(api + 'a', asJson()), () => status(api + 'b', asJson()))",
        [200, 200],
        2,
        ("POST", "POST"),
    ),
    Row(
        "with credentials is remembered apart",
        "inTurn(() => status(api, asJson({credentials: 'omit'})),"
        " () => status(api, asJson({credentials: 'include'})))",
        [200, 200],
        2,
        ("POST", "POST"),
        page="localhost",
        gateway="credentials",
    ),
]

STARS = [
    Row("any origin", "status(api)", 200, page=STRANGER, gateway="star"),
    Row("any method", "status(api, {method: 'PUT'})", 200, 1, ("PUT",), gateway="star"),
    Row("any header", "status(api, withHeaders({'X-Other': '1'}))", 200, 1, gateway="star"),
    # Fetch says that `*` leaves it out; Chromium lets it pass, with a warning, up to this version
    Row(
        "any header and in Chromium Authorization",
        "status(api, withHeaders({Authorization: 'x'}))",
        200,
        1,
        gateway="star",
    ),
    Row(
        "any header and Authorization",
        "status(api, withHeaders({Authorization: 'x', 'X-Other': '1'}))",
        200,
        1,
        gateway="star_and_authorization",
    ),
    Row(
        "any answer header but cookies",
        "ask(say(api, {headers: [['X-Secret', 'seen'], ['Set-Cookie', 'a=1']]}))"
        ".then((got) => [got.header('x-secret'), got.header('set-cookie')])",
        ["seen", None],
        gateway="star",
    ),
    Row(
        "any origin but no credentials",
        "status(api, {credentials: 'include'})",
        REFUSED,
        gateway="star",
    ),
    Row(
        "any origin but no preflighted credentials",
        "status(api, asJson({credentials: 'include'}))",
        REFUSED,
        1,
        NOTHING,
        gateway="star",
    ),
    Row(
        "same-origin credentials are none",
        "status(api, {credentials: 'same-origin'})",
        200,
        gateway="star",
    ),
]

ROWS = [*SIMPLE, *ORIGINS, *PREFLIGHTED, *REMEMBERED, *STARS]
