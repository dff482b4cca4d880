"""Person matte of a head-and-shoulders crop: MediaPipe's selfie segmentation.

Weights: Google, Apache-2.0. It marks people (with hair, hats, what they hold), not faces.
"""

import cv2
import numpy as np

from fusion.models import crops
from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel
from fusion.types import ImageBGR, Mask


class Matte:
    """Separates a person from the background."""

    def __init__(self, model: OnnxModel, row: ModelRow) -> None:
        self._model = model
        self._row = row

    def person(self, image_bgr: ImageBGR) -> Mask:
        """How much of each pixel is person.

        image_bgr   (H, W, 3) uint8, a crop about as wide as the shoulders; the network sees it
                    stretched to a square, as it was trained
        Returns     (H, W) float32, 0..1, with the detail of a 256 px network
        """
        size_px = self._row.input_size
        height, width = image_bgr.shape[:2]
        shrinks = min(height, width) > size_px
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = cv2.resize(image_bgr, (size_px, size_px), interpolation=interpolation)
        planes = crops.to_planes(small.astype(np.uint8, copy=False), self._row.input_range)
        (person,) = self._model.run({self._row.inputs[0]: planes})
        mask = cv2.resize(person[0, 0], (width, height), interpolation=cv2.INTER_LINEAR)
        result: Mask = np.clip(mask, 0, 1).astype(np.float32, copy=False)
        return result
