"""The target's colour on the source's texture: what varies slowly, without stains."""

import numpy as np

from fusion.imaging.color import Zones, blur_inside, level_of, whites_in
from fusion.types import Float32, Mask

# Of b, beyond its slow part: what stays as it is, and the share of what goes further.
_STAIN, _STAIN_SLOPE = 4.0, 0.25
_MOST_OWN = 0.98  # quantile that stands for the greyest of the target's own skin
# Of eyes, in a and b: whites in shadow can look like skin. Towards grey more may go: those of an
# orange photo are yellow.
_MOST_CAST, _MOST_CAST_OFF = 5.0, 9.0


def match_chroma(texture: Float32, target: Float32, zones: Zones, sigma: float) -> Float32:
    """a and b of the texture with the target's slow part.

    Where either picture is grey, the source has no fine colour to add: the target's stays.
    """
    weight = zones.skin + np.float32(1e-6)
    low_s = blur_inside(texture[..., 1:], weight, sigma)
    low_t = blur_inside(target[..., 1:], weight, sigma)
    own = level_of(np.hypot(low_s[..., 0], low_s[..., 1]), weight)
    wanted = level_of(np.hypot(low_t[..., 0], low_t[..., 1]), weight)
    # Skin has a chroma of 12 to 30; below 3 it is a black-and-white or toned picture.
    colourful = float(np.clip((min(own, wanted) - 3.0) / 5.0, 0.0, 1.0))
    # Darker or greyer skin shows smaller steps of colour; larger ones would be stains.
    scale = float(np.clip((wanted + 4.0) / (own + 4.0), 0.5, 1.0))
    fine_s, fine_t = texture[..., 1:] - low_s, target[..., 1:] - low_t
    # Yellow and blue: reflections of what the source wears, and glow in dark skin, which on lighter
    # skin would be stains. Red is lips and blood, and eyes have the colour they have.
    stain = np.abs(fine_s[..., 1])
    kept = np.minimum(1.0, (_STAIN + _STAIN_SLOPE * stain) / (stain + 1e-3))
    fine_s[..., 1] *= np.maximum(kept, zones.eyes)
    fine_s *= np.float32(scale)
    # What is greyer than the source's skin, as stubble, is so in the target's hue too: purple shows
    # on red skin otherwise. Lips have a hue of their own.
    hue_s = _direction(low_s)
    turned = _turned(fine_s, hue_s, _direction(low_t))
    fine_s += (turned - fine_s) * (1 - zones.lips[..., None])
    fine_s += hue_s * _too_grey(fine_s, low_s, fine_t, low_t, zones)[..., None]
    fused = low_t + colourful * fine_s + (1 - colourful) * fine_t
    eyes = texture[..., 1:] + _cast_on_eyes(texture, target, zones.eyes)
    share = (np.float32(colourful) * zones.eyes)[..., None]
    return np.asarray(fused + share * (eyes - fused), np.float32)


def _too_grey(
    fine_s: Float32, low_s: Float32, fine_t: Float32, low_t: Float32, zones: Zones
) -> Float32:
    """How much chroma skin and lips lack: (h, w). Shine is greyer than skin, as the target's is."""
    greyer_s, greyer_t = (
        -(fine * _direction(low)).sum(axis=2) for fine, low in ((fine_s, low_s), (fine_t, low_t))
    )
    own = greyer_t[zones.skin > 0.5]
    most = max(_STAIN, float(np.quantile(own, _MOST_OWN)) if own.size else 0.0)
    beyond = np.maximum(greyer_s - most, 0) * np.maximum(zones.skin, zones.lips)
    return np.asarray((1 - _STAIN_SLOPE) * beyond, np.float32)


def _turned(chroma: Float32, before: Float32, after: Float32) -> Float32:
    """Chroma that lies to `before` as the result does to `after`, both of length 1; (h, w, 2)."""
    cos = (before * after).sum(axis=2)
    sin = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    a, b = chroma[..., 0], chroma[..., 1]
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=2)


def _direction(chroma: Float32) -> Float32:
    """(h, w, 2) of length 1, away from grey."""
    return np.asarray(
        chroma / np.maximum(np.hypot(chroma[..., :1], chroma[..., 1:]), 1e-3), np.float32
    )


def _cast_on_eyes(texture: Float32, target: Float32, eyes: Mask) -> Float32:
    """How the whites of the eyes differ in a and b: (2,). The skin's own colour is not in them."""
    own, wanted = (
        np.array([level_of(lab[..., k], whites_in(lab[..., 0], eyes)) for k in (1, 2)])
        for lab in (texture, target)
    )
    most = np.where(np.abs(wanted) < np.abs(own), _MOST_CAST_OFF, _MOST_CAST)
    return np.asarray(np.clip(wanted - own, -most, most), np.float32)
