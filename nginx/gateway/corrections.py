"""Corrected lines: one is offered only where it can be copied to .env and the check takes it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gateway.dotenv import parse_dotenv
from gateway.faults import Fault

Check = Callable[[Mapping[str, str]], Iterable[Fault]]
_ROUNDS = 4  # some faults hide behind others: the line of a line is looked at, too


def proved(
    faults: Iterable[Fault], environment: Mapping[str, str], check: Check
) -> tuple[Fault, ...]:
    """The faults of that environment, each with a line that mends it, or without one.

    check  all faults of an environment
    """
    lines: dict[tuple[str, str], str] = {}
    found = []
    for fault in faults:
        key = fault.variable, fault.line
        if key not in lines:
            lines[key] = _proved_line(fault, environment, check)
        found.append(replace(fault, line=lines[key]))
    return tuple(found)


def _proved_line(fault: Fault, environment: Mapping[str, str], check: Check) -> str:
    others = {name: value for name, value in environment.items() if name != fault.variable}
    line = fault.line
    for _ in range(_ROUNDS):
        values, bad = parse_dotenv(line)
        if bad or len(values) != 1:
            return ""
        ((name, value),) = values.items()
        # Empty is the default and no correction; and what is set already stays as it is.
        if (not value and fault.severity == "error") or others.get(name):
            return ""
        left = [other.line for other in check(others | values) if other.variable == name]
        if not left:
            return line
        if fault.severity == "warning":  # of a setting that works
            return ""
        line = left[0]
    return ""
