"""What a swap model decides: how the source's texture looks on the target, and where it shows."""

from dataclasses import dataclass
from typing import Protocol

from fusion.imaging.color import ColorField, Zones
from fusion.types import ImageBGR, Mask


@dataclass(frozen=True, eq=False)
class Look:
    """Decided at the small scale, applied at the target's own resolution.

    field  the texture's change of colour
    mask   (h, w) float32, 0..1, where the fused face shows
    """

    field: ColorField
    mask: Mask


class Swap(Protocol):
    """A family of swap models. All get the same warped texture."""

    def look(
        self,
        target_bgr: ImageBGR,
        texture_bgr: ImageBGR,
        mask: Mask,
        zones: Zones,
        face_px: float,
    ) -> Look:
        """Decides the look of one pair.

        target_bgr, texture_bgr  (h, w, 3) uint8, pixel on pixel
        mask     (h, w) float32, 0..1, where geometry and occlusion let the source show at all
        face_px  the face's width in these pixels
        """
        ...
