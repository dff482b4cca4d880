"""Glasses: whether a face wears any, and which pixels their frame covers.

A frame is a thin line where a face has none: it crosses the bridge of the nose and runs down both
sides of it, where there are no brows, lids or lashes. It is looked for there first; only where it
is found, its whole outline is traced, around the eyes and out to the temples.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.face_points import BROWS, EYE_CORNERS, EYES
from fusion.imaging.mesh import polygon_mask
from fusion.masks.face import face_width, smoothstep
from fusion.masks.frame_lines import (
    NASAL,
    STEP,
    TURN,
    Strip,
    above_eye,
    around_eye,
    line_in,
    on_forehead,
    over_bridge,
    over_temple,
    strongest_paths,
)
from fusion.types import Float32, ImageBGR, Mask

# Lengths are shares of the face's width.
_BAND = (0.42, 0.32)  # above and below the eyes; all that is looked at lies within
_CHEEKS = (50, 280, 117, 346, 101, 330)
# For glasses speak the weaker and the stronger line beside the nose and the one across it, which
# counts only so far: wrinkles there can be darker than wires. Against them speak creases of the
# forehead, where no frame is. Weights of a logistic fit to 1150 portraits, 156 of them with
# glasses; the limit is a little above its own of 9.0, since a false find costs likeness.
_WEAKER, _STRONGER, _ACROSS, _CREASED, _WORN = 0.35, 0.3, 0.7, 0.6, 9.5
_ACROSS_ENOUGH = 12.0
_SHARP_PX = 115.0  # faces less wide than this show thin lines the fainter the smaller they are

# A part of the outline is drawn whose line is stronger than this, and rows that it may be lost in
# between. Widened, it is drawn whole on skin: a piece of a rim there is worse than lost skin.
_SURE, _GAP = 3.5, 7
_SURE_WHOLE, _GAP_WHOLE = 1.5, 17
# Brows lie there rather than rims: higher above the eye, a line counts less by that each step.
_HIGH, _HIGH_LESS = 0.11, 2.0
_ALIKE, _ALIKE_STEPS = 0.5, 2.0  # both rims are alike: a line here speaks for one there
_UNLIKE = 0.8  # a line on brows, lids and lashes counts that much less
_BOLD = (10.0, 20.0)  # grey levels beside the nose; a bold frame may well lie over them
# As far beside a bold frame, what is as dark belongs to it; darker than skin by grey levels.
_BESIDE_BOLD, _BLACK = 0.04, 70.0
_CLEAR = 22.0  # grey levels; a wire that stands out more is measured against the skin close by
_LASHES = 0.02  # around the eyes
_RUN = 9  # rows; a shorter part is a lash or a wrinkle, unless it lies beside the nose
_REACH, _REACH_WIRE = 12, 5  # steps; no frame's edge is further from the middle of its line
_EDGE = 0.006  # an edge is as soft as that, and the shadow beside it as wide
_GLARE = (45.0, 80.0)  # grey levels above the skin's, in the darkest channel


def glasses_over_face(image_bgr: ImageBGR, points: Float32, grow: float = 0.0) -> Mask:
    """How surely each pixel shows the frame of glasses, or glare on them: (h, w) float32 0..1.

    0 all over where no glasses are worn. Rimless ones, of which little shows, are often missed.

    image_bgr  (h, w, 3) uint8, the face's small picture; points (478, 3) in its pixels
    grow       widens what is found by this share of the face's width, and closes its gaps
    """
    size = face_width(points)
    mask = np.zeros(image_bgr.shape[:2], np.float32)
    heights = points[list(EYE_CORNERS[0] + EYE_CORNERS[1]), 1]
    top = int(np.clip(heights.min() - _BAND[0] * size, 0, len(mask) - 1))
    bottom = int(np.clip(heights.max() + _BAND[1] * size, top + 1, len(mask)))
    band = points - np.array([0, top, 0], np.float32)
    mask[top:bottom] = _in_band(image_bgr[top:bottom], band, size, grow)
    return mask


def _in_band(image_bgr: ImageBGR, points: Float32, size: float, grow: float) -> Mask:
    """glasses_over_face on the rows around the eyes; size is the face's width in pixels."""
    # Red: wrinkles, lids and veins hardly show in it, frames do.
    sigma = max(0.5, STEP * size)
    red = np.asarray(
        cv2.GaussianBlur(image_bgr[..., 2].astype(np.float32), (0, 0), sigma), np.float32
    )
    eyes = [around_eye(red, points, eye) for eye in (0, 1)]
    bridge = over_bridge(red, points)
    beside = np.sort(strongest_paths(np.stack([line_in(strip.beside_nose()) for strip in eyes]))[1])
    across = float(strongest_paths(line_in(bridge)[None])[1][0])
    score = float(_WEAKER * beside[0] + _STRONGER * beside[1])
    score += _ACROSS * min(across, _ACROSS_ENOUGH) - _CREASED * _creases(red, points)
    if score < _WORN * min(1.0, size / _SHARP_PX):
        return np.zeros(red.shape, np.float32)
    bold = float(smoothstep(float(beside[0]), *_BOLD))
    frame, lenses = _frame(red, points, eyes, bold, grow * size)
    _draw(frame, bridge, strongest_paths(line_in(bridge)[None])[0][0], line_in(bridge), grow * size)
    if bold < 0.5:  # a thin rim that seems to cross an eye is a lid
        frame[_eyes(points, red.shape, _LASHES) > 0.5] = 0
    soft = cv2.GaussianBlur(frame.astype(np.float32) / 255, (0, 0), max(0.6, _EDGE * size))
    return np.asarray(np.maximum(soft, _glare(image_bgr, points, lenses)), np.float32)


def _frame(
    red: Float32, points: Float32, eyes: list[Strip], bold: float, grow: float
) -> tuple[NDArray[np.uint8], Mask]:
    """The rims and arms drawn, (h, w) uint8, and the lenses within them, (h, w) 0..1.

    bold  0 wires .. 1 frames as dark as brows; grow in pixels
    """
    shape = (red.shape[0], red.shape[1])
    frame, arms = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    lenses = np.zeros(shape, np.float32)
    unlike = _hair_and_lids(points, shape)
    less = np.float32(_UNLIKE * (1.0 - 0.6 * bold)) * unlike
    lines = np.stack([line_in(strip) * (1.0 - strip.sampled(less)) for strip in eyes])
    alike = [cv2.GaussianBlur(line, (0, 0), _ALIKE_STEPS) for line in lines[::-1]]
    likely = np.asarray(lines + _ALIKE * np.stack(alike) - _too_high(), np.float32)
    temples = []
    for eye, path in enumerate(strongest_paths(likely)[0]):
        rows = np.arange(len(path))
        _draw(frame, eyes[eye], path, lines[eye], grow, eyes[eye].sampled(unlike)[rows, path] < 0.5)
        rim = eyes[eye].xy[rows, path]
        lenses = np.maximum(lenses, polygon_mask(rim, shape))
        temples.append(over_temple(red, points, eye, rim))
    lines = np.stack([line_in(strip) for strip in temples])
    for strip, path, line in zip(temples, strongest_paths(lines)[0], lines, strict=True):
        _draw(arms, strip, path, line, grow)
    if bold > 0.5:
        beyond = np.maximum(unlike, lenses) < 0.5
        frame = np.maximum(frame, _as_dark(red, points, frame) * beyond)
    return np.maximum(frame, arms), lenses


def _eyes(points: Float32, shape: tuple[int, ...], around: float = 0.0) -> Mask:
    """The eyeballs, widened by a share of the face's width: (h, w) 0..1."""
    left, right = (polygon_mask(points[list(eye)], (shape[0], shape[1])) for eye in EYES)
    k = round(around * face_width(points))
    wide = cv2.dilate(np.maximum(left, right), np.ones((2 * k + 1, 2 * k + 1), np.uint8))
    return np.asarray(wide, np.float32)


def _hair_and_lids(points: Float32, shape: tuple[int, int]) -> Mask:
    """Brows and eyes with their lids and lashes: (h, w) 0..1."""
    out = _eyes(points, shape, _LASHES)
    for brow in BROWS:
        out = np.maximum(out, polygon_mask(points[list(brow)], shape))
    return out


def _too_high() -> Float32:
    """Grey levels that a rim above the eye costs where brows lie rather: (T, R)."""
    return np.asarray(_HIGH_LESS * np.maximum((above_eye() - _HIGH) / STEP, 0.0), np.float32)


def _creases(red: Float32, points: Float32) -> float:
    """Mean strength of the lines on the forehead, in grey levels."""
    strength = strongest_paths(np.stack([line_in(strip) for strip in on_forehead(red, points)]))[1]
    return float(np.maximum(strength, 0.0).mean())


def _draw(
    frame: NDArray[np.uint8],
    strip: Strip,
    path: NDArray[np.intp],
    line: Float32,
    grow: float,
    skin: NDArray[np.bool_] | bool = True,
) -> None:
    """Fills, in place, what lies between the edges of the line along a path, where there is one.

    frame  (h, w) uint8, 255 where filled; path (T,) columns; line (T, R); grow in pixels
    skin   (T,), where the path runs over neither brows nor eyes
    """
    along = line[np.arange(len(path)), path][:, None]
    # Over five rows, as the edges: a fleck on the frame is not the end of it.
    mean = np.asarray(cv2.blur(along, (1, 5), borderType=cv2.BORDER_REPLICATE))
    shown = _closed(mean > _SURE, _GAP)
    if grow > 0:
        shown |= _closed(mean > _SURE_WHOLE, _GAP_WHOLE) & skin
    starts, ways = strip.xy[:, 0], strip.xy[:, 1] - strip.xy[:, 0]
    step = np.maximum(np.linalg.norm(ways, axis=1), 1e-3)
    edges = []
    for side in (-1, 1):
        columns = path + side * (_edge_of(strip.red, path, side) + grow / step)
        edges.append(np.round((starts + ways * columns[:, None]) * 16).astype(np.int32))
    near, far = edges
    if len(path) == TURN:  # a rim ends where it began
        shown = _long_runs(shown)
        near, far, shown = (np.concatenate([rows, rows[:1]]) for rows in (near, far, shown))
    quads = np.stack([near[:-1], near[1:], far[1:], far[:-1]], axis=1)
    for quad in quads[shown[1:] & shown[:-1]]:
        cv2.fillConvexPoly(frame, quad, 255, lineType=cv2.LINE_AA, shift=4)


def _closed(seen: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """(T, 1) with gaps of fewer rows than that closed: (T,)."""
    kernel = np.ones((gap, 1), np.uint8)
    closed = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return np.asarray(closed[:, 0] > 0)


def _long_runs(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drops runs of rows that are too short, other than those beside the nose: (T,)."""
    out = shown.copy()
    ends = np.flatnonzero(np.diff(shown.astype(np.int8), prepend=0, append=0))
    for start, stop in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
        if stop - start < _RUN and start >= NASAL and stop < len(shown):
            out[start:stop] = False
    return out


def _as_dark(red: Float32, points: Float32, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What lies beside the drawn frame and is as dark: 255 or 0. Bold frames vary in width."""
    k = max(1, round(_BESIDE_BOLD * face_width(points)))
    near = cv2.dilate(frame, np.ones((2 * k + 1, 2 * k + 1), np.uint8)) > 0
    dark = float(np.median(red[frame > 0])) if frame.any() else 0.0
    skin = _cheeks(red, points)
    limit = dark + 0.25 * (skin - dark) if skin - dark > _BLACK else 0.0
    return np.asarray(np.where(near & (red < limit), 255, 0), np.uint8)


def _cheeks(channel: Float32, points: Float32) -> float:
    """The median of the cheeks' skin."""
    h, w = channel.shape
    x, y = np.round(points[list(_CHEEKS), :2]).astype(int).T
    return float(np.median(channel[np.clip(y, 0, h - 1), np.clip(x, 0, w - 1)]))


def _edge_of(red: Float32, path: NDArray[np.intp], side: int) -> Float32:
    """How many steps from the path the line ends, halfway up to the skin's lightness: (T,)."""
    columns = path[:, None] + side * np.arange(_REACH + 1)
    seen = np.take_along_axis(red, np.clip(columns, 0, red.shape[1] - 1), axis=1)
    dark = seen[:, :2].min(axis=1, keepdims=True)
    wire = seen[:, 2 : _REACH_WIRE + 1].max(axis=1, keepdims=True)
    light = np.where(wire - dark > _CLEAR, wire, seen[:, 2:].max(axis=1, keepdims=True))
    light_enough = seen >= 0.5 * (dark + light)
    light_enough[:, 0] = False
    widths = light_enough.argmax(axis=1).astype(np.float32)[:, None]
    return np.asarray(cv2.medianBlur(widths, 5)[:, 0], np.float32)


def _glare(image_bgr: ImageBGR, points: Float32, lenses: Mask) -> Mask:
    """What is far whiter than skin on the lenses, beside the eyes themselves."""
    columns, rows = (np.flatnonzero(lenses.any(axis=axis)) for axis in (0, 1))
    glare = np.zeros_like(lenses)
    if not len(columns):
        return glare
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    blue, green, red = cv2.split(image_bgr)
    white = np.asarray(cv2.min(cv2.min(blue, green), red), np.float32)
    glare[box] = smoothstep(white[box] - _cheeks(white, points), *_GLARE) * lenses[box]
    return np.asarray(glare * (1.0 - _eyes(points, glare.shape)), np.float32)
