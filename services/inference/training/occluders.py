"""Things in front of a face, drawn: strands of hair, glasses, hands, whatever lies in the way."""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fusion.imaging.face_points import EYES, OVAL
from fusion.masks.face import face_width
from fusion.types import Float32, ImageBGR, Mask

Layer = tuple[Float32, Mask]  # colour (H, W, 3) BGR 0..255 and how far it covers (H, W) 0..1


def over(image_bgr: ImageBGR, layer: Layer) -> ImageBGR:
    """The picture (H, W, 3) uint8 behind the layer."""
    colour, cover = layer
    mixed = image_bgr + (colour - image_bgr) * cover[..., None]
    return np.asarray(mixed + 0.5, np.float32).astype(np.uint8)


def draw_occluder(rng: Generator, image_bgr: ImageBGR, points: Float32, stuff: ImageBGR) -> Layer:
    """One thing in front of the face at points (478, 3).

    stuff  (h, w, 3) uint8, any picture: what solid things are made of
    """
    kind = rng.random()
    if kind < 0.4:
        return _hair(rng, image_bgr.shape[:2], points)
    if kind < 0.75:
        return _glasses(rng, image_bgr.shape[:2], points)
    return _solid(rng, image_bgr, points, stuff)


def _hair(rng: Generator, shape: tuple[int, ...], points: Float32) -> Layer:
    size = face_width(points)
    oval = points[list(OVAL), :2]
    middle, top = oval.mean(axis=0), float(oval[:, 1].min())
    cover = np.zeros(shape, np.uint8)
    light = np.zeros(shape, np.float32)
    root = rng.uniform(-0.5, 0.5)
    for _ in range(int(rng.integers(4, 50))):
        x = middle[0] + (root + rng.normal(0, 0.16)) * size
        start = np.array([x, top + rng.uniform(-0.1, 0.05) * size])
        fall = rng.normal(0, 0.3) + root * 0.5
        length = rng.uniform(0.15, 0.8) * size
        end = start + length * np.array([np.sin(fall), np.cos(fall)])
        bend = (start + end) / 2 + rng.normal(0, 0.08, 2) * size
        t = np.linspace(0, 1, 16)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        corners = [np.round(curve * 16).astype(np.int32)]
        width = max(1, round(rng.uniform(0.002, 0.02) * size))
        cv2.polylines(cover, corners, False, 255, width, cv2.LINE_AA, 4)
        cv2.polylines(light, corners, False, rng.uniform(0.6, 1.4), width, cv2.LINE_8, 4)
    colour = np.exp(rng.uniform(np.log(12), np.log(190))) * np.array([0.6, 0.8, 1.0])
    soft = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.4, 0.8))
    return np.clip(light[..., None] * colour, 0, 255).astype(np.float32), _share(soft)


def _glasses(rng: Generator, shape: tuple[int, ...], points: Float32) -> Layer:
    size = face_width(points)
    eyes = np.stack([points[list(eye), :2].mean(axis=0) for eye in EYES])
    eyes = eyes[np.argsort(eyes[:, 0])]
    across = eyes[1] - eyes[0]
    roll = float(np.degrees(np.arctan2(across[1], across[0])))
    gap = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / max(gap, 1e-3)
    radii = np.array([rng.uniform(0.30, 0.46), rng.uniform(0.24, 0.42)]) * gap
    middles = eyes + down * rng.uniform(0.0, 0.12) * gap
    width = max(1, round(rng.uniform(0.006, 0.045) * size))
    frame, lenses = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)

    def at(point: NDArray[np.floating]) -> tuple[int, int]:
        x, y = np.round(point * 16).astype(int)
        return int(x), int(y)

    corner = float(rng.choice([1.0, 0.45]))
    for middle in middles:
        rim = _lens(middle, radii, roll, corner)
        cv2.polylines(frame, [rim], True, 255, width, cv2.LINE_AA, 4)
        cv2.fillPoly(lenses, [rim], 255, cv2.LINE_AA, 4)
    along = across / max(gap, 1e-3)
    bridge = [middles[0] + along * radii[0], middles[1] - along * radii[0]]
    cv2.line(frame, at(bridge[0]), at(bridge[1]), 255, width, cv2.LINE_AA, 4)
    for sign, middle in ((-1, middles[0]), (1, middles[1])):
        hinge = middle + sign * along * radii[0]
        cv2.line(frame, at(hinge), at(hinge + sign * along * 0.7 * gap), 255, width, cv2.LINE_AA, 4)
    solid = _share(cv2.GaussianBlur(frame, (0, 0), 0.5))
    tone = np.exp(rng.uniform(np.log(8), np.log(170)))
    colour = np.full((*shape, 3), tone * rng.uniform(0.7, 1.0, 3), np.float32)
    if rng.random() < 0.25:  # glare or a tint on the lenses
        veil = _share(lenses) * np.float32(rng.uniform(0.1, 0.6))
        colour = np.where(solid[..., None] > veil[..., None], colour, rng.uniform(20, 255))
        solid = np.maximum(solid, veil)
    return colour.astype(np.float32), solid


def _lens(
    middle: NDArray[np.floating], radii: NDArray[np.floating], roll: float, corner: float
) -> NDArray[np.int32]:
    """The outline of an ellipse (corner 1) or a box with round corners (0.5): (N, 2), 1/16 px."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    shape = np.stack([np.sign(c) * np.abs(c) ** corner, np.sign(s) * np.abs(s) ** corner], axis=1)
    a = np.radians(roll)
    turned = (shape * radii) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return np.asarray(np.round((turned + middle) * 16), np.int32)


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
    return np.clip(pattern, 0, 255).astype(np.float32), _share(soft)


def _share(values: NDArray[Any]) -> Mask:
    return np.asarray(values, np.float32) / np.float32(255)


def _points_inside(
    points: Float32, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the landmarks that lie in a picture of this shape."""
    x, y = (points[:, k].round().astype(np.intp) for k in (0, 1))
    good = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    return y[good], x[good]
