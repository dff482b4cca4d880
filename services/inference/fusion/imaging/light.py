"""Carries the target's colour and light onto the source's texture.

Light scales what the eye sees, so it is matched as a ratio of lightness; colour is matched as an
offset of a and b. Both vary slowly over the face and are read off the skin alone, so that brows,
eyes and lips keep the source's own contrast.
"""

from dataclasses import dataclass

import numpy as np

from fusion.imaging.chroma import match_chroma
from fusion.imaging.color import (
    L_OFFSET,
    Zones,
    blur_inside,
    from_lab,
    level_of,
    slow_field,
    to_lab,
    whites_in,
)
from fusion.types import Float32, ImageBGR, Mask

# Eyes may differ by this much (log L) from the level of the target's.
_EYES_FREE = 0.1
_EYES_DARKER, _EYES_LIGHTER = 0.35, 0.25  # log L
# Beyond the target's peak, shine rises by this share only.
_KNEE = 0.3


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
    out[..., 1:] = match_chroma(texture, target, zones, how.chroma_sigma * face_px)
    return from_lab(out)


def _eyes_lit(lit: Float32, log_s: Float32, log_t: Float32, zones: Zones) -> Float32:
    """Eyes are as bright as the target's whites show, not as much lighter as the skin is."""
    whites_t, whites_s = (level_of(log, whites_in(log, zones.eyes)) for log in (log_t, log_s))
    skin = level_of(log_t, zones.skin) - level_of(log_s, zones.skin)
    # Irises and lashes are the person's own: eyes change no further than that, or than the darkness
    # in which the skin lies as well.
    eyes = float(np.clip(whites_t - whites_s, min(skin, 0.0) - _EYES_DARKER, _EYES_LIGHTER))
    off = log_s + np.float32(eyes) - lit
    beyond = np.sign(off) * np.maximum(np.abs(off) - _EYES_FREE, 0.0)
    return np.asarray(lit + zones.eyes * beyond, np.float32)


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
            np.sqrt(level_of(np.maximum(sign * band, 0.0) ** 2, skin)) + 2e-3
            for band in (band_s, band_t)
        )
        scales.append(np.float32(np.clip((spread_t / spread_s) ** share, *how.limits)))
    sure = band_t[skin > 0.5]
    peak = np.float32(1.3 * max(float(np.quantile(sure, 0.98)) if sure.size else 0.0, 0.02))
    # Highlights of dark skin, scaled with it, would be chalk: none outshines the target's own.
    shine = np.maximum(band_s, 0) * scales[0]
    shine = np.minimum(shine, peak + _KNEE * np.maximum(shine - peak, 0))
    return np.asarray(shine + np.minimum(band_s, 0) * scales[1], np.float32)
