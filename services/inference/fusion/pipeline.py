"""The whole recipe for one picture: find the faces, pair them, fuse each pair into the target."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.errors import ModelUnavailable
from fusion.imaging.adjust import adjust, smooth_reach
from fusion.imaging.align import Matrix
from fusion.imaging.blend import Filling, blend, blend_reach
from fusion.imaging.color import grey_of
from fusion.imaging.face_points import MESH_POINTS
from fusion.imaging.lips import lips_toned
from fusion.imaging.tint import tint_of, tinted
from fusion.imaging.tone import tone_where_hidden, tone_where_mirrored
from fusion.imaging.view import Region
from fusion.masks.face import face_width
from fusion.models.landmarks.facemesh import kps5_of
from fusion.models.registry import FaceModels
from fusion.models.swap.look import Look
from fusion.models.swap.texture import Texture
from fusion.pairing import check_whole, pair_faces
from fusion.staging import stage
from fusion.stopwatch import Stopwatch
from fusion.types import (
    Face,
    Float32,
    FusionOptions,
    FusionResult,
    ImageBGR,
)

MIN_PRESENCE = 0.5
ALL = slice(None)
_MAX_SLIP = 0.08  # of the face's width


@dataclass(eq=False)
class Canvas:
    """The picture in the making: changed (H, W) bool marks where it may differ from the target."""

    image_bgr: ImageBGR
    changed: NDArray[np.bool_]
    watch: Stopwatch


def find_faces(models: FaceModels, image_bgr: ImageBGR, min_score: float = 0.5) -> list[Face]:
    """All faces with their landmarks, left to right by the middle of the box.

    image_bgr  (H, W, 3) uint8; min_score 0.1..0.9
    """
    return _locate(models, image_bgr, models.detector.detect(image_bgr, min_score))


def fuse(
    models: FaceModels,
    target_bgr: ImageBGR,
    sources_bgr: Sequence[ImageBGR],
    options: FusionOptions,
) -> FusionResult:
    """Fuses source faces into a copy of the target.

    target_bgr   (H, W, 3) uint8
    sources_bgr  at least one picture; their faces are counted over all of them, in order
    Raises       NoFace, FaceTooSmall, FaceIndexOutOfRange, PoseTooDifferent, ModelUnavailable
    """
    if options.model not in models.swaps:
        known = ", ".join(sorted(models.swaps))
        raise ModelUnavailable(f"There is no model '{options.model}'; loaded: {known}.")
    watch = Stopwatch()
    with watch("detect"):
        threshold = options.face_threshold
        targets = models.detector.detect(target_bgr, threshold)
        sources = [models.detector.detect(image, threshold) for image in sources_bgr]
    with watch("landmarks"):
        targets = _locate(models, target_bgr, targets)
        pool = [
            (image, face)
            for image, faces in zip(sources_bgr, sources, strict=True)
            for face in _locate(models, image, faces)
        ]
    pairs, warnings = pair_faces(models.topology, [face for _, face in pool], targets, options)
    canvas = Canvas(target_bgr.copy(), np.zeros(target_bgr.shape[:2], np.bool_), watch)
    for pair in pairs:
        image, face = pool[pair.source_face]
        warnings += check_whole(face, image.shape, pair.target_face)
        if options.ratio > 0:
            _fuse_pair(canvas, models, targets[pair.target_face], image, face, options)
    return FusionResult(canvas.image_bgr, canvas.changed, tuple(pairs), tuple(warnings), watch.ms)


def _fuse_pair(
    canvas: Canvas,
    models: FaceModels,
    target: Face,
    source_bgr: ImageBGR,
    source: Face,
    options: FusionOptions,
) -> None:
    """Fuses one pair into the canvas, in place; a toned photo in grey, coloured as it was."""
    before, watch = canvas.image_bgr, canvas.watch
    with watch("light"):
        tint = tint_of(before, target.box_xyxy)
    if tint is None:
        _fuse_face(canvas, models, target, source_bgr, source, options)
        return
    grey = Canvas(grey_of(before), np.zeros_like(canvas.changed), watch)
    _fuse_face(grey, models, target, source_bgr, source, options)
    where = grey.changed
    if where.any():
        before[where] = tinted(before[where], grey.image_bgr[where], tint)
        canvas.changed |= where


def _fuse_face(
    canvas: Canvas,
    models: FaceModels,
    target: Face,
    source_bgr: ImageBGR,
    source: Face,
    options: FusionOptions,
) -> None:
    """Fuses one pair into the canvas, in place, at the target's own resolution."""
    watch, swap = canvas.watch, models.swaps[options.model]
    points_t = target.points
    shape_share = options.shape * options.ratio
    staged = stage(
        models, canvas.image_bgr, points_t, source_bgr, source.points, shape_share, watch
    )
    with watch("light"):
        before, texture = staged.target_bgr, staged.texture
        look = swap.look(before, texture.small_bgr, staged.mask, staged.zones, staged.face_px)
        lit = look.field.over(texture.small_bgr)
        shift = lips_toned(before, lit, staged.zones, staged.face_px)
        shift += tone_where_mirrored(
            before, lit, look.mask * staged.plain_t, texture.mirror_share, staged.face_px
        )
        look, lit = replace(look, field=look.field.shifted(shift)), lit + shift
        skin = look.mask * staged.zones.skin
        hidden, skin_t, brows_t = staged.hidden, staged.skin_t, staged.brows_t
        tone = tone_where_hidden(before, lit, skin, hidden, skin_t, brows_t, staged.face_px)
        filling = None if tone is None else Filling(tone, np.minimum(look.mask + hidden, 1))
        sketch = blend(before, lit, look.mask, 1.0, "normal", filling)
    with watch("landmarks"):
        slip = _slip(*_measured_again(models, (before, sketch), staged.points))
    with watch("compose"):
        texture = texture.moved(slip)
        _compose(canvas, staged.region, texture, look, filling, options, face_width(points_t))


def _compose(
    canvas: Canvas,
    region: Region,
    texture: Texture,
    look: Look,
    filling: Filling | None,
    options: FusionOptions,
    face_px: float,
) -> None:
    """Lays the texture in its new light over the canvas, in place, strip by strip.

    look, filling  small, as the region was staged
    """
    whole = look.mask if filling is None else filling.whole
    full = texture.full()
    before = canvas.image_bgr[region.box].copy()
    reach = max(smooth_reach(options, face_px), blend_reach(options.mode))
    parts = region.bands(reach) if reach else ((part, ALL) for part in region.strips(whole))
    for part, own in parts:
        gain, offset, share, face = (
            region.enlarged(values, part)
            for values in (look.field.gain, look.field.offset, look.mask, whole)
        )
        filled = None if filling is None else Filling(region.enlarged(filling.tone_bgr, part), face)
        fused = cv2.add(cv2.multiply(full.read(part), gain, dtype=cv2.CV_32F), offset)
        fused = adjust(np.clip(fused, 0, 255), options, face_px)
        under = before[part.box_in(region)]
        mixed = blend(under, fused, share, options.ratio, options.mode, filled)
        canvas.image_bgr[part.box][own] = mixed[own]
        canvas.changed[part.box][own] |= face[own] > 0


def _measured_again(
    models: FaceModels, images_bgr: Sequence[ImageBGR], points: Float32
) -> list[Face]:
    """The face that lies at points (478, 3) in each of these pictures of the same size."""
    xy = points[:MESH_POINTS, :2]
    where = Face(np.concatenate([xy.min(axis=0), xy.max(axis=0)]), kps5_of(points), 1.0)
    return [models.landmarker.locate(image, where, known=True) for image in images_bgr]


def _slip(before: Face, after: Face) -> Matrix:
    """How the fused face sits off the target's: (2, 3), x, y -> where that point came to lie.

    The two photos' landmarks never agree to the pixel on what is the same point of a face. Measured
    on the fused face itself, the affine part of that is taken out; the rest is the person's own.

    before, after  the target's face and the fused one, in the same pixels
    """
    there, fused = (face.points[:MESH_POINTS, :2] for face in (before, after))
    terms = np.column_stack([there, np.ones(MESH_POINTS)])
    slip = np.linalg.lstsq(terms, fused - there, rcond=None)[0].T
    furthest = float(np.abs(terms @ slip.T).max())
    # More than that is no slip: the landmarks of the fused face are wrong, and it stays as it is.
    if after.presence < MIN_PRESENCE or furthest > _MAX_SLIP * face_width(there):
        slip = np.zeros((2, 3))
    return np.asarray(slip + np.eye(2, 3), np.float64)


def _locate(models: FaceModels, image_bgr: ImageBGR, faces: Sequence[Face]) -> list[Face]:
    located = [models.landmarker.locate(image_bgr, face) for face in faces]
    return [face for face in located if face.presence >= MIN_PRESENCE]
