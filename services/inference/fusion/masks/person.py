"""Where the picture shows a person at all: what is none is no face either."""

import cv2
import numpy as np

from fusion.imaging.color import level_of
from fusion.imaging.face_points import OVAL
from fusion.imaging.mesh import polygon_mask
from fusion.imaging.view import RegionMap, lean_of, region_around
from fusion.masks.face import smoothstep
from fusion.models.matte.selfie import Matte
from fusion.types import Float32, ImageBGR

_SHOULDERS = 0.9  # margin around the face's oval, in its own size: the matte wants to see them
_SIDE_PX = 256  # as large as the network's input
_MISSED = 0.5  # of a face: the matte has not seen the person, as in the dark or in tight crops
_OUTLINE = np.ones((5, 5), np.uint8)


def person_around(matte: Matte, image_bgr: ImageBGR, landmarks: Float32) -> RegionMap:
    """0 background .. 1 person around a face, without the outline itself: background shines in.

    image_bgr  (H, W, 3) uint8; landmarks (478, 3) float32 in its pixels
    """
    oval, lean = landmarks[list(OVAL)], lean_of(landmarks)
    around = region_around(oval, image_bgr.shape, _SHOULDERS, _SIDE_PX, lean)
    person = np.asarray(cv2.erode(matte.person(around.cut(image_bgr)), _OUTLINE), np.float32)
    face = polygon_mask(around.from_picture(landmarks)[list(OVAL)], around.shape)
    if level_of(person, face) < _MISSED:
        person = np.ones_like(person)
    soft = np.asarray(cv2.blur(person, (3, 3)), np.float32)
    return RegionMap(around, smoothstep(soft, 0.5, 0.95))
