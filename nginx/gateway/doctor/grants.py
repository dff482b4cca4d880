"""What a server grants today and what the page needs beside it: pasted lines keep both."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.doctor import fetch
from gateway.doctor.call import Call
from gateway.doctor.rules.origin import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from gateway.doctor.rules.preflight import HEADERS, METHODS
from gateway.doctor.rules.reading import EXPOSED, LONGEST_KEPT_S, MAX_AGE
from gateway.doctor.wire import Answer, Exchange
from gateway.faults import Refused
from gateway.origins import parse_origin

# What names look like in practice; a stranger's other tokens ($ and ` among them) are not pasted.
_NAME = re.compile(r"\*|[A-Za-z0-9_.-]+")
# What fetch() can send without any list (Fetch 2.2.1), for servers that list nothing.
_METHODS = ("GET", "HEAD", "POST")
_MAX_AGE_S = "7200"  # what Chromium keeps


@dataclass(frozen=True)
class Grants:
    """A whole policy.

    origins  the page's, and every other one that the server named
    methods, headers, exposed   sorted; "*" where the server has it and calls without credentials
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age_s: str


def grants(call: Call, sent: Sequence[Exchange]) -> Grants:
    """The server's answers to the page, and the call itself."""
    own = [item for item in sent if item.origin == call.origin and _is_here(call, item)]
    answers = [item.answer for item in own if item.answer]
    methods = [fetch.normalized_method(name) for name in _names(answers, METHODS, call)]
    ages = [answer.get(MAX_AGE) or "" for answer in answers]
    kept = [age for age in ages if re.fullmatch(r"[0-9]{1,9}", age) and int(age) <= LONGEST_KEPT_S]
    return Grants(
        _origins(answers, call.origin),
        _once([*(methods or _METHODS), call.method]),
        _once([*_names(answers, HEADERS, call), *fetch.unsafe_names(call.headers)]),
        _once([*_names(answers, EXPOSED, call), *call.expose]),
        call.credentials or any(answer.get(ALLOW_CREDENTIALS) == "true" for answer in answers),
        kept[0] if kept else _MAX_AGE_S,
    )


def _is_here(call: Call, exchange: Exchange) -> bool:
    # redirects may lead to another server, which has a policy of its own
    return fetch.origin_of(exchange.url) == call.api_origin


def _names(answers: Iterable[Answer], header: str, call: Call) -> list[str]:
    names = [name for answer in answers for name in _NAME.findall(answer.get(header) or "")]
    return [name for name in names if name != "*" or not call.credentials]


def _once(names: Iterable[str]) -> tuple[str, ...]:
    """Each name in one case only, the page's: methods are compared letter by letter."""
    return tuple(sorted({name.lower(): name for name in names}.values(), key=str.lower))


def _origins(answers: Iterable[Answer], own: str) -> tuple[str, ...]:
    values = [line for answer in answers for line in answer.lines(ALLOW_ORIGIN)]
    items = [item for value in values for item in re.split(r"[,\s]+", value)]
    return tuple(dict.fromkeys([own, *(item for item in items if _is_whole(item))]))


def _is_whole(text: str) -> bool:
    try:
        pattern = parse_origin(text)
    except Refused:
        return False
    return not pattern.subdomains and not pattern.any_port
