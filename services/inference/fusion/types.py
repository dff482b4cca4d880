"""What travels between the rooms: array aliases, a face, the options and the result of a fusion."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusion.errors import GeometryError

ImageBGR = NDArray[np.uint8]  # (H, W, 3), BGR, 0..255, C-contiguous
Float32 = NDArray[np.float32]
Mask = NDArray[np.float32]  # (H, W), 0..1

Mode = Literal["normal", "blend", "overlay"]
FaceChoice = int | Literal["largest"]
TargetChoice = int | Literal["largest", "all"]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture, in that picture's pixels.

    box_xyxy    (4,) float32, may reach outside the picture
    kps5        (5, 2) float32, x y: eyes, nose tip, mouth corners, left to right as seen
    score       detector's confidence, 0..1
    landmarks   (478, 3) float32 or None before the landmark model ran: x, y in pixels, z in the
                same scale, smaller is nearer to the camera; 468 mesh points and 2 x 5 iris points
    presence    landmark model's confidence that this is a face, 0..1 (0 before it ran)
    """

    box_xyxy: Float32
    kps5: Float32
    score: float
    landmarks: Float32 | None = None
    presence: float = 0.0

    @property
    def size_px(self) -> float:
        """Larger side of the box in pixels."""
        x0, y0, x1, y1 = self.box_xyxy
        return float(max(x1 - x0, y1 - y0))

    @property
    def points(self) -> Float32:
        """The landmarks of a face that has been located: (478, 3) float32."""
        if self.landmarks is None:
            raise GeometryError("This face has not been located: it has no landmarks.")
        return self.landmarks


@dataclass(frozen=True)
class FusionOptions:
    """What a caller asks of one fusion. Defaults are the API's; ranges are checked by the callers.

    ratio           0..1, 0 is the target untouched
    shape           0..1, how far eyes, nose and mouth sit where the source's do, not the target's
    smooth          0..1 skin smoothing; brightness, contrast, saturation -0.5..0.5;
                    all four act on the face region only and 0 changes nothing
    face_threshold  0.1..0.9, least detector score of a face
    source_face     index from the left-to-right order of POST /faces, or "largest"
    target_face     the same, or "all"
    mappings        ((source index, target index), ...): overrides both choices when not empty;
                    source index counts the faces of all source images in order
    """

    ratio: float = 0.5
    mode: Mode = "normal"
    model: str = "unet"
    shape: float = 0.15
    smooth: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    face_threshold: float = 0.5
    source_face: FaceChoice = "largest"
    target_face: TargetChoice = "largest"
    mappings: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class FusionWarning:
    """Something the caller should know about a result that was still made."""

    code: str  # stable upper-case name, for example POSE_DIFFERENCE
    message: str  # public sentence
    target_face: int  # index of the target face it speaks of


@dataclass(frozen=True)
class FacePair:
    """One source face that was fused onto one target face."""

    source_face: int
    target_face: int
    yaw_difference_deg: float


@dataclass(frozen=True, eq=False)
class FusionResult:
    """A fused picture.

    image_bgr    (H, W, 3) uint8 BGR, the target's size
    changed      (H, W) bool, True where a pixel may differ from the target; elsewhere the
                 picture is bit-identical to it
    timings_ms   stage name -> milliseconds, in the order they ran
    """

    image_bgr: ImageBGR
    changed: NDArray[np.bool_]
    pairs: tuple[FacePair, ...]
    warnings: tuple[FusionWarning, ...] = ()
    timings_ms: dict[str, float] = field(default_factory=dict)
