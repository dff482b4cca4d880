"""The options of a fusion as rows: one table for the HTTP form, OpenAPI and scripts/fuse.

Adding an option is adding a row (and a field of FusionOptions).
"""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from fusion.errors import InvalidParameter
from fusion.runtime.jobs import Output
from fusion.types import FusionOptions

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INDEX = re.compile(r"\d{1,4}", re.ASCII)
_ECHO_LENGTH = 80  # of a wrong value; enough to recognise it
MOST_MAPPINGS = 64

ParameterError = dict[str, str | None]


@dataclass(frozen=True)
class Parameter:
    """One option.

    schema   JSON schema of its value as OpenAPI shows it
    parse    text -> value; raises ValueError with the end of the sentence "<name> ..."
    """

    name: str
    about: str
    default: Any
    schema: dict[str, Any]
    parse: Callable[[str], Any]


def _number(lowest: float, highest: float) -> tuple[dict[str, Any], Callable[[str], float]]:
    def parse(text: str) -> float:
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not lowest <= value <= highest:
            raise ValueError(f"must be a number from {lowest:g} to {highest:g}, such as 0.25")
        return value

    return {"type": "number", "minimum": lowest, "maximum": highest}, parse


def _whole(lowest: int, highest: int) -> tuple[dict[str, Any], Callable[[str], int]]:
    def parse(text: str) -> int:
        if not _INDEX.fullmatch(text) or not lowest <= int(text) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return {"type": "integer", "minimum": lowest, "maximum": highest}, parse


def _choice(names: Sequence[str]) -> tuple[dict[str, Any], Callable[[str], str]]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return {"type": "string", "enum": list(names)}, parse


def _face(*words: str) -> tuple[dict[str, Any], Callable[[str], int | str]]:
    def parse(text: str) -> int | str:
        if text in words:
            return text
        if not _INDEX.fullmatch(text):
            raise ValueError(f"must be an index such as 0, or {' or '.join(words)}")
        return int(text)

    index = {"type": "integer", "minimum": 0}
    return {"oneOf": [index, {"type": "string", "enum": list(words)}]}, parse


def _side(text: str) -> int | None:
    return (
        None if text == "original" else int(_choice(("original", "512", "1024", "2048"))[1](text))
    )


def parse_mappings(text: str) -> tuple[tuple[int, int], ...]:
    """[[0, 1], ...] or [{"source": 0, "target": 1}, ...] -> ((source index, target index), ...)."""
    shape = 'must be JSON like [[0, 1], [1, 0]] or [{"source": 0, "target": 1}]'
    try:
        entries = json.loads(text, object_pairs_hook=_object)
    # Deep nesting exhausts the parser's recursion.
    except (ValueError, RecursionError):
        raise ValueError(shape) from None
    if not isinstance(entries, list) or len(entries) > MOST_MAPPINGS:
        raise ValueError(f"{shape}, with at most {MOST_MAPPINGS} entries")
    pairs = [_mapping(entry, shape) for entry in entries]
    if len({target for _, target in pairs}) < len(pairs):
        raise ValueError("names a target face twice; each can get one source face only")
    return tuple(pairs)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two members with one name json keeps the last; here that is an error."""
    if len({name for name, _ in members}) < len(members):
        raise ValueError
    return dict(members)


def _mapping(entry: Any, shape: str) -> tuple[int, int]:
    pair = entry
    if isinstance(entry, dict) and entry.keys() == {"source", "target"}:
        pair = [entry["source"], entry["target"]]
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(shape)
    # bool is an int in Python, but true is no face.
    if not all(type(index) is int and 0 <= index < 10_000 for index in pair):
        raise ValueError(f"{shape}: indices are whole numbers from 0")
    return pair[0], pair[1]


_DEFAULTS = FusionOptions()
_MAPPINGS_SCHEMA = {"type": "string", "contentMediaType": "application/json"}

FACE_THRESHOLD = Parameter(
    "face_threshold",
    "Least detector score of a face.",
    _DEFAULTS.face_threshold,
    *_number(0.1, 0.9),
)


def fusion_parameters(models: Sequence[str] | None = None) -> tuple[Parameter, ...]:
    """The rows; models are the names that `model` may have, None while they are not loaded."""
    return (
        Parameter("ratio", "0 is the target, 1 the source's face in its place.", 0.5,
                  *_number(0, 1)),
        Parameter("mode", "How the face meets the target: feathered, multi-band, or overlaid.",
                  _DEFAULTS.mode, *_choice(("normal", "blend", "overlay"))),
        Parameter("model", "The swap model: unet is learned, mesh works without a network.",
                  _DEFAULTS.model, *_model(models)),
        Parameter("shape", "How far eyes, nose and mouth sit as the source's do.",
                  _DEFAULTS.shape, *_number(0, 1)),
        Parameter("smooth", "Skin smoothing, on the face only.", 0.0, *_number(0, 1)),
        Parameter("brightness", "On the face only.", 0.0, *_number(-0.5, 0.5)),
        Parameter("contrast", "On the face only.", 0.0, *_number(-0.5, 0.5)),
        Parameter("saturation", "On the face only.", 0.0, *_number(-0.5, 0.5)),
        FACE_THRESHOLD,
        Parameter("source_face", "Index as the list of faces has it, or largest; "
                  "the faces of several source pictures are counted through.",
                  "largest", *_face("largest")),
        Parameter("target_face", "Index as the list of faces has it, largest, or all.",
                  "largest", *_face("largest", "all")),
        Parameter("mappings", "Pairs of source face and target face as JSON, "
                  "[[0, 1], [1, 0]]; overrides source_face and target_face.",
                  (), _MAPPINGS_SCHEMA, parse_mappings),
        Parameter("output_size", "Longest side of the result in pixels; never enlarges.",
                  None, *_choice_of_sides()),
        Parameter("format", "Format of the result; without it the target's own, "
                  "jpeg for an AVIF or HEIC target.",
                  None, *_choice(("jpeg", "png", "webp"))),
        Parameter("quality", "Of JPEG and WebP.", 90, *_whole(1, 100)),
    )  # fmt: skip


def _model(names: Sequence[str] | None) -> tuple[dict[str, Any], Callable[[str], str]]:
    return ({"type": "string", "title": "name"}, str) if names is None else _choice(names)


def _choice_of_sides() -> tuple[dict[str, Any], Callable[[str], int | None]]:
    names = ["original", "512", "1024", "2048"]
    return {"type": "string", "enum": names, "default": "original"}, _side


def parse_fields(
    parameters: Iterable[Parameter], texts: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], list[ParameterError]]:
    """Values of all parameters, defaults filled in, and everything that is wrong with the texts."""
    known = {parameter.name: parameter for parameter in parameters}
    values = {name: parameter.default for name, parameter in known.items()}
    errors: list[ParameterError] = []
    for name, given in texts.items():
        if name not in known:
            errors.append(unknown(name, given[0], list(known)))
        elif len(given) > 1:
            errors.append(wrong(name, given[1], "is given more than once"))
        else:
            try:
                values[name] = known[name].parse(given[0].strip())
            except ValueError as error:
                errors.append(wrong(name, given[0], str(error)))
    return values, errors


def wrong(name: str, value: str | None, message: str) -> ParameterError:
    """One row of the `errors` of a problem document."""
    echo = value if value is None or len(value) <= _ECHO_LENGTH else f"{value[:_ECHO_LENGTH]}..."
    return {"parameter": name[:_ECHO_LENGTH], "value": echo, "message": message}


def unknown(name: str, value: str | None, known: Sequence[str]) -> ParameterError:
    near = difflib.get_close_matches(name[:_ECHO_LENGTH], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    others = f" Known are {', '.join(known)}" if known else " There are no options here"
    return wrong(name, value, f"is not known{hint}{others}")


def in_address(query: Iterable[tuple[str, str]]) -> list[ParameterError]:
    """What stands behind the `?`: silently ignored, it would be taken for obeyed."""
    return [
        wrong(name, value, "is in the address; send it as a form field") for name, value in query
    ]


def refuse(errors: Sequence[ParameterError]) -> None:
    """Raises InvalidParameter with all of them, if there are any."""
    if errors:
        sentences = "; ".join(f"{error['parameter']} {error['message']}" for error in errors)
        raise InvalidParameter(f"{sentences}.", errors=list(errors))


def options_of(values: Mapping[str, Any]) -> FusionOptions:
    names = {row.name for row in fields(FusionOptions)}
    return FusionOptions(**{name: value for name, value in values.items() if name in names})


def output_of(values: Mapping[str, Any]) -> Output:
    return Output(values["format"], values["quality"], values["output_size"])
