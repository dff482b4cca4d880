"""Numbers among the settings."""

import re
from collections.abc import Callable

from gateway.faults import Refused

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def whole_number(low: int, high: int, unit: str, default: str) -> Callable[[str], int]:
    """A parser of plain decimal numbers from low to high; `default` is what it offers instead.

    unit  what is counted, in words: "seconds"
    """

    def parse(text: str) -> int:
        # ASCII digits without leading zeros: the value reads the same to nginx
        if not re.fullmatch(r"0|[1-9][0-9]{0,9}", text) or not low <= int(text) <= high:
            meant = _in_seconds(text) if unit == "seconds" else None
            fix = default if meant is None else str(min(meant, high))
            raise Refused(f"it is not a number of {unit} from {low} to {high}", fix)
        return int(text)

    return parse


def _in_seconds(text: str) -> int | None:
    """`1y`, `30 days` or `5min` in seconds; None for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,8}) ?([smhdwy])[a-z]{0,6}", text.lower())
    return int(match[1]) * _SECONDS[match[2]] if match else None
