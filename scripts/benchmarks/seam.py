"""Whether a fused face shows where it was set in: the picture's steps across lines along its oval.

The lines are the same for all methods: the oval that was found on the target and others a little
outside and inside of it, where masks begin and end. Beards, hair and wrinkles make steps of their
own, the source's as well as the target's; over many pairs they even out, a mask's edge does not.
"""

import cv2
import numpy as np

from fusion.imaging.color import to_lab
from fusion.imaging.face_points import OVAL
from fusion.masks.face import face_width
from fusion.types import Float32, ImageBGR

# In face widths; so far inside of the oval the plain blend's mask rises, others nearer to it.
_STEP = 0.005
_FIRST, _LAST = -0.02, 0.06
_SIDE = 4  # steps: how much of either side of a line is compared
_ALONG = 12  # 0.1 face widths: how much along it; texture evens out there, a seam does not
_AROUND = 400  # places along the oval, which is about 3.4 face widths long


def steps(image: ImageBGR, points: Float32) -> Float32:
    """Mean step across each line, CIE Lab: (17,) float32, from outside to inside.

    points  (478, 3) landmarks of the face before another was set in
    """
    strip = _strip(image, points)
    summed = np.cumsum(np.pad(strip, ((1, 0), (0, 0), (0, 0))), axis=0)
    sides = (summed[_SIDE:] - summed[:-_SIDE]) / _SIDE
    across = sides[_SIDE:] - sides[:-_SIDE]
    ring = np.concatenate([across[:, -_ALONG:], across, across[:, :_ALONG]], axis=1)
    across = cv2.blur(ring, (_ALONG, 1))[:, _ALONG:-_ALONG]
    return np.asarray(np.linalg.norm(across, axis=2).mean(axis=1), np.float32)


def seam(targets: list[Float32], results: list[Float32]) -> float:
    """The worst line's steps over the target's own there; 1 is no more edge than before.

    targets, results  steps of each picture before and after; the geometric mean over all counts, as
                      a beard that comes and one that goes must weigh the same
    """
    ratios = np.log(np.stack(results)) - np.log(np.stack(targets))
    return float(np.exp(ratios.mean(axis=0).max()))


def _strip(image: ImageBGR, points: Float32) -> Float32:
    """The oval's surroundings unrolled, CIE Lab: a row for each step inwards, _AROUND columns."""
    line, inwards = _oval(points)
    size = face_width(points)
    count = round((_LAST - _FIRST) / _STEP) + 2 * _SIDE
    depth = _FIRST + _STEP * (np.arange(count) + 0.5 - _SIDE)
    places = (line + size * depth[:, None, None] * inwards).astype(np.float32)
    smooth = cv2.GaussianBlur(image, (0, 0), max(0.6, _STEP * size / 2))
    how, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    strip = cv2.remap(smooth, places[..., 0], places[..., 1], how, borderMode=border)
    return to_lab(np.asarray(strip, np.uint8))


def _oval(points: Float32) -> tuple[Float32, Float32]:
    """Evenly spaced places on the oval and the way inwards there, (_AROUND, 2) each."""
    corners = points[[*OVAL, OVAL[0]], :2].astype(np.float64)
    way = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    at = np.linspace(0, way[-1], _AROUND, endpoint=False)
    line = np.stack([np.interp(at, way, corners[:, k]) for k in (0, 1)], axis=1)
    reach = _AROUND // len(OVAL)  # a corner's length: else the ways jump at corners
    along = np.roll(line, -reach, axis=0) - np.roll(line, reach, axis=0)
    inwards = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    if ((line.mean(axis=0) - line) * inwards).sum() < 0:
        inwards = -inwards
    return line.astype(np.float32), inwards.astype(np.float32)
