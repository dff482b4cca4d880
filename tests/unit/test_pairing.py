"""Which faces are fused, which are left out, and what is told about it."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from portraits import MODELS_DIR, portrait_files

from fusion.errors import FaceTooSmall, PoseTooDifferent
from fusion.models.registry import FaceModels, load_models
from fusion.pairing import check_whole, pair_faces
from fusion.pipeline import find_faces
from fusion.types import Face, FacePair, FusionOptions, FusionWarning

Pairing = Callable[..., tuple[list[FacePair], list[FusionWarning]]]
ALL = FusionOptions(target_face="all")


@pytest.fixture(scope="module")
def models() -> FaceModels:
    return load_models(MODELS_DIR)


@pytest.fixture(scope="module")
def face(models: FaceModels) -> Face:
    (face,) = find_faces(models, cv2.imread(str(portrait_files(1)[0])))
    return face


@pytest.fixture
def paired(models: FaceModels, face: Face) -> Pairing:
    """Pairs the face, as the only source, with these targets."""

    def pair(*targets: Face, options: FusionOptions = ALL, source: Face = face):
        return pair_faces(models.topology, [source], targets, options)

    return pair


def turned(face: Face, degrees: float) -> Face:
    """The same face with its head turned about the vertical axis."""
    points = face.landmarks.copy()
    middle = points[:468].mean(axis=0)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, z = (points[:, 0] - middle[0]).copy(), (points[:, 2] - middle[2]).copy()
    points[:, 0], points[:, 2] = x * cos + z * sin + middle[0], z * cos - x * sin + middle[2]
    return replace(face, landmarks=points)


def leaning(face: Face, degrees: float) -> Face:
    """The same face in a picture turned clockwise."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = face.landmarks.copy()
    points[:, :2] = points[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    return replace(face, landmarks=points)


def nodding(face: Face, degrees: float) -> Face:
    """The same face looking down: turned about the picture's horizontal axis."""
    quarter = leaning(turned(leaning(face, 90), degrees), -90)
    return replace(face, landmarks=quarter.landmarks)


def tiny(face: Face) -> Face:
    return replace(face, box_xyxy=np.array([5, 5, 25, 27], np.float32))


@pytest.mark.parametrize(("degrees", "codes"), [(20, []), (50, ["POSE_DIFFERENCE"])])
def test_a_great_difference_is_told(
    paired: Pairing, face: Face, degrees: float, codes: list[str]
) -> None:
    for options in (ALL, FusionOptions()):
        (pair,), warnings = paired(face, source=turned(face, degrees), options=options)
        assert pair.yaw_difference_deg == pytest.approx(degrees, abs=6)
        assert [warning.code for warning in warnings] == codes


@pytest.mark.parametrize("roll", [-135, -90, -45, 30, 90, 120, 180])
@pytest.mark.parametrize("pitch", [-20, 20])
def test_a_photo_that_is_turned_has_the_same_difference(
    paired: Pairing, face: Face, roll: float, pitch: float
) -> None:
    """A face that looks down was taken for one that looks aside when its picture was turned."""
    source = turned(nodding(face, pitch), 40)
    (upright,), told = paired(face, source=source)
    (pair,), warnings = paired(leaning(face, roll), source=leaning(source, -roll))
    assert pair.yaw_difference_deg == pytest.approx(upright.yaw_difference_deg, abs=0.1)
    assert warnings == told


@pytest.mark.parametrize("options", [ALL, FusionOptions(), FusionOptions(mappings=((0, 0),))])
def test_a_profile_on_a_frontal_face_is_refused(
    paired: Pairing, face: Face, options: FusionOptions
) -> None:
    with pytest.raises(PoseTooDifferent, match="looks the same way"):
        paired(face, source=turned(face, 85), options=options)


def test_all_leaves_out_what_cannot_be_fused_and_says_so(paired: Pairing, face: Face) -> None:
    pairs, warnings = paired(tiny(face), face, turned(face, 85))
    assert [pair.target_face for pair in pairs] == [1]
    assert [(warning.code, warning.target_face) for warning in warnings] == [
        ("FACE_SKIPPED", 0),
        ("FACE_SKIPPED", 2),
    ]
    assert "22 px" in warnings[0].message and "degrees apart" in warnings[1].message


def test_all_fails_when_none_can_be_fused(paired: Pairing, face: Face) -> None:
    with pytest.raises(FaceTooSmall, match="Face 0 of the target"):
        paired(tiny(face), turned(face, 85))


def test_a_face_that_was_chosen_is_not_left_out_silently(paired: Pairing, face: Face) -> None:
    for options in (FusionOptions(target_face=1), FusionOptions(mappings=((0, 0), (0, 1)))):
        with pytest.raises(PoseTooDifferent):
            paired(face, turned(face, 85), options=options)
    # Mappings override target_face, whatever it says.
    with pytest.raises(FaceTooSmall):
        paired(face, tiny(face), options=replace(ALL, mappings=((0, 0), (0, 1))))


@pytest.mark.parametrize(("share", "codes"), [(0.0, []), (0.05, []), (0.3, ["SOURCE_CUT_OFF"])])
def test_a_source_that_its_picture_cuts_off_is_told(
    face: Face, share: float, codes: list[str]
) -> None:
    xs = np.sort(face.points[:468, 0])
    width = round(float(xs[round((1 - share) * 467)])) + 1
    assert [warning.code for warning in check_whole(face, (640, width, 3), 0)] == codes


def test_a_source_face_too_small_is_an_error_with_all_too(paired: Pairing, face: Face) -> None:
    with pytest.raises(FaceTooSmall, match="of the source"):
        paired(face, source=tiny(face))


def test_a_face_just_too_small_is_not_said_to_be_large_enough(paired: Pairing, face: Face) -> None:
    almost = replace(face, box_xyxy=np.array([5, 5, 25, 28.6], np.float32))
    with pytest.raises(FaceTooSmall, match="is 23 px; at least 24 px"):
        paired(almost)
