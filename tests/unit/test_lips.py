"""Lips keep the source's own look, but are no whiter than the fused skin can have them."""

import numpy as np
import pytest
from unit.embedded import located, portrait

from fusion.imaging.color import Zones, from_lab, to_lab
from fusion.imaging.lips import lips_toned
from fusion.masks.face import eye_zone, face_width, lip_zone, oval_depth, rim_zone, skin_zone
from fusion.types import Float32

SIDE = 256
SHAPE = (SIDE, SIDE)
POINTS = located(0).points * np.float32(SIDE / 1024)
TARGET = portrait(0, SIDE)
DEPTH = oval_depth(POINTS, SHAPE)
LIPS = lip_zone(POINTS, SHAPE)
ZONES = Zones(skin_zone(POINTS, SHAPE, DEPTH), eye_zone(POINTS, SHAPE), LIPS, rim_zone(DEPTH))


def toned(fused: Float32) -> Float32:
    return fused + lips_toned(TARGET, fused, ZONES, face_width(POINTS))


def with_lips(lightness: float, chroma: float = 1.0) -> Float32:
    """The target's face with its lips so much lighter, their colour scaled."""
    lab = to_lab(TARGET)
    lab[..., 0] += lightness * LIPS
    lab[..., 1:] *= 1 + (chroma - 1) * LIPS[..., None]
    return from_lab(lab)


def lips_of(image: Float32) -> Float32:
    """Mean Lab."""
    return np.asarray(to_lab(image)[LIPS > 0.9].mean(axis=0), np.float32)


@pytest.mark.parametrize("lightness", [0, -20])
def test_lips_of_a_usual_lightness_keep_theirs(lightness: float) -> None:
    fused = with_lips(lightness)
    assert np.abs(lips_of(toned(fused)) - lips_of(fused)).max() < 1


def test_white_lips_take_on_the_red_and_the_lightness_of_the_targets() -> None:
    fused = with_lips(35, chroma=0.2)
    own, before, after = (
        lips_of(image) for image in (TARGET.astype(np.float32), fused, toned(fused))
    )
    assert before[0] - after[0] > 0.3 * (before[0] - own[0]) > 5
    assert after[1] - before[1] > 0.4 * (own[1] - before[1]) > 3


def test_nothing_but_the_lips_changes() -> None:
    fused = with_lips(35)
    assert not (toned(fused) - fused)[LIPS == 0].any()


def test_on_skin_as_light_as_they_are_lips_may_be_light() -> None:
    """As on dark skin, whose lips are often lighter than it: only light skin cannot have them."""
    fused = to_lab(with_lips(35))
    fused[..., 0] += 35 * (1 - LIPS)
    light = from_lab(fused)
    assert np.abs(lips_of(toned(light)) - lips_of(light))[0] < 3


def test_a_face_whose_lips_are_hidden_is_left_alone() -> None:
    hidden = Zones(ZONES.skin, ZONES.eyes, np.zeros_like(LIPS), ZONES.rim)
    fused = with_lips(35)
    assert not lips_toned(TARGET, fused, hidden, face_width(POINTS)).any()
