"""Numbers among the settings."""

import re
from collections.abc import Callable

from gateway.faults import Refused


def whole_number(low: int, high: int, unit: str, default: str) -> Callable[[str], int]:
    """A parser of plain decimal numbers from low to high; `default` is what it offers instead.

    unit  what is counted, in words: "seconds"
    """

    def parse(text: str) -> int:
        # ASCII digits without leading zeros: the value reads the same to nginx
        if not re.fullmatch(r"0|[1-9][0-9]{0,9}", text) or not low <= int(text) <= high:
            raise Refused(f"it is not a number of {unit} from {low} to {high}", default)
        return int(text)

    return parse
