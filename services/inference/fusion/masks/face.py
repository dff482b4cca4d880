"""Where the source's face may show: inside the oval, not in an open mouth, not on a shut eye."""

import cv2
import numpy as np

from fusion.imaging.face_points import (
    BROWS,
    EYES,
    LIPS_INNER,
    LIPS_OUTER,
    MOUTH_CORNERS,
    MOUTH_LIDS,
    OVAL,
)
from fusion.imaging.mesh import polygon_mask
from fusion.models.swap.warp import eye_opening
from fusion.types import Float32, Mask

FEATHER = 0.045  # of the face's width: wider lets the target's cheeks show through, narrower a seam
_RIM_DEPTH = 0.08  # in face widths
_WIDENED = 0.03  # features are widened by this share of the face's width


def smoothstep(values: Float32 | float, low: float, high: float) -> Float32:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def face_width(points: Float32) -> float:
    """Geometric mean of the oval's width and height over 1.15, steady when the head turns."""
    size = np.ptp(points[list(OVAL), :2], axis=0)
    return float(np.sqrt(size[0] * size[1]) / 1.15)


def oval_depth(points: Float32, shape: tuple[int, int]) -> Float32:
    """(h, w) float32, distance to the oval's edge in face widths, 0 outside."""
    # Padded by a pixel of outside: a face that the picture cuts off still ends at its border.
    inside = np.pad((polygon_mask(points[list(OVAL)], shape) > 0.5).astype(np.uint8), 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(distance / face_width(points), np.float32)


def skin_zone(points: Float32, shape: tuple[int, int], depth: Float32) -> Mask:
    """(h, w) 0..1, plain skin well inside the oval: no brows, eyes, lips."""
    features = np.zeros(shape, np.float32)
    for outline in (*EYES, *BROWS, LIPS_OUTER):
        features = np.maximum(features, polygon_mask(points[list(outline)], shape))
    return smoothstep(depth, 0.02, 0.05) * (1.0 - _widen(features, _WIDENED * face_width(points)))


def brow_zone(points: Float32, shape: tuple[int, int]) -> Mask:
    """(h, w) 0..1, the brows and what is close to them, softly."""
    brows = np.zeros(shape, np.float32)
    for outline in BROWS:
        brows = np.maximum(brows, polygon_mask(points[list(outline)], shape))
    size = face_width(points)
    return np.asarray(cv2.GaussianBlur(_widen(brows, _WIDENED * size), (0, 0), 0.01 * size))


def eye_zone(points: Float32, shape: tuple[int, int]) -> Mask:
    """(h, w) 0..1, the visible eyeballs, softly."""
    eyes = np.zeros(shape, np.float32)
    for outline in EYES:
        eyes = np.maximum(eyes, polygon_mask(points[list(outline)], shape))
    return np.asarray(cv2.GaussianBlur(eyes, (0, 0), max(0.6, 0.008 * face_width(points))))


def lip_zone(points: Float32, shape: tuple[int, int]) -> Mask:
    """(h, w) 0..1, the lips and what lies between them, softly."""
    lips = polygon_mask(points[list(LIPS_OUTER)], shape)
    return np.asarray(cv2.GaussianBlur(lips, (0, 0), max(0.6, 0.008 * face_width(points))))


def rim_zone(depth: Float32) -> Mask:
    """(h, w) 0..1, near the outline; depth as oval_depth gives it."""
    return np.asarray(1.0 - smoothstep(depth, 0.02, _RIM_DEPTH), np.float32)


def face_mask(target: Float32, source: Float32, shape: tuple[int, int], depth: Float32) -> Mask:
    """Feathered oval less what must stay the target's own: (h, w) float32 0..1.

    target  (478, 3) float32 in pixels of the mask; source (478, 3) in any pixels
    """
    mask = smoothstep(depth, 0.0, FEATHER)
    mask *= 1.0 - _open_mouth(target, shape)
    for eye in (0, 1):
        mask *= 1.0 - _foreign_eye(target, source, eye, shape)
    return mask


def mouth_opening(landmarks: Float32) -> float:
    """Height over width of the gap between the lips; 0 when shut, above 0.1 teeth show."""
    a, b = MOUTH_CORNERS
    width = float(np.linalg.norm(landmarks[a, :2] - landmarks[b, :2]))
    gaps = [float(np.linalg.norm(landmarks[u, :2] - landmarks[v, :2])) for u, v in MOUTH_LIDS]
    return float(np.mean(gaps)) / max(width, 1e-3)


def _open_mouth(target: Float32, shape: tuple[int, int]) -> Mask:
    """The inside of the target's open mouth: its teeth fit its smile, the source's do not."""
    share = smoothstep(mouth_opening(target), 0.03, 0.08)
    if share <= 0:
        return np.zeros(shape, np.float32)
    size = face_width(target)
    inner = _widen(polygon_mask(target[list(LIPS_INNER)], shape), 0.008 * size)
    return np.asarray(share * cv2.GaussianBlur(inner, (0, 0), max(0.6, 0.008 * size)), np.float32)


def _foreign_eye(target: Float32, source: Float32, eye: int, shape: tuple[int, int]) -> Mask:
    """A shut eye cannot be made from an open one, nor the other way round: keep the target's."""
    openings = sorted((eye_opening(target, eye), eye_opening(source, eye)))
    alike = openings[0] / max(openings[1], 1e-3)
    share = 1.0 - smoothstep(alike, 0.35, 0.55)
    if share <= 0:
        return np.zeros(shape, np.float32)
    size = face_width(target)
    around = _widen(polygon_mask(target[list(EYES[eye])], shape), 0.04 * size)
    return np.asarray(share * cv2.GaussianBlur(around, (0, 0), 0.02 * size), np.float32)


def _widen(mask: Mask, radius: float) -> Mask:
    k = max(1, round(radius))
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * k + 1, 2 * k + 1))
    return np.asarray(cv2.dilate(mask, ellipse), np.float32)
