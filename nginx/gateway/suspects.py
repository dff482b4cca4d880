"""Origins and addresses that an edited template could let in by mistake."""

import re
from collections.abc import Iterable, Iterator

from gateway.origins import OriginPattern
from gateway.snapshot import STRANGERS, probes

_NAMED = re.compile(r"https?:(?:\\?/){2}[^\s\"';{}$]+")
_DOT = re.compile(r"\\?\[\.\]|\\\.")
_LOCATION = re.compile(r"^\s*location\s+(?:=|\^~|~\*?)?\s*([\"']?)(\S+)\1\s*\{", re.M)
# What stands for other characters in an expression.
_WILD = re.compile(r"\[[^\]]*\][*+?]?|\.[*+?]|\(\?[:=!]|[()?*+|^\\]")
_ORIGIN = re.compile(r"https?://[a-z0-9._-]+(?::[0-9]+)?", re.I)


def suspects(patterns: Iterable[OriginPattern], text: str) -> list[str]:
    """What is let in by these patterns, their neighbours, and whatever else the text names.

    text  a rendered configuration
    """
    patterns = tuple(patterns)
    found = [*STRANGERS, *probes(_one_of_each_kind(patterns))]
    for pattern in patterns:
        own = next(probes([pattern]))
        found += [own, *_holes(own)]
    return list(dict.fromkeys([*found, *_named_in(text)]))


def _one_of_each_kind(patterns: Iterable[OriginPattern]) -> list[OriginPattern]:
    kinds: dict[tuple[str, bool, bool], OriginPattern] = {}
    for origin in patterns:
        kinds.setdefault((origin.scheme, origin.subdomains, origin.any_port), origin)
    return list(kinds.values())


def _holes(origin: str) -> Iterator[str]:
    """With another character for a dot: what an expression lets in whose dots mean any."""
    for dot in re.finditer(r"\.", origin):
        yield f"{origin[: dot.start()]}x{origin[dot.end() :]}"


def _named_in(text: str) -> Iterator[str]:
    """Origins that stand there, or that an expression there may mean."""
    for match in _NAMED.finditer(text):
        plain = _DOT.sub(".", match[0])
        for filler in ("", "x"):
            guess = _WILD.sub(filler, plain)
            if _ORIGIN.fullmatch(guess):
                yield guess.lower()


def places_in(text: str) -> list[str]:
    """An address of every location of a rendered configuration that callers can reach."""
    found = []
    for match in _LOCATION.finditer(text):
        place = match[2]
        if match[0].split()[1].startswith("~"):
            # Found anywhere in the address, where it does not begin with `^`.
            place = place.removeprefix("^") if place.startswith("^") else f"/api/x{place}"
            place = place.removesuffix("$")
            place = re.sub(r"\(\?:([^()|]*)[^()]*\)", r"\1", place)  # the first of the choices
            place = re.sub(r"\[([^^\]])[^\]]*\][*+?]?", r"\1", place)  # the first of a class
            place = re.sub(r"\((?!\?)([^()|]*)[^()]*\)", r"\1", place)
            place = re.sub(r"(?<!\\)\.[*+?]?|\[[^\]]*\][*+?]?", "x", place)
            place = re.sub(r"[\\()?*+|^]", "", place)
        if re.fullmatch(r"/(?!\.)[!-~]*", place):
            found += [place, f"{place}x"] if place.endswith("/") else [place]
    return list(dict.fromkeys(found))
