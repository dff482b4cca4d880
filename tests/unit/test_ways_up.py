"""Faces are found the right way up, however the picture or each of them is turned."""

import numpy as np
import pytest
from benchmarks.scenes import turned
from unit.embedded import models, portrait

from fusion.models.detect import upright
from fusion.models.detect.anchors import Candidates
from fusion.pipeline import find_faces
from fusion.types import Float32, ImageBGR

KINDS = 6
CELL_PX = 512


def eyes(image: ImageBGR) -> Float32:
    """The eyes of all faces, (N, 2, 2)."""
    return np.array([face.kps5[:2] for face in find_faces(models(), image)]).reshape(-1, 2, 2)


def same(found: Float32, true: Float32) -> bool:
    """Within a fifth of the distance of the eyes: wrong ways up are off by more than one."""
    distance = np.linalg.norm(true[1] - true[0])
    return bool(np.abs(found - true).max() < 0.2 * distance)


def in_turned(points: Float32, degrees: float, side_px: int) -> Float32:
    """Where points of a square picture lie once it is turned clockwise."""
    a = np.radians(degrees)
    rotation = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    half = int(side_px * (abs(np.cos(a)) + abs(np.sin(a)))) / 2
    return np.asarray((points - side_px / 2) @ rotation + half, np.float32)


@pytest.mark.parametrize("degrees", [45, 90, 105, 120, 135, 150, 180, 210, 240, 270])
def test_a_turned_face_is_the_upright_one_turned(degrees: float) -> None:
    for number in range(KINDS):
        image = portrait(number, CELL_PX)
        (before,) = eyes(image)
        (after,) = eyes(turned(image, degrees))
        assert same(after, in_turned(before, degrees, CELL_PX)), number


@pytest.mark.parametrize("way", [1, 2, 3])
def test_each_face_of_a_picture_has_its_own_way_up(way: int) -> None:
    for number in range(0, KINDS, 2):
        left, right = portrait(number, CELL_PX), portrait(number + 1, CELL_PX)
        both = np.hstack([left, np.rot90(right, way)])
        upright_one, other = eyes(both)
        expected = in_turned(eyes(right)[0], -90 * way, CELL_PX) + np.array([CELL_PX, 0])
        assert same(upright_one, eyes(left)[0]) and same(other, expected), number


def test_a_group_upside_down_is_the_group_turned() -> None:
    rows = [np.hstack([portrait((r + c) % KINDS, 128) for c in range(8)]) for r in range(8)]
    group = np.vstack(rows)
    size = np.array(group.shape[1::-1], np.float32)
    found = size - eyes(np.ascontiguousarray(group[::-1, ::-1]))
    missed = [e for e in eyes(group) if not any(same(f, e) for f in found)]
    assert len(missed) <= 3 and len(found) <= 64  # one in twenty, as upright groups may miss


def test_a_clear_upright_face_is_asked_nothing() -> None:
    """What the question costs is spent on doubtful faces alone."""
    detector = models().detector
    for number in range(KINDS):
        image = portrait(number)
        once = detector._one_way_up(image)
        found, ways = upright.ways_up(detector._back, image, once)
        assert ways == [] and np.array_equal(found.scores, once.scores)


@pytest.mark.parametrize("way", upright.WAYS)
def test_what_is_found_in_a_turned_picture_is_turned_back(way: int) -> None:
    height, width = 40, 70
    image = np.zeros((height, width, 3), np.uint8)
    image[5:9, 20:31] = 255
    ys, xs = np.nonzero(upright.turned(image, way)[..., 0])
    box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
    points = np.repeat(box[:, None, :2], 6, axis=1)
    back = upright.turned_back(Candidates(box, points, np.ones(1, np.float32)), way, width, height)
    assert back.boxes.tolist() == [[20, 5, 31, 9]]
    assert all(tuple(p) in {(20, 5), (31, 5), (20, 9), (31, 9)} for p in back.points[0])
