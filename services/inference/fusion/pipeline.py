"""The whole recipe for one picture: find the faces, pair them, fuse each pair into the target."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.errors import (
    FaceIndexOutOfRange,
    FaceTooSmall,
    ModelUnavailable,
    NoFace,
    PoseTooDifferent,
)
from fusion.imaging.adjust import adjust
from fusion.imaging.align import Matrix, Pose, head_pose
from fusion.imaging.blend import blend
from fusion.imaging.color import ColorField, Zones, color_field, match_light
from fusion.imaging.face_points import MESH_POINTS, OVAL
from fusion.imaging.view import Region, region_around
from fusion.masks.face import eye_zone, face_mask, face_width, oval_depth, rim_zone, skin_zone
from fusion.masks.occlusion import beard_on_face, hair_over_face, not_skin
from fusion.masks.person import person_around
from fusion.models.landmarks.facemesh import kps5_of
from fusion.models.registry import FaceModels
from fusion.models.swap.mesh import Texture
from fusion.types import (
    Face,
    FacePair,
    Float32,
    FusionOptions,
    FusionResult,
    FusionWarning,
    ImageBGR,
    Mask,
)

# Masks and light are worked out on a face of this size; they vary too slowly to need more.
SMALL_SIDE_PX = 224
MARGIN = 0.12  # of the face around its oval: the masks look for the hair line there
MIN_FACE_PX = 24  # below that the landmarks are guesses
MIN_PRESENCE = 0.5
_HAIR_EDGE = 0.025  # of the face's width: strands of the source are left out with their edges
_MAX_SLIP = 0.08  # of the face's width
# Beyond the first the hidden half is made up from the visible one, beyond the second it cannot be.
WARN_YAW_DEG, MAX_YAW_DEG = 35.0, 75.0


class Stopwatch:
    """Adds up milliseconds by stage, in the order in which the stages first ran."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.ms[stage] = self.ms.get(stage, 0.0) + (time.perf_counter() - start) * 1e3


@dataclass(eq=False)
class Canvas:
    """The picture in the making: changed (H, W) bool marks where it may differ from the target."""

    image_bgr: ImageBGR
    changed: NDArray[np.bool_]
    watch: Stopwatch = field(default_factory=Stopwatch)


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
    canvas = Canvas(target_bgr.copy(), np.zeros(target_bgr.shape[:2], np.bool_))
    watch = canvas.watch
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
    pairs = choose_pairs([face for _, face in pool], targets, options)
    report: list[FacePair] = []
    warnings: list[FusionWarning] = []
    for source_index, target_index in pairs:
        image, face = pool[source_index]
        yaw, found = _check_pose(models, face, targets[target_index], target_index)
        report.append(FacePair(source_index, target_index, yaw))
        warnings += found
        if options.ratio > 0:
            _fuse_face(canvas, models, targets[target_index], image, face, options)
    return FusionResult(canvas.image_bgr, canvas.changed, tuple(report), tuple(warnings), watch.ms)


def choose_pairs(
    sources: Sequence[Face], targets: Sequence[Face], options: FusionOptions
) -> list[tuple[int, int]]:
    """Which source face goes onto which target face: (source index, target index)s.

    Raises  NoFace, FaceIndexOutOfRange, FaceTooSmall
    """
    for name, faces in (("source", sources), ("target", targets)):
        if not faces:
            raise NoFace(
                f"No face was found in the {name} image. Use a photo in which the face is sharp, "
                "well lit and turned to the camera, or lower face_threshold.",
                image=name,
            )
    if options.mappings:
        pairs = list(options.mappings)
    elif options.target_face == "all":
        source = _choose(sources, options.source_face)
        pairs = [(source, i) for i, face in enumerate(targets) if face.size_px >= MIN_FACE_PX]
        pairs = pairs or [(source, 0)]
    else:
        pairs = [
            (
                _choose(sources, options.source_face),
                _choose(targets, options.target_face),
            )
        ]
    for source, target in pairs:
        _check_face(sources, source, "source")
        _check_face(targets, target, "target")
    return pairs


def _choose(faces: Sequence[Face], choice: int | str) -> int:
    if not isinstance(choice, int):
        return max(range(len(faces)), key=lambda i: faces[i].size_px)
    return choice


def _check_face(faces: Sequence[Face], index: int, image: str) -> None:
    if not 0 <= index < len(faces):
        raise FaceIndexOutOfRange(
            f"The {image} has {len(faces)} face(s), counted from 0 left to right; "
            f"there is no face {index}.",
            image=image,
            faces=len(faces),
        )
    if faces[index].size_px < MIN_FACE_PX:
        raise FaceTooSmall(
            f"Face {index} of the {image} is {faces[index].size_px:.0f} px; at least "
            f"{MIN_FACE_PX} px are needed. Use a larger picture.",
            image=image,
        )


def _check_pose(
    models: FaceModels, source: Face, target: Face, index: int
) -> tuple[float, list[FusionWarning]]:
    yaw = abs(_pose(models, source).yaw - _pose(models, target).yaw)
    if yaw > MAX_YAW_DEG:
        raise PoseTooDifferent(
            f"The heads are turned {yaw:.0f} degrees apart; more than {MAX_YAW_DEG:.0f} cannot be "
            "fused. Use a source photo that looks the same way as the target.",
            target_face=index,
            yaw_difference_deg=round(yaw, 1),
        )
    if yaw <= WARN_YAW_DEG:
        return yaw, []
    text = (
        f"The heads are turned {yaw:.0f} degrees apart: what the source hides was made up from "
        "its other side. A source photo that looks the same way gives a better result."
    )
    return yaw, [FusionWarning("POSE_DIFFERENCE", text, index)]


def _pose(models: FaceModels, face: Face) -> Pose:
    return head_pose(_points(face), models.topology.vertices, models.topology.weights)


def _fuse_face(
    canvas: Canvas,
    models: FaceModels,
    target: Face,
    source_bgr: ImageBGR,
    source: Face,
    options: FusionOptions,
) -> None:
    """Fuses one pair into the canvas, in place, at the target's own resolution."""
    watch = canvas.watch
    points_t, points_s = _points(target), _points(source)
    region = region_around(points_t[list(OVAL)], canvas.image_bgr.shape, MARGIN, SMALL_SIDE_PX)
    small = region.cut(canvas.image_bgr)
    local = region.from_picture(points_t)
    with watch("matte"):
        person_t = person_around(models.matte, canvas.image_bgr, points_t).over(region)
        person_s = person_around(models.matte, source_bgr, points_s)
    with watch("warp"):
        shape_share = options.shape * options.ratio
        swap = models.swaps[options.model]
        texture = swap.texture(region, points_t, source_bgr, points_s, person_s, shape_share)
    with watch("mask"):
        depth = oval_depth(local, region.shape)
        mask = face_mask(local, points_s, region.shape, depth)
        around_s = texture.source_region.from_picture(points_s)
        foreign_t = not_skin(small, local) * person_t
        foreign_s = not_skin(texture.source_small_bgr, around_s)
        foreign_s *= person_s.over(texture.source_region)
        kept = hair_over_face(foreign_t, local)
        strange = texture.carry(hair_over_face(foreign_s, around_s, _HAIR_EDGE))
        mask = mask * (1.0 - kept) * (1.0 - strange) * texture.coverage * person_t
    with watch("light"):
        skin = skin_zone(local, region.shape, depth) * (1.0 - kept) * (1.0 - strange)
        skin *= 1.0 - beard_on_face(foreign_t, local)
        skin *= 1.0 - texture.carry(beard_on_face(foreign_s, around_s))
        zones = Zones(skin * texture.coverage, eye_zone(local, region.shape), rim_zone(depth))
        matched = match_light(texture.small_bgr, small, zones, face_width(local))
        field = color_field(texture.small_bgr, matched, 3)
        sketch = blend(small, matched, mask, 1.0, "normal")
    with watch("landmarks"):
        before, after = _measured_again(models, (small, sketch), local)
    with watch("compose"):
        texture = texture.moved(_slip(before, after))
        _compose(canvas, region, texture, field, mask, options, face_width(points_t))


def _compose(
    canvas: Canvas,
    region: Region,
    texture: Texture,
    field: ColorField,
    mask: Mask,
    options: FusionOptions,
    face_px: float,
) -> None:
    """Lays the texture in its new light over the canvas, in place, strip by strip."""
    full = texture.full()
    # These two look around a pixel further than a strip reaches.
    whole = options.smooth > 0 or options.mode == "blend"
    for part in [region.at_scale(1.0)] if whole else region.strips(mask):
        gain, offset, share = (
            region.enlarged(values, part) for values in (field.gain, field.offset, mask)
        )
        fused = cv2.add(cv2.multiply(full.read(part), gain, dtype=cv2.CV_32F), offset)
        fused = adjust(np.clip(fused, 0, 255), options, face_px)
        under = canvas.image_bgr[part.box]
        canvas.image_bgr[part.box] = blend(under, fused, share, options.ratio, options.mode)
        canvas.changed[part.box] |= share > 0


def _measured_again(
    models: FaceModels, images_bgr: Sequence[ImageBGR], points: Float32
) -> list[Face]:
    """The face that lies at points (478, 3) in each of these pictures of the same size."""
    xy = points[:MESH_POINTS, :2]
    known = Face(np.concatenate([xy.min(axis=0), xy.max(axis=0)]), kps5_of(points), 1.0)
    return [models.landmarker.locate(image, known, passes=1) for image in images_bgr]


def _slip(before: Face, after: Face) -> Matrix:
    """How the fused face sits off the target's: (2, 3), x, y -> where that point came to lie.

    The two photos' landmarks never agree to the pixel on what is the same point of a face. Measured
    on the fused face itself, the affine part of that is taken out; the rest is the person's own.

    before, after  the target's face and the fused one, in the same pixels
    """
    there, fused = (_points(face)[:MESH_POINTS, :2] for face in (before, after))
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


def _points(face: Face) -> Float32:
    if face.landmarks is None:
        raise NoFace("The face has no landmarks.")
    return face.landmarks
