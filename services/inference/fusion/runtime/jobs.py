"""Files in, a file out: what one request or one line of scripts/fuse asks of the pipeline."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.errors import FusionError
from fusion.imaging.codec import (
    MEDIA_TYPES,
    OutputFormat,
    Picture,
    check_size,
    decode,
    encode,
    read_header,
    to_profile,
)
from fusion.imaging.header import Header, ImageFormat
from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces, fuse
from fusion.runtime.pool import Check
from fusion.types import Face, FacePair, FusionOptions, FusionWarning


@dataclass(frozen=True)
class Output:
    """How the result is written.

    format         None: the target's own, or JPEG where that cannot be written
    quality        1..100 for JPEG and WebP
    longest_side   pixels; the result is never enlarged; None: the target's size
    """

    format: OutputFormat | None = None
    quality: int = 90
    longest_side: int | None = None


@dataclass(frozen=True, eq=False)
class FusedFile:
    """An encoded result; timings_ms has the stages in the order they ran."""

    data: bytes
    media_type: str
    width: int
    height: int
    pairs: tuple[FacePair, ...]
    warnings: tuple[FusionWarning, ...]
    timings_ms: dict[str, float]


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """Faces in pixels of the upright picture, left to right."""

    width: int
    height: int
    faces: tuple[Face, ...]
    timings_ms: dict[str, float]


_OWN_FORMAT: dict[ImageFormat, OutputFormat] = {
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "avif": "jpeg",
    "heic": "jpeg",
}


def _go_on() -> None:
    """The check of a job that nobody can abandon."""


def fuse_files(
    models: FaceModels,
    target: bytes,
    sources: Sequence[bytes],
    options: FusionOptions,
    *,
    output: Output,
    max_pixels: int,
    check: Check = _go_on,
) -> FusedFile:
    """Decodes, fuses, resizes and encodes.

    target, sources   image files; faces of the sources are counted over them in order
    max_pixels        of each picture
    check             called between stages; what it raises ends the job
    Raises            what decode(), fuse() and encode() raise; extra["image"] names the picture
    """
    timings: dict[str, float] = {}
    with _timed(timings, "decode"):
        with _naming("target"):
            picture = decode(target, max_pixels)
        own = []
        for number, source in enumerate(sources):
            check()
            with _naming("source", number if len(sources) > 1 else None):
                own.append(to_profile(decode(source, max_pixels), picture.icc_profile))
    check()
    result = fuse(models, picture.image_bgr, [source.image_bgr for source in own], options)
    timings |= result.timings_ms
    check()
    fused = _shrunk(replace(picture, image_bgr=result.image_bgr), output.longest_side)
    image_format = output.format or own_format(picture.format)
    with _timed(timings, "encode"):
        data = encode(fused, image_format, output.quality)
    width, height = fused.size
    return FusedFile(
        data, MEDIA_TYPES[image_format], width, height, result.pairs, result.warnings, timings
    )


def faces_of(
    models: FaceModels, image: bytes, min_score: float, max_pixels: int, check: Check = _go_on
) -> FoundFaces:
    """Faces of an image file. Raises what decode() raises."""
    timings: dict[str, float] = {}
    with _timed(timings, "decode"), _naming("image"):
        picture = decode(image, max_pixels)
    check()
    with _timed(timings, "detect"):
        faces = find_faces(models, picture.image_bgr, min_score)
    return FoundFaces(*picture.size, tuple(faces), timings)


def size_of(image: bytes, max_pixels: int) -> tuple[int, int]:
    """(width, height) of an upright picture, decoded in full: a bad file is found at once."""
    with _naming("image"):
        return decode(image, max_pixels).size


def headers_of(target: bytes, sources: Sequence[bytes], max_pixels: int) -> list[Header]:
    """Headers of the target and the sources, within the limits; microseconds, nothing is decoded.

    Raises   as fuse_files() would, for what a header shows
    """
    with _naming("target"):
        headers = [_checked(target, max_pixels)]
    for number, source in enumerate(sources):
        with _naming("source", number if len(sources) > 1 else None):
            headers.append(_checked(source, max_pixels))
    return headers


def header_of(image: bytes, max_pixels: int) -> Header:
    """The same for the picture of POST /faces and POST /images."""
    with _naming("image"):
        return _checked(image, max_pixels)


def _checked(data: bytes, max_pixels: int) -> Header:
    header = read_header(data)
    check_size(header, max_pixels)
    return header


def own_format(image_format: ImageFormat) -> OutputFormat:
    """The format that the result has when its caller asks for none."""
    return _OWN_FORMAT[image_format]


def _shrunk(picture: Picture, longest_side: int | None) -> Picture:
    width, height = picture.size
    if longest_side is None or max(width, height) <= longest_side:
        return picture
    scale = longest_side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))

    # AREA: the only one of OpenCV's filters that does not alias when making smaller.
    def resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    alpha = None if picture.alpha is None else resized(picture.alpha)
    return replace(picture, image_bgr=resized(picture.image_bgr), alpha=alpha)


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    timings[stage] = (time.perf_counter() - started) * 1e3


@contextmanager
def _naming(image: str, number: int | None = None) -> Iterator[None]:
    """Says in an error which of a request's pictures it speaks of."""
    try:
        yield
    except FusionError as error:
        error.extra.setdefault("image", image)
        if number is not None:
            error.extra.setdefault("index", number)
        name = image if number is None else f"{image} {number}"
        error.detail = f"{name.capitalize()}: {error.detail}"
        raise
