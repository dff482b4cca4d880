"""The source's texture carried onto the target's mesh.

One fixed triangulation, rasterised once a target at a small size; the coordinate map is smooth, so
it is enlarged and the picture itself is sampled at the target's own resolution.
"""

import cv2
import numpy as np

from fusion.imaging import mesh
from fusion.imaging.face_points import (
    EYE_CORNERS,
    EYE_LIDS,
    EYES,
    IRISES,
    MESH_POINTS,
    OVAL,
)
from fusion.imaging.view import Region, RegionMap, lean_of, region_around
from fusion.models.swap.texture import Texture, sampled
from fusion.models.topology import Topology
from fusion.types import Float32, ImageBGR, Mask

# Shown at less than 1/20 of its width a triangle would smear, from 1/5 on it is fine.
_SMEARED, _SHARP = 0.05, 0.20
# Below this mean share of the small picture the mirrored half only touches the oval's rim.
_MIRROR_WORTH = 0.02
# Below this opening an eye is shut and has no gaze.
_OPEN_EYE = 0.12
# In iris radii: a smaller difference of gaze is the landmarks' noise, a larger one cannot slide;
# the eyeball slides as a whole within the first of the two radii and not at all beyond the second.
_GAZE_NOISE, _GAZE_REACH, _GAZE_FADE = 0.4, 1.5, (1.2, 2.4)
# Points this near to each other, in face widths, keep their places when proportions change.
_TOGETHER = 0.06
# Half of the widest slit, in face widths, that is filled.
_SLIT = 0.015
# In face widths: how far from its border a source picture that cuts the face off counts in full.
_PICTURE_EDGE = 0.06
# Creases of the piecewise map are rounded over this many pixels of the small picture.
_CREASE_PX = 1.0


class MeshWarp:
    """Pure geometry, the same for every swap model."""

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
        shown, shown_opposite = np.clip(carried[..., 4:6], 0.0, 1.0).transpose(2, 0, 1)
        edge = _PICTURE_EDGE * _width(source)
        seen = shown * source_person.at(direct) * _in_picture(direct, source_bgr, edge)
        opposite = mesh.smooth_map(carried[..., 2:4].copy(), raster.covered, _CREASE_PX)
        other = (1 - seen) * shown_opposite * source_person.at(opposite)
        other *= _in_picture(opposite, source_bgr, edge)
        share = np.asarray(other / np.maximum(seen + other, 1e-3), np.float32)
        worth = float((share * raster.covered).mean()) > _MIRROR_WORTH
        mirrored = opposite if worth else None
        if not worth:
            share, other = np.zeros_like(share), np.zeros_like(other)
        coverage = _without_slits((seen + other) * raster.covered, _width(target))
        scale = _width(vertices) / max(_width(source), 1.0)
        lean = lean_of(source_landmarks)
        around = region_around(source, source_bgr.shape, 0.1, lean_rad=lean).at_scale(scale)
        return _sampled(region, around, source_bgr, coverage, direct, mirrored, share)

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


def _sampled(
    region: Region,
    around: Region,
    source_bgr: ImageBGR,
    coverage: Mask,
    direct: Float32,
    mirrored: Float32 | None,
    share: Mask,
) -> Texture:
    """The texture of these maps; around is the source's neighbourhood at the region's scale."""
    level = around.level
    picture = level.cut(source_bgr)
    small = sampled(picture, level, direct)
    if mirrored is not None:
        other = sampled(picture, level, mirrored)
        mixed = small + (other.astype(np.float32) - small) * share[..., None]
        small = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return Texture(
        region=region,
        source_region=around,
        source_bgr=source_bgr,
        source_small_bgr=around.cut(source_bgr) if around.slant else picture,
        small_bgr=small,
        coverage=coverage.astype(np.float32),
        direct=direct,
        mirrored=mirrored,
        mirror_share=share,
    )


def _neighbourly(vertices: Float32) -> Float32:
    """(V, V) weights that average each vertex with its neighbours; rows sum to 1."""
    reach = _TOGETHER * float(np.ptp(vertices[:, 0]))
    gaps = ((vertices[:, None] - vertices[None]) ** 2).sum(axis=2)
    weights = np.exp(-gaps / (2 * reach**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _in_picture(coords: Float32, picture: ImageBGR, edge: float) -> Mask:
    """0 at and beyond the picture's border, 1 from edge pixels inside it on; (h, w)."""
    h, w = picture.shape[:2]
    x, y = coords[..., 0], coords[..., 1]
    inside = np.minimum(np.minimum(x, w - 1 - x), np.minimum(y, h - 1 - y))
    return np.asarray(np.clip(inside / max(edge, 1.0), 0.0, 1.0), np.float32)


def _without_slits(coverage: Mask, width: float) -> Mask:
    """Fills what is too narrow to be hidden: the line of closed lips, the nostrils' folds."""
    k = max(1, round(_SLIT * width))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * k + 1, 2 * k + 1))
    return np.asarray(cv2.morphologyEx(coverage, cv2.MORPH_CLOSE, disc), np.float32)


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
