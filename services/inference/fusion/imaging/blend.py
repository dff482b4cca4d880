"""Puts the fused face into the target: three modes, all inside the mask and nowhere else."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from fusion.types import Float32, ImageBGR, Mask, Mode

_MOST_LEVELS = 5  # of the pyramids
_DARKEST = np.float32(1 / 255)  # lightness that can be scaled
_LEAST = np.float32(1e-3)  # of the whole face: where there is less, its tone is none


@dataclass(frozen=True, eq=False)
class Filling:
    """What the target changes by where the source's face is hidden.

    tone_bgr  (H, W, 3) float32 BGR, grey levels, at ratio 1
    whole     (H, W) float32 0..1, the mask and where the tone is
    """

    tone_bgr: Float32
    whole: Mask

    def into(self, change: Float32, mask: Mask) -> tuple[Float32, Mask]:
        """The change with the tone in the mask's holes, and its mask: no edges to soften there."""
        whole = np.maximum(self.whole, _LEAST)
        shown = np.asarray(1 - (self.whole - mask) / whole, np.float32)
        tone = _weighted(self.tone_bgr, np.asarray(1 / whole, np.float32))
        return np.asarray(_weighted(change, shown) + tone, np.float32), self.whole


def blend(
    target_bgr: ImageBGR,
    fused_bgr: Float32,
    mask: Mask,
    ratio: float,
    mode: Mode,
    filling: Filling | None = None,
) -> ImageBGR:
    """The target with the fused face laid over it.

    target_bgr  (H, W, 3) uint8, the region of interest
    fused_bgr   (H, W, 3) float32 BGR 0..255, the face in the target's light
    mask        (H, W) float32 0..1; where it and the filling are 0 the target stays as it is
    ratio       0..1, share of the fused face where the mask is 1
    Returns     (H, W, 3) uint8
    """
    if mode == "overlay":
        fused_bgr = _overlay(target_bgr.astype(np.float32), fused_bgr)
    change = np.asarray(cv2.subtract(fused_bgr, target_bgr, dtype=cv2.CV_32F), np.float32)
    if mode == "blend":
        if filling is not None:
            change, mask = filling.into(change, mask)
        change = _multi_band(change, mask, mask * np.float32(ratio))
    else:
        change = _weighted(change, mask * np.float32(ratio))
        if filling is not None:
            change = np.asarray(cv2.scaleAdd(filling.tone_bgr, ratio, change), np.float32)
    # Rounded only here, so that a change of 0 is none.
    return np.asarray(cv2.add(target_bgr, change, dtype=cv2.CV_8U), np.uint8)


def blend_reach(mode: Mode) -> int:
    """How many pixels around it a pixel's blend depends on."""
    return 6 * 2**_MOST_LEVELS if mode == "blend" else 0


def _overlay(base: Float32, layer: Float32) -> Float32:
    """The overlay formula of image editors: darkens the dark, lightens the light.

    On lightness alone: channel by channel, skin on skin would be orange.
    """
    b, t = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) / np.float32(255) for image in (base, layer))
    mixed = np.where(b < 0.5, 2 * b * t, 1 - 2 * (1 - b) * (1 - t))
    scaled = _weighted(layer, np.asarray(mixed / np.maximum(t, _DARKEST), np.float32))
    return np.clip(scaled, 0, np.float32(255))


def _multi_band(change: Float32, mask: Mask, share: Mask) -> Float32:
    """The change in part: its wide structures over a wide band, its fine ones over a narrow one.

    Source  Burt and Adelson 1983, doi:10.1145/245.247
    """
    levels = int(np.clip(np.log2(max(min(mask.shape) / 8, 1)), 1, _MOST_LEVELS))
    # Pyramids are linear: the bands of the change are the change of the bands.
    bands = zip(_laplacian(change, levels), _gaussian(share, levels), strict=True)
    mixed = [_weighted(band, weight) for band, weight in bands]
    out = mixed[-1]
    for finer in reversed(mixed[:-1]):
        out = finer + cv2.pyrUp(out, dstsize=(finer.shape[1], finer.shape[0]))
    # Wide bands spill over the mask's edge; a soft guard brings them to 0 there.
    return _weighted(out, np.clip(mask * np.float32(8), 0, 1))


def _weighted(image: Float32, weight: Mask) -> Float32:
    # Three equal channels: numpy's broadcast over the last axis takes several times as long.
    return np.asarray(cv2.multiply(image, cv2.merge([weight] * 3)), np.float32)


def _gaussian(image: Float32, levels: int) -> list[Float32]:
    out = [image]
    for _ in range(levels):
        out.append(np.asarray(cv2.pyrDown(out[-1]), np.float32))
    return out


def _laplacian(image: Float32, levels: int) -> list[Float32]:
    steps = _gaussian(image, levels)
    out = []
    for fine, coarse in pairwise(steps):
        size = (fine.shape[1], fine.shape[0])
        out.append(np.asarray(fine - cv2.pyrUp(coarse, dstsize=size), np.float32))
    return [*out, steps[-1]]
