"""What the detector looks at: the picture at several sizes, and squares of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from fusion.types import ImageBGR

# Neighbouring squares share this part of their side: a face up to that size is whole in one.
OVERLAP = 0.25
# Mid-grey, 0 for the networks, around pictures that are not square.
GREY = 127


@dataclass(frozen=True, eq=False)
class View:
    """A square that a network sees.

    square_bgr   (S, S, 3) uint8
    scale        picture pixels for one pixel of the square
    x0, y0       picture pixel at the square's corner
    cut          which sides (left, top, right, bottom) go on in the picture
    """

    square_bgr: ImageBGR
    scale: float
    x0: float
    y0: float
    cut: tuple[bool, bool, bool, bool] = (False, False, False, False)


class Pyramid:
    """A picture at any smaller size, each made from the nearest larger one."""

    def __init__(self, image_bgr: ImageBGR) -> None:
        self._halvings = [image_bgr]
        height, width = image_bgr.shape[:2]
        self.long_side = max(height, width)

    def scaled(self, long_side: int) -> tuple[ImageBGR, float]:
        """The picture with about this longer side, and picture pixels for one of its pixels."""
        while max(self._halvings[-1].shape[:2]) >= 2 * long_side:
            height, width = self._halvings[-1].shape[:2]
            # OpenCV's bilinear halving averages 2 x 2 pixels, four times faster than INTER_AREA.
            half = cv2.resize(self._halvings[-1], (max(width // 2, 1), max(height // 2, 1)))
            self._halvings.append(half.astype(np.uint8, copy=False))
        source = next(h for h in reversed(self._halvings) if max(h.shape[:2]) >= long_side)
        return _resized(source, long_side), self.long_side / long_side

    def fitted(self, size_px: int, fill: float = 1.0) -> View:
        """The whole picture in one square; its longer side fills this part of it."""
        target = round(size_px * fill)
        if self.long_side >= target:
            small, scale = self.scaled(target)
        else:
            small, scale = _resized(self._halvings[0], target), self.long_side / target
        square = np.full((size_px, size_px, 3), GREY, np.uint8)
        height, width = small.shape[:2]
        left, top = (size_px - width) // 2, (size_px - height) // 2
        square[top : top + height, left : left + width] = small
        return View(square, scale, -left * scale, -top * scale)

    def squares(self, size_px: int, long_side: int) -> Iterator[View]:
        """Overlapping squares that cover the picture shrunk to a longer side, evenly spread."""
        small, scale = self.scaled(long_side)
        height, width = small.shape[:2]
        for y0 in _starts(height, size_px):
            for x0 in _starts(width, size_px):
                part = small[y0 : y0 + size_px, x0 : x0 + size_px]
                square = np.full((size_px, size_px, 3), GREY, np.uint8)
                square[: part.shape[0], : part.shape[1]] = part
                cut = (x0 > 0, y0 > 0, x0 + size_px < width, y0 + size_px < height)
                yield View(square, scale, x0 * scale, y0 * scale, cut)


def _resized(image_bgr: ImageBGR, long_side: int) -> ImageBGR:
    height, width = image_bgr.shape[:2]
    scale = long_side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if size == (width, height):
        return image_bgr
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image_bgr, size, interpolation=interpolation).astype(np.uint8, copy=False)


def _starts(length: int, size_px: int) -> list[int]:
    if length <= size_px:
        return [0]
    count = int(np.ceil((length - size_px) / (size_px * (1 - OVERLAP)))) + 1
    return [int(s) for s in np.linspace(0, length - size_px, count).round()]
