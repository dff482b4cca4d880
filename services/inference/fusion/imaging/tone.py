"""The tone of what a source does not show: it is hidden, or its mirror image stands for it."""

import numpy as np

from fusion.imaging.color import blur_inside, level_of
from fusion.types import Float32, ImageBGR, Mask

_WIDE, _NARROW = 0.12, 0.03  # of the face's width: how far around a gap its tone is read
_TRUST = np.float32(0.05)  # in the wide one, where there is less than this to read close by
_HARDLY = np.float32(0.05)  # so much of a face may be hidden without a trace
_DETAIL = 0.08  # of the face's width: wrinkles, bags and shine vary faster than that
_MIRRORED = 0.03  # of the face's width: what varies slower is light, which a mirror turns round
_OWN_SHADING = 12.0  # grey levels: so far the shading may be the person's


def tone_where_hidden(
    target_bgr: ImageBGR,
    fused_bgr: Float32,
    shown: Mask,
    hidden: Mask,
    skin: Mask,
    brows: Mask,
    face_px: float,
) -> Float32 | None:
    """What the target's skin changes by, to be of one face with the fused one around it.

    Its detail stays, but with no more contrast than the fused face has: wrinkles of an old target
    are no frame around a young source's eyes. Pieces of its brows give way to skin. Without the
    change the outline of glasses or of a fringe shows as a seam.

    target_bgr  (h, w, 3) uint8; fused_bgr (h, w, 3) float32 0..255, pixel on pixel
    shown       (h, w) 0..1, where the fused face's skin shows
    hidden      (h, w) 0..1, where the target's shows instead
    skin        (h, w) 0..1, all of the target's skin: brows and eyes keep their contrast
    brows       (h, w) 0..1, but brows that must not be seen
    Returns     (h, w, 3) float32 BGR, grey levels; None if nothing is hidden

    Source: the membrane of seamless cloning, Farbman et al. 2009, doi:10.1145/1531326.1531373,
    here by two normalised convolutions.
    """
    share = np.maximum(hidden - _HARDLY, 0) / (1 - _HARDLY)
    if not share.any():
        return None
    step = fused_bgr - target_bgr
    tone = blur_inside(step, shown, _WIDE * face_px)
    step = tone + (step - tone) * (shown / (shown + _TRUST))[..., None]
    tone = blur_inside(step, shown + _TRUST, _NARROW * face_px)
    calmer = _calmer(target_bgr.astype(np.float32), fused_bgr, shown, share, skin, brows, face_px)
    return np.asarray((tone + calmer) * share[..., None], np.float32)


def tone_where_mirrored(
    target_bgr: ImageBGR, fused_bgr: Float32, plain: Mask, mirrored: Mask, face_px: float
) -> Float32:
    """What the fused face changes by, to be lit from where the target is.

    What the source shows of one cheek stands for the other, whose light comes from elsewhere.

    target_bgr  (h, w, 3) uint8; fused_bgr (h, w, 3) float32 0..255, pixel on pixel
    plain       (h, w) 0..1, where the fused face shows, but for brows, eyes and lips
    mirrored    (h, w) 0..1, share of the mirror image
    Returns     (h, w, 3) float32 BGR, grey levels
    """
    if not mirrored.any():
        return np.zeros_like(fused_bgr)
    step = blur_inside(target_bgr - fused_bgr, plain * mirrored, _MIRRORED * face_px)
    size = np.maximum(np.abs(step.mean(axis=2)), _OWN_SHADING)
    return np.asarray(step * ((1 - _OWN_SHADING / size) * mirrored)[..., None], np.float32)


def _calmer(
    target: Float32,
    fused: Float32,
    shown: Mask,
    hidden: Mask,
    skin: Mask,
    brows: Mask,
    face_px: float,
) -> Float32:
    """What takes the contrast of the target's hidden skin down to that of the fused face."""
    detail, its_own = (
        image - blur_inside(image, weight + np.float32(1e-4), _DETAIL * face_px)
        for image, weight in ((target, skin), (fused, shown))
    )
    spread, most = (
        np.sqrt(level_of((part**2).mean(axis=2), weight)) + 1.0
        for part, weight in ((detail, hidden * skin), (its_own, shown))
    )
    share = np.float32(min(1.0, most / spread) if shown.sum() > 1 else 1.0)
    gone = (share - 1) * skin - brows
    return np.asarray(detail * gone[..., None], np.float32)
