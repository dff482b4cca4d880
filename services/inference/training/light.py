"""Random changes of light, colour and sharpness: what differs between two photos of one face."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from fusion.masks.face import face_width
from fusion.types import Float32, ImageBGR
from training.relief import random_direction

_GAMMA = 2.2


@dataclass(frozen=True, eq=False)
class Light:
    """Light that falls on a picture: linear pixels are multiplied by it.

    factor  (H, W, 3) float32 BGR
    gamma   change of the picture's own curve
    """

    factor: Float32
    gamma: float

    def on(self, image_bgr: ImageBGR) -> ImageBGR:
        """The picture (H, W, 3) uint8 in this light."""
        return _from_linear(_to_linear(image_bgr, self.gamma) * self.factor)


def draw_light(rng: Generator, points: Float32, normals: Float32, strength: float) -> Light:
    """Side light, hard light, bumps, a cast shadow, brightness, a colour cast: each at random.

    points    landmarks (478, 3) in the picture's pixels
    normals   (H, W, 3), the picture's, see training.relief.normals_of
    strength  about 0..1
    """
    h, w = normals.shape[:2]
    size = face_width(points)
    gy, gx = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = (gx - points[1, 0]) / size, (gy - points[1, 1]) / size
    angle = rng.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    log = np.clip(across * rng.uniform(0, 2.2) * strength, -1.4, 1.4)
    if rng.random() < 0.4:
        log = log + _bumps(rng, (h, w), size) * rng.uniform(0.1, 0.5) * strength
    if rng.random() < 0.15:
        log = log + _hard_light(rng, normals) * strength
    if rng.random() < 0.3:
        log = log + _cast_shadow(rng, x, y) * rng.uniform(0.3, 1.4) * strength
    # A light's colour differs from that of the surroundings that brighten the other side.
    tint = rng.normal(0, 0.10, 3) * strength * (rng.random() < 0.3)
    cast = rng.uniform(-0.3, 0.3, 3) * strength + rng.uniform(-0.7, 0.25) * strength
    factor = np.exp(log[..., None] + across[..., None] * tint + cast)
    gamma = float(np.exp(rng.uniform(-0.3, 0.3) * strength))
    return Light(factor.astype(np.float32), gamma)


def _bumps(rng: Generator, shape: tuple[int, int], size: float) -> Float32:
    cells = int(rng.integers(3, 7))
    grid = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _hard_light(rng: Generator, normals: Float32) -> Float32:
    """log of what a sun or a lamp adds on the sides that look to it, 0 on average: (H, W)."""
    facing = normals @ random_direction(rng, np.radians(80))
    ends = np.exp(rng.uniform(np.log(0.1), np.log(1.0)))  # how soon light turns to shadow
    lit = np.clip(facing / ends, 0, 1)
    log = np.log(rng.uniform(0.15, 0.8) + lit)
    return np.asarray(log - log.mean(), np.float32)


def _cast_shadow(rng: Generator, x: Float32, y: Float32) -> Float32:
    """-1 in the shadow of a brim, a nose or a leaf, 0 in the light; coordinates in face widths."""
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        inside = (x - rng.normal(0, 0.25)) * np.cos(angle) + (y - rng.normal(0, 0.3)) * np.sin(
            angle
        )
        inside = inside + 0.04 * np.sin(rng.uniform(4, 12) * x + rng.uniform(0, 6))
    else:
        middle = rng.normal(0, 0.3, 2)
        radii = rng.uniform(0.1, 0.35, 2)
        spread = np.hypot((x - middle[0]) / radii[0], (y - middle[1]) / radii[1])
        inside = (1 - spread) * radii.min()
    edge = np.exp(rng.uniform(np.log(0.01), np.log(0.12)))
    return np.asarray(-np.clip(0.5 + inside / edge, 0, 1), np.float32)


def change_skin(rng: Generator, image_bgr: ImageBGR, points: Float32) -> ImageBGR:
    """Another complexion: what skin scatters changes its colour, what it mirrors hardly does.

    image_bgr  (H, W, 3) uint8; points (478, 3) in its pixels
    """
    linear = _to_linear(image_bgr, 1.0)
    bright = linear.mean(axis=2)
    around = cv2.GaussianBlur(bright, (0, 0), 0.12 * face_width(points))
    shine = np.maximum(bright - 1.1 * around, 0.0)
    # Melanin absorbs the more the shorter the wave.
    melanin = rng.uniform(-0.9, 1.3)
    scattered = np.exp(-melanin * np.array([1.5, 1.15, 0.8]) + rng.normal(0, 0.06, 3))
    level = float(np.median(bright)) + 1e-3
    scattered = np.minimum(scattered, 0.7 / level)
    changed = (linear - shine[..., None]) * scattered + shine[..., None] * rng.uniform(0.4, 2.0)
    return _from_linear(np.asarray(changed, np.float32))


def add_shine(rng: Generator, image_bgr: ImageBGR, points: Float32, normals: Float32) -> ImageBGR:
    """One or two lamps mirrored by oily or wet skin; pores break the highlight up.

    image_bgr  (H, W, 3) uint8; points (478, 3) in its pixels; normals (H, W, 3), the picture's
    """
    linear = _to_linear(image_bgr, 1.0)
    bright = linear.mean(axis=2) + np.float32(0.01)
    pores = bright / cv2.GaussianBlur(bright, (0, 0), 0.03 * face_width(points))
    added = np.zeros_like(bright)
    for _ in range(int(rng.integers(1, 3))):
        # The normal halfway between eye and lamp mirrors the lamp.
        halfway = random_direction(rng, np.radians(40))
        narrow = np.exp(rng.uniform(np.log(6), np.log(50)))
        lobe = np.maximum(normals @ halfway, 0) ** narrow
        added += lobe * np.exp(rng.uniform(np.log(0.03), np.log(0.5)))
    added *= np.clip(pores, 0.4, 1.6) ** rng.uniform(0, 3)
    return _from_linear(np.asarray(linear + added[..., None], np.float32))


def degrade(rng: Generator, image_bgr: ImageBGR) -> ImageBGR:
    """Blur, noise, compression and loss of colour, each sometimes: (H, W, 3) uint8."""
    image = image_bgr
    if rng.random() < 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)), np.uint8)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 7), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.08:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None] * np.ones(3)
        tone = 1 + rng.normal(0, 0.04, 3) * (rng.random() < 0.5)
        image = np.clip(grey * tone, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], 1), np.uint8)
    return image


def _to_linear(image_bgr: ImageBGR, gamma: float) -> Float32:
    table = (np.arange(256, dtype=np.float32) / 255) ** np.float32(_GAMMA * gamma)
    return np.asarray(table[image_bgr], np.float32)


def _from_linear(linear: Float32) -> ImageBGR:
    lit = np.clip(linear, 0, 1) ** np.float32(1 / _GAMMA)
    return np.asarray(lit * 255 + 0.5, np.float32).astype(np.uint8)
