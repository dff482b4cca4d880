"""Carries the target's colour and light onto the source's texture.

Light scales what the eye sees, so it is matched as a ratio of lightness; colour is matched as an
offset of a and b. Both vary slowly over the face and are read off the skin alone, so that brows,
eyes and lips keep the source's own contrast.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fusion.types import Float32, ImageBGR, Mask

# Eyes may differ by this much (log L) from the level of the target's.
_EYES_FREE = 0.1
_EYES_DARKER, _EYES_LIGHTER = 0.35, 0.25  # log L
# Beyond the target's peak, shine rises by this share only.
_KNEE = 0.3
# Of b, beyond its slow part: what stays as it is, and the share of what goes further.
_STAIN, _STAIN_SLOPE = 4.0, 0.25
_WHITES, _MOST_CAST = 0.6, 15.0  # quantile of lightness above which eyes are white; a and b
_MOST_OWN = 0.98  # quantile that stands for the most that a picture shows
_GREY_STEP = 3  # grey levels between channels
# Dark outliers weigh as if they were this many times further off.
_DARK = 2.0
_SAMPLES = 40  # of a slow surface across the face
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


@dataclass(frozen=True)
class LightMatch:
    """How far the texture follows the target. Lengths are shares of the face's width.

    shine_share   0 keeps the source's contrast of what is brighter than its surroundings, 1 takes
                  the target's: shine hardly depends on the skin's own colour, so dark skin shows
                  far more of it, relative to its own lightness
    shade_share   the same for what is darker: wrinkles and pores, which are the person's own
    relief_sigma  what varies slower than this is relief, what is faster is detail; the contrast of
                  each is matched for itself
    limits        of all changes of contrast
    rim_sigma     what varies slower than this is the target's own on the rim
    chroma_sigma  scale of the colour field
    """

    shine_share: float = 0.8
    shade_share: float = 0.8
    relief_sigma: float = 0.12
    limits: tuple[float, float] = (0.4, 1.5)
    rim_sigma: float = 0.05
    chroma_sigma: float = 0.2


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


def match_light(
    texture_bgr: ImageBGR,
    target_bgr: ImageBGR,
    zones: Zones,
    face_px: float,
    how: LightMatch | None = None,
) -> Float32:
    """The texture in the target's light and colour: (H, W, 3) float32 BGR 0..255.

    texture_bgr, target_bgr  (H, W, 3) uint8, pixel on pixel
    face_px   width of the face in these pixels
    """
    how = how or LightMatch()
    target, texture = to_lab(target_bgr), to_lab(texture_bgr)
    log_t = np.log(target[..., 0] + L_OFFSET)
    log_s = np.log(texture[..., 0] + L_OFFSET)
    weight = zones.skin + np.float32(1e-6)
    light = slow_field(log_t, weight, face_px)
    lit = light + _contrast_matched(
        log_s - slow_field(log_s, weight, face_px), log_t - light, zones.skin, face_px, how
    )
    lit += zones.rim * blur_inside(log_t - lit, weight, how.rim_sigma * face_px)
    out = np.empty_like(texture)
    out[..., 0] = np.exp(_eyes_lit(lit, log_s, log_t, zones)) - L_OFFSET
    out[..., 1:] = _match_chroma(texture, target, zones, how.chroma_sigma * face_px)
    return from_lab(out)


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


def _eyes_lit(lit: Float32, log_s: Float32, log_t: Float32, zones: Zones) -> Float32:
    """Eyes are as bright as the target's own eyes show, not as much lighter as the skin is."""
    eyes, skin = (
        _level_of(log_t, zone) - _level_of(log_s, zone) for zone in (zones.eyes, zones.skin)
    )
    # Irises and lashes are the person's own: eyes change no further than that, or than the darkness
    # in which the skin lies as well.
    eyes = float(np.clip(eyes, min(skin, 0.0) - _EYES_DARKER, _EYES_LIGHTER))
    off = log_s + np.float32(eyes) - lit
    beyond = np.sign(off) * np.maximum(np.abs(off) - _EYES_FREE, 0.0)
    return np.asarray(lit + zones.eyes * beyond, np.float32)


def _level_of(values: Float32, weight: Mask) -> float:
    total = float(weight.sum())
    return float((values * weight).sum()) / total if total > 1.0 else 0.0


def _contrast_matched(
    shape_s: Float32, shape_t: Float32, skin: Mask, face_px: float, how: LightMatch
) -> Float32:
    """What the light's surface leaves over, with the target's contrast: relief and detail apart."""
    weight = skin + np.float32(1e-6)
    sigma = how.relief_sigma * face_px
    relief_s, relief_t = (blur_inside(shape, weight, sigma) for shape in (shape_s, shape_t))
    return _scaled_to(relief_s, relief_t, skin, how) + _scaled_to(
        shape_s - relief_s, shape_t - relief_t, skin, how
    )


def _scaled_to(band_s: Float32, band_t: Float32, skin: Mask, how: LightMatch) -> Float32:
    """Scales what is brighter and what is darker than its surroundings, each for itself."""
    scales = []
    for sign, share in ((1.0, how.shine_share), (-1.0, how.shade_share)):
        spread_s, spread_t = (
            np.sqrt(_level_of(np.maximum(sign * band, 0.0) ** 2, skin)) + 2e-3
            for band in (band_s, band_t)
        )
        scales.append(np.float32(np.clip((spread_t / spread_s) ** share, *how.limits)))
    sure = band_t[skin > 0.5]
    peak = np.float32(1.3 * max(float(np.quantile(sure, 0.98)) if sure.size else 0.0, 0.02))
    # Highlights of dark skin, scaled with it, would be chalk: none outshines the target's own.
    shine = np.maximum(band_s, 0) * scales[0]
    shine = np.minimum(shine, peak + _KNEE * np.maximum(shine - peak, 0))
    return np.asarray(shine + np.minimum(band_s, 0) * scales[1], np.float32)


def _match_chroma(texture: Float32, target: Float32, zones: Zones, sigma: float) -> Float32:
    """a and b of the texture with the target's slow part.

    Where either picture is grey, the source has no fine colour to add: the target's stays.
    """
    weight = zones.skin + np.float32(1e-6)
    low_s = blur_inside(texture[..., 1:], weight, sigma)
    low_t = blur_inside(target[..., 1:], weight, sigma)
    own = _level_of(np.hypot(low_s[..., 0], low_s[..., 1]), weight)
    wanted = _level_of(np.hypot(low_t[..., 0], low_t[..., 1]), weight)
    # Skin has a chroma of 12 to 30; below 3 it is a black-and-white or toned picture.
    colourful = float(np.clip((min(own, wanted) - 3.0) / 5.0, 0.0, 1.0))
    # Darker or greyer skin shows smaller steps of colour.
    scale = float(np.clip((wanted + 4.0) / (own + 4.0), 0.5, 1.5))
    fine_s, fine_t = texture[..., 1:] - low_s, target[..., 1:] - low_t
    # Yellow and blue: reflections of what the source wears, and glow in dark skin, which on lighter
    # skin would be stains. Red is lips and blood, and eyes have the colour they have.
    stain = np.abs(fine_s[..., 1])
    kept = np.minimum(1.0, (_STAIN + _STAIN_SLOPE * stain) / (stain + 1e-3))
    fine_s[..., 1] *= np.maximum(kept, zones.eyes)
    # Shine is greyer than skin, by as much as the target's own is.
    way_s, way_t = (
        low / np.maximum(np.hypot(low[..., :1], low[..., 1:]), 1e-3) for low in (low_s, low_t)
    )
    greyer = -(fine_s * way_s).sum(axis=2)
    own = -(fine_t * way_t).sum(axis=2)[zones.skin > 0.5]
    most = max(_STAIN, float(np.quantile(own, _MOST_OWN)) if own.size else 0.0)
    beyond = np.maximum(scale * greyer - most, 0) * np.maximum(zones.skin, zones.lips)
    fine_s += way_s * ((1 - _STAIN_SLOPE) / scale * beyond)[..., None]
    fused = low_t + colourful * scale * fine_s + (1 - colourful) * fine_t
    eyes = texture[..., 1:] + _cast_on_eyes(texture, target, zones.eyes)
    share = (np.float32(colourful) * zones.eyes)[..., None]
    return np.asarray(fused + share * (eyes - fused), np.float32)


def _cast_on_eyes(texture: Float32, target: Float32, eyes: Mask) -> Float32:
    """How the whites of the eyes differ in a and b: (2,). The skin's own colour is not in them."""
    seen = eyes > 0.5
    if not seen.any():
        return np.zeros(2, np.float32)
    casts = []
    for lab in (texture, target):
        inside = lab[seen]
        white = inside[:, 0] >= np.quantile(inside[:, 0], _WHITES)
        casts.append(inside[white, 1:].mean(axis=0))
    return np.asarray(np.clip(casts[1] - casts[0], -_MOST_CAST, _MOST_CAST), np.float32)


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
