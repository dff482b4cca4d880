"""BlazeFace's raw numbers -> boxes, six points and scores, in units of the network's input.

Source: Bazarevsky et al. 2019, arXiv:1907.05047; anchors as in MediaPipe's SSD anchor settings
for face_detection back and full range: all of size 1, so only their centres matter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.types import Float32

# Points: eye, eye, nose tip, mouth, ear, ear; left to right as seen on an upright head.
POINTS = 6
# (stride in input pixels, anchors a cell) of every feature map, in the order of the output.
_MAPS = {
    "blazeface_back": ((16, 2), (32, 6)),
    "blazeface_full": ((4, 1),),
}
# exp() of a larger number overflows float32; MediaPipe clips its logits alike.
_LOGIT_LIMIT = 50.0
# The networks hardly ever say more than 0.95: clear portraits lie at 0.83 to 0.96. Sharpened, they
# lie at 0.9 to 0.99, so that thresholds from 0.1 to 0.9 all make sense; 0.5 stays where it was.
_SHARPNESS = 1.5


@dataclass(frozen=True, eq=False)
class Candidates:
    """Detections before or after suppression.

    boxes     (N, 4) float32, x0 y0 x1 y1
    points    (N, 6, 2) float32, x y
    scores    (N,) float32, 0..1
    """

    boxes: Float32
    points: Float32
    scores: Float32

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def sides(self) -> Float32:
        """The larger side of every box, (N,) float32."""
        sides: Float32 = np.max(self.boxes[:, 2:] - self.boxes[:, :2], axis=1)
        return sides

    def take(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Candidates":
        """Some of them: a mask or an order."""
        return Candidates(self.boxes[index], self.points[index], self.scores[index])

    def placed(self, scale: float, offset_xy: tuple[float, float]) -> "Candidates":
        """Scaled, then shifted."""
        shift = np.array(offset_xy, np.float32)
        return Candidates(
            (self.boxes.reshape(-1, 2, 2) * np.float32(scale) + shift).reshape(-1, 4),
            self.points * np.float32(scale) + shift,
            self.scores,
        )


def nothing() -> Candidates:
    return Candidates(
        np.zeros((0, 4), np.float32), np.zeros((0, POINTS, 2), np.float32), np.zeros(0, np.float32)
    )


def joined(parts: list[Candidates]) -> Candidates:
    """All candidates of several passes."""
    parts = parts or [nothing()]
    return Candidates(
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.points for p in parts]),
        np.concatenate([p.scores for p in parts]),
    )


def anchor_centres(name: str, input_size: int) -> Float32:
    """Centres of a network's anchors, (N, 2) float32 x y in input pixels, in output order."""
    centres = []
    for stride, count in _MAPS[name]:
        cells = input_size // stride
        y, x = np.mgrid[:cells, :cells].astype(np.float32)
        grid = (np.stack([x, y], axis=-1).reshape(-1, 1, 2) + 0.5) * stride
        centres.append(np.repeat(grid, count, axis=1).reshape(-1, 2))
    return np.concatenate(centres).astype(np.float32)


def decode(raw: Float32, logits: Float32, centres: Float32, min_score: float) -> Candidates:
    """Candidates of one picture.

    raw       (N, 16): centre x y and size w h of the box, then six points x y; all in input
              pixels, centre and points relative to the anchor
    logits    (N, 1)
    """
    sharp = _SHARPNESS * np.clip(logits[:, 0], -_LOGIT_LIMIT, _LOGIT_LIMIT)
    scores = 1 / (1 + np.exp(-sharp))
    keep = scores >= min_score
    raw, centres = raw[keep], centres[keep]
    centre, half = raw[:, :2] + centres, raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(-1, POINTS, 2) + centres[:, None]
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Candidates(boxes, points, scores[keep])
