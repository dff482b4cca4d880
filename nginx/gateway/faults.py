"""What is wrong with the settings: one `Fault` a problem, all of them raised together.

Parsers are plain functions from text to a value that raise `Refused`; `Reader` runs them over the
environment and collects, so that an operator sees every problem in one go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# What could end a quoted nginx string, start a variable or open a block. Refused before any parser
# sees the value: no value of ours needs one, and each has rewritten a rendered map before.
_CONFIG_SYNTAX = re.compile(r"""["'`$;{}\\#]""")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_SHOWN = 80
LONGEST_VALUE = 64_000  # several hundred origins; beyond it a value is an accident or an attack


@dataclass(frozen=True)
class Fault:
    """One problem: which variable, the offending value, why it is refused, what to write."""

    variable: str
    value: str
    reason: str
    fix: str

    def __str__(self) -> str:
        value = self.value
        if len(value) > _LONGEST_SHOWN:
            value = f"{value[:_LONGEST_SHOWN]}... ({len(value)} characters)"
        # backslash escapes keep a value with control characters on one line of the report
        shown = value.encode("unicode_escape").decode("ascii")
        return f"{self.variable}: {shown!s}\n    why: {self.reason}\n    fix: {self.fix}"


class Refused(ValueError):
    """Raised by a parser: why a value is not accepted and what to write instead."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class InvalidSettings(Exception):
    """All faults of one environment together; never raised with none."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Reader:
    """Reads variables of one environment; every fault lands in `faults`, none is raised.

    An unset or empty variable means its default: compose hands over unset ones as empty.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.faults: list[Fault] = []

    def refuse(self, variable: str, value: str, reason: str, fix: str) -> None:
        self.faults.append(Fault(variable, value, reason, fix))

    def one(self, variable: str, default: str, parse: Callable[[str], T]) -> T:
        """The parsed value; the parsed default stands in for a refused one."""
        text = self._text(variable, default).strip(" ")
        return self._parsed(variable, text, parse, parse(default))

    def many(self, variable: str, default: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """The items of a list separated by spaces or commas, duplicates dropped, order kept."""
        items = re.split(r"[ ,]+", self._text(variable, default))
        parsed = [self._parsed(variable, item, parse, None) for item in items if item]
        return tuple(dict.fromkeys(item for item in parsed if item is not None))

    def _parsed(self, variable: str, text: str, parse: Callable[[str], T], otherwise: T) -> T:
        try:
            if found := sorted(set(_CONFIG_SYNTAX.findall(text))):
                reason = f"{' '.join(found)} could change the configuration it is written into"
                raise Refused(reason, "remove these characters, no value needs them")
            return parse(text)
        except Refused as refused:
            self.refuse(variable, text, refused.reason, refused.fix)
            return otherwise

    def _text(self, variable: str, default: str) -> str:
        text = self._environment.get(variable, "")
        if not text.strip(" "):
            return default
        if _CONTROL.search(text):
            reason = "it has a line break, tab or other control character"
            self.refuse(variable, text, reason, "write it on one line, separated by single spaces")
            return default
        if len(text) > LONGEST_VALUE:
            reason = f"it is longer than {LONGEST_VALUE} characters"
            self.refuse(variable, text, reason, "shorten the list, for example with a wildcard")
            return default
        return text
