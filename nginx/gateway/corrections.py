"""Corrected lines: one is offered only where it can be copied to .env and the check takes it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gateway.dotenv import parse_dotenv
from gateway.faults import Fault

Check = Callable[[Mapping[str, str]], Iterable[Fault]]
_ROUNDS = 8  # some faults hide behind others: the line of a line is looked at, too


def proved(
    faults: Iterable[Fault], environment: Mapping[str, str], check: Check
) -> tuple[Fault, ...]:
    """The faults of that environment, each with a line that mends it, or without one.

    check  all faults of an environment that a line must be free of
    """
    lines: dict[tuple[str, str], str] = {}
    found = []
    for fault in faults:
        key = fault.variable, fault.line
        if key not in lines:
            lines[key] = _proved_line(fault, environment, check)
        found.append(replace(fault, line=lines[key]))
    return tuple(found)


def mended(environment: Mapping[str, str], faults: Iterable[Fault]) -> dict[str, str]:
    """The environment with the line of every fault that has one for its own variable."""
    values = dict(environment)
    for fault in faults:
        line = parse_dotenv(fault.line)[0]
        if fault.variable in line:
            values |= line
    return values


def _proved_line(fault: Fault, environment: Mapping[str, str], check: Check) -> str:
    others = {name: value for name, value in environment.items() if name != fault.variable}
    known = {other.variable for other in check(environment)}
    works = fault.severity == "warning"
    line = fault.line
    for _ in range(_ROUNDS):
        values, bad = parse_dotenv(line)
        if bad or len(values) != 1:
            return ""
        ((name, value),) = values.items()
        # Empty is the default and no correction; and what is set already stays as it is.
        if (not value and not works) or others.get(name):
            return ""
        found = list(check(others | values))
        if any(
            other.severity == "error" and other.variable not in {*known, name} for other in found
        ):
            return ""
        left = [other for other in found if other.variable == name]
        if works and any(other.severity == "error" for other in left):
            return ""
        if not left or (works and not left[0].line):
            return line
        line = left[0].line
    return ""
