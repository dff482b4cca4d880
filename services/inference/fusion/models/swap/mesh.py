"""The classical swap: light and colour matched by hand-made statistics, no network."""

from fusion.imaging.color import Zones, color_field
from fusion.imaging.light import match_light
from fusion.models.swap.look import Look
from fusion.types import ImageBGR, Mask

_FIELD_RADIUS_PX = 3


class MeshSwap:
    """Family `mesh`."""

    def look(
        self,
        target_bgr: ImageBGR,
        texture_bgr: ImageBGR,
        mask: Mask,
        zones: Zones,
        face_px: float,
    ) -> Look:
        """See Swap."""
        matched = match_light(texture_bgr, target_bgr, zones, face_px)
        return Look(color_field(texture_bgr, matched, _FIELD_RADIUS_PX), mask)
