"""Things in front of a face, drawn: strands of hair, glasses, hands, whatever lies in the way."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fusion.imaging.face_points import OVAL
from fusion.masks.face import face_width
from fusion.types import Float32, ImageBGR
from training.glasses import draw_glasses
from training.layers import Layer, share_of, with_shadow


def draw_occluder(rng: Generator, image_bgr: ImageBGR, points: Float32, stuff: ImageBGR) -> Layer:
    """One thing in front of the face at points (478, 3).

    stuff  (h, w, 3) uint8, any picture: what solid things are made of
    """
    kind = rng.random()
    if kind < 0.4:
        return _hair(rng, image_bgr.shape[:2], points)
    if kind < 0.75:
        return draw_glasses(rng, image_bgr.shape[:2], points)
    return _solid(rng, image_bgr, points, stuff)


def _hair(rng: Generator, shape: tuple[int, ...], points: Float32) -> Layer:
    """A few loose strands, or a lock or a fringe: many that lie side by side."""
    size = face_width(points)
    oval = points[list(OVAL), :2]
    middle, top = oval.mean(axis=0), float(oval[:, 1].min())
    cover = np.zeros(shape, np.uint8)
    light = np.ones(shape, np.float32)
    lock = rng.random() < 0.5
    draw = _strands_of_a_lock if lock else _loose_strands
    for x, fall, length, bend in draw(rng):
        start = np.array([middle[0] + x * size, top + rng.uniform(-0.15, 0.05) * size])
        end = start + length * size * np.array([np.sin(fall), np.cos(fall)])
        bent = (start + end) / 2 + bend * size
        t = np.linspace(0, 1, 16)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bent + t**2 * end
        corners = [np.round(curve * 16).astype(np.int32)]
        width = max(1, round(rng.uniform(0.002, 0.01 if lock else 0.02) * size))
        cv2.polylines(cover, corners, False, 255, width, cv2.LINE_AA, 4)
        cv2.polylines(light, corners, False, rng.uniform(0.5, 1.5), width + 1, cv2.LINE_8, 4)
    tint = 1 - rng.uniform(0, 1) * np.array([0.45, 0.25, 0.0])  # from grey to brown and red
    colour = np.exp(rng.uniform(np.log(12), np.log(200))) * tint
    soft = share_of(cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.4, 0.8)))
    hair = np.clip(light[..., None] * colour, 0, 255).astype(np.float32)
    return with_shadow(rng, (hair, soft), size)


# Where a strand's root lies beside the face's middle, which way it falls in radians from straight
# down, how long it is and how it bends; lengths in face widths.
_Strand = tuple[float, float, float, NDArray[np.floating]]


def _loose_strands(rng: Generator) -> Iterator[_Strand]:
    root = rng.uniform(-0.5, 0.5)
    for _ in range(int(rng.integers(4, 50))):
        x, fall = root + rng.normal(0, 0.16), rng.normal(0, 0.3) + root * 0.5
        yield x, fall, rng.uniform(0.15, 0.8), rng.normal(0, 0.08, 2)


def _strands_of_a_lock(rng: Generator) -> Iterator[_Strand]:
    """They fall alike."""
    root, spread, disorder = rng.uniform(-0.6, 0.6), rng.uniform(0.05, 0.3), rng.uniform(0.02, 0.1)
    fall = root * rng.uniform(-0.8, 1.2) + rng.normal(0, 0.25)
    length = float(np.exp(rng.uniform(np.log(0.15), np.log(1.2))))
    bend = rng.normal(0, 0.12, 2)
    for _ in range(int(rng.integers(120, 400))):
        x, own_fall = root + rng.normal(0, spread), fall + rng.normal(0, disorder)
        yield x, own_fall, length * rng.uniform(0.75, 1.1), bend + rng.normal(0, 0.03, 2)


def _solid(rng: Generator, image_bgr: ImageBGR, points: Float32, stuff: ImageBGR) -> Layer:
    """Fingers, a microphone, a mask: capsules of a colour, with another picture's pattern."""
    shape = image_bgr.shape[:2]
    size = face_width(points)
    cover = np.zeros(shape, np.uint8)
    middle = points[list(OVAL), :2].mean(axis=0) + rng.normal(0, 0.3, 2) * size
    angle = rng.uniform(0, 2 * np.pi)
    way = np.array([np.cos(angle), np.sin(angle)])
    width = rng.uniform(0.06, 0.35) * size
    for finger in range(int(rng.integers(1, 5))):
        start = middle + np.array([-way[1], way[0]]) * finger * width * 1.05
        end = start + way * rng.uniform(0.6, 1.2) * size
        a, b = (tuple(int(v) for v in np.round(p)) for p in (start, end))
        cv2.line(cover, a, b, 255, max(1, round(width)), cv2.LINE_AA)
    h, w = stuff.shape[:2]
    y, x = int(rng.uniform(0.7, 0.85) * h), int(rng.uniform(0, 0.7) * w)  # clothes, no faces
    stuff = stuff[y:, x : x + w // 4]
    pattern = cv2.resize(stuff, shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if rng.random() < 0.6:  # as if of skin like this face's
        skin = np.median(image_bgr[_points_inside(points, shape)], axis=0)
        pattern = skin * rng.uniform(0.6, 1.2) + (pattern - pattern.mean(axis=(0, 1))) * 0.25
    soft = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 1.5))
    return np.clip(pattern, 0, 255).astype(np.float32), share_of(soft)


def _points_inside(
    points: Float32, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the landmarks that lie in a picture of this shape."""
    x, y = (points[:, k].round().astype(np.intp) for k in (0, 1))
    good = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    return y[good], x[good]
