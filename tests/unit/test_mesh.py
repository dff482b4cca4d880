"""What sits on the mesh's vertices, carried onto pixels."""

import numpy as np
import pytest
from unit.embedded import models

from fusion.imaging import mesh
from fusion.types import Float32

SHAPE = (120, 100)


def face() -> Float32:
    """The canonical face, 80 px wide, in the middle of SHAPE."""
    vertices = models().topology.vertices * np.array([1, -1, -1], np.float32)
    vertices = vertices - (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    return vertices * np.float32(80 / np.ptp(vertices[:, 0])) + np.float32([50, 60, 0])


def straight(x: Float32, y: Float32) -> Float32:
    return np.stack([2.5 * x - 0.7 * y + 300, 0.4 * x + 3.1 * y - 20], axis=-1).astype(np.float32)


def test_a_straight_map_stays_straight_inside_the_mesh_and_outside() -> None:
    points = face()
    raster = mesh.rasterise(points, models().topology.triangles, SHAPE)
    assert 0.3 < raster.covered.mean() < 0.7
    carried = raster.interpolate(straight(points[:, 0], points[:, 1]))
    wanted = straight(*np.meshgrid(*(np.arange(n, dtype=np.float32) for n in SHAPE[::-1])))
    inside = raster.covered
    # On the rim a pixel's weights are clamped; there it may be off by a pixel's step.
    assert np.quantile(np.abs(carried - wanted)[inside], 0.95) < 1e-3
    smooth = mesh.smooth_map(carried, inside, 1.0)
    assert np.abs(smooth - wanted).mean() < 0.02
    assert np.abs(smooth - wanted).max() < 3.0


def test_outside_the_mesh_values_are_what_was_asked_for() -> None:
    raster = mesh.rasterise(face(), models().topology.triangles, SHAPE)
    ones = np.ones(468, np.float32)
    carried = raster.interpolate(ones, outside=-1.0)
    assert carried.shape == SHAPE
    assert (carried[~raster.covered] == -1).all()
    assert np.allclose(carried[raster.covered], 1, atol=1e-5)


@pytest.mark.parametrize("squeeze", [1.0, 0.5, 0.1])
def test_support_is_the_smaller_stretch_of_a_triangle(squeeze: float) -> None:
    target = np.array([[0, 0], [0, 9], [8, 0], [8, 9]], np.float32)
    triangles = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    assert (mesh.signed_areas(target, triangles) > 0).all()
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    source = (target * np.float32([1, squeeze])) @ turn.T
    support = mesh.texture_support(target, source, triangles)
    # Relative to how much smaller the face as a whole is.
    whole = mesh.fit_similarity(target, source)
    scale = np.sqrt(np.linalg.det(whole[:, :2]))
    assert np.allclose(support, min(1.0, squeeze / scale), atol=1e-5)


def test_a_triangle_seen_from_behind_has_no_support() -> None:
    target = np.array([[0, 0], [0, 9], [8, 0]], np.float32)
    triangles = np.array([[0, 1, 2]], np.int32)
    assert mesh.texture_support(target, target[[0, 2, 1]], triangles)[0] == 0
