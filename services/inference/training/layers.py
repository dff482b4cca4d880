"""A thing in front of a face as a layer of the picture: its colour and how far it covers."""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fusion.types import Float32, ImageBGR, Mask

Layer = tuple[Float32, Mask]  # colour (H, W, 3) BGR 0..255 and how far it covers (H, W) 0..1


def over(image_bgr: ImageBGR, layer: Layer) -> ImageBGR:
    """The picture (H, W, 3) uint8 behind the layer."""
    colour, cover = layer
    mixed = image_bgr + (colour - image_bgr) * cover[..., None]
    return np.asarray(mixed + 0.5, np.float32).astype(np.uint8)


def with_shadow(rng: Generator, layer: Layer, size: float) -> Layer:
    """The layer and, sometimes, what it darkens on the skin around and below it."""
    if rng.random() < 0.4:
        return layer
    colour, cover = layer
    shift = np.array([[1, 0, rng.normal(0, 0.02) * size], [0, 1, rng.uniform(0, 0.05) * size]])
    shadow = cv2.warpAffine(cover, shift, cover.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, rng.uniform(0.005, 0.05) * size))
    dark = (1 - cover) * shadow * np.float32(rng.uniform(0.1, 0.5))
    both = np.maximum(cover + dark, np.float32(1e-6))
    return np.asarray(colour * (cover / both)[..., None], np.float32), cover + dark


def share_of(values: NDArray[Any]) -> Mask:
    return np.asarray(values, np.float32) / np.float32(255)
