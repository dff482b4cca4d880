"""Sheets to look at: of every pair the source, the target and what each model makes of it."""

import re
from pathlib import Path

import cv2
import numpy as np

from benchmarks.portraits import Portrait
from fusion.types import Face, ImageBGR

CELL_PX = 240


class Sheet:
    """Rows of pairs (target, source), a column for each model that is added."""

    def __init__(self, pairs: list[tuple[Portrait, Portrait]]) -> None:
        self._pairs = pairs
        self._columns = [
            [_cell(s.image, s.face) for _, s in pairs],
            [_cell(t.image, t.face) for t, _ in pairs],
        ]

    def add(self, results: list[ImageBGR]) -> None:
        self._columns.append(
            [_cell(image, t.face) for (t, _), image in zip(self._pairs, results, strict=True)]
        )

    def write(self, folder: Path, name: str) -> None:
        """As a JPEG; what a file name should not have becomes underscores."""
        rows = [np.hstack(cells) for cells in zip(*self._columns, strict=True)]
        path = folder / f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}.jpg"
        cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 90])


def _cell(image: ImageBGR, face: Face) -> ImageBGR:
    x0, y0, x1, y1 = face.box_xyxy
    scale = CELL_PX / (1.5 * max(x1 - x0, y1 - y0))
    shift = CELL_PX / 2 - scale * np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    M = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(image, M, (CELL_PX, CELL_PX), flags=cv2.INTER_AREA), np.uint8)
