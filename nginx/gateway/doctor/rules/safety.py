"""Who else is let in: origins of strangers, and caches that mix up who asked."""

from collections.abc import Iterator

from gateway.doctor.examine import Seen
from gateway.doctor.findings import Finding, finding
from gateway.doctor.rules.origin import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from gateway.doctor.wire import Answer, Exchange

# What caches on the way write into answers: RFC 9111 5.1, RFC 9211, and those of products.
_CACHES = ("Age", "Cache-Status", "X-Cache", "X-Cache-Status", "X-Varnish")


def safety(seen: Seen) -> Iterator[Finding]:
    """A list of origins that strangers pass."""
    if seen.stranger is None:
        return
    if _lets_in(seen.stranger):
        credentials = _with_credentials(seen.stranger)
        code = "reflects_anybody" if credentials else "any_origin_reflected"
        yield finding(code, seen.stranger, near=seen.stranger.origin)
        return
    for exchange in seen.holes:
        if _lets_in(exchange):
            yield finding("origin_hole", exchange, near=exchange.origin)
            break
    if seen.null is not None and _lets_in(seen.null):
        yield finding("null_allowed", seen.null)


def caching(seen: Seen) -> Iterator[Finding]:
    """An answer that depends on the origin and does not say so to caches (Fetch 3.2.5)."""
    sent = seen.answer
    if sent is None or sent.answer is None or not _is_dynamic(seen, sent.answer):
        return
    if sent.answer.members("Vary") & {"origin", "*"}:
        return
    kept = sent.method in {"GET", "HEAD"} and _is_kept(sent.answer)
    yield finding("vary_missing_cached" if kept else "vary_missing", sent, seen.stranger)


def _lets_in(exchange: Exchange) -> bool:
    answer = exchange.answer
    return answer is not None and answer.get(ALLOW_ORIGIN) == exchange.origin


def _with_credentials(exchange: Exchange) -> bool:
    return exchange.answer is not None and exchange.answer.get(ALLOW_CREDENTIALS) == "true"


def _is_dynamic(seen: Seen, answer: Answer) -> bool:
    own = answer.get(ALLOW_ORIGIN)
    other = seen.stranger.answer if seen.stranger else None
    return own == seen.call.origin and other is not None and other.get(ALLOW_ORIGIN) != own


def _is_kept(answer: Answer) -> bool:
    directives = answer.members("Cache-Control")
    if directives & {"no-store", "private"}:
        return False
    if (answer.get("CF-Cache-Status") or "DYNAMIC").upper() not in {"DYNAMIC", "BYPASS"}:
        return True
    if any(answer.get(name) is not None for name in _CACHES):
        return True
    lasting = any("max-age=" in item and not item.endswith("=0") for item in directives)
    return lasting or "public" in directives
