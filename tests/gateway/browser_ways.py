"""Rows: credentials, pages of no origin, large bodies, and all ways to ask that are no fetch."""

import hashlib

from tests.gateway.browser_row import NOTHING, REFUSED, STRANGER, Row

GET_GET = ("GET", "GET")
HERE = {"page": "localhost", "gateway": "credentials"}
SET = "status(say(api, {headers: [['Set-Cookie', 'id=1']]}), {credentials: 'include'})"


def cookie(credentials: str) -> str:
    return (
        f"json(api, {{credentials: '{credentials}'}}).then((told) => told.headers.cookie ?? null)"
    )


WITH_COOKIES = [
    Row(
        "include",
        f"inTurn(() => {SET}, () => {cookie('include')})",
        [200, "id=1"],
        0,
        GET_GET,
        **HERE,
    ),
    Row("omit", f"inTurn(() => {SET}, () => {cookie('omit')})", [200, None], 0, GET_GET, **HERE),
    Row(
        "same-origin",
        f"inTurn(() => {SET}, () => {cookie('same-origin')})",
        [200, None],
        0,
        GET_GET,
        **HERE,
    ),
    Row(
        "omit stores nothing",
        f"inTurn(() => {SET.replace('include', 'omit')}, () => {cookie('include')})",
        [200, None],
        0,
        GET_GET,
        **HERE,
    ),
    Row(
        "include with a preflight",
        f"inTurn(() => {SET}, () => json(api, asJson({{credentials: 'include'}}))"
        ".then((told) => told.headers.cookie))",
        [200, "id=1"],
        1,
        ("GET", "POST"),
        **HERE,
    ),
    Row(
        "include by XMLHttpRequest",
        f"inTurn(() => {SET}, () => xhr('GET', api, {{cookies: true}})"
        ".then((got) => JSON.parse(got.responseText).headers.cookie))",
        [200, "id=1"],
        0,
        GET_GET,
        **HERE,
    ),
    Row(
        "include on an error",
        "status(say(api, {status: 401}), {credentials: 'include'})",
        401,
        **HERE,
    ),
    Row("include where it is not allowed", "status(api, {credentials: 'include'})", REFUSED),
    Row(
        "include with a preflight where it is not allowed",
        "status(api, asJson({credentials: 'include'}))",
        REFUSED,
        1,
        NOTHING,
    ),
    Row(
        "include of a stranger",
        "status(api, {credentials: 'include'})",
        REFUSED,
        page=STRANGER,
        gateway="credentials",
    ),
]

NULL = [
    Row("a sandboxed frame", "fromFrame(sandboxed, api)", ["null", REFUSED]),
    Row("a frame from a data address", "fromFrame(dataUrl, api)", ["null", REFUSED]),
    Row(
        "a sandboxed frame's preflight",
        "fromFrame(sandboxed, api, asJson())",
        ["null", REFUSED],
        1,
        NOTHING,
    ),
    Row(
        "a sandboxed frame's credentials",
        "fromFrame(sandboxed, api, {credentials: 'include'})",
        ["null", REFUSED],
        **HERE,
    ),
    Row(
        "a sandboxed frame where all are allowed",
        "fromFrame(sandboxed, api)",
        ["null", 200],
        gateway="star",
    ),
    Row(
        "a data frame's preflight where all are allowed",
        "fromFrame(dataUrl, api, asJson())",
        ["null", 200],
        1,
        ("POST",),
        gateway="star",
    ),
]

SEVENS = hashlib.sha256(bytes([7]) * 3_000_000).hexdigest()
PICTURE = "say(api, {png: true, headers: [['Cache-Control', 'max-age=600']]})"
RED = [255, 0, 0, 255]
LARGE = [
    Row(
        "an upload of 3 MB arrives as it was",
        "json(api, {method: 'POST', body: bytes(3_000_000)}).then((told) => told.sha256)",
        SEVENS,
        0,
        ("POST",),
    ),
    Row(
        "two photos of 5 MB in all and their answer of 5 MB",
        "ask(say(api, {size: 5_000_000}), {method: 'POST', body: form(['target', 3_000_000],"
        " ['source', 2_000_000])}).then(async ({answer}) => (await answer.blob()).size)",
        5_000_000,
        0,
        ("POST",),
    ),
    Row(
        "progress of an upload",
        "(async () => { let last; const got = await xhr('POST', api, {body: bytes(2_000_000),"
        " upload: (told) => { last = told; }}); return [got.status, last.loaded, last.total]; })()",
        [200, 2_000_000, 2_000_000],
        1,
        ("POST",),
    ),
    Row(
        "progress of a download",
        "(async () => { let last; await xhr('GET', say(api, {size: 2_000_000}),"
        " {down: (told) => { last = told; }}); return [last.loaded, last.total]; })()",
        [2_000_000, 2_000_000],
    ),
    # Chromium streams request bodies over HTTP/2 only (ERR_H2_OR_QUIC_REQUIRED). The preflight that
    # every such request needs is answered; the request itself is never sent.
    Row(
        "an upload from a stream",
        "status(api, {method: 'POST', duplex: 'half', body: new Blob(['x']).stream()})",
        REFUSED,
        1,
        NOTHING,
    ),
]
OTHER_WAYS = [
    Row("a picture on a canvas", f"pixel({PICTURE}, 'anonymous')", RED),
    Row("a picture without CORS", f"pixel({PICTURE})", "SecurityError"),
    Row("a picture for a stranger", f"pixel({PICTURE}, 'anonymous')", "not loaded", page=STRANGER),
    Row("a picture with credentials", f"pixel({PICTURE}, 'use-credentials')", RED, **HERE),
    Row(
        "a picture with forbidden credentials", f"pixel({PICTURE}, 'use-credentials')", "not loaded"
    ),
    # Without `Vary: Origin` the browser would take the first one, which has no CORS header, again.
    Row(
        "a picture that was kept without CORS",
        f"inTurn(() => pixel({PICTURE}), () => pixel({PICTURE}, 'anonymous'))",
        ["SecurityError", RED],
        0,
        GET_GET,
    ),
    Row(
        "a module",
        "import(say(api, {body: 'export default 7', type: 'text/javascript'}))"
        ".then((module) => module.default)",
        7,
    ),
    Row(
        "events",
        "events(say(api, {body: 'data: one\\n\\ndata: last\\n\\n', type: 'text/event-stream'}))",
        ["one", "last"],
    ),
    Row(
        "events for a stranger",
        "events(say(api, {body: 'data: last\\n\\n', type: 'text/event-stream'}))",
        ["error"],
        page=STRANGER,
    ),
    Row(
        "events with forbidden credentials",
        "events(say(api, {body: 'data: last\\n\\n', type: 'text/event-stream'}),"
        " {withCredentials: true})",
        ["error"],
    ),
    Row(
        "a request that outlives its page",
        "status(api, {method: 'POST', keepalive: true, body: 'x'})",
        200,
        0,
        ("POST",),
    ),
    Row(
        "an aborted request reaches nobody any more",
        "aborted(say(api, {wait_s: 0.9}), 200)",
        "AbortError",
        late=True,
    ),
    Row(
        "an aborted upload",
        "aborted(api, 0, {method: 'POST', body: form(['target', 6_000_000])})",
        "AbortError",
        0,
        NOTHING,
    ),
    Row(
        "a beacon of JSON from a stranger",
        "new Promise((resolve) => { const sent = navigator.sendBeacon(api,"
        " new Blob(['{}'], {type: 'application/json'})); setTimeout(() => resolve(sent), 300); })",
        True,
        1,
        NOTHING,
        page=STRANGER,
    ),
]

ROWS = [*WITH_COOKIES, *NULL, *LARGE, *OTHER_WAYS]
