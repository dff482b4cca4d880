"""Carries the target's colour and light onto the source's texture.

Light scales what the eye sees, so it is matched as a ratio of lightness; colour is matched as an
offset of a and b. Both vary slowly over the face and are read off the skin alone, so that brows,
eyes and lips keep the source's own contrast.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fusion.types import Float32, ImageBGR, Mask

L_OFFSET = 16.0  # CIE L* = 116 Y^(1/3) - 16: with it added, light scales L by a factor


@dataclass(frozen=True, eq=False)
class ColorField:
    """A slowly varying affine colour change: out = texture * gain + offset, per channel.

    gain, offset  (h, w, 3) float32, BGR, offset in 0..255 units
    """

    gain: Float32
    offset: Float32


@dataclass(frozen=True)
class LightMatch:
    """How far the texture follows the target. Lengths are shares of the face's width.

    wide, wide_share  scale and strength of the light field
    chroma_wide       scale of the colour field
    contrast_share    0 keeps the source's skin contrast, 1 takes the target's
    """

    wide: float = 0.12
    wide_share: float = 0.85
    chroma_wide: float = 0.10
    contrast_share: float = 0.5
    contrast_limits: tuple[float, float] = (0.6, 1.5)


def to_lab(image_bgr: ImageBGR) -> Float32:
    """(H, W, 3) uint8 BGR -> float32 Lab, L 0..100, D65."""
    scaled = image_bgr.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2Lab), np.float32)


def from_lab(lab: Float32) -> Float32:
    """(H, W, 3) float32 Lab -> float32 BGR 0..255, clipped."""
    bgr = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2BGR)
    return np.clip(bgr, 0.0, 1.0) * np.float32(255)


def blur_inside(values: Float32, weight: Mask, sigma: float) -> Float32:
    """Gaussian mean over the weighted pixels only (normalised convolution).

    values  (H, W) or (H, W, C) float32; weight (H, W) 0..1; sigma in pixels
    """
    total = _gauss(weight, sigma)
    spread = weight if values.ndim == 2 else weight[..., None]
    mean = _gauss(values * spread, sigma)
    floor = np.float32(1e-4)
    total = np.maximum(total if values.ndim == 2 else total[..., None], floor)
    return np.asarray(mean / total, np.float32)


def _gauss(values: Float32, sigma: float) -> Float32:
    # Wide blurs run on a shrunk copy: the same picture to within their own smoothness, far cheaper.
    shrink = int(max(1, sigma // 3))
    if shrink == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
    h, w = values.shape[:2]
    size = (max(4, round(w / shrink)), max(4, round(h / shrink)))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma * size[0] / w, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR))


def match_light(
    texture_bgr: ImageBGR, target_bgr: ImageBGR, skin: Mask, face_px: float, how: LightMatch
) -> Float32:
    """The texture in the target's light and colour: (H, W, 3) float32 BGR 0..255.

    texture_bgr, target_bgr  (H, W, 3) uint8, pixel on pixel
    skin      (H, W) 0..1, where both show plain skin: no brows, eyes, lips, hair, glasses
    face_px   width of the face in these pixels
    """
    target, texture = to_lab(target_bgr), to_lab(texture_bgr)
    log_t = np.log(target[..., 0] + L_OFFSET)
    log_s = np.log(texture[..., 0] + L_OFFSET)
    sigma = how.wide * face_px
    log_s = _match_contrast(log_s, log_t, skin, sigma, how)
    field = blur_inside(log_t - log_s, skin, sigma)
    level = float(np.average(log_t - log_s, weights=skin + 1e-6))
    out = np.empty_like(texture)
    out[..., 0] = np.exp(log_s + level + how.wide_share * (field - level)) - L_OFFSET
    out[..., 1:] = _match_chroma(texture[..., 1:], target[..., 1:], skin, how, face_px)
    return from_lab(out)


def _match_contrast(
    log_s: Float32, log_t: Float32, skin: Mask, sigma: float, how: LightMatch
) -> Float32:
    """Scales the texture's lightness contrast towards the target's, as a power of light."""
    mean_s = float(np.average(log_s, weights=skin + 1e-6))
    spread_s, spread_t = (
        np.sqrt(np.average((v - blur_inside(v, skin, sigma)) ** 2, weights=skin + 1e-6))
        for v in (log_s, log_t)
    )
    ratio = np.clip((spread_t + 1e-3) / (spread_s + 1e-3), *how.contrast_limits)
    power = np.float32(1.0 + how.contrast_share * (ratio - 1.0))
    return np.asarray((log_s - mean_s) * power + mean_s, np.float32)


def _match_chroma(
    texture_ab: Float32, target_ab: Float32, skin: Mask, how: LightMatch, face_px: float
) -> Float32:
    sigma = how.chroma_wide * face_px
    low_s, low_t = (blur_inside(v, skin, sigma) for v in (texture_ab, target_ab))
    return low_t + (texture_ab - low_s)


def color_field(texture_bgr: ImageBGR, matched: Float32, radius: int) -> ColorField:
    """The local affine change that takes the texture to its matched version.

    Fitted on the small picture, it is then applied at full resolution, where no detail is lost.

    texture_bgr  (h, w, 3) uint8; matched (h, w, 3) float32 BGR 0..255; radius in pixels
    Source       He and Sun 2015, "Fast guided filter", arXiv:1505.00996
    """
    x = texture_bgr.astype(np.float32)
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(v: Float32) -> Float32:
        return np.asarray(cv2.blur(v, size, borderType=cv2.BORDER_REFLECT), np.float32)

    mean_x, mean_y = mean(x), mean(matched)
    variance = mean(x * x) - mean_x * mean_x
    covariance = mean(x * matched) - mean_x * mean_y
    epsilon = np.float32(4.0)  # (2 grey levels)^2: below that a patch is noise, its gain is 1
    gain = np.asarray((covariance + epsilon) / (variance + epsilon), np.float32)
    return ColorField(mean(gain), mean(mean_y - gain * mean_x))
