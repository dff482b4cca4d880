"""Photos read and measured once, for all benchmarks of quality."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces
from fusion.types import Face, ImageBGR


@dataclass(eq=False)
class Portrait:
    """A photo with its largest face. image (H, W, 3) uint8

    who  the photo that tells who it is, where this one was changed
    """

    models: FaceModels
    image: ImageBGR
    face: Face
    who: "Portrait | None" = None


def read_portrait(models: FaceModels, path: Path) -> Portrait | None:
    """None where no face is found."""
    return portrait_of(models, np.asarray(cv2.imread(str(path)), np.uint8))


def portrait_of(models: FaceModels, image: ImageBGR) -> Portrait | None:
    faces = find_faces(models, image)
    if not faces:
        return None
    return Portrait(models, image, max(faces, key=lambda face: face.size_px))
