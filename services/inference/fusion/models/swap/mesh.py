"""The classical swap: the source's texture carried onto the target's mesh.

One fixed triangulation, rasterised once a target at a small size; the coordinate map is smooth, so
it is enlarged and the picture itself is sampled at the target's own resolution.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging import mesh
from fusion.imaging.align import Matrix
from fusion.imaging.face_points import (
    EYE_CORNERS,
    EYE_LIDS,
    EYES,
    IRISES,
    MESH_POINTS,
    OVAL,
)
from fusion.imaging.view import Region, RegionMap, region_around
from fusion.models.topology import Topology
from fusion.types import Float32, ImageBGR, Mask

# Shown at less than 1/20 of its width a triangle would smear, from 1/5 on it is fine.
_SMEARED, _SHARP = 0.05, 0.20
# Below this mean share of the small picture the mirrored half only touches the oval's rim.
_MIRROR_WORTH = 0.01
# Below this opening an eye is shut and has no gaze.
_OPEN_EYE = 0.12
# In iris radii: a smaller difference of gaze is the landmarks' noise, a larger one cannot slide;
# the eyeball slides as a whole within the first of the two radii and not at all beyond the second.
_GAZE_NOISE, _GAZE_REACH, _GAZE_FADE = 0.4, 1.5, (1.2, 2.4)
# Points this near to each other, in face widths, keep their places when proportions change.
_TOGETHER = 0.06
# Creases of the piecewise map are rounded over this many pixels of the small picture.
_CREASE_PX = 1.0
# Target pixels per source pixel. From here to 1, bilinear samples of the source itself come as near
# to the target as those of a shrunk copy and keep its sharpness; below they alias. On faces fused
# onto smaller copies of themselves: 1.01 to 1.14 of the sharpness, a shrunk copy 0.85 to 1.
_ALIASING = 0.7


@dataclass(frozen=True, eq=False)
class Texture:
    """The source's face in the target's geometry, still in the source's light.

    region     the target's neighbourhood at the small scale
    source_small_bgr  the source's neighbourhood, shrunk to about the same scale
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
        source = self.source_region.at_scale(1.0 if nearly_alike else ratio)
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
        carried = _remap(values, self.source_region, self.direct)
        if self.mirrored is not None:
            other = _remap(values, self.source_region, self.mirrored)
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


def _remap(values: NDArray[Any], source: Region, coords: Float32) -> NDArray[Any]:
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


class MeshSwap:
    """Family `mesh`: no network, only geometry."""

    name = "mesh"

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._mirror = mesh.mirror_index(topology.vertices)
        self._together = _neighbourly(topology.vertices)

    def texture(
        self,
        region: Region,
        target_landmarks: Float32,
        source_bgr: ImageBGR,
        source_landmarks: Float32,
        source_person: RegionMap,
        shape_share: float = 0.0,
    ) -> Texture:
        """Carries the source's face onto the target's.

        region            the target's neighbourhood at the small scale
        target_landmarks  (478, 3) float32, target picture pixels
        source_landmarks  (478, 3) float32, source picture pixels
        source_person     0 where the source picture shows background: the mesh of a turned head
                          reaches beyond its outline
        shape_share       0..1, how far the texture keeps the source's own proportions
        """
        topology = self._topology
        target = region.from_picture(target_landmarks)
        vertices = target[:MESH_POINTS]
        source = source_landmarks[:MESH_POINTS]
        if shape_share > 0:
            vertices = self._towards_source(vertices, source, shape_share)
        raster = mesh.rasterise(vertices, topology.triangles, region.shape)
        direct_support = self._support(vertices, source)
        mirror_support = self._support(vertices, self._mirrored(source))
        values = np.column_stack(
            [source[:, :2], source[self._mirror, :2], direct_support, mirror_support]
        ).astype(np.float32)
        carried = raster.interpolate(values)
        direct = mesh.smooth_map(carried[..., 0:2].copy(), raster.covered, _CREASE_PX)
        direct = _follow_gaze(direct, target, source_landmarks)
        seen = carried[..., 4] * source_person.at(direct)
        opposite = mesh.smooth_map(carried[..., 2:4].copy(), raster.covered, _CREASE_PX)
        other = (1 - seen) * carried[..., 5] * source_person.at(opposite)
        share = np.asarray(other / np.maximum(seen + other, 1e-3), np.float32)
        worth = float((share * raster.covered).mean()) > _MIRROR_WORTH
        mirrored = opposite if worth else None
        if not worth:
            share, other = np.zeros_like(share), np.zeros_like(other)
        coverage = np.clip(seen + other, 0.0, 1.0) * raster.covered
        return self._sampled(
            region, vertices, source, source_bgr, coverage, direct, mirrored, share
        )

    def _sampled(
        self,
        region: Region,
        vertices: Float32,
        source: Float32,
        source_bgr: ImageBGR,
        coverage: Mask,
        direct: Float32,
        mirrored: Float32 | None,
        share: Mask,
    ) -> Texture:
        ratio = _width(vertices) / max(_width(source), 1.0)
        around = region_around(source, source_bgr.shape, 0.1).at_scale(ratio)
        picture = around.cut(source_bgr)
        small = _remap(picture, around, direct)
        if mirrored is not None:
            other = _remap(picture, around, mirrored)
            mixed = small + (other.astype(np.float32) - small) * share[..., None]
            small = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
        return Texture(
            region=region,
            source_region=around,
            source_bgr=source_bgr,
            source_small_bgr=picture,
            small_bgr=small,
            coverage=coverage.astype(np.float32),
            direct=direct,
            mirrored=mirrored,
            mirror_share=share,
        )

    def _mirrored(self, source: Float32) -> Float32:
        # Flipped in x as well, so that the other half's triangles face the camera again.
        flipped = source[self._mirror].copy()
        flipped[:, 0] *= -1
        return flipped

    def _support(self, vertices: Float32, source: Float32) -> Float32:
        per_triangle = mesh.texture_support(vertices, source, self._topology.triangles)
        ramp = np.clip((per_triangle - _SMEARED) / (_SHARP - _SMEARED), 0.0, 1.0)
        smooth = mesh.to_vertices(ramp.astype(np.float32), self._topology.triangles, len(vertices))
        return np.clip(smooth, 0.0, 1.0)

    def _towards_source(self, vertices: Float32, source: Float32, share: float) -> Float32:
        moved = mesh.move_shape(vertices, source, share, self._topology.weights)
        # Neighbours move together: where features sit is the person's, how they open the moment's.
        way = self._together @ (moved - vertices)
        # The outline stays where the target's head ends; only what lies inside it may move.
        way[list(OVAL)] = 0.0
        return np.asarray(vertices + way, np.float32)


def _neighbourly(vertices: Float32) -> Float32:
    """(V, V) weights that average each vertex with its neighbours; rows sum to 1."""
    reach = _TOGETHER * float(np.ptp(vertices[:, 0]))
    gaps = ((vertices[:, None] - vertices[None]) ** 2).sum(axis=2)
    weights = np.exp(-gaps / (2 * reach**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _width(points: Float32) -> float:
    outline = points[list(OVAL), :2]
    return float(np.sqrt(np.prod(np.ptp(outline, axis=0))))


def eye_opening(landmarks: Float32, eye: int) -> float:
    """Lid distance over eye width, about 0.3 open and below 0.12 closed; eye 0 left, 1 right."""
    left, right = EYE_CORNERS[eye]
    width = float(np.linalg.norm(landmarks[left, :2] - landmarks[right, :2]))
    gaps = [float(np.linalg.norm(landmarks[a, :2] - landmarks[b, :2])) for a, b in EYE_LIDS[eye]]
    return float(np.mean(gaps)) / max(width, 1e-3)


def _follow_gaze(coords: Float32, target: Float32, source: Float32) -> Float32:
    """Lets the source's irises land on the target's, so that the target's gaze stays.

    Only the eyeball slides, below lids that stay where they are.

    coords  (h, w, 2) float32, source picture x, y; target (478, 3) in the map's pixels
    source  (478, 3) in the source picture's pixels
    """
    h, w = coords.shape[:2]
    out = coords.copy()
    for eye, (centre, rim) in enumerate(IRISES):
        if min(eye_opening(target, eye), eye_opening(source, eye)) < _OPEN_EYE:
            continue
        x, y = target[centre, :2]
        radius = float(np.linalg.norm(target[list(rim), :2] - (x, y), axis=1).mean())
        if radius < 1.5 or not (0 <= x <= w - 1 and 0 <= y <= h - 1):
            continue
        radius_s = float(np.linalg.norm(source[list(rim), :2] - source[centre, :2], axis=1).mean())
        slide = source[centre, :2] - coords[round(float(y)), round(float(x))]
        off = float(np.linalg.norm(slide)) / max(radius_s, 1e-3)
        if not _GAZE_NOISE < off < _GAZE_REACH:
            continue
        reach = _GAZE_FADE[1] * radius + 2
        x0, y0 = (int(max(v - reach, 0)) for v in (x, y))
        x1, y1 = int(min(x + reach + 2, w)), int(min(y + reach + 2, h))
        gy, gx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        distance = np.hypot(gx - x, gy - y) / radius
        near, far = _GAZE_FADE
        weight = np.clip((far - distance) / (far - near), 0.0, 1.0)
        weight *= mesh.polygon_mask(target[list(EYES[eye]), :2] - (x0, y0), weight.shape)
        weight = cv2.GaussianBlur(weight, (0, 0), max(0.5, 0.15 * radius))[..., None]
        out[y0:y1, x0:x1] += weight * slide
    return out
