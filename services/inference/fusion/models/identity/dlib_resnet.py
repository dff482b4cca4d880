"""Who a face is, as 128 numbers: dlib's face recognition ResNet.

Weights: D. E. King, CC0. Faces of one person lie below 0.6 in Euclidean distance, as trained.
"""

import numpy as np

from fusion.imaging.align import Matrix, fit_similarity
from fusion.models import crops
from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel
from fusion.types import Face, Float32, ImageBGR

# dlib's five points in a chip without padding: corners of both eyes and the base of the nose, and
# the padding that its chips for this network have (dlib/image_transforms/interpolation.h).
_TEMPLATE5 = np.array(
    [
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.6460604764104, 0.2289674387677],
        [0.8595674595992, 0.2134981538014],
        [0.4901123135679, 0.6277975316475],
    ]
)
_PADDING = 0.25
CHIP_PX = 150
# The same points of the face mesh, left to right as seen.
_MESH5 = (33, 133, 362, 263, 2)


def to_chip(landmarks: Float32) -> Matrix:
    """(2, 3) float64: pixels of the picture with these landmarks (478, 3) -> those of its chip."""
    template = (_TEMPLATE5 + _PADDING) / (1 + 2 * _PADDING) * CHIP_PX
    return fit_similarity(landmarks[list(_MESH5), :2], template)


class Identity:
    """Turns a face into an embedding."""

    def __init__(self, model: OnnxModel, row: ModelRow) -> None:
        self._model = model
        self._row = row

    def embed(self, image_bgr: ImageBGR, face: Face) -> Float32:
        """Embed a face that has landmarks.

        image_bgr   (H, W, 3) uint8
        Returns     (128,) float32, not normalised; compare by Euclidean distance
        Raises      ValueError when the face has no landmarks, GeometryError when they coincide
        """
        if face.landmarks is None:
            raise ValueError("the face needs landmarks: call Landmarker.locate first")
        return self.embed_chip(self.chip(image_bgr, face.landmarks))

    def chip(self, image_bgr: ImageBGR, landmarks: Float32) -> ImageBGR:
        """The upright 150 px face that the network sees, (150, 150, 3) uint8 BGR."""
        return crops.cut(image_bgr, to_chip(landmarks), CHIP_PX)

    def embed_chip(self, chip_bgr: ImageBGR) -> Float32:
        """Embed an aligned chip: (150, 150, 3) uint8 BGR -> (128,) float32."""
        planes = crops.to_planes(chip_bgr, self._row.input_range)
        (embedding,) = self._model.run({self._row.inputs[0]: planes})
        result: Float32 = embedding[0]
        return result
