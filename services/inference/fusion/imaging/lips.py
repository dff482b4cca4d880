"""Lips that would come out paler than the target's skin can have them are toned down."""

import numpy as np

from fusion.imaging.color import L_OFFSET, Zones, from_lab, slow_field, to_lab
from fusion.types import Float32, ImageBGR, Mask

_AS_LIGHT = 0.02  # log L above the skin: lips may be so light, whatever the target's are
_LIGHTEST = 0.9  # quantile of the target's lips that stands for the lightest of them
_KEPT = 0.35  # share of what is lighter than both
_HALF_RED = 0.1  # log L lighter, at which half of the colour is that of the target's lips


def lips_toned(target_bgr: ImageBGR, fused_bgr: Float32, zones: Zones, face_px: float) -> Float32:
    """What the fused lips change by, to be lips of the fused skin: (h, w, 3) float32 BGR.

    Lips of dark skin are often lighter than it; as much lighter than light skin they would be
    white. So would the line be that the source's teeth leave between lips that the target has shut.

    target_bgr  (h, w, 3) uint8; fused_bgr (h, w, 3) float32 0..255, pixel on pixel
    """
    seen = zones.lips > 0.5
    if not seen.any():
        return np.zeros_like(fused_bgr)
    target, fused = (_log_lab(image) for image in (target_bgr, fused_bgr))
    skin_t, skin = (_skin(image, zones.skin, face_px) for image in (target, fused))
    lips_t = (target - skin_t)[seen]
    lightest = np.float32(max(np.quantile(lips_t[:, 0], _LIGHTEST), _AS_LIGHT))
    beyond = np.maximum(fused[..., :1] - skin[..., :1] - lightest, 0) * zones.lips[..., None]
    if not beyond.any():
        return np.zeros_like(fused_bgr)
    red = beyond / (beyond + np.float32(_HALF_RED))
    change = red * (skin + lips_t.mean(axis=0) - fused)
    change[..., :1] = np.float32(_KEPT - 1) * beyond
    return np.asarray(_from_log_lab(fused + change) - _from_log_lab(fused), np.float32)


def _skin(log_lab: Float32, skin: Mask, face_px: float) -> Float32:
    """What the skin would be where the lips are: (h, w, 3)."""
    weight = skin + np.float32(1e-6)
    out = np.empty_like(log_lab)
    out[..., 0] = slow_field(np.ascontiguousarray(log_lab[..., 0]), weight, face_px)
    out[..., 1:] = np.average(log_lab[..., 1:].reshape(-1, 2), axis=0, weights=weight.ravel())
    return out


def _log_lab(image_bgr: ImageBGR | Float32) -> Float32:
    """(h, w, 3) float32: log of L + 16, so that light adds to it; a and b."""
    lab = to_lab(image_bgr)
    lab[..., 0] = np.log(lab[..., 0] + L_OFFSET)
    return lab


def _from_log_lab(values: Float32) -> Float32:
    lab = values.copy()
    lab[..., 0] = np.exp(lab[..., 0]) - L_OFFSET
    return from_lab(lab)
