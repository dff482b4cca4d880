"""The canonical mesh: whole, closed up, symmetric, and seen from outside."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from unit.embedded import models

from fusion.errors import ModelUnavailable
from fusion.models.topology import load_topology


def test_arrays_have_the_promised_shapes() -> None:
    t = models().topology
    assert (t.vertices.shape, t.vertices.dtype) == ((468, 3), np.float32)
    assert (t.triangles.shape, t.triangles.dtype) == ((898, 3), np.int32)
    assert (t.uv.shape, t.uv.min() >= 0, t.uv.max() <= 1) == ((468, 2), True, True)
    assert t.weights.shape == (468,) and (t.weights >= 0).all() and t.weights.sum() > 0


def test_every_point_is_used_and_no_edge_belongs_to_three_triangles() -> None:
    triangles = models().topology.triangles
    assert set(triangles.reshape(-1)) == set(range(468))
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert max(Counter(map(tuple, edges)).values()) == 2


def test_the_mesh_is_symmetric() -> None:
    vertices = models().topology.vertices
    mirrored = vertices * [-1, 1, 1]
    nearest = np.linalg.norm(mirrored[:, None] - vertices[None], axis=2).min(axis=1)
    assert nearest.max() < 0.01  # centimetres; the file has six decimals


def test_triangles_turn_counter_clockwise_as_seen_from_the_front() -> None:
    t = models().topology
    a, b, c = (t.vertices[t.triangles[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)[:, 2] > 0
    # All but the rolled-in wings of the nose and corners of lids and lips.
    assert facing.mean() > 0.98


def test_eyes_lie_above_the_mouth_and_left_is_left_as_seen() -> None:
    v = models().topology.vertices
    left_eye, right_eye, left_mouth = v[33], v[263], v[61]
    assert left_eye[0] < 0 < right_eye[0] and left_mouth[0] < 0
    assert left_eye[1] > left_mouth[1]
    assert v[:, 2].argmax() in (1, 4, 5)  # the nose is nearest


def test_a_missing_or_damaged_file_says_what_to_run(tmp_path: Path) -> None:
    damaged = tmp_path / "face_mesh.npz"
    for data in (None, b"", b"PK\x03\x04 not quite a zip"):
        if data is not None:
            damaged.write_bytes(data)
        with pytest.raises(ModelUnavailable, match="scripts/fetch-models"):
            load_topology(damaged)
