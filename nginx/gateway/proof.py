"""Whether a rendered configuration behaves as the settings say: asked of a real nginx.

A template is the operator's to edit, and an edit can open the API to everybody or close it to all
with a configuration that nginx takes without a word.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.configuration import configuration
from gateway.faults import Fault
from gateway.policy import CREDENTIALS, EXPOSED, HEADERS, MAX_AGE, METHODS, ORIGINS, CorsPolicy
from gateway.render import LOG_FILES, nginx_version, render_texts
from gateway.settings import TRUST_TEMPLATES, GatewaySettings
from gateway.snapshot import METHODS as USUAL
from gateway.snapshot import PATHS, SAFELISTED, STRANGERS
from gateway.suspects import places_in, suspects
from gateway.trial import Answer, Doors, Trial, admitted, names_in, trial, value_of
from gateway.unproved import silent_errors, unproved, unread

SUBJECT = "templates"  # stands in a fault where other faults have their variable
# One address for every origin; a listed origin and a stranger for every address and method.
_FIRST = "/api/v1/fusions"
_PATHS = (
    *PATHS,
    "/api/health/live",
    "/api/metrics",
    "/index.html",
    "/favicon.ico",
)
_METHODS = (*USUAL, "OPTIONS", "TRACE")  # nginx itself refuses the last one
_ORIGIN = "Access-Control-Allow-Origin"
_IN_THE_SETTINGS = (
    f"say it in the settings ({ORIGINS} and its like); a location that asks a service needs "
    "conf/proxy.conf, and one that answers conf/cors.conf"
)
_LISTS = {METHODS: "Allow-Methods", HEADERS: "Allow-Headers", EXPOSED: "Expose-Headers"}


@dataclass(frozen=True)
class _Difference:
    """One answer that is not what the settings say.

    wider  it lets in more, else less
    """

    wider: bool
    question: str
    seen: str
    fix: str


def differences(settings: GatewaySettings, templates: Path, nginx: str) -> tuple[Fault, ...]:
    """One for each way in which the answers differ from the settings, with an example.

    What lets in more is an error, or a warning where the settings trust the templates; what lets in
    less is a warning.
    Raises  RenderError when nginx does not take the configuration
    """
    policy = settings.cors
    found: dict[tuple[bool, str], list[_Difference]] = {}
    # Of the settings themselves: the trial has other addresses and no limits.
    texts = render_texts(settings, templates, LOG_FILES, version=nginx_version(nginx))
    with trial(settings, templates, nginx) as doors:
        for item in (*_unproved(policy, texts), *_all(doors, policy)):
            found.setdefault((item.wider, item.fix), []).append(item)
    return tuple(_fault(group, settings.trust_templates) for group in found.values())


def _unproved(policy: CorsPolicy, texts: Mapping[Path, str]) -> Iterator[_Difference]:
    whole = configuration(texts)
    for directive in unproved(policy, whole):
        seen = "it decides about CORS in a way of its own, and no question finds all that it opens"
        yield _Difference(True, directive, seen, _IN_THE_SETTINGS)
    for directive in unread(whole):
        seen = "what it names cannot be read here, so nobody knows what it opens"
        fix = "name a file that is there, or a template by its path (conf/name.conf)"
        yield _Difference(True, directive, seen, fix)
    for directive in silent_errors(whole) if policy.any_origin or policy.origins else ():
        seen = "pages cannot read the error: the location that answers it sends no origin"
        yield _Difference(False, directive, seen, "include conf/cors.conf there")


def _all(doors: Doors, policy: CorsPolicy) -> Iterator[_Difference]:
    origins = suspects(policy.origins, doors.text)
    for origin in origins:
        yield from _asked(doors.main, policy, origin, "GET", _FIRST)
        yield from _asked(doors.main, policy, origin, "POST", _FIRST)
    listed = next((origin for origin in origins if _expected(policy, origin)), None)
    for origin in filter(None, (STRANGERS[0], listed)):
        for path in dict.fromkeys((*_PATHS, *places_in(doors.text))):
            for method in _METHODS:
                yield from _asked(doors.main, policy, origin, method, path)
            if doors.plain and _is_api(path):
                question = f"the preflight of POST {path} over plain HTTP from {origin}"
                answer = doors.plain.preflight(path, origin, "POST")
                yield from _answered(question, answer, policy, origin)


def _is_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")


def _asked(
    gateway: Trial, policy: CorsPolicy, origin: str, method: str, path: str
) -> Iterator[_Difference]:
    """A request and its preflight."""
    question = f"{method} {path} from {origin}"
    preflight = f"the preflight of {question}"
    answer = gateway.ask(method, path, [("Origin", origin)])
    asked = gateway.preflight(path, origin, method)
    if not _is_api(path):
        fix = "pages need no CORS: keep it below /api"
        seen = "it is let in, and CORS is for the API alone"
        for text, got in ((question, answer), (preflight, asked)):
            if admitted(got, origin):
                yield _Difference(True, text, seen, fix)
        return
    yield from _answered(question, answer, policy, origin)
    yield from _answered(preflight, asked, policy, origin)
    if not _expected(policy, origin):
        return
    if admitted(answer, origin):
        if policy.varies_by_origin and not _varies(answer):
            seen = "no Vary: Origin, so a cache gives one page the answer for another"
            yield _Difference(True, question, seen, "include conf/cors.conf where you answer")
        yield from _listed(question, answer, EXPOSED, policy.exposed_headers, frozenset())
    if admitted(asked, origin):
        yield from _listed(preflight, asked, METHODS, policy.methods, SAFELISTED)
        yield from _listed(preflight, asked, HEADERS, policy.headers, frozenset())
        yield from _kept(preflight, asked, policy)


def _expected(policy: CorsPolicy, origin: str) -> str:
    """What `admitted` should say."""
    if policy.any_origin:
        return "any"
    return "own" if any(re.fullmatch(o.regex, origin) for o in policy.origins) else ""


def _answered(
    question: str, answer: Answer, policy: CorsPolicy, origin: str
) -> Iterator[_Difference]:
    """What differs in what any answer has: the origin and the credentials."""
    expected, found = _expected(policy, origin), admitted(answer, origin)
    seen = f"it is answered with Access-Control-Allow-Origin: {value_of(answer, _ORIGIN) or 'none'}"
    if found and not expected:
        fix = f"list the origin in {ORIGINS} if it is meant"
        yield _Difference(True, question, f"{seen}, and the settings do not list it", fix)
    elif found == "any" and expected == "own":
        fix = f"answer with the origin itself, as {ORIGINS} lists it"
        yield _Difference(True, question, f"{seen}, which is everybody", fix)
    elif expected and not found:
        fix = f"send conf/cors.conf with every answer, or take the origin out of {ORIGINS}"
        yield _Difference(False, question, f"{seen}, and {ORIGINS} allows it", fix)
    credentials = value_of(answer, "Access-Control-Allow-Credentials") == "true"
    if found and credentials and not policy.credentials:
        fix = f"set {CREDENTIALS}=true if it is meant"
        seen = f"it may carry cookies, and {CREDENTIALS} is false"
        yield _Difference(True, question, seen, fix)
    elif found and expected and policy.credentials and not credentials:
        seen = f"it may not carry cookies, and {CREDENTIALS} is true"
        yield _Difference(False, question, seen, f"set {CREDENTIALS}=false if it is meant")


def _varies(answer: Answer) -> bool:
    names = names_in(value_of(answer, "Vary").lower())
    return "origin" in names or "*" in names


def _kept(question: str, answer: Answer, policy: CorsPolicy) -> Iterator[_Difference]:
    """What differs in what else a preflight is told."""
    wanted = "" if policy.max_age_s is None else str(policy.max_age_s)
    found = value_of(answer, "Access-Control-Max-Age")
    if found != wanted:
        seen = f"Access-Control-Max-Age is {found or 'not sent'}, and not {wanted or 'left out'}"
        yield _Difference(False, question, seen, f"say so in {MAX_AGE}")
    if value_of(answer, "Access-Control-Allow-Private-Network"):
        seen = "pages of the internet may call it in a private network"
        yield _Difference(True, question, seen, "take Access-Control-Allow-Private-Network out")


def _listed(
    question: str, answer: Answer, variable: str, meant: tuple[str, ...], free: frozenset[str]
) -> Iterator[_Difference]:
    """What differs in a list of names; free needs no permission."""
    found = names_in(value_of(answer, f"Access-Control-{_LISTS[variable]}"))
    wanted = {name.lower() for name in meant}
    more = [name for name in found if name.lower() not in wanted and name not in free]
    told = {name.lower() for name in found}
    less = [name for name in meant if name.lower() not in told and name not in free]
    fix = f"write the same names into {variable}"
    if more:
        yield _Difference(True, question, f"it allows {' '.join(more)} beyond {variable}", fix)
    if less:
        yield _Difference(False, question, f"it leaves out {' '.join(less)} of {variable}", fix)


def _fault(group: list[_Difference], trusted: bool) -> Fault:
    first = group[0]
    value = first.question + (f" and {len(group) - 1} more" if len(group) > 1 else "")
    fix = f"undo the edit, or {first.fix}"
    if not first.wider or trusted:
        return Fault(SUBJECT, value, first.seen, fix, severity="warning")
    return Fault(SUBJECT, value, first.seen, f"{fix}; {TRUST_TEMPLATES}=1 takes it as it is")
