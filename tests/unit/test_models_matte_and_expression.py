"""The person matte and the expression coefficients mean what they say."""

from dataclasses import replace

import numpy as np
import pytest
from unit.embedded import located, models, portrait

from fusion.models.expression.blendshapes import NAMES
from fusion.types import Face


def coefficients(face: Face) -> dict[str, float]:
    return dict(zip(NAMES, models().expression.measure(face).tolist(), strict=True))


@pytest.mark.parametrize("size", [(1024, 1024), (700, 500), (90, 120)])
def test_the_matte_has_the_size_of_its_picture(size: tuple[int, int]) -> None:
    image = np.ascontiguousarray(portrait()[: size[0], : size[1]])
    person = models().matte.person(image)
    assert person.shape == size and person.dtype == np.float32
    assert person.min() >= 0 and person.max() <= 1


@pytest.mark.parametrize("number", range(3))
def test_a_face_is_person_and_a_wall_is_not(number: int) -> None:
    x0, y0, x1, y1 = located(number).box_xyxy.astype(int)
    third = (x1 - x0) // 3
    inside = models().matte.person(portrait(number))[y0 + third : y1 - third, x0 + third : x1]
    assert inside[:, :third].mean() > 0.9
    wall = np.random.default_rng(2).normal(128, 6, (512, 512, 3)).astype(np.uint8)
    assert models().matte.person(wall).mean() < 0.1


def test_expression_does_not_depend_on_place_and_size() -> None:
    face = located()
    assert face.landmarks is not None
    moved = replace(face, landmarks=face.landmarks * np.float32(3) + np.float32(500))
    before, after = models().expression.measure(face), models().expression.measure(moved)
    # float32 points of some thousand pixels: 1e-3 of the range 0..1
    assert np.abs(before - after).max() < 1e-3


def test_lids_that_close_are_a_blink_and_a_chin_that_drops_opens_the_jaw() -> None:
    face = located()
    assert face.landmarks is not None
    before = coefficients(face)
    closed = face.landmarks.copy()
    upper, lower = [159, 158, 160, 161, 157, 173, 246], [145, 153, 144, 163, 154, 155, 7]
    closed[upper] = closed[lower]
    blink = coefficients(replace(face, landmarks=closed))
    # The other points did not move along, as they would in a face: the network half believes it.
    assert blink["eyeBlinkRight"] > before["eyeBlinkRight"] + 0.03
    assert blink["eyeBlinkRight"] > blink["eyeBlinkLeft"] + 0.03
    opened = face.landmarks.copy()
    below = face.landmarks[:468, 1] > face.landmarks[[13, 14], 1].mean()
    opened[:468][below, 1] += 0.4 * np.linalg.norm(face.kps5[1] - face.kps5[0])
    assert coefficients(replace(face, landmarks=opened))["jawOpen"] > before["jawOpen"] + 0.03
