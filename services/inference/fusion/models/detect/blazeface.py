"""Faces of a picture: two BlazeFace networks over the whole picture, then closer looks.

Source: Bazarevsky et al. 2019, arXiv:1907.05047. Weights: Google, Apache-2.0.

The 256 px "back" network finds faces from 3 % of its input's side to all of it; the 192 px "full
range" one is added because it finds some that the other misses. Closer looks are squares of the
picture at growing sizes, for the back network alone (there the other one adds nothing):
- where a face is smaller than _SMALL_PX in the network's input, since others near it are missed
  or doubled at that size (64 portraits in 8 x 8: 62 of 64, all 64 one look closer);
- once in any picture above _LARGE_PX, whose small faces may still be worth having;
- when nothing was found.
A smaller view of the whole picture follows where a face takes up much of it: in close-ups that
cut the chin or the forehead off, the first look finds parts of the face as faces.

Both networks bear a head that leans by up to 90 degrees; where faces seem to lean further, all of
it is done for the picture another way up as well (upright.py).
"""

import numpy as np
from numpy.typing import NDArray

from fusion.models.detect import anchors, suppression, upright
from fusion.models.detect.anchors import Candidates
from fusion.models.detect.network import Network
from fusion.models.detect.views import Pyramid
from fusion.types import Face, Float32, ImageBGR

# Score from which a candidate counts as a reason to look closer, or not to.
_HINT = 0.5
_SMALL_PX = 16
_LARGE_PX = 2048
# The first closer look has the picture's longer side at this many times the network's input; the
# following ones double it. 1.6: two squares and their overlap cover it.
_FIRST_ZOOM = 1.6
_MOST_LOOKS = 3
_MOST_LOOKS_FOR_NOTHING = 2
_SMALLER_VIEW = 0.5
# Size of a face, relative to the longer side, from which the smaller view is worth its time. Of
# 100 faces cropped to 0.85 of their size the first look got 68 right, the smaller view all.
_CLOSE_UP = 0.45
# Half the mouth's width over the distance of the eyes, from the ArcFace 5-point template.
_HALF_MOUTH = 0.41


class Detector:
    """Finds the faces of a picture."""

    def __init__(self, back: Network, full: Network) -> None:
        self._back = back
        self._full = full

    def detect(self, image_bgr: ImageBGR, min_score: float = 0.5) -> list[Face]:
        """Find faces.

        image_bgr   (H, W, 3) uint8, any size
        min_score   0.1..0.9; what a score means is the same at every size of face
        Returns     faces without landmarks, left to right by the middle of the box; kps5's mouth
                    corners are estimated here, the landmark network finds the real ones
        """
        merged = self._all_ways_up(image_bgr)
        merged = merged.take(merged.scores >= min_score)
        merged = merged.take(np.argsort(merged.boxes[:, 0] + merged.boxes[:, 2], kind="stable"))
        return [
            Face(box_xyxy=box, kps5=_kps5(points), score=float(score))
            for box, points, score in zip(merged.boxes, merged.points, merged.scores, strict=True)
        ]

    def _all_ways_up(self, image_bgr: ImageBGR) -> Candidates:
        found = self._one_way_up(image_bgr)
        found, ways = upright.ways_up(self._back, image_bgr, found)
        height, width = image_bgr.shape[:2]
        for way in ways:
            other = self._one_way_up(upright.turned(image_bgr, way))
            found = upright.surest(found, upright.turned_back(other, way, width, height))
        return found

    def _one_way_up(self, image_bgr: ImageBGR) -> Candidates:
        pyramid = Pyramid(image_bgr)
        found = self._look_closer(pyramid, self._overview(pyramid))
        if _best(found) < _HINT:
            found = self._look_from_afar(pyramid, found)
        return suppression.merge(found)

    def _overview(self, pyramid: Pyramid) -> Candidates:
        first = self._first_look(pyramid)
        sure = first.scores >= _HINT
        if (first.sides[sure] > _CLOSE_UP * pyramid.long_side).any():
            return self._look_from_afar(pyramid, first)
        return first

    def _first_look(self, pyramid: Pyramid, fill: float = 1.0) -> Candidates:
        return anchors.joined(
            [net.find([pyramid.fitted(net.size_px, fill)]) for net in (self._back, self._full)]
        )

    def _look_from_afar(self, pyramid: Pyramid, first: Candidates) -> Candidates:
        """Replace parts of a face that nearly fills the picture, or more, by the whole one."""
        afar = self._first_look(pyramid, _SMALLER_VIEW)
        faces = afar.boxes[afar.scores >= _HINT]
        centres = (first.boxes[:, None, :2] + first.boxes[:, None, 2:]) / 2
        inside = (centres > faces[:, :2]) & (centres < faces[:, 2:])  # (first, faces, x y)
        part: NDArray[np.bool_] = np.any(np.all(inside, axis=2), axis=1)
        return anchors.joined([first.take(~part), afar])

    def _look_closer(self, pyramid: Pyramid, first: Candidates) -> Candidates:
        """Add closer looks to a first one as long as they can pay."""
        size_px = self._back.size_px
        kept: list[Candidates] = []
        latest, scale, nothing_yet = first, pyramid.long_side / size_px, True
        for look in range(_MOST_LOOKS):
            small = latest.sides < _SMALL_PX * scale
            hints = latest.scores >= _HINT
            nothing_yet = nothing_yet and not hints.any()
            long_side = round(size_px * _FIRST_ZOOM * 2**look)
            reasons = (
                (small & hints).any(),
                nothing_yet and look < _MOST_LOOKS_FOR_NOTHING,
                look == 0 and pyramid.long_side > _LARGE_PX,
            )
            if long_side > pyramid.long_side or not any(reasons):
                break
            # The closer look sees small ones better: its word on them replaces this one's.
            kept.append(latest.take(~small))
            latest = self._back.find(list(pyramid.squares(size_px, long_side)))
            scale = pyramid.long_side / long_side
        return anchors.joined([*kept, latest])


def _best(found: Candidates) -> float:
    return float(found.scores.max(initial=0.0))


def _kps5(points: Float32) -> Float32:
    """Eyes, nose tip and estimated mouth corners, (5, 2), from BlazeFace's six points."""
    eyes, nose, mouth = points[:2], points[2], points[3]
    half = (eyes[1] - eyes[0]) * _HALF_MOUTH
    return np.stack([eyes[0], eyes[1], nose, mouth - half, mouth + half]).astype(np.float32)
