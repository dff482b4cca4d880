"""A decoded picture: pixels, and what must go back into the file with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.imaging.header import ImageFormat
from fusion.types import ImageBGR


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as people see it: upright, 8 bit, BGR.

    image_bgr     (H, W, 3) uint8 BGR in the colour space of icc_profile; may be read-only
    alpha         (H, W) uint8, 0 transparent .. 255 opaque, or None when everything is opaque
    icc_profile   an RGB profile, or None for sRGB
    format        of the file that it came from
    """

    image_bgr: ImageBGR
    alpha: NDArray[np.uint8] | None = None
    icc_profile: bytes | None = None
    format: ImageFormat = "png"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image_bgr.shape[1], self.image_bgr.shape[0]
