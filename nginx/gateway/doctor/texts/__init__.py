"""The words of the report: one table a language, with equal keys and placeholders."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Texts:
    """faults: code -> (what is wrong, why); cdn: remedy -> what to change there; words: other.

    notes  the comments in lines to change, and what has to be changed in words
    """

    faults: dict[str, tuple[str, str]]
    cdn: dict[str, str]
    words: dict[str, str]
    notes: dict[str, str]


def language_of(environment: Mapping[str, str]) -> Language:
    """That of the locale (POSIX 8.2, the first of the three that is set); else English."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return next((own for own in LANGUAGES if re.match(rf"{own}(?:[_.@-]|$)", locale)), "en")


@cache
def texts_in(language: Language) -> Texts:
    table = tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))
    faults = {code: (what, why) for code, (what, why) in table["faults"].items()}
    return Texts(faults, table["cdn"], table["words"], table["notes"])
