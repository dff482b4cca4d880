"""Which way a face's surface looks: what hard light and shine follow."""

import numpy as np

from fusion.imaging import mesh
from fusion.imaging.face_points import MESH_POINTS
from fusion.masks.face import face_width
from fusion.models.topology import Topology
from fusion.types import Float32

_ROUNDED = 0.03  # of the face's width: the mesh's edges are no edges of the face


def normals_of(points: Float32, topology: Topology, shape: tuple[int, ...]) -> Float32:
    """(H, W, 3) float32 unit normals: x to the right, y down, z to the camera.

    points  (478, 3) in the picture's pixels. Outside the face the surface goes on smoothly.
    """
    corners = points[:MESH_POINTS][topology.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((MESH_POINTS, 3), np.float32)
    for k in range(3):
        np.add.at(normals, topology.triangles[:, k], faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    raster = mesh.rasterise(points[:MESH_POINTS], topology.triangles, (shape[0], shape[1]))
    across = raster.interpolate(np.ascontiguousarray(normals[:, :2]))
    smooth = mesh.smooth_map(across, raster.covered, _ROUNDED * face_width(points))
    length = np.linalg.norm(smooth, axis=2, keepdims=True)
    smooth = smooth / np.maximum(length / 0.98, 1.0)
    depth = np.sqrt(1 - np.sum(smooth**2, axis=2, keepdims=True))
    return np.asarray(np.concatenate([smooth, depth], axis=2), np.float32)


def random_direction(rng: np.random.Generator, steepest: float) -> Float32:
    """(3,) float32, unit, from the surface's front: z at least cos(steepest), in radians."""
    slope, turn = rng.uniform(0, steepest), rng.uniform(0, 2 * np.pi)
    flat = np.sin(slope)
    return np.array([flat * np.cos(turn), flat * np.sin(turn), np.cos(slope)], np.float32)
