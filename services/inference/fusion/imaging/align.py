"""Least-squares transforms between point sets, and the head's pose from its mesh."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.errors import GeometryError
from fusion.types import Float32

Matrix = NDArray[np.float64]


def fit_similarity(
    points_from: NDArray[np.floating],
    points_to: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> Matrix:
    """Weighted least-squares similarity (rotation, uniform scale, shift) in 2 or 3 dimensions.

    points_from, points_to  (N, D) with D = 2 or 3
    weights                 (N,) not negative, or None for all alike
    Returns   (D, D + 1) float64, to be used as x -> M[:, :D] @ x + M[:, D]
    Raises    GeometryError when the points coincide
    Source    Umeyama 1991, doi:10.1109/34.88573
    """
    p, q = np.asarray(points_from, np.float64), np.asarray(points_to, np.float64)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, np.float64)
    w = w / w.sum()
    mean_p, mean_q = w @ p, w @ q
    pc, qc = p - mean_p, q - mean_q
    variance = float((w[:, None] * pc**2).sum())
    if not np.isfinite(variance) or variance < 1e-9:
        raise GeometryError("The points of this face coincide; choose another face or photo.")
    u, d, vt = np.linalg.svd((w[:, None] * qc).T @ pc)
    sign = np.ones(p.shape[1])
    sign[-1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign) @ vt
    scale = float((d * sign).sum()) / variance
    linear = scale * rotation
    return np.concatenate([linear, (mean_q - linear @ mean_p)[:, None]], axis=1)


def transform(matrix: Matrix, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Applies a (D, D + 1) matrix to (N, D) points."""
    d = matrix.shape[0]
    return np.asarray(points, np.float64) @ matrix[:, :d].T + matrix[:, d]


@dataclass(frozen=True)
class Pose:
    """Head rotation in degrees; all 0 for a level head that looks into the camera.

    Yaw and pitch are those of the picture turned until the head leans no more.

    yaw    positive when the face turns to the picture's right
    pitch  positive when it looks down
    roll   positive when it leans clockwise as seen
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(landmarks: Float32, model_vertices: Float32, weights: Float32) -> Pose:
    """Rotation that carries the canonical face model onto the landmarks.

    landmarks       (478, 3) float32, picture pixels, z smaller is nearer
    model_vertices  (468, 3) float32, canonical model, y up, z towards the camera
    weights         (468,) float32, stability of each point under expressions
    Source          orthogonal Procrustes; Euler angles in the order roll, yaw, pitch
    """
    flip = np.array([1.0, -1.0, -1.0])  # picture axes: y down, z away from the camera
    n = len(model_vertices)
    m = fit_similarity(model_vertices * flip, landmarks[:n].astype(np.float64), weights)
    rotation = m[:, :3] / np.cbrt(np.linalg.det(m[:, :3]))
    forward = -rotation[:, 2]  # where the nose points, picture axes
    side = rotation[:, 0]
    roll = np.arctan2(side[1], side[0])
    # The roll first: the yaw of a lying head would else be read from its pitch.
    across = forward[0] * np.cos(roll) + forward[1] * np.sin(roll)
    down = forward[1] * np.cos(roll) - forward[0] * np.sin(roll)
    yaw = np.arctan2(across, -forward[2])
    pitch = np.arcsin(np.clip(down, -1.0, 1.0))
    return Pose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))
