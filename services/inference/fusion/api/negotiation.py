"""What an Accept header wants (RFC 9110, 12.5.1): a picture in one of our formats, or JSON."""

import re
from dataclasses import dataclass

from fusion.errors import NotAcceptable
from fusion.imaging.codec import MEDIA_TYPES, OutputFormat

JSON = "application/json"
_QUALITY = re.compile(r"0?\.\d{1,3}|[01](\.0{0,3})?|0\.", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """json: the document with the picture inside. formats: those that Accept likes best, or all."""

    json: bool
    formats: tuple[OutputFormat, ...]


def negotiate(accept: str | None) -> Wanted:
    """Picture or JSON, and which picture.

    JSON is for those who like it better than any picture: `application/json, */*`, which some
    clients send for everything, gets the picture.

    accept   the header, None for none
    Raises   NotAcceptable when it allows neither
    """
    ranges = _parse(accept or "*/*")
    likes = {name: _quality(ranges, media_type) for name, media_type in MEDIA_TYPES.items()}
    best, json = max(likes.values()), _quality(ranges, JSON)
    if best == json == 0:
        raise NotAcceptable(
            f"Accept allows none of {', '.join([*MEDIA_TYPES.values(), JSON])}.",
            available=[*MEDIA_TYPES.values(), JSON],
        )
    liked = tuple(name for name, quality in likes.items() if quality == best > 0)
    return Wanted(json > best, liked or tuple(MEDIA_TYPES))


def _parse(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for entry in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = float(parameter[2:]) if _QUALITY.fullmatch(parameter[2:]) else 0.0
        ranges[name] = max(quality, ranges.get(name, 0.0))
    return ranges


def _quality(ranges: dict[str, float], media_type: str) -> float:
    """The most specific range that fits decides."""
    for name in (media_type, f"{media_type.split('/', maxsplit=1)[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0
