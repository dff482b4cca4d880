"""Edits that open the API in a way that no list of questions could find.

An origin that one expression lets in can be any; so where expressions decide about origins, only
those that the settings made are taken.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.policy import CorsPolicy

_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\\.|[^\s"'{};\\])+""")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_CORS = re.compile(r"[\"']?access-control-allow-(origin|credentials)[\"']?", re.I)
_DECIDING = ("if", "rewrite", "set")  # beside the headers themselves
_OWN = {"origin": ("$cors_allow_origin",), "credentials": ("$cors_allow_credentials",)}


@dataclass(frozen=True)
class _Directive:
    """words of one directive or of a block's head; inside: the heads of the blocks around it."""

    words: tuple[str, ...]
    inside: tuple[tuple[str, ...], ...]

    @property
    def head(self) -> tuple[str, ...]:
        return self.inside[-1] if self.inside else ()


@dataclass(frozen=True)
class _Made:
    """A variable of a map or a set, the variables that it may be a copy of, and all it hangs on."""

    name: str
    holds: set[str]
    reads: set[str]


def unproved(policy: CorsPolicy, text: str) -> list[str]:
    """The directives of a rendered configuration that decide about origins unasked, as written."""
    if policy.any_origin:
        return []
    found = list(_directives(text))
    made = list(_made(found))
    holding = {"http_origin"}  # variables that may hold the origin
    deciding = _deciding(found)
    while grown := {item.name for item in made if item.holds & holding} - holding:
        holding |= grown
    while grown := _all_of(item.reads for item in made if item.name in deciding) - deciding:
        deciding |= grown
    ours = {f"~{origin.regex}" for origin in policy.origins}
    doubtful = []
    for directive in found:
        words, head = directive.words, directive.head
        if _is_map(head) and _names(head[1]) & holding and _names(head[2]) & deciding:
            key, value = _plain(words[0]), _plain(words[-1])
            if _is_pattern(key) and value not in ("", "0") and key not in ours:
                doubtful.append(" ".join(words))
        elif _asks_by_expression(words, holding):
            doubtful.append(" ".join(words))
        elif _speaks_for_itself(directive, policy):
            around = next(head for head in directive.inside if _is_expression(head))
            doubtful.append(f"{' '.join(around)} {{ {' '.join(words)} }}")
    return list(dict.fromkeys(doubtful))


def _directives(text: str) -> Iterator[_Directive]:
    words: list[str] = []
    inside: list[tuple[str, ...]] = []
    for token in _TOKEN.findall(text):
        if token.startswith("#"):
            continue
        if token not in "{};":
            words.append(token)
            continue
        if words:
            yield _Directive(tuple(words), tuple(inside))
        if token == "{":
            inside.append(tuple(words))
        elif token == "}" and inside:
            inside.pop()
        words = []


def _is_map(head: tuple[str, ...]) -> bool:
    return len(head) == 3 and head[0] == "map"


def _is_pattern(key: str) -> bool:
    """An expression, or a name with a `*` or a dot at an end, as `hostnames` lets a map have."""
    return key.startswith(("~", "*", ".")) or key.endswith(".*")


def _is_expression(head: tuple[str, ...]) -> bool:
    return head[0] == "location" and len(head) > 1 and head[1].startswith("~")


def _asks_by_expression(words: tuple[str, ...], origin_is_in: set[str]) -> bool:
    if words[0] != "if" or not _names(" ".join(words)) & origin_is_in:
        return False
    return any(word.startswith(("~", "!~")) for word in words)


def _speaks_for_itself(directive: _Directive, policy: CorsPolicy) -> bool:
    """A CORS header where an address is an expression, so that not every one can be asked."""
    words = directive.words
    header = _CORS.fullmatch(words[1]) if words[0] == "add_header" and len(words) > 2 else None
    if header is None or not any(_is_expression(head) for head in directive.inside):
        return False
    if header[1].lower() == "credentials" and policy.credentials:
        return False
    return _plain(words[2]) not in _OWN[header[1].lower()]


def _made(found: Iterable[_Directive]) -> Iterator[_Made]:
    for directive in found:
        words, head = directive.words, directive.head
        if _is_map(head):
            holds = _names(words[-1])
            yield _Made(_name(head[2]), holds, holds | _names(head[1]))
        elif words[0] == "set" and len(words) == 3:
            yield _Made(_name(words[1]), _names(words[2]), _names(words[2]))


def _deciding(found: Iterable[_Directive]) -> set[str]:
    names: set[str] = set()
    for directive in found:
        first, *rest = directive.words
        if first in _DECIDING or (first == "add_header" and rest and _CORS.fullmatch(rest[0])):
            names |= _names(" ".join(rest))
    return names


def _plain(word: str) -> str:
    return word.strip("\"'")


def _all_of(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _name(word: str) -> str:
    return next(iter(_names(word)), "")


def _names(text: str) -> set[str]:
    return set(_VARIABLE.findall(text))
