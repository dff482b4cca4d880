"""Whether a rendered configuration behaves as the settings say: asked of a real nginx.

A template is the operator's to edit, and an edit can open the API to everybody or close it to all
with a configuration that nginx takes without a word.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.faults import Fault
from gateway.origins import OriginPattern
from gateway.policy import CREDENTIALS, HEADERS, METHODS, ORIGINS, CorsPolicy
from gateway.settings import TRUST_TEMPLATES, GatewaySettings
from gateway.snapshot import SAFELISTED, STRANGERS, probes
from gateway.trial import Answer, Trial, admitted, names_in, trial, value_of

SUBJECT = "templates"  # stands in a fault where other faults have their variable
# An answer of the service and one of nginx's own; two addresses of the pages.
_API = ("/api/v1/fusions", "/api/internal/x")
_PAGES = ("/", "/config.json")
_ASKED = "POST"
_ORIGIN = "Access-Control-Allow-Origin"


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
    with trial(settings, templates, nginx) as gateway:
        for origin in dict.fromkeys((*STRANGERS, *probes(_one_of_each_kind(policy)))):
            for item in _asked(gateway, policy, origin):
                found.setdefault((item.wider, item.fix), []).append(item)
    return tuple(_fault(group, settings.trust_templates) for group in found.values())


def _one_of_each_kind(policy: CorsPolicy) -> list[OriginPattern]:
    kinds: dict[tuple[str, bool, bool], OriginPattern] = {}
    for origin in policy.origins:
        kinds.setdefault((origin.scheme, origin.subdomains, origin.any_port), origin)
    return list(kinds.values())


def _asked(gateway: Trial, policy: CorsPolicy, origin: str) -> Iterator[_Difference]:
    for path in _API:
        question = f"GET {path} from {origin}"
        yield from _answered(
            question, gateway.ask("GET", path, [("Origin", origin)]), policy, origin
        )
    path = _API[0]
    question = f"the preflight of {_ASKED} {path} from {origin}"
    answer = gateway.preflight(path, origin, _ASKED)
    yield from _answered(question, answer, policy, origin)
    if admitted(answer, origin) and _expected(policy, origin):
        yield from _listed(question, answer, METHODS, policy.methods, SAFELISTED)
        yield from _listed(question, answer, HEADERS, policy.headers, frozenset())
    for path in _PAGES:
        answers = {
            f"GET {path}": gateway.ask("GET", path, [("Origin", origin)]),
            f"the preflight of {_ASKED} {path}": gateway.preflight(path, origin, _ASKED),
        }
        for question, answer in answers.items():
            if admitted(answer, origin):
                fix = "pages need no CORS: keep it below /api"
                seen = "it is let in, and CORS is for the API alone"
                yield _Difference(True, f"{question} from {origin}", seen, fix)


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


def _listed(
    question: str, answer: Answer, variable: str, meant: tuple[str, ...], free: frozenset[str]
) -> Iterator[_Difference]:
    """What differs in a list of a preflight's answer; free needs no permission."""
    what = "Methods" if variable == METHODS else "Headers"
    found = names_in(value_of(answer, f"Access-Control-Allow-{what}"))
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
