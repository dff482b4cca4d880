"""A face's neighbourhood, cut out once: where it lies, at which scale, and its points in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import atan2, ceil, cos, floor, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.align import Matrix
from fusion.imaging.face_points import EYE_CORNERS
from fusion.types import Float32, ImageBGR, Mask

# Pixels worked on at a time: a few float32 pictures of that size fit a core's second-level cache.
_BAND_ROWS, _BAND_STEP = 512, 64
_STRIP_PX = 16384
_UPRIGHT = radians(10)  # masks and the network take a head that leans less as it is

Points = NDArray[np.floating]


@dataclass(frozen=True)
class Slant:
    """A rectangle that stands slanting in the picture, upright for a face that leans.

    middle     x, y in the continuous coordinates of the picture, a pixel's centre at a half
    size       width and height in picture pixels
    lean_rad   direction of its own x axis, clockwise as seen
    """

    middle: tuple[float, float]
    size: tuple[float, float]
    lean_rad: float


@dataclass(frozen=True)
class Region:
    """A box of a picture, seen at a scale: the region's pixels, in which the face is upright.

    x0, y0, x1, y1  picture pixels, inside the picture, x1 and y1 exclusive
    scale           region pixels per picture pixel, 0 < scale <= 1
    slant           what the region's pixels cover where that is not the box itself; the box then
                    lies around it
    Pixel centres lie at whole numbers in both systems, as in cv2.resize.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    scale: float
    slant: Slant | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in region pixels."""
        width, height = self.slant.size if self.slant else (self.x1 - self.x0, self.y1 - self.y0)
        return max(1, round(height * self.scale)), max(1, round(width * self.scale))

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def level(self) -> "Region":
        """The box itself at the same scale."""
        return replace(self, slant=None)

    @property
    def M_picture2region(self) -> Matrix:
        """(2, 3) float64."""
        h, w = self.shape
        lean, size = 0.0, (float(self.x1 - self.x0), float(self.y1 - self.y0))
        middle = self.x0 + size[0] / 2, self.y0 + size[1] / 2
        if self.slant:
            lean, size, middle = self.slant.lean_rad, self.slant.size, self.slant.middle
        linear = _turn(lean) * [[w / size[0]], [h / size[1]]]
        offset = linear @ (0.5 - np.array(middle)) + (w / 2 - 0.5, h / 2 - 0.5)
        return np.column_stack([linear, offset])

    def from_picture(self, points: Float32) -> Float32:
        """(..., 2+) picture pixels -> region pixels; a third column (depth) is scaled alike."""
        matrix = self.M_picture2region
        out = np.array(points, np.float32)
        out[..., :2] = points[..., :2] @ matrix[:, :2].T + matrix[:, 2]
        if out.shape[-1] > 2:
            out[..., 2] *= self.scale
        return out

    def places(self) -> Float32:
        """(h, w, 2) float32, where each pixel of the region lies in the picture."""
        back = cv2.invertAffineTransform(self.M_picture2region)
        h, w = self.shape
        grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=2)
        return np.asarray(grid @ back[:, :2].T + back[:, 2], np.float32)

    def cut(self, image_bgr: ImageBGR) -> ImageBGR:
        """The picture over this region; a copy only where it is shrunk or turned.

        What lies outside the picture repeats its border.
        """
        if self.slant:
            shrunk, M_level2region = self.level.cut(image_bgr), self._from(self.level)
            size, border = self.shape[::-1], cv2.BORDER_REPLICATE
            turned = cv2.warpAffine(
                shrunk, M_level2region, size, flags=cv2.INTER_CUBIC, borderMode=border
            )
            return np.asarray(turned, np.uint8)
        box = image_bgr[self.box]
        h, w = self.shape
        if box.shape[:2] == (h, w):
            return box
        return np.asarray(cv2.resize(box, (w, h), interpolation=cv2.INTER_AREA), np.uint8)

    def _from(self, other: "Region") -> Matrix:
        """(2, 3) float64, another region's pixels -> this one's."""
        back = cv2.invertAffineTransform(other.M_picture2region)
        matrix = self.M_picture2region
        offset = matrix[:, :2] @ back[:, 2:] + matrix[:, 2:]
        return np.column_stack([matrix[:, :2] @ back[:, :2], offset])

    def at_scale(self, scale: float) -> "Region":
        """The same seen at another scale, at most 1."""
        return replace(self, scale=min(1.0, scale))

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
        if self.slant:
            yield from self.level.strips(self._levelled(touched))
            return
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

    def _levelled(self, touched: NDArray[np.bool_]) -> Mask:
        """What is touched, over the level box at the same scale, with all that is next to it."""
        level = self.level
        wider = cv2.dilate(touched.astype(np.float32), np.ones((3, 3), np.uint8))
        return np.asarray(cv2.warpAffine(wider, level._from(self), level.shape[::-1]), np.float32)

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
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size, border = part.shape[::-1], cv2.BORDER_REPLICATE
        return np.asarray(
            cv2.warpAffine(values, self._from(part), size, flags=flags, borderMode=border),
            np.float32,
        )


def lean_of(landmarks: Float32) -> float:
    """How far a head leans, in radians clockwise as seen; 0 where that is hardly at all.

    landmarks  (478, 3) picture pixels
    """
    left, right = (landmarks[list(eye), :2].mean(axis=0) for eye in EYE_CORNERS)
    lean = atan2(right[1] - left[1], right[0] - left[0])
    return lean if abs(lean) > _UPRIGHT else 0.0


def region_around(
    points: Float32,
    image_shape: tuple[int, ...],
    margin: float,
    max_side: int | None = None,
    lean_rad: float = 0.0,
) -> Region:
    """The points' bounding box, widened by `margin` of its larger side and clipped to the picture.

    points    (N, 2+) picture pixels
    max_side  largest side in region pixels; None keeps the picture's own resolution
    lean_rad  the box is drawn around a face that leans as far, and then not clipped
    """
    around = (
        _slanting_around(points, image_shape, margin, lean_rad)
        if lean_rad
        else _level_around(points, image_shape, margin)
    )
    return around if max_side is None else around.at_scale(max_side / max(around.shape))


def _slanting_around(
    points: Float32, image_shape: tuple[int, ...], margin: float, lean_rad: float
) -> Region:
    turn = _turn(lean_rad)
    low, high = _around(points[:, :2] @ turn.T, margin)
    width, height = (float(v) for v in high - low + 1)
    x, y = ((low + high) / 2 @ turn + 0.5).tolist()
    corners = np.array([(low[0], low[1]), (low[0], high[1]), (high[0], low[1]), high]) @ turn
    level = _level_around(corners, image_shape, 0.0)
    return replace(level, slant=Slant((x, y), (width, height), lean_rad))


def _turn(lean_rad: float) -> Matrix:
    """(2, 2), picture axes -> those of a face that leans so far."""
    return np.array([[cos(lean_rad), sin(lean_rad)], [-sin(lean_rad), cos(lean_rad)]])


def _level_around(points: Points, image_shape: tuple[int, ...], margin: float) -> Region:
    low, high = _around(points, margin)
    height, width = image_shape[:2]
    x0, y0 = (int(max(0.0, v)) for v in np.floor(low))
    x1, y1 = (int(v) for v in np.ceil(high) + 1)
    x0, y0 = min(x0, width - 2), min(y0, height - 2)
    x1, y1 = max(x0 + 2, min(x1, width)), max(y0 + 2, min(y1, height))
    return Region(x0, y0, x1, y1, 1.0)


def _around(points: Points, margin: float) -> tuple[Points, Points]:
    """The lowest and the highest x and y, widened by `margin` of the larger side."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    pad = margin * float((high - low).max())
    return low - pad, high + pad


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
        return self.at(region.places())
