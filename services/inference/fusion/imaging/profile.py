"""ICC profiles: from a picture's own colours to sRGB or to another picture's profile.

The target's pixels are never converted, or ratio 0 would not give them back: its profile is kept
and embedded in the result. Everything that is put into it (the source) is converted instead.
"""

import io
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from fusion.imaging.picture import Picture
from fusion.types import ImageBGR

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def rgb_of(image: Image.Image, icc_profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """An "RGB" image and the profile that its pixels are in (None for sRGB).

    image         mode "RGB" keeps pixels and profile; "CMYK" and "L" become sRGB, through the
                  profile or by the plain formula without one
    icc_profile   ignored when it is damaged or speaks of another mode. One that can only be read,
                  as of a scanner, is used up: a source could not be brought into it
    """
    if icc_profile is None or not _connects(icc_profile, _SRGB, image.mode):
        # convert() to the same mode would copy.
        return (image if image.mode == "RGB" else image.convert("RGB")), None
    if image.mode == "RGB" and _connects(_SRGB, icc_profile, "RGB"):
        return image, icc_profile
    return _transform(image, icc_profile, _SRGB), None


def to_profile(picture: Picture, icc_profile: bytes | None) -> Picture:
    """The same picture with its colours expressed in another RGB profile.

    icc_profile   the wanted profile, None for sRGB
    Returns       the picture itself when the two spaces differ by at most one level anywhere
    """
    have, want = picture.icc_profile or _SRGB, icc_profile or _SRGB
    if have == want or _same_space(have, want):
        return replace(picture, icc_profile=icc_profile)
    converted = _transform(image_of(picture.image_bgr), have, want)
    return replace(picture, image_bgr=array_of(converted), icc_profile=icc_profile)


def image_of(image_bgr: ImageBGR) -> Image.Image:
    """A Pillow "RGB" image from (H, W, 3) uint8 BGR."""
    height, width = image_bgr.shape[:2]
    pixels = np.ascontiguousarray(image_bgr)
    return Image.frombuffer("RGB", (width, height), pixels, "raw", "BGR", 0, 1)


def array_of(image: Image.Image) -> ImageBGR:
    """(H, W, 3) uint8 BGR, read-only, from a Pillow "RGB" image."""
    pixels = np.frombuffer(image.tobytes("raw", "BGR"), np.uint8)
    return pixels.reshape(image.height, image.width, 3)


@lru_cache(maxsize=64)
def _connects(have: bytes, want: bytes, mode: str) -> bool:
    try:
        _transform(Image.new(mode, (1, 1)), have, want)
    # Damaged profiles raise OSError, ValueError, UnicodeDecodeError, PyCMSError, ...; a photo is
    # worth more than its profile.
    except Exception:
        return False
    return True


@lru_cache(maxsize=32)
def _same_space(have: bytes, want: bytes) -> bool:
    # Every camera writes its own sRGB profile: a lattice of 17 steps a channel tells in a
    # millisecond that converting megapixels would change nothing.
    steps = np.linspace(0, 255, 17).astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, 289, 3)
    moved = array_of(_transform(image_of(lattice), have, want))
    return int(np.abs(moved.astype(np.int16) - lattice).max()) <= 1


def _transform(image: Image.Image, have: bytes, want: bytes) -> Image.Image:
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(have)),
        ImageCms.ImageCmsProfile(io.BytesIO(want)),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only in-place transforms return None
    return converted
