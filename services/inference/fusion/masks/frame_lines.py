"""Strips of a face where the frame of glasses would run, and the lines that run down them.

All pictures are the red channel: wrinkles, lids and veins hardly show in it, frames do.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.face_points import EYE_CORNERS
from fusion.masks.face import face_width
from fusion.types import Float32, Mask

# Lengths are shares of the face's width; a strip's columns are STEP apart.
STEP = 0.005
TURN = 64  # rows of a whole turn around an eye
NASAL = 11  # its first ones: 60 degrees beside the nose
_FIRST_DEG = 140.0  # 0 points to the temple, 90 down, 180 to the nose
_RADII = (0.06, 0.325)  # from the lids to the largest lens
_BESIDE_NOSE = slice(6, 45)  # columns from the end of the eye's corner to the nose's ridge
_FLAT = 0.8  # lenses are wider than high
_BRIDGE = (-0.05, 0.05, -0.08, 0.17)  # left, right, above and below the nose's root
_ARM = (-0.12, 0.12)  # above and below the eye's outer corner
_ARM_ROWS = 12
_CREASE = (0.05, 0.08)  # half the length and half the width of a strip on the forehead
# Points of the face mesh.
_FOREHEAD = (9, 151)
_NOSE_ROOT = 168
_TEMPLES = (127, 356)

# Steps from a line's middle to the skin beside it: of a wire, and of a thick frame.
_BESIDE, _BESIDE_THICK = 2, 5
# Grey levels from here on. Shadows and bags are as broad as thick frames, but hardly that dark.
_THICK_LESS = 22.0
_FLOOR, _CEILING = -4.0, 30.0  # no gap disproves a line, no dark spot makes one
_BEND = 0.45  # what each step aside costs a path

Lengths = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Strip:
    """Part of the picture, sampled so that a frame's line crosses every row once.

    xy    (T, R, 2) float32, picture pixels
    red   (T, R) float32 0..255, the picture's red channel there
    """

    xy: Float32
    red: Float32

    def beside_nose(self) -> "Strip":
        """Of a strip around an eye."""
        return Strip(self.xy[:NASAL, _BESIDE_NOSE], self.red[:NASAL, _BESIDE_NOSE])

    def sampled(self, mask: Mask) -> Mask:
        x, y = cv2.split(self.xy)
        return np.asarray(cv2.remap(mask, x, y, cv2.INTER_LINEAR), np.float32)


def around_eye(red: Float32, points: Float32, eye: int) -> Strip:
    """One row an angle, from the eye outwards; eye 0 left, 1 right."""
    turn = np.deg2rad(_FIRST_DEG) + np.arange(TURN)[:, None] * (2 * np.pi / TURN)
    radii = np.arange(*_RADII, STEP) * face_width(points)
    outwards = (-1, 1)[eye]
    middle = points[list(EYE_CORNERS[eye]), :2].mean(axis=0)
    along, down = outwards * np.cos(turn) * radii, _FLAT * np.sin(turn) * radii
    return _strip(red, middle, along, down, _axes(points))


def over_bridge(red: Float32, points: Float32) -> Strip:
    """One row a place across the nose, from its root up and down."""
    left, right, above, below = (share * face_width(points) for share in _BRIDGE)
    step = STEP * face_width(points)
    along = np.arange(left, right + step, 2 * step)[:, None]
    return _strip(
        red, points[_NOSE_ROOT, :2], along, np.arange(above, below, step)[None], _axes(points)
    )


def over_temple(red: Float32, points: Float32, eye: int, rim: Float32) -> Strip:
    """One row a place from the rim's outermost point to the oval's edge, up and down."""
    axes, size = _axes(points), face_width(points)
    outwards = (-1, 1)[eye]
    away = (rim @ axes[0]) * outwards
    hinge = rim[int(away.argmax())]
    length = max(0.05 * size, outwards * float((points[_TEMPLES[eye], :2] - hinge) @ axes[0]))
    along = np.linspace(0.0, outwards * length, _ARM_ROWS)[:, None]
    down = np.arange(*_ARM, STEP)[None] * size
    return _strip(red, hinge, along, down, axes)


def on_forehead(red: Float32, points: Float32) -> list[Strip]:
    """Across and down the middle of the forehead, where no frame is; all of one shape."""
    size, axes = face_width(points), _axes(points)
    rows = np.arange(-_CREASE[0], _CREASE[0], 2 * STEP)[:, None] * size
    columns = np.arange(-_CREASE[1], _CREASE[1], STEP)[None] * size
    return [
        _strip(red, points[spot, :2], *ways, axes)
        for spot in _FOREHEAD
        for ways in ((rows, columns), (columns, rows))
    ]


def above_eye() -> Float32:
    """How far above the eye each place of a strip around it lies: (T, R) shares of the width."""
    up = -np.sin(np.deg2rad(_FIRST_DEG) + np.arange(TURN)[:, None] * (2 * np.pi / TURN))
    return np.asarray(np.arange(*_RADII, STEP) * _FLAT * up, np.float32)


def line_in(strip: Strip) -> Float32:
    """How much darker each place is than what lies beside it in its row: (T, R) grey levels."""
    red = strip.red
    out = np.full_like(red, _FLOOR)
    for beside, less in ((_BESIDE, 0.0), (_BESIDE_THICK, _THICK_LESS)):
        skin = np.minimum(red[:, : -2 * beside], red[:, 2 * beside :])
        inner = out[:, beside:-beside]
        np.maximum(inner, skin - red[:, beside:-beside] - less, out=inner)
    return np.minimum(out, _CEILING)


def strongest_paths(lines: Float32) -> tuple[NDArray[np.intp], Float32]:
    """In each strip the path down all rows along which the line is strongest.

    lines    (N, T, R)
    Returns  (N, T) columns, and the mean strength along them less what bends cost, (N,)
    """
    count, rows, width = lines.shape
    # Best sums of paths that end at each place, one row after the other, with room for two aside.
    best = np.full((rows, count, width + 4), -np.inf, np.float32)
    best[0, :, 2:-2] = lines[:, 0]
    for row in range(1, rows):
        before, now = best[row - 1], best[row, :, 2:-2]
        near = np.maximum(before[:, 1:-3], before[:, 3:-1]) - np.float32(_BEND)
        far = np.maximum(before[:, :-4], before[:, 4:]) - np.float32(2 * _BEND)
        np.maximum(np.maximum(before[:, 2:-2], near), far, out=now)
        now += lines[:, row]
    paths = np.empty((count, rows), np.intp)
    paths[:, -1] = best[-1, :, 2:-2].argmax(axis=1)
    cost = _BEND * np.abs(np.arange(-2, 3))
    for each in range(count):
        for row in range(rows - 1, 0, -1):
            column = paths[each, row]
            way = (best[row - 1, each, column : column + 5] - cost).argmax()
            paths[each, row - 1] = column + way - 2
    return paths, np.asarray(best[-1].max(axis=1) / rows, np.float32)


def _axes(points: Float32) -> Float32:
    """(2, 2) float32, the face's unit vectors to the right and down, as seen in the picture."""
    (a, b), (c, d) = EYE_CORNERS
    across = points[[c, d], :2].mean(axis=0) - points[[a, b], :2].mean(axis=0)
    across /= max(float(np.linalg.norm(across)), 1e-3)
    return np.array([across, (-across[1], across[0])], np.float32)


def _strip(red: Float32, origin: Float32, along: Lengths, down: Lengths, axes: Float32) -> Strip:
    """Samples at origin + along right + down down, (T, R) pixels each."""
    x, y = (
        np.asarray(origin[k] + along * axes[0, k] + down * axes[1, k], np.float32) for k in (0, 1)
    )
    seen = cv2.remap(red, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Strip(np.stack([x, y], axis=2), np.asarray(seen, np.float32))
