"""What a face does, as 52 numbers: MediaPipe's blendshape network on the landmarks alone.

Used to measure how far a result's expression drifts from its target's. Weights: Google,
Apache-2.0. Names and order: Apple's ARKit, as in MediaPipe's face_blendshapes_graph.
"""

import numpy as np

from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel
from fusion.types import Face, Float32

# fmt: off
# The points that the network was trained on, in its input's order.
_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172,
    173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283,
    284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324,
    332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385,
    386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472,
    473, 474, 475, 476, 477,
])
# Left and right are the person's own.
NAMES = (
    "neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
# fmt: on


class Expression:
    """Measures a face's expression from its landmarks."""

    def __init__(self, model: OnnxModel, row: ModelRow) -> None:
        self._model = model
        self._row = row

    def measure(self, face: Face) -> Float32:
        """The 52 coefficients of NAMES.

        face      with landmarks; place, size and roll of the face do not matter
        Returns   (52,) float32, 0..1
        Raises    ValueError when the face has no landmarks
        """
        if face.landmarks is None:
            raise ValueError("the face needs landmarks: call Landmarker.locate first")
        points = np.ascontiguousarray(face.landmarks[_POINTS, :2], np.float32)
        (coefficients,) = self._model.run({self._row.inputs[0]: points[None]})
        return coefficients
