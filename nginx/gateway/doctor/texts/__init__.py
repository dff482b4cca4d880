"""The words of the report: one table a language, with equal keys and placeholders."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Texts:
    """faults: code -> (what is wrong, why); cdn: remedy -> what to change there; words: other."""

    faults: dict[str, tuple[str, str]]
    cdn: dict[str, str]
    words: dict[str, str]


@cache
def texts_in(language: Language) -> Texts:
    table = tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))
    faults = {code: (what, why) for code, (what, why) in table["faults"].items()}
    return Texts(faults, table["cdn"], table["words"])
