"""478 points of a face: MediaPipe's face landmark network behind one call.

Source: Kartynnik et al. 2019, arXiv:1907.06724 (mesh); Grishchenko et al. 2020,
arXiv:2006.10962 (iris refinement). Weights: Google, Apache-2.0.
"""

from dataclasses import replace

import numpy as np

from fusion.imaging.face_points import EYES, LIPS_OUTER, MESH_POINTS, NOSE_TIP
from fusion.models import crops
from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel
from fusion.types import Face, Float32, ImageBGR

# Side of the square that the network was trained on, relative to the larger side of the box.
_CROP_SCALE = 1.5
# The crop of a detector's box is off by some per cent; a second run on the first one's own points
# steadies them, a third changes nothing that can be seen, unless the head leans far: then the
# first crop is worse, and runs go on until the crop hardly moves.
_LEAST_PASSES, _MOST_PASSES = 2, 5
_STEADY = 0.02  # of the crop's side

_MOUTH_CORNERS = (LIPS_OUTER[0], LIPS_OUTER[10])


class Landmarker:
    """Finds the points of a face that a detector found."""

    def __init__(self, model: OnnxModel, row: ModelRow) -> None:
        self._model = model
        self._row = row

    def locate(self, image_bgr: ImageBGR, face: Face, known: bool = False) -> Face:
        """Find the 478 points.

        image_bgr   (H, W, 3) uint8; the face may reach outside it
        face        with a box and eyes, from the detector or from an earlier call
        known       the face was located before and has hardly moved: one pass will do
        Returns     a new Face: landmarks, presence, box_xyxy and kps5 refreshed from the points
        """
        corners = face.box_xyxy.reshape(2, 2)
        middle, eyes = corners.mean(axis=0), face.kps5[:2]
        side_px = _CROP_SCALE * max(float(np.ptp(corners, axis=0).max()), 1.0)
        for done in range(1, 1 + (1 if known else _MOST_PASSES)):
            points, presence = self._once(image_bgr, middle, side_px, eyes)
            before, eyes = (middle, side_px), points[np.array(EYES), :2].mean(1)
            middle, side_px = _square_around(points, eyes)
            moved = np.linalg.norm(middle - before[0]) + abs(side_px - before[1])
            if done >= _LEAST_PASSES and moved < _STEADY * side_px:
                break
        mesh = points[:MESH_POINTS, :2]
        box = np.concatenate([mesh.min(0), mesh.max(0)])
        return replace(
            face, box_xyxy=box, kps5=kps5_of(points), landmarks=points, presence=presence
        )

    def _once(
        self, image_bgr: ImageBGR, middle: Float32, side_px: float, eyes: Float32
    ) -> tuple[Float32, float]:
        size_px = self._row.input_size
        across = eyes[1] - eyes[0]
        angle_rad = float(np.arctan2(across[1], across[0]))
        M_img2crop = crops.square_to_crop(middle, side_px, angle_rad, size_px)
        crop = crops.cut(image_bgr, M_img2crop, size_px)
        landmarks, logit = self._model.run(
            {self._row.inputs[0]: crops.to_planes(crop, self._row.input_range)}
        )
        points = landmarks.reshape(-1, 3)
        xy = crops.apply(crops.invert(M_img2crop), points[:, :2])
        z = points[:, 2:] * np.float32(side_px / size_px)
        presence = 1 / (1 + np.exp(-float(logit.reshape(-1)[0])))
        return np.hstack([xy, z]).astype(np.float32), float(presence)


def _square_around(points: Float32, eyes: Float32) -> tuple[Float32, float]:
    """Middle and side of the next crop: around the mesh, level with the eyes (2, 2)."""
    across = eyes[1] - eyes[0]
    across = across / max(float(np.linalg.norm(across)), 1e-3)
    axes = np.array([across, (-across[1], across[0])], np.float32)
    seen = points[:MESH_POINTS, :2] @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    side_px = _CROP_SCALE * max(float((high - low).max()), 1.0)
    return np.asarray((low + high) / 2 @ axes, np.float32), side_px


def kps5_of(landmarks: Float32) -> Float32:
    """The five alignment points of a mesh.

    landmarks   (478, 3) float32
    Returns     (5, 2) float32: middles of the lid rings (they do not follow the gaze as pupils
                do), nose tip, mouth corners; left to right as seen on an upright head
    """
    eyes = landmarks[np.array(EYES), :2].mean(1)
    rest = landmarks[[NOSE_TIP, *_MOUTH_CORNERS], :2]
    return np.vstack([eyes, rest]).astype(np.float32)
