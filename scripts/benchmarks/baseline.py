"""What `mesh` is measured against: the plain warp, LAB statistics and a feather, nothing more."""

import cv2
import numpy as np

from fusion.imaging import mesh
from fusion.imaging.color import blur_inside, from_lab, to_lab
from fusion.imaging.face_points import MESH_POINTS, OVAL
from fusion.types import Float32, ImageBGR, Mask


def fuse_plainly(
    target_bgr: ImageBGR,
    target: Float32,
    source_bgr: ImageBGR,
    source: Float32,
    triangles: mesh.Triangles,
) -> tuple[ImageBGR, Mask]:
    """Ratio 1 of the plain recipe: the picture and its mask (H, W) 0..1.

    target, source  (478, 3) float32 landmarks in their pictures' pixels
    """
    shape = target_bgr.shape[:2]
    raster = mesh.rasterise(target[:MESH_POINTS], triangles, shape)
    coords = raster.interpolate(source[:MESH_POINTS, :2].copy())
    x, y = cv2.split(coords)
    texture = np.asarray(cv2.remap(source_bgr, x, y, cv2.INTER_LINEAR), np.uint8)
    size = float(np.ptp(target[list(OVAL), 0]))
    mask = cv2.erode(
        mesh.polygon_mask(target[list(OVAL)], shape),
        np.ones((3, 3), np.uint8),
        iterations=int(0.04 * size),
    )
    inside = mask > 0.5
    lab_t, lab_s = to_lab(target_bgr), to_lab(texture)
    mean_t, mean_s = lab_t[inside].mean(axis=0), lab_s[inside].mean(axis=0)
    spread_t, spread_s = lab_t[inside].std(axis=0), lab_s[inside].std(axis=0)
    lab_s = (lab_s - mean_s) * (0.5 + 0.5 * spread_t / np.maximum(spread_s, 1e-3)) + mean_t
    lab_s = lab_s.astype(np.float32)
    weight = mask.astype(np.float32)
    low = [blur_inside(lab, weight, 0.12 * size) for lab in (lab_t, lab_s)]
    matched = from_lab(lab_s + np.float32(0.6) * (low[0] - low[1]))
    feather = cv2.GaussianBlur(weight, (0, 0), 0.025 * size)
    mixed = target_bgr + (matched - target_bgr) * feather[..., None]
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8), np.asarray(feather, np.float32)
