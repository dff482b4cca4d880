"""A photo sent through another geometry: the same face as if from another photo of the person."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from fusion.imaging import mesh
from fusion.imaging.align import transform
from fusion.imaging.face_points import MESH_POINTS
from fusion.masks.face import face_width
from fusion.models.identity.dlib_resnet import CHIP_PX
from fusion.models.topology import Topology
from fusion.types import Float32
from training.photos import Photo

_MOST_TURN_DEG = (10.0, 14.0, 12.0)  # pitch, yaw, roll


def another_geometry(rng: Generator, topology: Topology, photo: Photo, other: Photo) -> Photo:
    """The photo's pixels on another person's proportions, turned a little, at another scale.

    other  whose proportions and expression it takes on, in part
    """
    rigid = np.zeros(len(photo.points), np.float32)
    rigid[:MESH_POINTS] = topology.weights
    share = float(rng.uniform(0.2, 0.8))
    points = mesh.move_shape(photo.points, other.points, share, rigid)
    points = _turned(points, np.radians(rng.normal(0, 0.5, 3) * _MOST_TURN_DEG))
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(1.1))))
    points = np.asarray((points - points.mean(axis=0)) * scale, np.float32)
    h, w = (max(48, round(v * scale)) for v in photo.image.shape[:2])
    points[:, :2] += np.array([w / 2, h / 2], np.float32)
    raster = mesh.rasterise(points[:MESH_POINTS], topology.triangles, (h, w))
    coords = raster.interpolate(np.ascontiguousarray(photo.points[:MESH_POINTS, :2]))
    x, y = cv2.split(mesh.smooth_map(coords, raster.covered, 1.0))
    image = cv2.remap(photo.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return replace(photo, image=np.asarray(image, np.uint8), points=points)


def landmark_noise(rng: Generator, points: Float32, share: float = 0.003) -> Float32:
    """The points (478, 3) as another run of the landmark network might place them.

    share  of the face's width: neighbours err together, each point a little for itself
    """
    size = face_width(points)
    centred = (points - points.mean(axis=0)) / size
    together = centred @ rng.normal(0, 2 * share, (3, 3)) + rng.normal(0, share, 3)
    alone = rng.normal(0, 0.5 * share, points.shape)
    return np.asarray(points + (together + alone) * size, np.float32)


def mirrored(chip: Float32, width: int) -> Float32:
    """The map (2, 3) from chip to picture when both are mirrored; width of the picture."""
    (a, b, c), (d, e, f) = chip
    far = CHIP_PX - 1
    return np.array([[a, -b, width - 1 - c - a * far], [-d, e, f + d * far]], np.float32)


def _turned(points: Float32, angles: Float32) -> Float32:
    """The points (N, 3) turned by pitch, yaw and roll in radians about their middle."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    pitch = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    roll = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    middle = points.mean(axis=0)
    matrix = np.column_stack([roll @ yaw @ pitch, middle])
    return transform(matrix, points - middle).astype(np.float32)
