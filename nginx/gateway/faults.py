"""What is wrong with the settings: one `Fault` a problem, all of them raised together.

Parsers are plain functions from text to a value that raise `Refused`; `Reader` runs them over the
environment and collects, so that an operator sees every problem in one go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, TypeVar

T = TypeVar("T")
Severity = Literal["error", "warning"]

# What could end a quoted nginx string, start a variable or open a block. Refused before any parser
# sees the value: no value of ours needs one, and each has rewritten a rendered map before.
_CONFIG_SYNTAX = re.compile(r"""["'`$;{}\\#]""")
# What lists are pasted in, or end with, elsewhere.
_PASTED = " ;:,|\"'`<>()[]{}\u201c\u201d\u2018\u2019\uff0c\uff1b\u3001"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_SHOWN = 160
_MENDS = 4  # faults that one item can have at a time: case, path, default port, and one to spare
_GO = "remove it"  # of what has no place in a list at all
LONGEST_VALUE = 64_000  # several hundred origins; beyond it a value is an accident or an attack


@dataclass(frozen=True)
class Fault:
    """One problem.

    variable, value  of the environment
    reason, fix      why it is refused, or may not be meant, and what to write or do instead
    line             the variable's whole line with every fault in it mended, for .env
    severity         an error keeps the gateway from starting, a warning does not
    left_out         whether the line goes without the value: nothing is known to write for it
    """

    variable: str
    value: str
    reason: str
    fix: str
    line: str = ""
    severity: Severity = "error"
    left_out: bool = False

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        shown = _shown(self.value, _LONGEST_SHOWN)
        return f"{mark}{self.variable}: {shown}\n    why: {self.reason}\n    fix: {self.fix}"


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
        super().__init__(in_words(self.faults))


def in_words(faults: Iterable[Fault]) -> str:
    """All of them as text; the corrected line of a variable once, after its last fault."""
    texts = []
    for _, group in groupby(faults, key=lambda fault: fault.variable):
        members = list(group)
        texts += [str(fault) for fault in members]
        line = next((fault.line for fault in reversed(members) if fault.line), "")
        if line:
            texts.append(f"  write: {_shown(line, LONGEST_VALUE)}")
            left_out = (f.value for f in members if f.left_out and f.value not in line)
            texts += [
                f"    without {_shown(value, _LONGEST_SHOWN)}: put it right, and back in"
                for value in dict.fromkeys(left_out)
            ]
    return "\n".join(texts)


def _shown(text: str, longest: int) -> str:
    if len(text) > longest:
        text = f"{text[:longest]}... ({len(text)} characters)"
    return printable(text)


def printable(text: str) -> str:
    """On one line, and without what controls terminals or turns the direction of writing."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


class Reader:
    """Reads variables of one environment; every fault is kept for `report`, none is raised.

    An unset or empty variable means its default: compose hands over unset ones as empty.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._faults: list[Fault] = []
        # variable -> each of its items -> as it should be written, None for what is to go
        self._mended: dict[str, dict[str, str | None]] = {}

    @property
    def faults(self) -> list[Fault]:
        """What was found so far, by variable, each with its variable's mended line."""
        found = sorted(self._faults, key=lambda fault: fault.variable)
        return [replace(fault, line=fault.line or self._line(fault.variable)) for fault in found]

    def refuse(
        self,
        variable: str,
        value: str,
        reason: str,
        fix: str,
        instead: str | None = None,
        line: str = "",
    ) -> None:
        """Keeps a fault.

        instead  what to write for the value, None where it should go
        line     the whole line to write, where that is not the variable's own with the value mended
        """
        self._mend(variable, value, instead)
        left_out = instead is None and not line and fix != _GO
        self._faults.append(Fault(variable, value, reason, fix, line, left_out=left_out))

    def one(self, variable: str, default: str, parse: Callable[[str], T]) -> T:
        """The parsed value; the parsed default stands in for a refused one."""
        text = self._text(variable, default).strip(" ")
        self._mended.setdefault(variable, {text: text})
        return self._parsed(variable, text, parse, parse(default))

    def many(self, variable: str, default: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """The items of a list separated by spaces or commas, duplicates dropped, order kept."""
        text = self._text(variable, default)
        items = [item for item in re.split(r"[ ,]+", text) if item]
        if text and not items:
            fix = "write the items of the list; nothing at all stands for the default"
            self.refuse(variable, text, "it is a list of nothing", fix)
        self._mended.setdefault(variable, {item: item for item in items})
        parsed = [self._parsed(variable, item, parse, None) for item in items]
        return tuple(dict.fromkeys(item for item in parsed if item is not None))

    def _parsed(self, variable: str, text: str, parse: Callable[[str], T], otherwise: T) -> T:
        try:
            if found := sorted(set(_CONFIG_SYNTAX.findall(text))):
                reason = f"{' '.join(found)} could change the configuration it is written into"
                raise Refused(
                    reason, "leave them out; items of a list are separated by spaces alone"
                )
            return parse(text)
        except Refused as refused:
            instead = _usable(text.strip(_PASTED), parse, 1) or _usable(refused.fix, parse, _MENDS)
            self.refuse(variable, text, refused.reason, instead or refused.fix, instead)
            return otherwise

    def _mend(self, variable: str, value: str, instead: str | None) -> None:
        items = self._mended.get(variable, {})
        if value in items:
            items[value] = instead

    def _line(self, variable: str) -> str:
        if variable not in self._mended:
            return ""
        written = [text for text in self._mended[variable].values() if text]
        return f'{variable}="{" ".join(dict.fromkeys(written))}"'

    def _text(self, variable: str, default: str) -> str:
        text = self._environment.get(variable, "")
        if not text.strip(" "):
            return default
        if _CONTROL.search(text):
            reason = "it has a line break, tab or other control character"
            fix = "write it on one line, separated by single spaces"
            line = f'{variable}="{" ".join(_CONTROL.sub(" ", text).split())}"'
            self.refuse(variable, text, reason, fix, line=line)
            return default
        if len(text) > LONGEST_VALUE:
            reason = f"it is longer than {LONGEST_VALUE} characters"
            self.refuse(variable, text, reason, "shorten the list, for example with a wildcard")
            return default
        return text


def _usable(fix: str, parse: Callable[[str], T], mends: int) -> str | None:
    """The fix where it is itself a value to write, and no advice; mended again where it must be."""
    for _ in range(mends):
        if _CONFIG_SYNTAX.search(fix):
            return None
        try:
            parse(fix)
        except Refused as refused:
            fix = refused.fix
        else:
            return fix
    return None
