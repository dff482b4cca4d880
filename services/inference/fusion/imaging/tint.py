"""Toned photos, sepia or blue: all their colour follows from how light a pixel is."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.color import grey_of, is_grey, to_lab
from fusion.types import Float32, ImageBGR

_SEEN_PX = 160  # the picture's larger side while it is looked at
_BINS, _FEWEST = 16, 8  # of grey levels, and the pixels that tell a bin's colour
# Of Lab: how far all but a twentieth of the pixels may be from their level's colour. Of 440 natural
# portraits the least has 5.4, of as many toned and compressed ones (JPEG 60 to 95) 99 % under 3.9.
_MOST_APART = 4.0


def tint_of(image_bgr: ImageBGR) -> Float32 | None:
    """What colour each grey level has in a toned photo: (256, 3) float32 BGR, 0..255.

    None for a natural photo, and for one without any colour, which needs no tint.
    """
    scale = min(1.0, _SEEN_PX / max(image_bgr.shape[:2]))
    small = cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(small, np.uint8).reshape(1, -1, 3)
    if is_grey(pixels):
        return None
    level = grey_of(pixels)[0, :, 0].astype(np.float32)
    color = to_lab(pixels)[0, :, 1:]
    apart = np.linalg.norm(color - _of_level(level, color, level), axis=1)
    if np.quantile(apart, 0.95) > _MOST_APART:
        return None
    levels = np.arange(256, dtype=np.float32)
    tint = _of_level(level, pixels[0] - level[:, None], levels) + levels[:, None]
    return np.asarray(np.clip(tint, 0, 255), np.float32)


def tinted(
    image_bgr: ImageBGR, grey_bgr: ImageBGR, tint: Float32, changed: NDArray[np.bool_]
) -> ImageBGR:
    """A toned photo (H, W, 3) uint8 after a change of its grey version, where it changed (H, W)."""
    out = image_bgr.copy()
    before, after = grey_of(image_bgr)[changed][:, 0], grey_bgr[changed][:, 0]
    toned = out[changed] + tint[after] - tint[before]
    out[changed] = np.clip(toned + 0.5, 0, 255).astype(np.uint8)
    return out


def _of_level(level: Float32, values: Float32, wanted: Float32) -> Float32:
    """Values (N, C) as a curve over levels (N,), read at the wanted levels (M,): (M, C)."""
    bins = (level * (_BINS / 256)).astype(np.intp)
    told = [k for k in range(_BINS) if np.count_nonzero(bins == k) >= _FEWEST]
    at = [float(level[bins == k].mean()) for k in told]
    curve = np.array([np.median(values[bins == k], axis=0) for k in told])
    columns = [np.interp(wanted, at, column) for column in curve.T]
    return np.asarray(np.stack(columns, axis=1), np.float32)
