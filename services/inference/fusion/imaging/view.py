"""A face's neighbourhood, cut out once: where it lies, at which scale, and its points in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from fusion.types import Float32, ImageBGR, Mask

# Pixels worked on at a time: a few float32 pictures of that size fit a core's second-level cache.
_BAND_ROWS, _BAND_STEP = 512, 64
_STRIP_PX = 16384


@dataclass(frozen=True)
class Region:
    """A box of a picture, seen at a scale.

    x0, y0, x1, y1  picture pixels, inside the picture, x1 and y1 exclusive
    scale           region pixels per picture pixel, 0 < scale <= 1
    Pixel centres lie at whole numbers in both systems, as in cv2.resize.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in region pixels."""
        return (
            max(1, round((self.y1 - self.y0) * self.scale)),
            max(1, round((self.x1 - self.x0) * self.scale)),
        )

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def from_picture(self, points: Float32) -> Float32:
        """(N, 2+) picture pixels -> region pixels; a third column (depth) is scaled alike."""
        h, w = self.shape
        kx, ky = w / (self.x1 - self.x0), h / (self.y1 - self.y0)
        out = np.array(points, np.float32)
        out[..., 0] = (out[..., 0] - self.x0 + 0.5) * kx - 0.5
        out[..., 1] = (out[..., 1] - self.y0 + 0.5) * ky - 0.5
        if out.shape[-1] > 2:
            out[..., 2] *= self.scale
        return out

    def cut(self, image_bgr: ImageBGR) -> ImageBGR:
        """The box of the picture at this scale; a copy only where it is shrunk."""
        box = image_bgr[self.box]
        h, w = self.shape
        if box.shape[:2] == (h, w):
            return box
        return np.asarray(cv2.resize(box, (w, h), interpolation=cv2.INTER_AREA), np.uint8)

    def at_scale(self, scale: float) -> "Region":
        """The same box seen at another scale, at most 1."""
        return Region(self.x0, self.y0, self.x1, self.y1, min(1.0, scale))

    def box_in(self, outer: "Region") -> tuple[slice, slice]:
        """Rows and columns of this box in a cut of an outer one at the picture's resolution."""
        rows, columns = (
            slice(self.y0 - outer.y0, self.y1 - outer.y0),
            slice(self.x0 - outer.x0, self.x1 - outer.x0),
        )
        return rows, columns

    def strips(self, mask: Mask) -> Iterator["Region"]:
        """Cuts what a mask over this region touches into strips at the picture's own resolution.

        mask  (h, w) 0..1; every strip is as wide as what is above 0 in it, enlarged
        """
        touched = mask > 0
        (h, w), height, width = mask.shape, self.y1 - self.y0, self.x1 - self.x0
        rows = max(8, _STRIP_PX // width)
        for y0 in range(0, height, rows):
            y1 = min(y0 + rows, height)
            # Between two pixels of the mask both count, so one more on every side.
            first, last = (y0 + 0.5) * h / height - 0.5, (y1 - 0.5) * h / height - 0.5
            seen = np.flatnonzero(touched[max(0, floor(first)) : ceil(last) + 1].any(axis=0))
            if len(seen):
                x0 = max(0, floor((seen[0] - 0.5) * width / w))
                x1 = min(width, ceil((seen[-1] + 1.5) * width / w))
                yield Region(self.x0 + x0, self.y0 + y0, self.x0 + x1, self.y0 + y1, 1.0)

    def bands(self, reach: int) -> Iterator[tuple["Region", slice]]:
        """Cuts the box into bands of rows at the picture's own resolution, for what looks around.

        reach  how many pixels around it a pixel's result depends on
        Yields each band with its surroundings, and the rows therein that are its own. Their first
        rows are whole multiples of 64 below the box's, so that pyramids of 6 levels fall in step.
        """
        around = -(-reach // _BAND_STEP) * _BAND_STEP
        height = self.y1 - self.y0
        for y0 in range(0, height, _BAND_ROWS):
            y1 = min(y0 + _BAND_ROWS, height)
            first, last = max(0, y0 - around), min(height, y1 + around)
            band = Region(self.x0, self.y0 + first, self.x1, self.y0 + last, 1.0)
            yield band, slice(y0 - first, y1 - first)

    def enlarged(self, values: Float32, part: "Region") -> Float32:
        """Reads values off this region's pixels at the places of a part's, bilinear.

        values  (h, w) or (h, w, 3) float32; of other depths OpenCV would round the places
        part    at the picture's own resolution
        """
        h, w = self.shape
        kx, ky = w / (self.x1 - self.x0), h / (self.y1 - self.y0)
        M_part2region = np.array(
            [
                [kx, 0, (part.x0 - self.x0 + 0.5) * kx - 0.5],
                [0, ky, (part.y0 - self.y0 + 0.5) * ky - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size, border = part.shape[::-1], cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.warpAffine(values, M_part2region, size, flags=flags, borderMode=border), np.float32
        )


def region_around(
    points: Float32, image_shape: tuple[int, ...], margin: float, max_side: int | None = None
) -> Region:
    """The points' bounding box, widened by `margin` of its larger side and clipped to the picture.

    points    (N, 2+) picture pixels
    max_side  largest side in region pixels; None keeps the picture's own resolution
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    pad = margin * float((high - low).max())
    height, width = image_shape[:2]
    x0, y0 = (int(max(0.0, v)) for v in np.floor(low - pad))
    x1, y1 = (int(v) for v in np.ceil(high + pad) + 1)
    x0, y0 = min(x0, width - 2), min(y0, height - 2)
    x1, y1 = max(x0 + 2, min(x1, width)), max(y0 + 2, min(y1, height))
    side = max(x1 - x0, y1 - y0)
    scale = 1.0 if max_side is None else min(1.0, max_side / side)
    return Region(x0, y0, x1, y1, scale)


@dataclass(frozen=True, eq=False)
class RegionMap:
    """Values over a region, read wherever they are needed.

    values  (h, w) float32, the region's shape
    """

    region: Region
    values: Float32

    def at(self, coords: Float32) -> Float32:
        """Values at picture pixels: (H, W, 2) float32 x, y -> (H, W) float32."""
        x, y = cv2.split(self.region.from_picture(coords))
        border = cv2.BORDER_REPLICATE
        return np.asarray(cv2.remap(self.values, x, y, cv2.INTER_LINEAR, borderMode=border))

    def over(self, region: Region) -> Float32:
        """Values on another region of the same picture: (h, w) float32."""
        h, w = region.shape
        kx, ky = (region.x1 - region.x0) / w, (region.y1 - region.y0) / h
        gy, gx = np.mgrid[0:h, 0:w].astype(np.float32)
        x, y = (gx + 0.5) * kx - 0.5 + region.x0, (gy + 0.5) * ky - 0.5 + region.y0
        return self.at(np.stack([x, y], axis=2))
