"""The face mesh on pixels: rasterise once per target, then carry anything that sits on vertices.

All point sets are the 468 mesh vertices in pixels; triangles come from the one fixed topology.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from fusion.imaging.align import fit_similarity, transform
from fusion.types import Float32, Mask

Triangles = NDArray[np.int32]  # (T, 3) vertex indices, counter-clockwise seen from the front


@dataclass(frozen=True, eq=False)
class Raster:
    """Which triangle covers each pixel, and where in it the pixel lies.

    triangle  (H, W) int32, index into `triangles`, -1 outside the mesh
    weights   (3, N) float32, barycentric weights of the N covered pixels, row-major order
    corners   (3, N) int32, vertex indices of the covered pixels
    """

    triangle: NDArray[np.int32]
    weights: Float32
    corners: NDArray[np.int32]

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """(H, W) bool, True where a triangle lies."""
        return self.triangle >= 0

    def interpolate(self, values: Float32, outside: float = 0.0) -> Float32:
        """Carries per-vertex values (V, C) or (V,) onto the pixels: (H, W, C) or (H, W) float32."""
        channels = values.reshape(len(values), -1).T.astype(np.float32)
        # One plane after the other in memory: callers work on one channel at a time.
        out = np.full((len(channels), *self.triangle.shape), outside, np.float32)
        for plane, channel in zip(out, channels, strict=True):
            plane[self.covered] = np.einsum("kn,kn->n", channel.take(self.corners), self.weights)
        return np.moveaxis(out, 0, -1) if values.ndim > 1 else out[0]


def signed_areas(points: NDArray[np.floating], triangles: Triangles) -> NDArray[np.float64]:
    """(T,) twice the signed area of each triangle; positive when it faces the camera.

    points  (V, 2+) x, y in picture pixels (y down), so front faces turn clockwise on paper
    """
    ax, ay, bx, by = _edges(points, triangles)
    return np.asarray(ay * bx - ax * by)


def rasterise(points: Float32, triangles: Triangles, shape: tuple[int, int]) -> Raster:
    """Draws the front-facing triangles, far ones first, so that near ones cover what they hide.

    points     (V, 3) float32, x, y in pixels of the raster, z smaller is nearer
    triangles  (T, 3) int32
    shape      (H, W) of the raster
    Source     painter's algorithm; 1/16 px corners as cv2.fillConvexPoly takes them
    """
    front = np.flatnonzero(signed_areas(points, triangles) > 1e-6)
    depth = points[triangles[front], 2].mean(axis=1)
    order = front[np.argsort(-depth, kind="stable")]
    canvas = np.full(shape, -1, np.int32)
    corners = np.round(points[:, :2] * 16).astype(np.int32)[triangles]
    for index, corner in zip(order.tolist(), corners[order], strict=True):
        cv2.fillConvexPoly(canvas, corner, index, lineType=cv2.LINE_8, shift=4)
    ys, xs = np.nonzero(canvas >= 0)
    hit = canvas[ys, xs]
    vertex = np.ascontiguousarray(triangles.T).take(hit, axis=1)
    return Raster(canvas, _barycentric(points, triangles, hit, xs, ys), vertex)


def _barycentric(
    points: Float32,
    triangles: Triangles,
    hit: NDArray[np.int32],
    xs: NDArray[np.intp],
    ys: NDArray[np.intp],
) -> Float32:
    """(3, N) weights of pixel centres (xs, ys) in their triangles."""
    a, b, c = (points[triangles[:, k], :2].astype(np.float64) for k in range(3))
    det = (b[:, 1] - c[:, 1]) * (a[:, 0] - c[:, 0]) + (c[:, 0] - b[:, 0]) * (a[:, 1] - c[:, 1])
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    slopes = np.stack(
        [
            (b[:, 1] - c[:, 1]) / det,
            (c[:, 0] - b[:, 0]) / det,
            (c[:, 1] - a[:, 1]) / det,
            (a[:, 0] - c[:, 0]) / det,
            c[:, 0],
            c[:, 1],
        ]
    ).astype(np.float32)
    x0, y0, x1, y1, x_c, y_c = slopes.take(hit, axis=1)
    dx, dy = xs.astype(np.float32) - x_c, ys.astype(np.float32) - y_c
    w0, w1 = x0 * dx + y0 * dy, x1 * dx + y1 * dy
    # The outline's pixels lie up to a pixel outside: clamped, a sliver cannot throw them far away.
    weights = np.clip(np.stack([w0, w1, 1 - w0 - w1]), -0.25, 1.25)
    return np.asarray(weights / weights.sum(axis=0), np.float32)


def texture_support(
    points_target: Float32, points_source: Float32, triangles: Triangles
) -> Float32:
    """How well the source shows what each target triangle needs: (T,) float32, 0 hidden .. 1 fully.

    It is the smallest stretch of the affine map target -> source, relative to the faces' sizes:
    a triangle that the source shows edge-on would be smeared, a folded one would be mirrored.

    points_target, points_source  (V, 2+) float32 pixels
    """
    similar = fit_similarity(points_target[:, :2], points_source[:, :2])
    scale = float(np.sqrt(abs(np.linalg.det(similar[:, :2]))))
    (t_ax, t_ay, t_bx, t_by), (s_ax, s_ay, s_bx, s_by) = (
        _edges(points, triangles) for points in (points_target, points_source)
    )
    det = t_ax * t_by - t_bx * t_ay
    flat = np.abs(det) < 1e-6
    det = np.where(flat, 1.0, det)
    # The affine map (xx xy; yx yy), and its smaller singular value in closed form.
    xx, xy = (s_ax * t_by - s_bx * t_ay) / det, (s_bx * t_ax - s_ax * t_bx) / det
    yx, yy = (s_ay * t_by - s_by * t_ay) / det, (s_by * t_ax - s_ay * t_bx) / det
    smallest = np.abs(np.hypot(xx + yy, xy - yx) - np.hypot(xx - yy, xy + yx)) / (2 * scale)
    facing = (signed_areas(points_source, triangles) > 0) & ~flat
    return np.where(facing, np.clip(smallest, 0.0, 1.0), 0.0).astype(np.float32)


def _edges(points: NDArray[np.floating], triangles: Triangles) -> NDArray[np.float64]:
    """(4, T) x, y of the edges from each triangle's first corner to its second and its third."""
    a, b, c = (points[triangles[:, k], :2].astype(np.float64).T for k in range(3))
    return np.concatenate([b - a, c - a])


def to_vertices(per_triangle: Float32, triangles: Triangles, count: int) -> Float32:
    """(V,) float32, least value of the triangles that meet at each vertex, smoothed once."""
    lowest = np.ones(count, np.float32)
    for k in range(3):
        np.minimum.at(lowest, triangles[:, k], per_triangle)
    means = np.repeat(lowest[triangles].mean(axis=1), 3)
    total = np.bincount(triangles.ravel(), means, count)
    meets = np.bincount(triangles.ravel(), minlength=count)
    return np.where(meets > 0, total / np.maximum(meets, 1.0), lowest).astype(np.float32)


def smooth_map(coords: Float32, covered: NDArray[np.bool_], sigma: float) -> Float32:
    """Rounds off a piecewise affine map's creases and continues it outside the mesh.

    coords   (H, W, 2) float32, source x, y for every covered pixel
    covered  (H, W) bool
    sigma    pixels
    The map is split into the affine map that fits it best and a remainder; only the remainder is
    blurred, so straight parts stay exact.
    """
    h, w = covered.shape
    inside = covered.astype(np.float32)
    near_weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    # Outside, the remainder fades out: a shrunk copy is exact enough for that.
    size = (max(2, w // 8), max(2, h // 8))

    def thinned(plane: Float32) -> Float32:
        shrunk = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(shrunk, (0, 0), 0.06 * max(size)), np.float32)

    thin_weight = np.maximum(thinned(inside), np.float32(1e-2))
    out = np.empty_like(coords)
    for k in range(2):
        straight = _best_plane(coords[..., k], inside)
        rest = (coords[..., k] - straight) * inside
        near = cv2.GaussianBlur(rest, (0, 0), sigma) / np.maximum(near_weight, np.float32(1e-3))
        far = cv2.resize(thinned(rest) / thin_weight, (w, h))
        out[..., k] = straight + np.where(near_weight > 0.2, near, far)
    return out


def _best_plane(values: Float32, weight: Mask) -> Float32:
    """The plane a x + b y + c that fits the weighted values best: (H, W) float32."""
    m, v = cv2.moments(weight), cv2.moments(values * weight)
    sums = [[m["m20"], m["m11"], m["m10"]], [m["m11"], m["m02"], m["m01"]]]
    sums.append([m["m10"], m["m01"], m["m00"]])
    a, b, c = np.linalg.lstsq(sums, [v["m10"], v["m01"], v["m00"]], rcond=None)[0]
    h, w = values.shape
    x, y = np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)[:, None]
    return np.asarray(np.float32(a) * x + (b * y + c), np.float32)


def mirror_index(vertices: Float32) -> NDArray[np.intp]:
    """(V,) index of each vertex's counterpart on the other half of the canonical model.

    vertices  (V, 3) float32, canonical model, x to the side
    """
    flipped = vertices * np.array([-1.0, 1.0, 1.0], np.float32)
    distance = ((flipped[:, None, :] - vertices[None]) ** 2).sum(axis=2)
    return np.asarray(distance.argmin(axis=1))


def polygon_mask(points: Float32, shape: tuple[int, int]) -> Mask:
    """Filled polygon (N, 2) as an anti-aliased (H, W) float32 mask."""
    canvas = np.zeros(shape, np.uint8)
    corners = np.round(points[:, :2] * 16).astype(np.int32)
    cv2.fillPoly(canvas, [corners], 255, lineType=cv2.LINE_AA, shift=4)
    return np.asarray(canvas, np.float32) / np.float32(255)


def move_shape(
    points_target: Float32, points_source: Float32, share: float, rigid: Float32
) -> Float32:
    """Moves the target's points towards the source's proportions, seen in the target's pose.

    points_target, points_source  (V, 3) float32
    share                         0 keeps the target, 1 takes the source's shape
    rigid                         (V,) float32, weights of the points that fix pose and size
    Returns                       (V, 3) float32 in target pixels
    """
    m = fit_similarity(points_source, points_target, rigid)
    carried = transform(m, points_source).astype(np.float32)
    return points_target + np.float32(share) * (carried - points_target)
