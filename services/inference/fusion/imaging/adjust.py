"""Touch-ups of the fused face: skin smoothing, brightness, contrast, saturation. 0 is no change."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.types import Float32, FusionOptions


def adjust(fused_bgr: Float32, options: FusionOptions, face_px: float) -> Float32:
    """Applies the four adjustments, in this order.

    fused_bgr  (H, W, 3) float32 BGR 0..255; face_px the face's width in these pixels
    Returns    the same array when every adjustment is neutral
    """
    out = fused_bgr
    if options.smooth > 0:
        out = _smooth_skin(out, options.smooth, face_px)
    if options.brightness or options.contrast or options.saturation:
        out = np.asarray(cv2.transform(out, _tone(options)), np.float32)
    return np.clip(out, 0, 255) if out is not fused_bgr else out


def _tone(options: FusionOptions) -> NDArray[np.float32]:
    """Brightness, then contrast around middle grey, then saturation: (3, 4), for cv2.transform."""
    contrast, saturation = 1 + options.contrast, 1 + options.saturation
    luma = np.array([0.114, 0.587, 0.299])  # BT.601, BGR
    # What makes grey of every colour is (luma, luma, luma); saturation leads away from it.
    colour = saturation * np.eye(3) + (1 - saturation) * luma
    shift = np.full((3, 1), 128 * (1 - contrast))  # grey: saturation leaves it as it is
    tone = np.hstack([colour * contrast * (1 + options.brightness), shift])
    return tone.astype(np.float32)


def smooth_reach(options: FusionOptions, face_px: float) -> int:
    """How many pixels around it a pixel's touch-up depends on."""
    return 2 * _radius(face_px) + 1 if options.smooth > 0 else 0


def _radius(face_px: float) -> int:
    return max(1, round(0.025 * face_px))


def _smooth_skin(image: Float32, strength: float, face_px: float) -> Float32:
    """Evens out pores and wrinkles, keeps edges: a self-guided filter.

    Source  He, Sun and Tang 2013, doi:10.1109/TPAMI.2012.213
    """
    radius = _radius(face_px)
    size = (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(image, size)
    variance = cv2.blur(image * image, size) - mean * mean
    epsilon = np.float32((18.0 * strength) ** 2)  # grey levels: wrinkles are below, lids above
    gain = cv2.blur(variance / (variance + epsilon), size)
    return np.asarray(mean + gain * (image - mean), np.float32)
