"""The learned swap: a small U-Net corrects the classical light, colour and mask.

It sees the pair at one fixed size. What it gives varies slowly or is bounded, so the pixels'
detail still comes from the photos. Trained by `training`, weights of our own.
"""

import cv2
import numpy as np

from fusion.imaging.color import ColorField, Zones, is_grey
from fusion.models.session import OnnxModel
from fusion.models.swap.look import Look
from fusion.models.swap.mesh import MeshSwap
from fusion.types import Float32, ImageBGR, Mask

INPUT_PX = 224
# Of skin, 0..1. A darker picture is shown to the network brighter: few it has learnt from are dark,
# and what it adds is bounded in grey levels.
_LEAST_LEVEL = 0.4
_DARKEST = 0.02
_LEAST_SHARE = 0.75  # of the classical light


class UNetSwap:
    """Family `unet`.

    model  graph with the input `pair` (N, 12, 224, 224) float32, as `to_input` makes it, and the
           outputs `log_gain`, `offset` (N, 3, 224, 224) float32 RGB and `alpha` (N, 1, 224, 224)
    """

    def __init__(self, model: OnnxModel) -> None:
        self._model = model
        self._classical = MeshSwap()

    def look(
        self,
        target_bgr: ImageBGR,
        texture_bgr: ImageBGR,
        mask: Mask,
        zones: Zones,
        face_px: float,
    ) -> Look:
        """See Swap."""
        start = self._classical.look(target_bgr, texture_bgr, mask, zones, face_px)
        lit = start.field.over(texture_bgr)
        exposure = max(1.0, _LEAST_LEVEL / _brightness(target_bgr, mask * zones.skin))
        pair = to_input(target_bgr, texture_bgr, lit, mask, zones, exposure)
        log_gain, offset, alpha = (
            from_square(out.transpose(1, 2, 0), mask.shape) for out in self._asked_twice(pair)
        )
        if is_grey(target_bgr):
            log_gain, offset = (_uncoloured(values) for values in (log_gain, offset))
        # Eyeballs keep the classical light: brighter ones shine in the dark.
        still = np.float32(1) - zones.eyes[..., None]
        log_gain, offset = log_gain * still, offset * (still / np.float32(exposure))
        gain = np.exp(log_gain[..., ::-1])
        field = ColorField(
            np.ascontiguousarray(start.field.gain * gain),
            np.ascontiguousarray(start.field.offset * gain + offset[..., ::-1] * np.float32(255)),
        )
        return Look(_no_blacker(field, texture_bgr, lit), mask * alpha[..., 0])

    def _asked_twice(self, pair: Float32) -> list[Float32]:
        """The network's outputs (C, 224, 224): means over the pair and its mirror image.

        Where it says something else of a face in a mirror, that is chance.
        """
        both = np.concatenate([pair, pair[..., ::-1]])
        return [(out[0] + out[1, ..., ::-1]) / 2 for out in self._model.run({"pair": both})]


def _no_blacker(field: ColorField, texture_bgr: ImageBGR, lit_bgr: Float32) -> ColorField:
    """The field without shadows far darker than in the classical light, lit_bgr (h, w, 3) 0..255.

    Eye sockets of a source under hard sun come out black otherwise.
    """
    dark, light = field.over(texture_bgr).mean(axis=2), lit_bgr.mean(axis=2)
    missing = np.maximum(0, _LEAST_SHARE * light - dark) / np.maximum(light, 1)
    return field.shifted(missing[..., None] * lit_bgr)


def _uncoloured(values: Float32) -> Float32:
    """(h, w, 3), the same in all channels: a grey picture stays grey."""
    return np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)


def _brightness(image_bgr: ImageBGR, weight: Mask) -> float:
    """The weighted mean of a picture (h, w, 3) uint8 in 0..1; weight (h, w) 0..1."""
    if not weight.any():
        return 1.0
    return max(_DARKEST, float(np.average(image_bgr.mean(axis=2), weights=weight)) / 255)


def to_input(
    target_bgr: ImageBGR,
    texture_bgr: ImageBGR,
    lit_bgr: Float32,
    mask: Mask,
    zones: Zones,
    exposure: float = 1.0,
) -> Float32:
    """(1, 12, 224, 224) float32, 0..1: target, texture and lit texture in RGB, mask, skin, eyes.

    All (h, w, ...) pixel on pixel; lit_bgr 0..255. Target and lit texture are multiplied by the
    exposure, up to white.
    """
    target, texture, lit = (
        image[..., ::-1].astype(np.float32) for image in (target_bgr, texture_bgr, lit_bgr)
    )
    white = np.float32(255)
    target, lit = (np.minimum(image * np.float32(exposure), white) for image in (target, lit))
    maps = np.stack([mask, zones.skin, zones.eyes], axis=2) * white
    stacked = to_square(np.concatenate([target, texture, lit, maps], axis=2)) / white
    return np.ascontiguousarray(stacked.transpose(2, 0, 1)[None])


def to_square(values: Float32) -> Float32:
    """(h, w, C) float32 enlarged or shrunk to 224 on its longer side, zeros below or beside it."""
    h, w = _fitted(values.shape)
    out = np.zeros((INPUT_PX, INPUT_PX, values.shape[2]), np.float32)
    if values.shape[:2] == (h, w):
        out[:h, :w] = values
    else:
        for k in range(0, values.shape[2], 3):  # OpenCV resizes at most four channels at once
            part = np.ascontiguousarray(values[..., k : k + 3])
            out[:h, :w, k : k + 3] = cv2.resize(part, (w, h)).reshape(h, w, -1)
    return out


def from_square(values: Float32, shape: tuple[int, ...]) -> Float32:
    """(224, 224, C) float32 back to (h, w, C): the inverse of to_square."""
    h, w = _fitted(shape)
    part = np.ascontiguousarray(values[:h, :w])
    if (h, w) != shape[:2]:
        part = np.asarray(cv2.resize(part, (shape[1], shape[0])), np.float32)
    return part.reshape(*shape[:2], -1)


def _fitted(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = INPUT_PX / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
