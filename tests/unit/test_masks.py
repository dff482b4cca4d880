"""Where a source's face may show: drawn hair, strands and beards are found, bare skin is not."""

import cv2
import numpy as np
import pytest
from unit.embedded import located, models, portrait

from fusion.imaging.face_points import BROWS, EYE_LIDS, LIPS_INNER, MOUTH_LIDS, OVAL
from fusion.imaging.mesh import polygon_mask
from fusion.masks.face import face_mask, face_width, oval_depth
from fusion.masks.occlusion import beard_on_face, hair_over_face, not_skin
from fusion.masks.person import person_around
from fusion.types import Float32, ImageBGR, Mask

SIDE = 256
SHAPE = (SIDE, SIDE)
FACES = range(8)


def points(number: int) -> Float32:
    return located(number).points * np.float32(SIDE / 1024)


def mask_of(target: Float32, source: Float32) -> Mask:
    return face_mask(target, source, SHAPE, oval_depth(target, SHAPE))


def hair_in(image: ImageBGR, number: int) -> Mask:
    return hair_over_face(not_skin(image, points(number)), points(number))


@pytest.mark.parametrize("number", FACES)
def test_the_mask_is_the_oval_with_a_soft_edge(number: int) -> None:
    mask = mask_of(points(number), points(number))
    oval = polygon_mask(points(number)[list(OVAL)], SHAPE)
    assert not mask[oval == 0].any()
    assert 0.75 < mask.sum() / oval.sum() < 1
    steps = np.abs(np.diff(mask, axis=1)).max()
    assert steps < 0.4  # feathered


def test_an_open_mouth_stays_the_targets() -> None:
    opened = points(0).copy()
    gap = 0.12 * face_width(opened)
    for upper, lower in MOUTH_LIDS:
        opened[lower, 1] = opened[upper, 1] + gap
    inside = polygon_mask(opened[list(LIPS_INNER)], SHAPE) > 0.9
    assert mask_of(opened, points(0))[inside].max() < 0.35
    assert mask_of(points(0), opened)[inside].min() > 0.9  # shut in the target: all the source's


def test_a_shut_eye_stays_the_targets() -> None:
    shut = points(0).copy()
    for upper, lower in EYE_LIDS[0]:
        shut[upper, :2] = shut[lower, :2] - np.float32([0, 0.3])
    mask = mask_of(shut, points(0))
    middle = np.round(points(0)[[159, 145], :2].mean(axis=0)).astype(int)
    other = np.round(points(0)[[386, 374], :2].mean(axis=0)).astype(int)
    assert mask[middle[1], middle[0]] < 0.2
    assert mask[other[1], other[0]] > 0.9


@pytest.mark.parametrize("number", FACES)
def test_bare_skin_is_no_hair(number: int) -> None:
    oval = polygon_mask(points(number)[list(OVAL)], SHAPE) > 0.5
    assert hair_in(portrait(number, SIDE), number)[oval].mean() < 0.05


@pytest.mark.parametrize("number", FACES)
def test_a_drawn_fringe_is_hair(number: int) -> None:
    image, at = portrait(number, SIDE).copy(), points(number)
    top, brow = at[10, 1], at[9, 1]
    fringe = np.array([[at[54, 0], 0], [at[284, 0], 0], [at[284, 0], (top + brow) / 2],
                       [at[54, 0], (top + brow) / 2]])  # fmt: skip
    cv2.fillPoly(image, [np.round(fringe).astype(np.int32)], (25, 30, 40))
    drawn = polygon_mask(fringe.astype(np.float32), SHAPE) > 0.5
    inside = drawn & (polygon_mask(at[list(OVAL)], SHAPE) > 0.5)
    assert hair_in(image, number)[inside].mean() > 0.7


@pytest.mark.parametrize("number", FACES)
def test_a_brow_that_reaches_the_hair_is_none_unless_hair_lies_over_it(number: int) -> None:
    at = points(number)
    # Brows are bushier than their landmarks.
    brow = cv2.dilate(polygon_mask(at[list(BROWS[0])], SHAPE), np.ones((7, 7), np.uint8))
    (left, right), low = np.flatnonzero(brow.any(axis=0))[[0, -1]], np.flatnonzero(brow)[-1] // SIDE
    bold, covered = brow.copy(), brow.copy()
    bold[:low, :left] = 1  # the temple's hair
    covered[:low, : (left + right) // 2] = 1
    bold, covered = hair_over_face(bold, at), hair_over_face(covered, at)
    tail = (brow > 0) & (covered > 0.7)
    assert tail.sum() > 20
    assert bold[tail].mean() < 0.3


@pytest.mark.parametrize("number", FACES)
def test_thin_strands_are_hair_and_wrinkles_are_not(number: int) -> None:
    at = points(number)
    top, brow = float(at[10, 1]), float(at[9, 1])
    strands, wrinkles = portrait(number, SIDE).copy(), portrait(number, SIDE).copy()
    for share in (0.35, 0.5, 0.65):
        x = round(float(at[54, 0] + share * (at[284, 0] - at[54, 0])))
        cv2.line(strands, (x, 0), (x, round((top + 2 * brow) / 3)), (40, 45, 60), 2)
        y = round(top + share * (brow - top))
        cv2.line(wrinkles, (round(at[67, 0]), y), (round(at[297, 0]), y), (90, 110, 140), 1)
    x, y = round(float(at[9, 0])), round((top + brow) / 2)
    assert hair_in(strands, number)[y, x - 3 : x + 4].max() > 0.8
    assert hair_in(wrinkles, number)[y - 6 : y + 7, x].max() < 0.2


@pytest.mark.parametrize("number", FACES)
def test_a_drawn_beard_is_found_below_the_nose_only(number: int) -> None:
    image, at = portrait(number, SIDE).copy(), points(number)
    chin = at[[172, 58, 205, 2, 425, 288, 397, 152]]
    cv2.fillPoly(image, [np.round(chin[:, :2]).astype(np.int32)], (20, 20, 22))
    found = beard_on_face(not_skin(image, at), at)
    middle = np.round((at[17] + at[152]) / 2).astype(int)
    assert found[middle[1], middle[0]] > 0.9
    assert not found[: int(at[2, 1]) - 8].any()
    assert beard_on_face(not_skin(portrait(number, SIDE), at), at)[middle[1], middle[0]] < 0.5


@pytest.mark.parametrize("light", [0.03, 3.0])
def test_a_face_that_the_matte_does_not_see_is_a_person_all_the_same(light: float) -> None:
    """Nothing of the source showed in very dark and in blown-out targets."""
    unseen = np.clip(portrait(0, SIDE) * light, 0, 255).astype(np.uint8)
    person = person_around(models().matte, unseen, points(0))
    assert person.at(points(0)[None, :468:20, :2]).min() > 0.95


def test_the_persons_matte_holds_the_face_and_leaves_the_background() -> None:
    at = points(0)
    canvas = np.full((SIDE, 3 * SIDE, 3), 200, np.uint8)
    canvas[:, SIDE : 2 * SIDE] = portrait(0, SIDE)
    person = person_around(models().matte, canvas, at + np.float32([SIDE, 0, 0]))
    spots = np.float32([[at[1, :2] + [SIDE, 0], [SIDE - 40, 100], [2 * SIDE + 40, 100]]])
    assert person.at(spots)[0] == pytest.approx([1, 0, 0], abs=0.05)
