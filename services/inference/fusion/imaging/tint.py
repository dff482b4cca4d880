"""Toned photos, sepia or blue: all their colour follows from how light a pixel is."""

import cv2
import numpy as np

from fusion.imaging.color import grey_of, to_lab
from fusion.types import Float32, ImageBGR

# The pixels that tell lie around the face, in a square of so many times its box: of a natural photo
# on a white or grey page the page would hide that the face has colours of its own.
_AROUND = 1.4
_SEEN_PX = 160  # the square's side while it is looked at
_BINS, _FEWEST = 16, 8  # of grey levels, and the pixels that tell a bin's colour
# Of Lab: how far all but a twentieth of the pixels may be from their level's colour. Of 250 natural
# portraits the least has 5.4, cut out on white pages 5.0; of as many toned ones (sepia and blue,
# JPEG 70) the most has 3.4.
_MOST_APART = 4.2


def tint_of(image_bgr: ImageBGR, box_xyxy: Float32) -> Float32 | None:
    """What colour each grey level has in a toned photo: (256, 3) float32 BGR, 0..255.

    None for a natural photo. Black and white is a tone too.

    image_bgr  (H, W, 3) uint8; box_xyxy (4,) of the face, in its pixels
    """
    near = _square_around(image_bgr, box_xyxy)
    scale = min(1.0, _SEEN_PX / max(near.shape[:2]))
    small = cv2.resize(near, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    pixels = np.asarray(small, np.uint8).reshape(1, -1, 3)
    level = grey_of(pixels)[0, :, 0].astype(np.float32)
    color = to_lab(pixels)[0, :, 1:]
    apart = np.linalg.norm(color - _of_level(level, color, level), axis=1)
    if np.quantile(apart, 0.95) > _MOST_APART:
        return None
    levels = np.arange(256, dtype=np.float32)
    tint = _of_level(level, pixels[0] - level[:, None], levels) + levels[:, None]
    return np.asarray(np.clip(tint, 0, 255), np.float32)


def tinted(before_bgr: ImageBGR, grey_bgr: ImageBGR, tint: Float32) -> ImageBGR:
    """Pixels (N, 3) uint8 of a toned photo after a change of their grey version, (N, 3) too."""
    before, after = grey_of(before_bgr[None])[0, :, 0], grey_bgr[:, 0]
    toned = before_bgr + tint[after] - tint[before]
    return np.asarray(np.clip(toned + 0.5, 0, 255), np.uint8)


def _square_around(image_bgr: ImageBGR, box_xyxy: Float32) -> ImageBGR:
    h, w = image_bgr.shape[:2]
    middle = (box_xyxy[:2] + box_xyxy[2:]) / 2
    reach = _AROUND * float(np.max(box_xyxy[2:] - box_xyxy[:2])) / 2
    x0, y0 = (max(0, int(v - reach)) for v in middle)
    x1, y1 = (int(v + reach) + 1 for v in middle)
    return image_bgr[y0 : min(y1, h), x0 : min(x1, w)]


def _of_level(level: Float32, values: Float32, wanted: Float32) -> Float32:
    """Values (N, C) as a curve over levels (N,), read at the wanted levels (M,): (M, C)."""
    bins = (level * (_BINS / 256)).astype(np.intp)
    told = [k for k in range(_BINS) if np.count_nonzero(bins == k) >= _FEWEST]
    at = [float(level[bins == k].mean()) for k in told]
    curve = np.array([np.median(values[bins == k], axis=0) for k in told])
    columns = [np.interp(wanted, at, column) for column in curve.T]
    return np.asarray(np.stack(columns, axis=1), np.float32)
