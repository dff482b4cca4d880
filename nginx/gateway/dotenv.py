"""The grammar of .env files: what compose reads, less what its readers read in different ways.

load_dotenv in scripts/lib.sh reads the same; tests/stack/test_dotenv.py holds both to compose.
What is left out is refused, never skipped: a line that one reader skips is a policy for another.
"""

import re
from collections import Counter

from gateway.faults import Refused

# ASCII only, and no splitlines(): for everybody else a line ends with \n and nothing else.
_NO_LINE = re.compile(r"[ \t]*(?:#.*)?")
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*[=:][ \t]*(.*)")
_QUOTED = re.compile(r"""(?:"([^"\\$]*)"|'([^'\\]*)')[ \t]*(?:#.*)?""")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class BadLine(Refused):
    """A line that is refused; number counts from 1."""

    def __init__(self, number: int, line: str, refused: Refused) -> None:
        super().__init__(refused.reason, refused.fix)
        self.number = number
        self.line = line


def parse_dotenv(text: str) -> tuple[dict[str, str], list[BadLine]]:
    """Name -> value, the last line of a name in force; and every line that is none."""
    values: dict[str, str] = {}
    bad = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        try:
            values |= _parse_line(line.removesuffix("\r"))
        except Refused as refused:
            bad.append(BadLine(number, line, refused))
    return values, bad


def repeated(text: str) -> dict[str, int]:
    """Name -> how many lines set it, of those that more than one does."""
    lines = (_ASSIGNMENT.fullmatch(line) for line in text.removeprefix("\ufeff").split("\n"))
    count = Counter(line[1] for line in lines if line)
    return {name: number for name, number in count.items() if number > 1}


def _parse_line(line: str) -> dict[str, str]:
    if _NO_LINE.fullmatch(line):
        return {}
    match = _ASSIGNMENT.fullmatch(line)
    if match is None:
        raise Refused("it is not NAME=value", 'write it as in CORS_MAX_AGE="600"')
    if _CONTROL.search(line):
        raise Refused("it has a control character", "write the line again by hand")
    return {match[1]: _parse_value(match[2])}


def _parse_value(text: str) -> str:
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1] or quoted[2] or ""
    if text.startswith("#"):
        reason = "a comment right after the name is part of the value for some readers"
        raise Refused(reason, "put the comment on a line of its own, or the value between quotes")
    value = text.partition(" #")[0].rstrip(" \t")
    if "$" in value:
        fix = "write the value out, or put a $ that is meant between single quotes"
        raise Refused("variables after a $ are not replaced here", fix)
    if text.startswith(('"', "'")):
        fix = 'write one pair of quotes around the value and nothing after it, as in NAME="a b"'
        raise Refused("its quotes do not end with the value, or there is a \\ between them", fix)
    return value
