"""The page may read the answer: what of it still gets lost, and what is only worth a note."""

import re
from collections.abc import Iterator

from gateway.doctor import fetch, misses
from gateway.doctor.examine import Seen, answers
from gateway.doctor.findings import Finding, finding

MAX_AGE = "Access-Control-Max-Age"
EXPOSED = "Access-Control-Expose-Headers"
# Firefox's cap, the highest of any browser; Chromium 7200, WebKit 600.
LONGEST_KEPT_S = 86_400


def cookies(seen: Seen) -> Iterator[Finding]:
    """Cookies that a page of another site sets with its call (RFC 6265bis, 5.6 and 5.7)."""
    call, sent = seen.call, seen.answer
    if sent is None or sent.answer is None or not call.credentials:
        return
    if misses.is_same_site(call.origin, call.api_origin):
        return
    for line in sent.answer.lines("Set-Cookie"):
        name, _, rest = line.partition("=")
        attributes = [item.strip().lower() for item in rest.split(";")[1:]]
        # Firefox and WebKit still send cookies without the attribute, Chromium takes Lax for it
        if "samesite=none" not in attributes:
            yield finding("cookie_samesite", sent, value=name.strip())
            return
        if "secure" not in attributes:
            yield finding("cookie_not_secure", sent, value=name.strip())
            return


def exposed(seen: Seen) -> Iterator[Finding]:
    """Headers that the page wants to read and cannot; only where it was asked for them."""
    sent = seen.answer
    wanted = [name for name in seen.call.expose if _is_hidden(name)]
    if sent is None or sent.answer is None or not wanted or seen.call.is_same_origin:
        return
    listed = {name.lower() for name in fetch.names_in(sent.answer, EXPOSED) or []}
    if "*" in listed and not seen.call.credentials:
        return
    hidden = [name for name in wanted if name.lower() not in listed]
    if hidden:
        code = "star_expose_with_credentials" if "*" in listed else "header_not_exposed"
        yield finding(code, sent, names=", ".join(hidden))


def notes(seen: Seen) -> Iterator[Finding]:
    """What breaks no call."""
    sent = seen.preflight
    if sent is not None and sent.answer is not None and sent.answer.is_ok:
        value = sent.answer.get(MAX_AGE)
        if value is None:
            yield finding("max_age_missing", sent)
        elif not re.fullmatch(r"[0-9]+", value):
            yield finding("max_age_invalid", sent, value=value)
        elif float(value) > LONGEST_KEPT_S:
            yield finding("max_age_capped", sent, value=value)
    for exchange in answers((sent, seen.answer)):
        answer = exchange.answer
        if answer and answer.status == 204 and answer.get("Content-Length") is not None:
            yield finding("length_on_204", exchange)
            return


def _is_hidden(name: str) -> bool:
    return name.lower() not in fetch.SAFELISTED_RESPONSE_HEADERS
