"""Which ways up a picture's faces stand, asked only where a first look leaves a doubt.

The networks bear a head that leans by up to 90 degrees. Beyond that they see the chin as a
forehead, with a lower score. So a face of a low score is cut out and shown to the network all four
ways up, several faces in one square; what looks better another way up is worth a look at the whole
picture that way up, and of each face the surer finding stays.

Source of the numbers below: 251 people, alone and in groups of 64, turned by 0, 15, ... 345
degrees. Of 150 others that took no part in it, at 0, 100, 120, 140, 160, 180, 200 and 235 degrees,
all came out right.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fusion.models import crops
from fusion.models.detect import anchors, suppression
from fusion.models.detect.anchors import Candidates
from fusion.models.detect.network import Network
from fusion.models.detect.views import GREY, View
from fusion.types import Float32, ImageBGR

# Quarter turns, counter-clockwise as np.rot90's; the first is how the picture lies.
WAYS = (0, 1, 2, 3)
# Score from which another way up counts: below it, patterns of the ground would come along.
_HINT = 0.5
# Score from which a face is surely not the wrong way up: of 2695 that were, one had it, of 251
# upright ones three lacked it. Smaller faces (than this part of the longer side) score less either
# way: of 1546 the wrong way up 0.5 % had the lower one, of 320 upright ones 17 % lacked it.
_SURE, _SURE_SMALL = 0.97, 0.93
_SMALL = 1 / 8
# What another way up must gain, in the logarithm of the odds.
_GAIN = 0.2
# Overlap over the smaller of two boxes of one face: the wrong way up they lie off by a third.
_SAME_FACE_INSIDE = 0.3
# What the best way up of a face in a cell scores at least; patterns of the ground hardly ever do.
_FACE = 0.8
# Cells of a square with one view of a face each, in rows; a cell's side over the face's.
_ROWS = 4
_CELL_SCALE = 2.0
_CENTRAL = 0.25  # how far from the middle of its cell a face may be found, in cells


def ways_up(
    network: Network, image_bgr: ImageBGR, found: Candidates
) -> tuple[Candidates, list[int]]:
    """The other ways up that some faces look better.

    network     the one to ask
    image_bgr   (H, W, 3) uint8
    found       its faces, merged
    Returns     the faces, scores lowered by what another way up gains; and those ways, some of
                1, 2, 3: quarter turns of the picture, counter-clockwise
    """
    doubtful = _doubtful(found, max(image_bgr.shape[:2]))
    if not doubtful.any():
        return found, []
    views = _scores(network, image_bgr, found.take(doubtful))
    gains = _log_odds(views.max(axis=1)) - _log_odds(views[:, 0])
    better = (gains > _GAIN) & (views.max(axis=1) >= _FACE)
    scores = found.scores.copy()
    lowered = _log_odds(scores[doubtful]) - np.where(better, gains, 0)
    scores[doubtful] = np.where(better, 1 / (1 + np.exp(-lowered)), scores[doubtful])
    ways = sorted({int(way) for way in views.argmax(axis=1)[better]})
    return replace(found, scores=scores), ways


def surest(found: Candidates, other: Candidates) -> Candidates:
    """Of each face the finding that gains; what only one of the two has found, too.

    found, other   merged, in the same picture; in doubt the first one's stands
    """
    other = other.take(other.scores >= _HINT)
    lost, kept = np.zeros(len(found), np.bool_), np.ones(len(other), np.bool_)
    for number, box in enumerate(other.boxes):
        _, inside = suppression.overlaps(box, found.boxes)
        same = inside > _SAME_FACE_INSIDE
        gains = _log_odds(other.scores[number]) - _log_odds(found.scores) > _GAIN
        lost |= same & gains
        kept[number] = not same.any() or gains[inside.argmax()]
    return anchors.joined([found.take(~lost), other.take(kept)])


def turned(image_bgr: ImageBGR, way: int) -> ImageBGR:
    """The picture another way up."""
    return np.ascontiguousarray(np.rot90(image_bgr, way))


def turned_back(found: Candidates, way: int, width: int, height: int) -> Candidates:
    """What was found in the turned picture, in pixels of the picture of this width and height."""
    corners, points = found.boxes.reshape(-1, 2, 2), found.points
    for turn in range(way, 0, -1):  # a quarter turn takes (x, y) to (y, side - x)
        side = np.float32(width if turn % 2 else height)
        corners, points = (
            np.stack([side - xy[..., 1], xy[..., 0]], axis=-1) for xy in (corners, points)
        )
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return Candidates(boxes, points, found.scores)


def _doubtful(found: Candidates, long_side: int) -> NDArray[np.bool_]:
    sure = np.where(found.sides < _SMALL * long_side, _SURE_SMALL, _SURE)
    doubtful: NDArray[np.bool_] = found.scores < sure
    return doubtful


def _scores(network: Network, image_bgr: ImageBGR, found: Candidates) -> Float32:
    """Of every face the score of every way up, (N, 4) float32; 0 where it is seen no longer."""
    cell_px = network.size_px // _ROWS
    cells = []
    for box, side in zip(found.boxes, found.sides, strict=True):
        side_px = _CELL_SCALE * max(float(side), 1.0)
        M_img2crop = crops.square_to_crop((box[:2] + box[2:]) / 2, side_px, 0.0, cell_px)
        cell = crops.cut(image_bgr, M_img2crop, cell_px)
        cells += [np.rot90(cell, way) for way in WAYS]
    squares = [cells[start : start + _ROWS**2] for start in range(0, len(cells), _ROWS**2)]
    best = [_best_of_cells(network, square) for square in squares]
    scores: Float32 = np.concatenate(best).reshape(-1, len(WAYS))
    return scores


def _best_of_cells(network: Network, cells: Sequence[ImageBGR]) -> Float32:
    """The best score in the middle of each cell, (len(cells),) float32."""
    cell_px = network.size_px // _ROWS
    square = np.full((network.size_px, network.size_px, 3), GREY, np.uint8)
    for place, cell in enumerate(cells):
        y0, x0 = (cell_px * k for k in divmod(place, _ROWS))
        square[y0 : y0 + cell_px, x0 : x0 + cell_px] = cell
    found = network.find([View(square, 1.0, 0.0, 0.0)])
    column_row = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 / cell_px
    column, row = np.floor(column_row).astype(np.intp).T
    central = (np.abs(column_row % 1 - 0.5) < _CENTRAL).all(axis=1)
    best = np.zeros((_ROWS, _ROWS), np.float32)
    inside = central & (np.minimum(row, column) >= 0) & (np.maximum(row, column) < _ROWS)
    np.maximum.at(best, (row[inside], column[inside]), found.scores[inside])
    return best.reshape(-1)[: len(cells)]


def _log_odds(score: Float32) -> Float32:
    odds: Float32 = np.log(np.maximum(score, 1e-6) / np.maximum(1 - score, 1e-6))
    return odds
