"""A reader of nginx configurations: what is really written there, whatever it looks like.

Words, quotes and comments as nginx itself takes them (ngx_conf_read_token).
"""

from collections.abc import Iterator
from dataclasses import dataclass

SPACE = " \t\r\n"


@dataclass(frozen=True)
class Directive:
    """One directive: the blocks around it, outermost first, and its words."""

    within: tuple[str, ...]
    words: tuple[str, ...]


def directives(text: str) -> list[Directive]:
    """Every directive in order, a block's own line before its content."""
    found: list[Directive] = []
    blocks: list[str] = []
    words: list[str] = []
    for token, quoted in _tokens(text):
        if quoted or token not in {";", "{", "}"}:
            words.append(token)
        elif token == "}":
            if words:
                raise ValueError(f"`}}` after {words}")
            blocks.pop()
        else:
            if not words:
                raise ValueError(f"`{token}` ends nothing")
            found.append(Directive(tuple(blocks), tuple(words)))
            if token == "{":
                blocks.append(" ".join(words))
            words = []
    if words or blocks:
        raise ValueError(f"not ended: {words} in {blocks}")
    return found


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Words and punctuation; the second says whether it stood in quotes."""
    place = 0
    while place < len(text):
        character = text[place]
        if character in SPACE:
            place += 1
        elif character == "#":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif character in ";{}":
            yield character, False
            place += 1
        elif character in "\"'":
            word, place = _quoted(text, place)
            yield word, True
        else:
            word, place = _bare(text, place)
            yield word, False


def _quoted(text: str, start: int) -> tuple[str, int]:
    quote, word, place = text[start], "", start + 1
    while text[place] != quote:  # a quote that is not closed: IndexError, nginx refuses too
        # nginx takes the backslash away before quotes and itself only
        if text[place] == "\\" and text[place + 1] in "\"'\\":
            place += 1
        word += text[place]
        place += 1
    if text[place + 1] not in SPACE + ";{)":
        raise ValueError(f"{text[place + 1]!r} behind a quote")
    return word, place + 1


def _bare(text: str, start: int) -> tuple[str, int]:
    place = start
    while text[place] not in SPACE + ";{" or text[place - 1 : place + 1] == "${":
        place += 2 if text[place] == "\\" else 1
    return text[start:place], place
