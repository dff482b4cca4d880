"""The answer does not name the page's origin: what it names instead, and why."""

import difflib
import re
from collections.abc import Sequence

from gateway.doctor import fetch, misses
from gateway.doctor.examine import Seen, answers, readable
from gateway.doctor.findings import Finding, finding
from gateway.doctor.wire import Answer, Exchange

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
# The origin is let in, its cookies are not: the lists of the same answer hold for the page.
LACKS_CREDENTIALS = frozenset(
    {"star_with_credentials", "credentials_missing", "credentials_not_true"}
)
# Their answers to an origin that they do not know: Starlette 400, Spring and others 403.
_REFUSALS = ("cors", "origin")


def refused(seen: Seen, exchange: Exchange) -> Finding | None:
    """Why the CORS check of this answer fails; None where it passes."""
    answer = exchange.answer
    if answer is None or readable(seen.call, exchange):
        return None
    match fetch.cors_check(exchange.origin, seen.call.credentials, answer):
        case "missing":
            return _missing(seen, exchange)
        case "mismatch":
            return _mismatch(seen, exchange, answer.lines(ALLOW_ORIGIN))
        case "star":
            return finding("star_with_credentials", exchange)
        case "credentials":
            value = answer.get(ALLOW_CREDENTIALS)
            code = "credentials_missing" if value is None else "credentials_not_true"
            return finding(code, exchange, value=value or "")
    return None


def _missing(seen: Seen, exchange: Exchange) -> Finding:
    if _fresh_passes(seen, exchange):
        return finding("cache_mixes_origins", exchange, seen.fresh, value="-")
    for code, tried in seen.tries:
        if readable(seen.call, tried) or _names_itself(tried):
            return finding(code, exchange, tried, near=tried.origin)
    if name := _misspelt(exchange):
        return finding("header_misspelt", exchange, value=name)
    all_answers = answers((exchange, seen.preflight, seen.asked, seen.answer))
    if any(speaks_of_origins(item.answer) for item in all_answers if item.answer):
        return finding("origin_not_listed", exchange)
    return finding("no_header", exchange)


def _misspelt(exchange: Exchange) -> str:
    """A name in the answer that must have been meant to be the header's; "" for none."""
    names = [name for name, _ in exchange.answer.headers] if exchange.answer else []
    plain = {name.lower().replace("_", "-"): name for name in names}
    near = difflib.get_close_matches(ALLOW_ORIGIN.lower(), plain, 1, cutoff=0.9)
    return plain[near[0]] if near else ""


def speaks_of_origins(answer: Answer) -> bool:
    """Whether a server that names no origin still shows that it looked at the request's."""
    listed = answer.get("Access-Control-Allow-Methods") or answer.get(ALLOW_CREDENTIALS)
    told = answer.status in {400, 403} and answer.says(*_REFUSALS)
    return "origin" in answer.members("Vary") or listed is not None or told


def _mismatch(seen: Seen, exchange: Exchange, lines: Sequence[str]) -> Finding:
    value = ", ".join(lines)
    if len(lines) > 1:
        return finding("multiple_values", exchange, value=value)
    if _fresh_passes(seen, exchange):
        return finding("cache_mixes_origins", exchange, seen.fresh, value=value)
    items = [item for item in re.split(r"[,\s]+", value) if item]
    if len(items) > 1 and any("://" in item or item in {"*", "null"} for item in items[1:]):
        joined = "*" in items or len(set(items)) < len(items)
        return finding("multiple_values" if joined else "origin_list", exchange, value=value)
    code = "other_origin" if misses.is_origin(value) else "not_an_origin"
    if value == "null":
        code = "null_sent"
    elif "*" in value:
        code = "wildcard_literal"
    elif miss := misses.kind_of_miss(exchange.origin, value):
        code = miss
    return finding(code, exchange, value=value, near=value)


def _fresh_passes(seen: Seen, exchange: Exchange) -> bool:
    fresh = seen.fresh
    # Only a GET of the same address may come out of a cache.
    return exchange.method == "GET" and fresh is not None and readable(seen.call, fresh)


def _names_itself(tried: Exchange) -> bool:
    return tried.answer is not None and tried.answer.get(ALLOW_ORIGIN) == tried.origin
