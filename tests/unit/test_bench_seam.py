"""The benchmark's seam: it must see an edge that a face was set in with, and nothing else."""

import numpy as np
import pytest
from benchmarks.seam import seam, steps
from unit.embedded import models

from fusion.masks.face import oval_depth, smoothstep
from fusion.pipeline import find_faces
from fusion.types import Float32, ImageBGR


@pytest.fixture(scope="module")
def faces(nobody: list[ImageBGR]) -> list[tuple[ImageBGR, Float32]]:
    return [(image, find_faces(models(), image)[0].points) for image in nobody]


def seam_of(faces: list[tuple[ImageBGR, Float32]], brighter: float, depth: float) -> float:
    """With all faces brighter by so many levels, from so deep inside the oval on."""
    before, after = [], []
    for image, points in faces:
        inside = oval_depth(points, image.shape[:2]) > depth
        changed = np.clip(image + brighter * inside[..., None], 0, 255).astype(np.uint8)
        before.append(steps(image, points))
        after.append(steps(changed, points))
    return seam(before, after)


def test_an_untouched_picture_has_no_seam(faces: list[tuple[ImageBGR, Float32]]) -> None:
    assert seam_of(faces, 0, 0) == 1.0


@pytest.mark.parametrize("depth", [0.0, 0.02, 0.04])
def test_a_hard_edge_is_seen_wherever_a_mask_may_end(
    faces: list[tuple[ImageBGR, Float32]], depth: float
) -> None:
    weak, middling, strong = (seam_of(faces, levels, depth) for levels in (10, 25, 60))
    assert weak > 1.05
    assert strong > middling > 1.15


def test_a_face_that_is_brighter_all_over_has_no_seam(
    faces: list[tuple[ImageBGR, Float32]],
) -> None:
    before = [steps(image, points) for image, points in faces]
    brighter = [
        steps(np.clip(image * 1.05, 0, 255).astype(np.uint8), points) for image, points in faces
    ]
    assert seam(before, brighter) < 1.06  # contrasts grow with the light


def test_beards_that_come_and_go_even_out(faces: list[tuple[ImageBGR, Float32]]) -> None:
    """The lower half darker from within the oval on, in one picture and no more in the other."""
    before, after = [], []
    for image, points in faces:
        beard = smoothstep(oval_depth(points, image.shape[:2]), 0.01, 0.06)
        beard[: int(points[2, 1])] = 0
        bearded = (image * (1 - 0.4 * beard[..., None])).astype(np.uint8)
        pair = steps(image, points), steps(bearded, points)
        before += pair
        after += pair[::-1]
    assert seam(before, after) == pytest.approx(1.0)
