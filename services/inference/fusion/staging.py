"""Makes a pair ready for a swap model: the texture warped, and where it may show."""

from dataclasses import dataclass

import cv2
import numpy as np

from fusion.imaging.color import Zones, grey_of, is_grey
from fusion.imaging.face_points import MESH_POINTS, OVAL
from fusion.imaging.view import Region, RegionMap, lean_of, region_around
from fusion.masks.face import (
    brow_zone,
    eye_zone,
    face_mask,
    face_width,
    lip_zone,
    oval_depth,
    rim_zone,
    skin_zone,
)
from fusion.masks.glasses import glasses_over_face
from fusion.masks.occlusion import beard_on_face, brows_hidden, hair_over_face, not_skin
from fusion.masks.person import person_around
from fusion.models.registry import FaceModels
from fusion.models.swap.texture import Texture
from fusion.stopwatch import Stopwatch
from fusion.types import Float32, ImageBGR, Mask

# Masks and light are worked out on a face of this size; they vary too slowly to need more.
SMALL_SIDE_PX = 224
MARGIN = 0.12  # of the face around its oval: the masks look for the hair line there
_HAIR_EDGE = 0.025  # of the face's width: strands of the source are left out with their edges
_FRAME_EDGE = 0.035  # the same for the source's glasses, with their shadow and their lenses' edges
# The bright tenth of a source's face begins at this grey level at least: in the dark features would
# pass for noise and eyes for skin. Few levels, made more, tell no more.
_LEAST_LIGHT, _MOST_LIGHTER = 120.0, 10.0


@dataclass(frozen=True, eq=False)
class Staged:
    """A pair made ready: all that a swap model decides on, at the small scale.

    target_bgr  (h, w, 3) uint8, the region's pixels
    points      (478, 3) float32, the target's landmarks in them
    mask        (h, w) float32, 0..1, where geometry and occlusion let the source show
    hidden      (h, w) float32, 0..1, where the face is the target's only because the source's is
                hidden: by hair, by glasses, by the turn of its head
    plain_t     (h, w) float32, 0..1, all but the target's brows, eyes and lips
    skin_t      (h, w) float32, 0..1, the target's skin, whatever the source shows there
    brows_t     (h, w) float32, 0..1, the target's brows where the source's are to be seen instead
    face_px     the face's width in the region's pixels
    """

    region: Region
    target_bgr: ImageBGR
    points: Float32
    texture: Texture
    mask: Mask
    hidden: Mask
    plain_t: Mask
    skin_t: Mask
    brows_t: Mask
    zones: Zones
    face_px: float


def stage(
    models: FaceModels,
    target_bgr: ImageBGR,
    points_t: Float32,
    source_bgr: ImageBGR,
    points_s: Float32,
    shape_share: float,
    watch: Stopwatch,
) -> Staged:
    """Everything about a pair that needs no choice of model.

    target_bgr, source_bgr  (H, W, 3) uint8; points_t, points_s (478, 3) float32 in their pixels
    shape_share             0..1, how far the texture keeps the source's own proportions
    """
    oval, lean = points_t[list(OVAL)], lean_of(points_t)
    region = region_around(oval, target_bgr.shape, MARGIN, SMALL_SIDE_PX, lean)
    small = region.cut(target_bgr)
    if is_grey(small):
        source_bgr = grey_of(source_bgr)
    source_bgr = _out_of_the_dark(source_bgr, points_s)
    local = region.from_picture(points_t)
    with watch("matte"):
        person_t = person_around(models.matte, target_bgr, points_t).over(region)
        person_s = person_around(models.matte, source_bgr, points_s)
    with watch("warp"):
        texture = models.warp.texture(region, points_t, source_bgr, points_s, person_s, shape_share)
    with watch("mask"):
        return _with_masks(small, local, texture, points_s, person_t, person_s)


def _out_of_the_dark(source_bgr: ImageBGR, points: Float32) -> ImageBGR:
    """The source (H, W, 3) uint8 brighter where its face, points (478, 3), is dark."""
    xy = points[:MESH_POINTS, :2]
    (x0, y0), (x1, y1) = np.maximum(xy.min(axis=0), 0).astype(int), xy.max(axis=0).astype(int) + 1
    bright = float(np.quantile(grey_of(source_bgr[y0:y1, x0:x1])[..., 0], 0.9))
    times = min(_LEAST_LIGHT / max(bright, 1.0), _MOST_LIGHTER)
    if times <= 1.0:
        return source_bgr
    return np.asarray(cv2.convertScaleAbs(source_bgr, alpha=times), np.uint8)


def _with_masks(
    target_bgr: ImageBGR,
    local: Float32,
    texture: Texture,
    points_s: Float32,
    person_t: Mask,
    person_s: RegionMap,
) -> Staged:
    """Finds where what may show.

    target_bgr  (h, w, 3) uint8, local its landmarks there, person_t its matte
    points_s    the source's landmarks and person_s its matte, in its own picture
    """
    shape = texture.region.shape
    depth = oval_depth(local, shape)
    source = texture.source_region.from_picture(points_s)
    foreign_t = not_skin(target_bgr, local) * person_t
    foreign_s = not_skin(texture.source_small_bgr, source) * person_s.over(texture.source_region)
    kept = np.maximum(hair_over_face(foreign_t, local), glasses_over_face(target_bgr, local))
    glasses_s = glasses_over_face(texture.source_small_bgr, source, _FRAME_EDGE)
    worn_s = np.maximum(hair_over_face(foreign_s, source, _HAIR_EDGE), glasses_s)
    strange, brows = texture.carry(worn_s), brow_zone(local, shape)
    eyes, lips = eye_zone(local, shape), lip_zone(local, shape)
    plain_t = np.asarray(1 - np.maximum(brows, np.maximum(eyes, lips)), np.float32)
    if brows_hidden(worn_s, source):  # half a brow beside half of another's is worse than another's
        strange, brows = np.maximum(strange, brows), np.zeros_like(brows)
    seen = (1.0 - strange) * texture.coverage
    face = face_mask(local, points_s, shape, depth) * (1.0 - kept) * person_t
    mask = face * seen
    bare = (1.0 - kept) * (1.0 - beard_on_face(foreign_t, local))
    skin_t = skin_zone(local, shape, depth) * bare
    skin = skin_t * seen * (1.0 - texture.carry(beard_on_face(foreign_s, source)))
    return Staged(
        region=texture.region,
        target_bgr=target_bgr,
        points=local,
        texture=texture,
        mask=mask,
        hidden=np.asarray(face - mask, np.float32),
        plain_t=plain_t,
        skin_t=skin_t,
        brows_t=brows,
        zones=Zones(skin, eyes, lips * mask, rim_zone(depth)),
        face_px=face_width(local),
    )
