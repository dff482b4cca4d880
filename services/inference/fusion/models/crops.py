"""Cutting network inputs out of a picture: similarity, anti-aliased shrinking, RGB planes."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.types import Float32, ImageBGR

Matrix = NDArray[np.float64]


def square_to_crop(centre: Float32, side_px: float, angle_rad: float, size_px: int) -> Matrix:
    """M_img2crop of a rotated square.

    centre      (2,) x y in image pixels
    side_px     side of the square in image pixels
    angle_rad   direction of the square's own x axis in the picture, clockwise as seen
    size_px     side of the crop
    Returns     (2, 3) float64
    """
    scale = size_px / side_px
    cos, sin = np.cos(angle_rad) * scale, np.sin(angle_rad) * scale
    rotation = np.array([[cos, sin], [-sin, cos]])
    offset = size_px / 2 - rotation @ np.asarray(centre, np.float64)
    return np.hstack([rotation, offset[:, None]])


def invert(M_img2crop: Matrix) -> Matrix:
    """M_crop2img of a similarity, (2, 3) float64."""
    inverse = np.linalg.inv(M_img2crop[:, :2])
    return np.hstack([inverse, -inverse @ M_img2crop[:, 2:]])


def apply(matrix: Matrix, points: Float32) -> Float32:
    """Move (N, 2) points by a (2, 3) matrix."""
    moved: Float32 = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved


def cut(image_bgr: ImageBGR, M_img2crop: Matrix, size_px: int) -> ImageBGR:
    """Cut a square crop; what lies outside the picture repeats its border.

    Shrinking by two or more is done by averaging first: bilinear sampling alone would skip
    pixels. Only the pixels below the crop are read, however large the picture is.
    """
    M_crop2img = invert(M_img2crop)
    corners = np.array([[0, 0], [size_px, 0], [size_px, size_px], [0, size_px]], np.float32)
    reach = apply(M_crop2img, corners)
    height, width = image_bgr.shape[:2]
    halvings = max(int(np.log2(np.sqrt(abs(np.linalg.det(M_crop2img[:, :2]))))), 0)
    step = 2**halvings
    x0, y0 = np.clip(np.floor(reach.min(0)) - 2 * step, 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(reach.max(0)) + 2 * step, (x0 + 1, y0 + 1), (width, height))
    region: ImageBGR = image_bgr[y0 : int(y1), x0 : int(x1)]
    matrix = np.array(M_img2crop, np.float64)
    matrix[:, 2] += matrix[:, :2] @ (x0, y0)
    for _ in range(halvings):
        if min(region.shape[:2]) < 2:
            break
        region = _halved(region)
        # Pixel centres, not corners, must coincide: x + 0.5 = 2 (x_small + 0.5).
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5)
        matrix[:, :2] *= 2
    crop = cv2.warpAffine(
        region, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return _as_bytes(crop)


def _halved(image_bgr: ImageBGR) -> ImageBGR:
    """Every 2 x 2 pixels averaged; an odd last row or column is dropped.

    OpenCV's bilinear halving of even sizes is that average, several times faster than INTER_AREA.
    """
    height, width = image_bgr.shape[0] // 2, image_bgr.shape[1] // 2
    return _as_bytes(cv2.resize(image_bgr[: 2 * height, : 2 * width], (width, height)))


def to_planes(image_bgr: ImageBGR, value_range: tuple[float, float]) -> Float32:
    """A picture as network input.

    image_bgr      (H, W, 3) uint8
    value_range    what 0 and 255 become
    Returns        (1, 3, H, W) float32 RGB
    """
    low, high = value_range
    scale = (high - low) / 255
    planes = np.asarray(cv2.dnn.blobFromImage(image_bgr, scale, swapRB=True), np.float32)
    return planes + np.float32(low) if low else planes


def _as_bytes(image: NDArray[Any]) -> ImageBGR:
    """What OpenCV gives back for uint8 pictures is uint8, but its types do not say so."""
    return image.astype(np.uint8, copy=False)
