"""Colour spaces, means and surfaces over a face, and the change of colour that a model decides."""

from dataclasses import dataclass

import cv2
import numpy as np

from fusion.types import Float32, ImageBGR, Mask

_GREY_STEP = 3  # grey levels between channels
# Dark outliers weigh as if they were this many times further off.
_DARK = 2.0
_SAMPLES = 40  # of a slow surface across the face
_WHITES = 0.6  # quantile of lightness above which an eye is white
L_OFFSET = 16.0  # CIE L* = 116 Y^(1/3) - 16: with it added, light scales L by a factor


@dataclass(frozen=True, eq=False)
class ColorField:
    """A slowly varying affine colour change: out = texture * gain + offset, per channel.

    gain, offset  (h, w, 3) float32, BGR, offset in 0..255 units
    """

    gain: Float32
    offset: Float32

    def over(self, texture_bgr: ImageBGR) -> Float32:
        """The texture (h, w, 3) uint8 with the change: float32 BGR 0..255, clipped."""
        return np.asarray(np.clip(texture_bgr * self.gain + self.offset, 0, 255), np.float32)

    def shifted(self, by: Float32) -> "ColorField":
        """With so much more offset: by (h, w, 3) float32 BGR."""
        return ColorField(self.gain, self.offset + by)


@dataclass(frozen=True, eq=False)
class Zones:
    """Which part of the face a pixel belongs to, each (H, W) float32 0..1.

    skin  where both pictures show plain skin: no brows, eyes, lips, hair, glasses
    eyes  eyeballs: the skin's colour says nothing about theirs
    lips  with what lies between them, where the source's show
    rim   near the outline, where the fused face meets the target's own skin
    """

    skin: Mask
    eyes: Mask
    lips: Mask
    rim: Mask


def to_lab(image_bgr: ImageBGR | Float32) -> Float32:
    """(H, W, 3) BGR 0..255 -> float32 Lab, L 0..100, D65."""
    scaled = image_bgr.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2Lab), np.float32)


def is_grey(image_bgr: ImageBGR) -> bool:
    """Whether a picture (H, W, 3) uint8 has no colour beyond what JPEG makes of grey."""
    return int(np.ptp(image_bgr, axis=2).max()) <= _GREY_STEP


def grey_of(image_bgr: ImageBGR) -> ImageBGR:
    """(H, W, 3) uint8 without its colour, still three channels."""
    grey = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


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


def slow_field(values: Float32, weight: Mask, face_px: float) -> Float32:
    """The cubic surface that fits the weighted values best, outliers counted less: (H, W) float32.

    A change of light over a face is such a surface (side light, its fall-off); what a face's own
    relief does is not, so taking the surface alone leaves the person's modelling untouched.
    Unlike a blur it does not flatten towards the edge of the weights.

    values, weight  (H, W) float32; face_px the face's width in these pixels
    """
    h, w = values.shape
    step = max(1, int(face_px / _SAMPLES))
    gy, gx = np.mgrid[0:h:step, 0:w:step].astype(np.float32)
    share = weight[::step, ::step].astype(np.float64).ravel()
    wanted = values[::step, ::step].astype(np.float64).ravel()
    total = max(float(share.sum()), 1e-9)
    x = (gx.ravel() - share @ gx.ravel() / total) / face_px
    y = (gy.ravel() - share @ gy.ravel() / total) / face_px
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y,
                      x**2 * x, x**2 * y, x * y**2, y**2 * y], axis=1)  # fmt: skip
    ridge = 1e-3 * np.diag([0.0] + [1.0] * (terms.shape[1] - 1))
    surface = np.zeros_like(wanted)
    for _ in range(2):
        scaled = terms * share[:, None]
        weights = scaled.T @ terms + (ridge + 1e-9) * share.sum()
        surface = terms @ np.linalg.solve(weights, scaled.T @ wanted)
        off = wanted - surface
        typical = 1.5 * float((np.abs(off) * share).sum() / max(share.sum(), 1e-9)) + 1e-3
        # Dark outliers are stubble, hair and shadows, not the lit skin: they count least.
        off = np.where(off < 0, _DARK * off, off)
        share = share / (1.0 + (off / typical) ** 2)
    seen = wanted[weight[::step, ::step].ravel() > 0.5]
    if seen.size:  # beyond the skin a cubic runs away
        surface = np.clip(surface, seen.min(), seen.max())
    grid = surface.reshape(gx.shape).astype(np.float32)
    return _spread(grid, (h, w), step)


def _spread(grid: Float32, shape: tuple[int, int], step: int) -> Float32:
    """Samples taken at every step-th pixel, back on all pixels."""
    if step == 1:
        return grid
    M_full2grid = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(
            grid, M_full2grid, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    )


def level_of(values: Float32, weight: Mask) -> float:
    """The weighted mean, 0 where there is hardly any weight; both (H, W)."""
    total = float(weight.sum())
    return float((values * weight).sum()) / total if total > 1.0 else 0.0


def whites_in(lightness: Float32, eyes: Mask) -> Mask:
    """The lighter part of the eyeballs, 0 or 1: of everybody's it has about one colour. (h, w)"""
    seen = eyes > 0.5
    if not seen.any():
        return np.zeros_like(eyes)
    return (seen & (lightness >= np.quantile(lightness[seen], _WHITES))).astype(np.float32)


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
