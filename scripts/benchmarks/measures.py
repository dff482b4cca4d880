"""What can be measured on one fused picture."""

import cv2
import numpy as np

from fusion.imaging.align import head_pose
from fusion.imaging.color import to_lab
from fusion.imaging.mesh import polygon_mask
from fusion.masks.face import face_width, oval_depth, skin_zone
from fusion.masks.occlusion import not_skin
from fusion.models.topology import Topology
from fusion.types import Face, Float32, ImageBGR, Mask


def drift(before: Face, after: Face) -> float:
    """Mean way of the landmarks over the outer-eye distance."""
    eyes = np.linalg.norm(before.points[33, :2] - before.points[263, :2])
    way = np.linalg.norm(after.points[:468, :2] - before.points[:468, :2], axis=1)
    return float(way.mean() / eyes)


def turned(topology: Topology, before: Face, after: Face) -> float:
    """Degrees of yaw between the two."""
    yaws = [
        head_pose(face.points, topology.vertices, topology.weights).yaw for face in (before, after)
    ]
    return abs(yaws[1] - yaws[0])


def sharpness_step(target: ImageBGR, result: ImageBGR, points: Float32) -> float:
    """How much sharper or softer the fused skin is than the target's own was, |log2|."""
    zone = skin_zone(points, target.shape[:2], oval_depth(points, target.shape[:2])) > 0.9
    fine = [_detail(image, face_width(points))[zone].mean() for image in (target, result)]
    return abs(float(np.log2((fine[1] + 0.1) / (fine[0] + 0.1))))


def skin_step(result: ImageBGR, target: ImageBGR, points: Float32) -> float:
    """Colour of the fused skin against the target's own neck and forehead, CIE Lab.

    The mean distance of the upper half from the crown and of the lower half from the neck; nan
    where neither shows skin.
    """
    shape = result.shape[:2]
    depth = oval_depth(points, shape)
    skin = skin_zone(points, shape, depth) > 0.9
    size = face_width(points)
    down = points[152, :2] - points[10, :2]  # chin and crown: heads may lean
    height = np.mgrid[: shape[1], : shape[0]].T @ down
    upper, lower = skin & (height < points[9, :2] @ down), skin & (height > points[2, :2] @ down)
    own = not_skin(target, points) < 0.2
    neck = _below_chin(points, shape) & own
    crown = (depth == 0) & own & _above_brows(points, shape)
    lab = to_lab(result)
    steps = []
    for fused, kept in ((upper, crown), (lower, neck)):
        if fused.sum() > 20 and kept.sum() > 0.002 * size * size:
            steps.append(float(np.linalg.norm(lab[fused].mean(axis=0) - lab[kept].mean(axis=0))))
    return float(np.mean(steps)) if steps else float("nan")


def inside_face(points: Float32, shape: tuple[int, ...]) -> Mask:
    """(H, W) 0..1, the same for every method: the face's oval less its outermost part."""
    return np.asarray(oval_depth(points, shape[:2]) > 0.03, np.float32)


def psnr_inside(image: ImageBGR, truth: ImageBGR, mask: Mask) -> float:
    """Decibels, over the pixels where the mask is above a half."""
    inside = mask > 0.5
    error = (image[inside].astype(np.float64) - truth[inside]) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def structure_distance(image: ImageBGR, truth: ImageBGR, mask: Mask) -> float:
    """Spread of the gradients' likeness inside the mask; 0 is alike.

    Source  GMSD: Xue et al. 2014, arXiv:1308.3052
    """
    a, b = (_steepness(picture) for picture in (image, truth))
    c = 170.0 * 4  # the paper's constant for Prewitt gradients, in Sobel's scale
    alike = (2 * a * b + c) / (a * a + b * b + c)
    return float(alike[mask > 0.5].std())


def _steepness(image: ImageBGR) -> Float32:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _detail(image: ImageBGR, size: float) -> Float32:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 0.01 * size)), np.float32)


def _below_chin(points: Float32, shape: tuple[int, ...]) -> Mask:
    chin, down = points[152, :2], points[152, :2] - points[10, :2]
    across = 0.22 * np.array([-down[1], down[0]])
    top, bottom = chin + 0.06 * down, chin + 0.2 * down
    corners = np.stack([top - across, top + across, bottom + across, bottom - across])
    return polygon_mask(corners.astype(np.float32), shape[:2]) > 0.5


def _above_brows(points: Float32, shape: tuple[int, ...]) -> Mask:
    top, up = points[10, :2], points[10, :2] - points[152, :2]
    across = 0.25 * np.array([-up[1], up[0]])
    corners = np.stack(
        [top - across, top + across, top + 0.1 * up + across, top + 0.1 * up - across]
    )
    return polygon_mask(corners.astype(np.float32), shape[:2]) > 0.5
