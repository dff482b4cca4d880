"""The answer to the request itself, and to requests that fail."""

from collections.abc import Iterator

from gateway.doctor import fetch
from gateway.doctor.examine import Seen, readable
from gateway.doctor.findings import Finding, finding
from gateway.doctor.rules import origin
from gateway.doctor.wire import Answer, Exchange

# What services answer to a POST without a body or a GET in place of DELETE: not the page's fault.
_PROVOKED = frozenset({400, 404, 405, 411, 415, 422})
_NO_SUCH_METHOD = frozenset({405, 501})


def answer(seen: Seen) -> Iterator[Finding]:
    """Why the page cannot read it, or what it says when it can."""
    sent = seen.answer
    if sent is None or sent.answer is None:
        return
    if sent.answer.location is not None:
        yield _redirected(seen, sent, sent.answer.location)
    elif seen.again is not None and not _lets_through(seen, seen.again):
        away = fetch.origin_of(sent.url) != seen.call.api_origin
        code = "redirected_other_origin" if away else "redirected_preflight"
        yield finding(code, *seen.hops, seen.again, location=sent.url)
    elif readable(seen.call, sent):
        yield from _status(seen, sent, sent.answer.status)
    elif sent.origin == "null":
        yield finding("redirected_other_origin", *seen.hops, sent, location=sent.url)
    else:
        yield _unreadable(seen, sent, sent.answer.status)


def errors(seen: Seen) -> Iterator[Finding]:
    """An answer that can be read, and errors that cannot: the page will blame CORS for them."""
    below, here = _failed(seen.not_found), _failed(seen.wrong_method)
    if below and below.answer and below.answer.get(origin.ALLOW_ORIGIN) is None:
        # an error of the address itself that has the header: below it, another block answers
        elsewhere = here is not None and _passes(seen, here)
        code = "missing_below" if elsewhere else "missing_on_errors"
        yield finding(code, seen.answer, below, status=str(below.answer.status))
    elif here and here.answer and _is_silent(here.answer):
        status = str(here.answer.status)
        yield finding("missing_on_wrong_method", seen.answer, here, status=status)
    # with a value, but a wrong one: it has the same causes as on any other answer
    elif below and (fault := origin.refused(seen, below)):
        yield fault


def _is_silent(answer: Answer) -> bool:
    """501 is no word of the application's: its server knows no such method for any address."""
    return answer.get(origin.ALLOW_ORIGIN) is None and answer.status != 501


def _lets_through(seen: Seen, preflight: Exchange) -> bool:
    ok = preflight.answer is not None and preflight.answer.is_ok
    return ok and readable(seen.call, preflight)


def _redirected(seen: Seen, sent: Exchange, location: str) -> Finding:
    target = sent.target
    if target is None:
        return finding("redirect_broken", sent, location=location)
    if sent.answer and readable(seen.call, sent) and len(seen.hops) > 1:
        return finding("redirect_loop", *seen.hops[:2], sent, location=target)
    away = fetch.origin_of(target) != fetch.origin_of(sent.url)
    code = "redirected_other_origin" if away else "redirected"
    status = str(sent.answer.status) if sent.answer else ""
    return finding(code, sent, location=target, status=status)


def _status(seen: Seen, sent: Exchange, status: int) -> Iterator[Finding]:
    meant = sent.method == seen.call.method
    if status in _NO_SUCH_METHOD and meant:
        yield finding("method_refused", sent, status=str(status))
    elif status >= 500 and status not in _NO_SUCH_METHOD:
        yield finding("server_error", sent, status=str(status))
    elif status >= 400 and not (status in _PROVOKED and _is_changed(seen)):
        yield finding("call_refused", sent, status=str(status))


def _unreadable(seen: Seen, sent: Exchange, status: int) -> Finding:
    fault = origin.refused(seen, sent) or finding("no_header", sent)
    if fault.code not in {"no_header", "origin_not_listed"}:
        return fault
    granted = next((ask for ask in (seen.preflight, seen.asked) if _passes(seen, ask)), None)
    provoked = status in _PROVOKED and _is_changed(seen)
    # a plain GET that succeeds without the header shows that it is not the error's fault
    plain = seen.fresh.answer if seen.fresh else None
    if status < 400 or (provoked and plain and plain.is_ok and not _passes(seen, seen.fresh)):
        return finding("answer_no_header", granted, sent) if granted else fault
    if provoked:
        found = finding("missing_on_errors", granted, sent, status=str(status))
        return found if granted else fault
    listed = fault.code == "no_header" or granted is not None
    return finding("failed_without_header", sent, status=str(status)) if listed else fault


def _failed(exchange: Exchange | None) -> Exchange | None:
    failed = exchange is not None and exchange.answer is not None and exchange.answer.status >= 400
    return exchange if failed else None


def _passes(seen: Seen, exchange: Exchange | None) -> bool:
    return exchange is not None and readable(seen.call, exchange)


def _is_changed(seen: Seen) -> bool:
    """Whether the probe was not the page's own request: its errors are the doctor's doing."""
    return seen.call.method not in {"GET", "HEAD", "OPTIONS"}
