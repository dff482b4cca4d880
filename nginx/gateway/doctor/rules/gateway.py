"""The gateway or the service of this repository, called where it lets no other origin in."""

from collections.abc import Iterator

from gateway.doctor.examine import Seen, is_outside_api
from gateway.doctor.findings import Finding, finding
from gateway.doctor.rules import origin


def outside_api(seen: Seen) -> Iterator[Finding]:
    """The address is at fault, whatever is listed; below /api the origin may be missing as well."""
    if seen.gateway is None or not is_outside_api(seen):
        return
    yield finding("outside_api", seen.answer, seen.gateway)
    if fault := origin.refused(seen, seen.gateway):
        yield fault
