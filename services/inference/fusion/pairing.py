"""Which source face goes onto which target face, and whether that can become anything."""

from collections.abc import Sequence

import numpy as np

from fusion.errors import FaceIndexOutOfRange, FaceTooSmall, NoFace, PoseTooDifferent
from fusion.imaging.align import head_pose
from fusion.imaging.face_points import MESH_POINTS
from fusion.models.topology import Topology
from fusion.types import Face, FacePair, FusionOptions, FusionWarning

MIN_FACE_PX = 24  # below that the landmarks are guesses
# Beyond the first the hidden half is made up from the visible one, beyond the second it cannot be.
WARN_YAW_DEG, MAX_YAW_DEG = 35.0, 75.0
WARN_CUT_OFF = 0.1  # share of the face's points: less is an ear or a bit of chin
WARN_ENLARGED = 2.5  # times: beyond that the eye sees it


def pair_faces(
    topology: Topology, sources: Sequence[Face], targets: Sequence[Face], options: FusionOptions
) -> tuple[list[FacePair], list[FusionWarning]]:
    """Which source face goes onto which target face, and what to tell about it.

    With target_face "all" a face that cannot be fused is left as it is, with a warning; the others
    need not suffer for it. Only when none can be fused is that an error.

    Raises  NoFace, FaceIndexOutOfRange, FaceTooSmall, PoseTooDifferent
    """
    for name, faces in (("source", sources), ("target", targets)):
        if not faces:
            raise NoFace(
                f"No face was found in the {name} image. Use a photo in which the face is sharp, "
                "well lit and turned to the camera, or lower the face threshold.",
                image=name,
            )
    whole_group = options.target_face == "all" and not options.mappings
    pairs: list[FacePair] = []
    warnings: list[FusionWarning] = []
    refused: list[FaceTooSmall | PoseTooDifferent] = []
    for source, target in _choose_pairs(sources, targets, options):
        _check_face(sources, source, "source")
        try:
            _check_face(targets, target, "target")
            yaw, found = check_pose(topology, sources[source], targets[target], target)
        except (FaceTooSmall, PoseTooDifferent) as error:
            if not whole_group:
                raise
            refused.append(error)
            warnings.append(FusionWarning("FACE_SKIPPED", f"Left as it is. {error.detail}", target))
            continue
        pairs.append(FacePair(source, target, yaw))
        warnings += found + check_resolution(sources[source], targets[target], target)
    if not pairs:
        raise refused[0]
    return pairs, warnings


def _choose_pairs(
    sources: Sequence[Face], targets: Sequence[Face], options: FusionOptions
) -> Sequence[tuple[int, int]]:
    if options.mappings:
        return options.mappings
    source = _choose(sources, options.source_face)
    if options.target_face == "all":
        return [(source, index) for index in range(len(targets))]
    return [(source, _choose(targets, options.target_face))]


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
            # Not rounded: 23.6 px would read as the 24 that are needed.
            f"Face {index} of the {image} is {int(faces[index].size_px)} px; at least "
            f"{MIN_FACE_PX} px are needed. Use a larger picture.",
            image=image,
        )


def check_pose(
    topology: Topology, source: Face, target: Face, index: int
) -> tuple[float, list[FusionWarning]]:
    """The difference of yaw in degrees, and what to tell about it; index is the target's.

    Raises  PoseTooDifferent
    """
    yaw = abs(_yaw(topology, source) - _yaw(topology, target))
    if yaw > MAX_YAW_DEG:
        raise PoseTooDifferent(
            # Rounded up: 75.2 degrees would read as the 75 that are allowed.
            f"The heads are turned {np.ceil(yaw):.0f} degrees apart; more than "
            f"{MAX_YAW_DEG:.0f} cannot be fused. Use a source photo that looks the same way as the "
            "target.",
            target_face=index,
            yaw_difference_deg=round(yaw, 1),
        )
    if yaw <= WARN_YAW_DEG:
        return yaw, []
    text = (
        f"The heads are turned {yaw:.0f} degrees apart: what the source hides was made up from "
        "its other side or left as the target's. A source photo that looks the same way gives a "
        "better result."
    )
    return yaw, [FusionWarning("POSE_DIFFERENCE", text, index)]


def check_resolution(source: Face, target: Face, index: int) -> list[FusionWarning]:
    """What to tell when the source must be enlarged much; index is the target's."""
    times = target.size_px / max(source.size_px, 1.0)
    if times <= WARN_ENLARGED:
        return []
    text = (
        f"The source's face is {times:.1f} times smaller than the target's, so the result is soft. "
        "A larger photo of the source gives a sharp one."
    )
    return [FusionWarning("SOURCE_SMALL", text, index)]


def check_whole(source: Face, picture_shape: tuple[int, ...], index: int) -> list[FusionWarning]:
    """What to tell when the source's picture, (height, width, ...), cuts its face off."""
    h, w = picture_shape[:2]
    x, y = source.points[:MESH_POINTS, 0], source.points[:MESH_POINTS, 1]
    share = float(np.mean((x < 0) | (y < 0) | (x > w - 1) | (y > h - 1)))
    if share <= WARN_CUT_OFF:
        return []
    text = (
        f"The source's picture cuts off {share:.0%} of the face; that part was made up from the "
        "other side or left as the target's. A photo with the whole face gives a better result."
    )
    return [FusionWarning("SOURCE_CUT_OFF", text, index)]


def _yaw(topology: Topology, face: Face) -> float:
    return head_pose(face.points, topology.vertices, topology.weights).yaw
