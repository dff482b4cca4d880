"""The rules in the order of causes: what comes first explains what comes later."""

from collections.abc import Iterable

from gateway.doctor.examine import Seen
from gateway.doctor.findings import Finding
from gateway.doctor.rules.answer import answer, errors
from gateway.doctor.rules.form import body, form
from gateway.doctor.rules.gateway import outside_api
from gateway.doctor.rules.preflight import preflight
from gateway.doctor.rules.reach import reach
from gateway.doctor.rules.reading import cookies, exposed, notes
from gateway.doctor.rules.safety import caching, safety

# A preflight with one of these faults stands alone: the request itself fails for the same reason,
# or differs from what a page would send once the fault is gone.
_EXPLAINS_THE_ANSWER = frozenset(
    {
        "no_header",
        "origin_not_listed",
        "other_origin",
        "wildcard_literal",
        "not_an_origin",
        "null_sent",
        "origin_list",
        "multiple_values",
        "preflight_auth",
        "preflight_forbidden",
        "preflight_redirected",
        "preflight_redirected_https",
        "preflight_redirected_slash",
        "redirect_broken",
    }
)


def diagnose(seen: Seen) -> list[Finding]:
    """Every fault once, the root cause first, errors before warnings; [] when a page can call."""
    if outside := list(outside_api(seen)):
        return outside
    if unreached := list(reach(seen)):
        return unreached[:1]
    found = list(preflight(seen))
    if not any(_explains(fault) for fault in found):
        found += answer(seen)
    if seen.is_readable:
        for rule in (body, errors, safety, caching, cookies, exposed, notes):
            found += rule(seen)
    elif seen.lacks_credentials_only:
        found += exposed(seen)
    found += form(seen)
    once = _each_once(found)
    return sorted(once, key=lambda fault: fault.row.severity == "warning")


def _explains(fault: Finding) -> bool:
    return fault.code in _EXPLAINS_THE_ANSWER or fault.code.startswith("near_")


def _each_once(found: Iterable[Finding]) -> list[Finding]:
    first: dict[str, Finding] = {}
    for fault in found:
        first.setdefault(fault.code, fault)
    return list(first.values())
