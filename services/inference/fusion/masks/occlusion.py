"""Hair, hats and hands over the forehead and temples: found as what is no skin of this face.

The sure parts of the face (cheeks, nose) tell its skin's colour; what differs, above the brows and
joined to the hair line, is not skin.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.color import level_of, to_lab
from fusion.imaging.face_points import BROWS, EYES, OVAL
from fusion.imaging.mesh import polygon_mask
from fusion.masks.face import face_width, smoothstep
from fusion.types import Float32, ImageBGR, Mask

# fmt: off
_CHEEKS_NOSE = ((117, 118, 101, 36, 205, 187, 123), (346, 347, 330, 266, 425, 411, 352),
                (6, 122, 236, 134, 4, 363, 456, 351))
_BROW_LINE = (93, 137, 116, 143, 156, 70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300, 383, 372,
              345, 366, 323)
# Without their tails: hair at the temples may lie over those.
_INNER_BROWS = ((63, 105, 66, 107, 55, 65, 52, 53), (293, 334, 296, 336, 285, 295, 282, 283))
_BELOW_NOSE = (361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132,
               205, 2, 425)
# fmt: on
_BROW_LOST = 0.25  # share of a brow
# How high the strip above a brow is, as a share of the face's width, and how much of it hair covers
# that lies on the brow as well. Of 230 held-out photos it covers 0.98 in one, 0.86 in the next.
_ABOVE_BROW, _COVERED_ABOVE = 0.06, 0.9
_TAIL_EDGE = 0.04  # of the face's width: tails reach beyond the landmarks of brows
_HIGHER = 0.12  # of the face's width: hair over a brow's tail is as high, the tail is not
_FEATURE_EDGE = 0.015  # of the face's width
_STRAND = 0.03  # of the face's width: half of a strand's width
_GAP = 0.07  # of the face's width: narrower gaps between strands are filled


def not_skin(image_bgr: ImageBGR, points: Float32) -> Mask:
    """How surely each pixel is not this face's skin by its colour: (h, w) float32 0..1.

    image_bgr  (h, w, 3) uint8, the face's small picture; points (478, 3) in its pixels
    """
    shape = image_bgr.shape[:2]
    sigma = max(0.6, 0.006 * face_width(points))
    lab = np.asarray(cv2.GaussianBlur(to_lab(image_bgr), (0, 0), sigma), np.float32)
    sure = np.zeros(shape, np.float32)
    for outline in _CHEEKS_NOSE:
        sure = np.maximum(sure, polygon_mask(points[list(outline)], shape))
    skin = lab[sure > 0.5]
    if len(skin) < 20:
        return np.zeros(shape, np.float32)
    foreign = smoothstep(_distance_from_skin(lab, skin), 3.0, 4.5)
    strands = _strands(lab[..., 0], face_width(points)) * _upper_face(points, shape)
    return np.asarray(np.maximum(foreign, strands), np.float32)


def _strands(lightness: Float32, size: float) -> Mask:
    """Thin dark lines that hang down, as a fringe's; a forehead's wrinkles lie across."""
    across = np.ones((1, 2 * max(1, round(_STRAND * size)) + 1), np.uint8)
    lines = np.asarray(cv2.morphologyEx(lightness, cv2.MORPH_BLACKHAT, across), np.float32)
    return smoothstep(lines, 6.0, 12.0)


def hair_over_face(foreign: Mask, points: Float32, grow: float = 0.0) -> Mask:
    """Hair, hat or hand over the upper face: (h, w) float32 0..1.

    foreign  (h, w) as not_skin gives it; points (478, 3) in its pixels
    grow     widens what is found by this share of the face's width
    """
    shape = (foreign.shape[0], foreign.shape[1])
    size = face_width(points)
    zone = _upper_face(points, shape)
    hair = _joined_to_outside(_without_tails(foreign, points) * zone, points, shape)
    # Skin between the strands of a fringe is too little to be worth its edges.
    hair = np.asarray(cv2.morphologyEx(hair, cv2.MORPH_CLOSE, _square(_GAP * size)) * zone)
    if grow > 0:
        hair = np.asarray(cv2.dilate(hair, _disc(grow * size)))
    return np.asarray(cv2.GaussianBlur(hair, (0, 0), max(0.6, 0.01 * size)), np.float32)


def beard_on_face(foreign: Mask, points: Float32) -> Mask:
    """A beard, or whatever else is no skin below the nose: (h, w) float32 0..1."""
    lower = polygon_mask(points[list(_BELOW_NOSE)], (foreign.shape[0], foreign.shape[1]))
    return np.asarray(foreign * lower, np.float32)


def brows_hidden(hidden: Mask, points: Float32) -> bool:
    """Whether too much of a brow is hidden to show the rest of it.

    hidden  (h, w) 0..1, hair and glasses; points (478, 3) in its pixels

    Hair is not looked for on brows themselves: where it lies all along above one, it lies on it.
    """
    shape = (hidden.shape[0], hidden.shape[1])
    up = np.array([[1, 0, 0], [0, 1, -_ABOVE_BROW * face_width(points)]])
    for outline in BROWS:
        brow = polygon_mask(points[list(outline)], shape)
        above = np.maximum(cv2.warpAffine(brow, up, shape[::-1]) - brow, 0)
        if level_of(hidden, brow) > _BROW_LOST or level_of(hidden, above) > _COVERED_ABOVE:
            return True
    return False


def _without_tails(foreign: Mask, points: Float32) -> Mask:
    """Leaves out what stands no higher than a brow where the brows are: their tails are no hair."""
    size = face_width(points)
    brows = np.zeros_like(foreign)
    for outline in BROWS:
        brows = np.maximum(brows, polygon_mask(points[list(outline)], foreign.shape))
    near = cv2.dilate(brows, _disc(_TAIL_EDGE * size))
    upright = np.ones((2 * round(_HIGHER * size / 2) + 1, 1), np.uint8)
    tall = np.asarray(cv2.morphologyEx(foreign, cv2.MORPH_OPEN, upright), np.float32)
    return np.asarray(np.where(near > 0.5, np.minimum(foreign, tall), foreign), np.float32)


def _square(radius: float) -> NDArray[np.uint8]:
    # Many times faster than a disc, and a gap's form does not matter.
    side = 2 * max(1, round(radius)) + 1
    return np.ones((side, side), np.uint8)


def _disc(radius: float) -> NDArray[np.uint8]:
    k = max(1, round(radius))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * k + 1, 2 * k + 1)))


def _distance_from_skin(lab: Float32, skin: Float32) -> Float32:
    """Robust distance from the sure skin's colour, in its own spreads."""
    middle = np.median(skin, axis=0)
    spread = 1.4826 * np.median(np.abs(skin - middle), axis=0)
    # Floors: shading moves lightness a lot and colour a little even on one face.
    spread = np.maximum(spread * 1.5, np.array([9.0, 4.0, 5.0], np.float32))
    off = (lab - middle) / spread
    off[..., 0] = np.where(off[..., 0] > 0, 0.4 * off[..., 0], off[..., 0])  # shine is skin
    return np.asarray(np.sqrt((off**2).sum(axis=2)), np.float32)


def _upper_face(points: Float32, shape: tuple[int, int]) -> Mask:
    """The oval above the brows and temples, with a soft lower edge; brows and eyes are no hair."""
    ring = np.concatenate([points[list(_BROW_LINE)], points[_over_the_top()]])
    zone = polygon_mask(ring, shape)
    edge = _disc(_FEATURE_EDGE * face_width(points))
    for outline in (*_INNER_BROWS, *EYES):
        feature = cv2.dilate(polygon_mask(points[list(outline)], shape), edge)
        zone = np.asarray(np.minimum(zone, 1.0 - feature), np.float32)
    return np.asarray(cv2.GaussianBlur(zone, (0, 0), 1.5), np.float32)


def _over_the_top() -> list[int]:
    """The oval's points from beside the right ear over the forehead to the left ear."""
    right, left = OVAL.index(323), OVAL.index(93)
    return [*OVAL[right::-1], *OVAL[: left - 1 : -1]]


def _joined_to_outside(hair: Mask, points: Float32, shape: tuple[int, int]) -> Mask:
    """Keeps only what touches the oval's edge: spots and wrinkles inside are skin."""
    parts, labels = cv2.connectedComponents((hair > 0.4).astype(np.uint8))
    if parts <= 1:
        return hair * 0.0
    edge = np.zeros(shape, np.uint8)
    outline = np.round(points[list(OVAL), :2]).astype(np.int32)
    width = max(2, round(0.03 * face_width(points)))
    cv2.polylines(edge, [outline], True, 1, width)
    keep = np.zeros(parts, bool)
    keep[np.unique(labels[edge > 0])] = True
    keep[0] = False
    kept = keep[labels].astype(np.float32)
    grown = cv2.dilate(kept, np.ones((3, 3), np.uint8), iterations=2)
    return np.asarray(np.maximum(kept, hair) * grown, np.float32)
