"""The preflight: a browser sends the call itself only after a good answer to it (Fetch 4.8)."""

from collections.abc import Iterator

from gateway.doctor import fetch
from gateway.doctor.examine import Seen
from gateway.doctor.findings import Finding, finding
from gateway.doctor.rules import origin
from gateway.doctor.wire import Answer, Exchange

METHODS = "Access-Control-Allow-Methods"
HEADERS = "Access-Control-Allow-Headers"
_LOG_IN = frozenset({401, 407})
_NO_SUCH_METHOD = frozenset({405, 501})
_TOO_MANY = 429


def preflight(seen: Seen) -> Iterator[Finding]:
    """Its first fault; credentials, a method and a header do not hide each other."""
    sent = seen.preflight
    if sent is None or sent.answer is None:
        return
    fault = origin.refused(seen, sent)
    granted = fault is None or fault.code in origin.LACKS_CREDENTIALS
    cookies = [fault] if fault and granted else []
    if sent.answer.location is not None:
        yield _redirected(sent, sent.answer.location)
    elif not sent.answer.is_ok:
        listed = list(_lists(seen, sent, sent.answer)) if sent.answer.get(METHODS) else []
        # Starlette answers 400 for one name that is not on its list: then the name is the cause
        yield from (*cookies, *listed) if listed and granted else (_bad_status(seen, sent),)
    elif fault and not granted:
        alone = fault.code in {"no_header", "origin_not_listed"} and seen.is_readable
        yield finding("preflight_no_header", sent, seen.answer) if alone else fault
    else:
        yield from (*cookies, *_lists(seen, sent, sent.answer))


def _redirected(sent: Exchange, location: str) -> Finding:
    target = sent.target
    if target is None:
        return finding("redirect_broken", sent, location=location)
    code = "preflight_redirected"
    if target.replace("https://", "http://", 1) == sent.url:
        code = "preflight_redirected_https"
    elif target.rstrip("/") == sent.url.rstrip("/"):
        code = "preflight_redirected_slash"
    return finding(code, sent, location=target, status=_status(sent))


def _bad_status(seen: Seen, sent: Exchange) -> Finding:
    status, answer = sent.answer.status if sent.answer else 0, seen.answer
    same = answer is not None and answer.answer is not None and answer.answer.status == status
    if status in _LOG_IN:
        return finding("preflight_auth", sent, answer, status=str(status))
    if status == _TOO_MANY:
        return finding("failed_without_header", sent, answer, status=str(status))
    if status >= 500 and status not in _NO_SUCH_METHOD:
        return finding("preflight_5xx", sent, answer, status=str(status))
    told = sent.answer is not None and sent.answer.says("cors", "origin")
    silent = answer is not None and answer.answer and not answer.answer.get(origin.ALLOW_ORIGIN)
    if status == 403 and same and not told:
        return finding("preflight_forbidden", sent, answer, status="403")
    if told or silent:
        # nobody here speaks of this origin, so it is not the preflight alone
        fault = origin.refused(seen, sent)
        if fault is not None:
            return fault
    code = {403: "preflight_forbidden", 404: "preflight_404"}.get(status, "preflight_refused")
    code = "preflight_405" if status in _NO_SUCH_METHOD else code
    return finding(code, sent, answer, status=str(status))


def _lists(seen: Seen, sent: Exchange, answer: Answer) -> Iterator[Finding]:
    call = seen.call
    methods, names = fetch.names_in(answer, METHODS), fetch.names_in(answer, HEADERS)
    if methods is None:
        yield finding("methods_malformed", sent, value=answer.get(METHODS) or "")
    elif not fetch.allows_method(call.method, methods, call.credentials) or (
        # a server that refuses goes by its own list, on which POST may be missing as well
        not answer.is_ok and not {call.method, "*"} & set(methods)
    ):
        yield finding(_method_code(call.method, methods), sent, listed=", ".join(methods) or "-")
    if names is None:
        yield finding("headers_malformed", sent, value=answer.get(HEADERS) or "")
    elif missing := fetch.refused_names(call.headers, names, call.credentials):
        code = "header_not_listed"
        if "*" in names:
            code = "star_headers_with_credentials"
            code = code if call.credentials else "authorization_not_covered"
        yield finding(code, sent, names=", ".join(missing), listed=", ".join(names) or "-")


def _method_code(method: str, listed: list[str]) -> str:
    if "*" in listed:
        return "star_methods_with_credentials"
    alike = method.upper() in (name.upper() for name in listed)
    return "method_case" if alike else "method_not_listed"


def _status(exchange: Exchange) -> str:
    return str(exchange.answer.status) if exchange.answer else ""
