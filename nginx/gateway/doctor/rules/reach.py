"""Nothing that CORS is about happened: no answer came, or none of the service behind."""

from collections.abc import Iterator

from gateway.doctor.call import of_address
from gateway.doctor.examine import Seen, answers
from gateway.doctor.failures import Failure
from gateway.doctor.findings import Finding, finding
from gateway.doctor.wire import Answer, Exchange

# What servers say with their 400 to plain http at a port of https: nginx, Apache, Go, Tomcat.
_HTTPS_PORT = (
    "plain http request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
    "sent an http request to an https server",
    "combination of host and port requires tls",
)
# nginx answers 400, and 494 only to itself.
_NGINX_LONG_HEADER = "request header or cookie too large"


def reach(seen: Seen) -> Iterator[Finding]:
    """The first of these is the cause of everything else."""
    if seen.call.is_mixed_content:
        yield finding("mixed_content")
        return
    for exchange in (seen.preflight, seen.answer):
        if exchange and isinstance(exchange.result, Failure):
            yield _failed(seen, exchange, exchange.result)
            return
    both = answers((seen.preflight, seen.answer))
    for exchange in both:
        if exchange.answer and (code := _too_early(exchange.answer)):
            yield finding(code, exchange, **_led_to(seen, exchange))
            return
    # without a preflight, the answer's headers may tell more than its status
    statuses = [exchange.answer.status for exchange in both if exchange.answer]
    if len(both) == 2 or seen.call.is_same_origin:
        if all(status == 404 for status in statuses):
            yield finding("url_not_found", *both, status="404")
        elif all(status >= 500 and status != 501 for status in statuses):
            yield finding("server_error", *both, status=str(statuses[-1]))


def _failed(seen: Seen, exchange: Exchange, failure: Failure) -> Finding:
    if exchange is seen.preflight and seen.answer and seen.answer.answer:
        return finding("preflight_unanswered", exchange, seen.answer, detail=failure.detail)
    return finding(failure.kind, exchange, detail=failure.detail, **_led_to(seen, exchange))


def _too_early(answer: Answer) -> str | None:
    """Refused before the request was understood: no configuration adds headers there."""
    if answer.status == 414:
        return "uri_too_long"
    if answer.status == 431 or (answer.status == 400 and answer.says(_NGINX_LONG_HEADER)):
        return "headers_too_large"
    if answer.status == 400 and answer.says(*_HTTPS_PORT):
        return "http_to_https_port"
    return None


def _led_to(seen: Seen, exchange: Exchange) -> dict[str, str]:
    """The address that redirects led to, which may be another server's."""
    return {} if exchange.url == seen.call.url else of_address(exchange.url)
