"""A source's face in the target's geometry: where each of its pixels lies in the source picture."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.align import Matrix
from fusion.imaging.view import Region
from fusion.types import Float32, ImageBGR, Mask

# Target pixels per source pixel. From here to 1, bilinear samples of the source itself come as near
# to the target as those of a shrunk copy and keep its sharpness; below they alias. On faces fused
# onto smaller copies of themselves: 1.01 to 1.14 of the sharpness, a shrunk copy 0.85 to 1.
_ALIASING = 0.7


@dataclass(frozen=True, eq=False)
class Texture:
    """The source's face in the target's geometry, still in the source's light.

    region     the target's neighbourhood at the small scale
    source_region, source_small_bgr  the source's neighbourhood, shrunk to about the same scale
    small_bgr  (h, w, 3) uint8, the texture at that scale
    coverage   (h, w) float32, 0..1, how far the source shows what is needed there
    direct     (h, w, 2) float32, source picture x, y of every pixel of the region
    mirrored   the same from the source's other half, or None where it is not needed
    mirror_share  (h, w) float32, 0..1, share of the mirrored sample
    """

    region: Region
    source_region: Region
    source_bgr: ImageBGR
    source_small_bgr: ImageBGR
    small_bgr: ImageBGR
    coverage: Mask
    direct: Float32
    mirrored: Float32 | None
    mirror_share: Mask

    def full(self) -> "FullTexture":
        """The texture at the target's own resolution, to be read part by part."""
        ratio = self.source_region.scale / self.region.scale  # target pixels per source pixel
        nearly_alike = _ALIASING < ratio < 1
        # A source that is larger still is shrunk first: sampling alone would alias.
        source = self.source_region.level.at_scale(1.0 if nearly_alike else ratio)
        return FullTexture(
            region=self.region,
            picture=source.cut(self.source_bgr),
            interpolation=cv2.INTER_LINEAR if nearly_alike else cv2.INTER_CUBIC,
            direct=_planes(source.from_picture(self.direct)),
            mirrored=None if self.mirrored is None else _planes(source.from_picture(self.mirrored)),
            mirror_share=self.mirror_share,
        )

    def moved(self, M_move: Matrix) -> "Texture":
        """The texture pulled so that what lies at M_move @ (x, y, 1) comes to lie at (x, y).

        M_move  (2, 3) pixels of the small region; close to the identity
        """
        h, w = self.region.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        border = cv2.BORDER_REPLICATE

        def pull(coords: Float32) -> Float32:
            # Plane by plane: on two channels at once OpenCV rounds positions to 1/32 pixel.
            planes = [
                cv2.warpAffine(plane, M_move, (w, h), flags=flags, borderMode=border)
                for plane in _planes(coords)
            ]
            return np.stack(planes, axis=2).astype(np.float32, copy=False)

        mirrored = None if self.mirrored is None else pull(self.mirrored)
        return replace(self, direct=pull(self.direct), mirrored=mirrored)

    def carry(self, values: Float32) -> Float32:
        """Carries a map over the source's small region (h, w) onto the target's small region."""
        carried = sampled(values, self.source_region, self.direct)
        if self.mirrored is not None:
            other = sampled(values, self.source_region, self.mirrored)
            carried = carried + (other - carried) * self.mirror_share
        return np.asarray(carried, np.float32)


@dataclass(frozen=True, eq=False)
class FullTexture:
    """The same at the target's own resolution.

    region     the target's neighbourhood at the small scale: where the maps lie
    picture    (H, W, 3) uint8, the source's face, at about the target's resolution or a lower one
    interpolation  how it is sampled, of OpenCV's
    direct     two (h, w) float32, x and y in that picture of every pixel of the region
    mirrored   the same from the source's other half, or None where it is not needed
    mirror_share  (h, w) float32, 0..1, share of the mirrored sample
    """

    region: Region
    picture: ImageBGR
    interpolation: int
    direct: tuple[Float32, Float32]
    mirrored: tuple[Float32, Float32] | None
    mirror_share: Mask

    def read(self, part: Region) -> ImageBGR:
        """The texture over a part of the region at the picture's own resolution, uint8."""
        out = self._sampled(self.direct, part)
        if self.mirrored is None:
            return out
        share = self.region.enlarged(self.mirror_share, part)
        used = np.flatnonzero(share.any(axis=0))
        if len(used):
            x0, x1 = int(used[0]), int(used[-1]) + 1
            side = Region(part.x0 + x0, part.y0, part.x0 + x1, part.y1, 1.0)
            other, share = self._sampled(self.mirrored, side), share[:, x0:x1]
            out[:, x0:x1] = cv2.blendLinear(other, out[:, x0:x1], share, 1 - share)
        return out

    def _sampled(self, planes: tuple[Float32, Float32], part: Region) -> ImageBGR:
        x, y = (self.region.enlarged(plane, part) for plane in planes)
        return np.asarray(_sampled_at(self.picture, (x, y), self.interpolation), np.uint8)


def sampled(values: NDArray[Any], source: Region, coords: Float32) -> NDArray[Any]:
    """Values over a region (h, w, ...) read at picture pixels (H, W, 2)."""
    seen = _planes(source.from_picture(coords))
    return np.asarray(_sampled_at(values, seen, cv2.INTER_LINEAR))


def _sampled_at(
    values: NDArray[Any], planes: tuple[Float32, Float32], interpolation: int
) -> NDArray[Any]:
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(values, *planes, interpolation, borderMode=border))


def _planes(coords: Float32) -> tuple[Float32, Float32]:
    """(h, w, 2) -> x and y, (h, w) each."""
    return np.ascontiguousarray(coords[..., 0]), np.ascontiguousarray(coords[..., 1])
