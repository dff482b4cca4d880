"""Which requests are sent to a server, and in which order: what the page's browser would, and more.

All of it is harmless: no body, no cookie of anybody, and only GET, HEAD, OPTIONS, QUERY (a
method that is safe by its definition) and, where the page uses it, POST without a body.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

from gateway.doctor import fetch, misses
from gateway.doctor.call import Call, is_unencrypted
from gateway.doctor.wire import Exchange, Wire
from gateway.problem_documents import problem_documents

# Below it this repository's gateway lets other origins in (conf/cors-policy.conf).
_API = re.compile(r"/api(?:/|$)")
_CLOSED = next(row for row in problem_documents(0) if row.status == 404)
_OWN_ERROR = '"/api/docs#'  # what the service's problem documents begin with
_COOKIE = ("Cookie", "gateway-doctor=1")
_MOST_HOPS = 20  # Fetch 4.4, "HTTP-redirect fetch"
# Preflights with these answers were not decided by whoever decides about origins.
_UNDECIDED = frozenset({401, 404, 405, 407, 501})


@dataclass(frozen=True)
class Seen:
    """What the server did; None where a request made no sense any more.

    preflight  the page's own
    asked      a preflight that the page does not need, for what it gives away
    hops       redirects of the request that led to `answer`
    again      the preflight of the address that the redirects led to
    fresh      the same request past all caches
    tries      (code, exchange) for each near miss of the origin
    gateway    what no service of this repository lets in, where the page is outside its API
    stranger, null, holes   the request as other origins, for safety
    not_found, wrong_method   the errors that were provoked
    """

    call: Call
    preflight: Exchange | None = None
    asked: Exchange | None = None
    answer: Exchange | None = None
    hops: tuple[Exchange, ...] = ()
    again: Exchange | None = None
    fresh: Exchange | None = None
    tries: tuple[tuple[str, Exchange], ...] = ()
    gateway: Exchange | None = None
    stranger: Exchange | None = None
    null: Exchange | None = None
    holes: tuple[Exchange, ...] = ()
    not_found: Exchange | None = None
    wrong_method: Exchange | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the page could read the answer."""
        return self.answer is not None and readable(self.call, self.answer)

    @property
    def lacks_credentials_only(self) -> bool:
        """Whether the page could read the answer if it sent no cookies."""
        without = replace(self.call, credentials=False)
        return self.answer is not None and not self.is_readable and readable(without, self.answer)


def readable(call: Call, exchange: Exchange) -> bool:
    """Whether the CORS check passes for the origin that the exchange was sent with."""
    if exchange.answer is None:
        return False
    same = exchange.origin == fetch.origin_of(exchange.url)
    return same or fetch.cors_check(exchange.origin, call.credentials, exchange.answer) is None


def examine(call: Call, wire: Wire) -> Seen:
    """Sends everything; a server that does not answer is not asked again."""
    if call.is_mixed_content:
        return Seen(call)  # a browser sends nothing either
    seen = Seen(call)
    if call.needs_preflight:
        seen = replace(seen, preflight=_preflight(call, wire, "preflight", call.origin))
        if seen.preflight and seen.preflight.answer is None and _is_down(seen.preflight):
            return seen
    *hops, answer = _request(call, wire)
    seen = replace(seen, answer=answer, hops=tuple(hops))
    if hops and call.needs_preflight:
        moved = replace(call, url=answer.url)
        seen = replace(seen, again=_preflight(moved, wire, "preflight", answer.origin))
    if answer.answer is None or call.is_same_origin:
        return seen
    if not seen.is_readable or not _is_decided(seen.preflight, call):
        seen = _why_refused(seen, wire)
    return _who_else(seen, wire) if seen.is_readable else seen


def _is_down(preflight: Exchange) -> bool:
    # A connection that ends without an answer may be a firewall that drops OPTIONS alone.
    return getattr(preflight.result, "kind", "") not in {"closed", "timeout", "not_http"}


def _is_decided(preflight: Exchange | None, call: Call) -> bool:
    return preflight is None or readable(call, preflight)


def _preflight(call: Call, wire: Wire, purpose: str, origin: str) -> Exchange:
    """Fetch 4.8: OPTIONS without credentials, the names sorted and joined without spaces."""
    headers = [("Access-Control-Request-Method", call.method)]
    if names := fetch.unsafe_names(call.headers):
        headers.append(("Access-Control-Request-Headers", ",".join(names)))
    return wire.send(purpose, "OPTIONS", call.url, origin, tuple(headers))


def _request(call: Call, wire: Wire) -> list[Exchange]:
    """The request and the redirects that a browser follows (Fetch 4.4), the last answer last."""
    url, method, origin, headers = call.url, call.probe_method, call.origin, _sent(call)
    found: list[Exchange] = []
    while len(found) <= _MOST_HOPS:
        found.append(wire.send("request", method, url, origin, headers, whole=True))
        answer, target = found[-1].answer, found[-1].target
        if answer is None or target is None or not readable(call, found[-1]):
            break
        if not _may_follow(call, target):
            break
        if fetch.origin_of(target) != fetch.origin_of(url):
            # "HTTP-redirect fetch": from one foreign origin to another nobody's page is asking
            origin = origin if fetch.origin_of(url) == origin else "null"
            headers = ()
        if answer.status == 303 or (answer.status in {301, 302} and method == "POST"):
            method = "GET"
        url = target
    return found


def _may_follow(call: Call, target: str) -> bool:
    return not (call.origin.startswith("https://") and is_unencrypted(target))


def _why_refused(seen: Seen, wire: Wire) -> Seen:
    call = seen.call
    if not _API.match(urlsplit(call.url).path):
        closed = f"{call.api_origin}/api/internal/gateway-doctor"
        seen = replace(seen, gateway=wire.send("gateway", "GET", closed, call.origin))
        if is_outside_api(seen):
            return seen
    seen = replace(seen, fresh=_get(call, wire, "fresh", call.origin))
    if seen.preflight is None:
        seen = replace(seen, asked=_preflight(call, wire, "policy", call.origin))
    # Who is let in anywhere is on the list: the answer fails, and no other origin's would do.
    if any(ask and readable(call, ask) for ask in (seen.fresh, seen.preflight, seen.asked)):
        return seen
    tries = []
    for code, origin in misses.near_misses(call.origin):
        tries.append((code, _as(seen, wire, "near miss", origin)))
        if readable(replace(call, credentials=False), tries[-1][1]):
            break
    return replace(seen, tries=tuple(tries))


def _who_else(seen: Seen, wire: Wire) -> Seen:
    """What happens on errors, and to origins that nobody can have meant."""
    call = seen.call
    return replace(
        seen,
        not_found=wire.send("not found", "GET", _below(call.url), call.origin, _sent(call)),
        wrong_method=wire.send("wrong method", "QUERY", _busted(call.url), call.origin),
        stranger=_stranger(seen, wire),
        null=_as(seen, wire, "null", "null"),
        holes=tuple(_as(seen, wire, "hole", origin) for origin in misses.holes(call.origin)),
    )


def _stranger(seen: Seen, wire: Wire) -> Exchange:
    """The call of a stranger; its answer may let in whom its preflight does not."""
    found = _as(seen, wire, "stranger", misses.STRANGER)
    if found.method != "OPTIONS" or readable(replace(seen.call, credentials=False), found):
        return found
    answer = _get(seen.call, wire, "stranger", misses.STRANGER)
    return answer if readable(replace(seen.call, credentials=False), answer) else found


def _as(seen: Seen, wire: Wire, purpose: str, origin: str) -> Exchange:
    """The call of another origin: as a preflight, which no cache keeps, where those are decided."""
    answer = seen.preflight.answer if seen.preflight else None
    if answer and not answer.location and answer.status < 500 and answer.status not in _UNDECIDED:
        return _preflight(seen.call, wire, purpose, origin)
    return _get(seen.call, wire, purpose, origin)


def _get(call: Call, wire: Wire, purpose: str, origin: str) -> Exchange:
    return wire.send(purpose, "GET", _busted(call.url), origin, _sent(call))


def _sent(call: Call) -> fetch.Headers:
    """The page's headers; with credentials a made-up cookie, because frameworks look for one."""
    headers = tuple((name, value) for name, value in call.headers if value)
    return (*headers, _COOKIE) if call.credentials else headers


def _busted(url: str) -> str:
    """Another address for caches: they must not keep an answer for a made-up origin."""
    parts = urlsplit(url)
    mark = f"gateway-doctor={secrets.token_hex(4)}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{mark}" if parts.query else mark))


def _below(url: str) -> str:
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/gateway-doctor-{secrets.token_hex(4)}"
    return urlunsplit(parts._replace(path=path, query=""))


def is_outside_api(seen: Seen) -> bool:
    """Whether other origins are let in below /api, and the page's address is not there."""
    probe, answer = seen.gateway, seen.answer.answer if seen.answer else None
    if probe is None or answer is None:
        return False
    # The service without a gateway has CORS below /api as well, and nothing anywhere else.
    let_in = readable(replace(seen.call, credentials=False), probe)
    own = probe.answer is not None and probe.answer.says(_OWN_ERROR)
    return (let_in and own and answer.status == _CLOSED.status) or _is_of_gateway(probe)


def _is_of_gateway(exchange: Exchange) -> bool:
    """Whether a gateway of this repository closed the address, in its own words."""
    answer = exchange.answer
    if answer is None or answer.status != _CLOSED.status:
        return False
    words = f'"code":"{_CLOSED.code}"', f'"detail":"{_CLOSED.detail}"'
    return all(answer.says(text.lower()) for text in words)


def answers(exchanges: Sequence[Exchange | None]) -> list[Exchange]:
    """Those that were sent and answered."""
    return [exchange for exchange in exchanges if exchange and exchange.answer]
