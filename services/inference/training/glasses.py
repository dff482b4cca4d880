"""Glasses in front of a face, drawn: full, half and no rims, clear and tinted lenses."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fusion.imaging.face_points import EYES
from fusion.masks.face import face_width
from fusion.types import Float32, Mask
from training.layers import Layer, share_of, with_shadow

_FULL, _HALF = 0.5, 0.25  # how many have full and half rims


@dataclass(frozen=True, eq=False)
class _Lines:
    """Where glasses lie on a face, in 1/16 pixels.

    rims  the two lenses' outlines, (N, 2) int32, from the temple over the cheek to the nose
    bars  ends of the bridge and of both arms, (2,) int32 each
    up    (2,) int32, a quarter of the frame's width upwards
    """

    rims: list[NDArray[np.int32]]
    bars: list[tuple[NDArray[np.int32], NDArray[np.int32]]]
    up: NDArray[np.int32]


def draw_glasses(rng: Generator, shape: tuple[int, ...], points: Float32) -> Layer:
    """Glasses on the face at points (478, 3), in a picture of this shape.

    Frames throw a shadow and shine along their upper side; lenses may be tinted or glare.
    """
    size = face_width(points)
    width = max(1, round(rng.uniform(0.006, 0.045) * size))
    lines = _lines_on(rng, points, width)
    style = rng.random()
    cover, shine = _frame(shape, lines, width, style)
    tone = np.exp(rng.uniform(np.log(8), np.log(170)))
    colour = np.full((*shape, 3), tone * rng.uniform(0.7, 1.0, 3), np.float32)
    if rng.random() < 0.5:
        bright = shine[..., None] * rng.uniform(0.3, 1)
        colour = (colour + (rng.uniform(150, 255) - colour) * bright).astype(np.float32)
    colour, cover = with_shadow(rng, (colour, cover), size)
    veil = np.zeros(shape, np.float32)
    if style >= _FULL:  # the lenses' own edges, dark or bright
        edges = np.zeros(shape, np.uint8)
        cv2.polylines(edges, lines.rims, True, 255, max(1, width // 2), cv2.LINE_AA, 4)
        soft = share_of(cv2.GaussianBlur(edges, (0, 0), 0.5))
        veil = soft * np.float32(rng.uniform(0.15, 0.6))
    if rng.random() < 0.25:  # glare or a tint on the lenses
        lenses = np.zeros(shape, np.uint8)
        for rim in lines.rims:
            cv2.fillPoly(lenses, [rim], 255, cv2.LINE_AA, 4)
        veil = np.maximum(veil, share_of(lenses) * np.float32(rng.uniform(0.1, 0.6)))
    colour = np.where((cover >= veil)[..., None], colour, rng.uniform(20, 255))
    return colour.astype(np.float32), np.maximum(cover, veil)


def _lines_on(rng: Generator, points: Float32, width: int) -> _Lines:
    eyes = np.stack([points[list(eye), :2].mean(axis=0) for eye in EYES])
    eyes = eyes[np.argsort(eyes[:, 0])]
    across = eyes[1] - eyes[0]
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    gap = max(float(np.linalg.norm(across)), 1e-3)
    along, down = across / gap, np.array([-across[1], across[0]]) / gap
    radii = np.array([rng.uniform(0.30, 0.46), rng.uniform(0.24, 0.42)]) * gap
    middles = eyes + down * rng.uniform(0.0, 0.12) * gap
    corner = float(rng.choice([1.0, 0.45]))
    bars = [(middles[0] + along * radii[0], middles[1] - along * radii[0])]
    for side, middle in zip((-1, 1), middles, strict=True):
        hinge = middle + side * along * radii[0]
        bars.append((hinge, hinge + side * along * 0.7 * gap))
    return _Lines(
        [_lens(middle, radii, roll, corner) for middle in middles],
        [(_sixteenths(a), _sixteenths(b)) for a, b in bars],
        _sixteenths(-down * width / 4),
    )


def _frame(shape: tuple[int, ...], lines: _Lines, width: int, style: float) -> tuple[Mask, Mask]:
    """How far the frame covers, and where along its upper side it shines: (H, W) 0..1."""
    frame, shine = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for rim in lines.rims:
        upper = np.roll(rim, -len(rim) // 2, axis=0)[: len(rim) // 2]
        if style < _FULL:
            cv2.polylines(frame, [rim], True, 255, width, cv2.LINE_AA, 4)
        elif style < _FULL + _HALF:
            cv2.polylines(frame, [upper], False, 255, width, cv2.LINE_AA, 4)
        if style < _FULL + _HALF:
            cv2.polylines(shine, [upper + lines.up], False, 255, max(1, width // 3), cv2.LINE_AA, 4)
    for a, b in lines.bars:
        cv2.line(frame, a.tolist(), b.tolist(), 255, width, cv2.LINE_AA, 4)
        ends = (a + lines.up).tolist(), (b + lines.up).tolist()
        cv2.line(shine, *ends, 255, 1, cv2.LINE_AA, 4)
    cover, bright = (share_of(cv2.GaussianBlur(drawn, (0, 0), 0.5)) for drawn in (frame, shine))
    return cover, bright


def _lens(
    middle: NDArray[np.floating], radii: NDArray[np.floating], roll: float, corner: float
) -> NDArray[np.int32]:
    """The outline of an ellipse (corner 1) or a box with round corners (below): (N, 2), 1/16 px."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    shape = np.stack([np.sign(c) * np.abs(c) ** corner, np.sign(s) * np.abs(s) ** corner], axis=1)
    a = np.radians(roll)
    turned = (shape * radii) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return _sixteenths(turned + middle)


def _sixteenths(values: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.asarray(np.round(values * 16), np.int32)
