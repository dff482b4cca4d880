"""Several detections of one face become one."""

import numpy as np
from numpy.typing import NDArray

from fusion.models.detect.anchors import Candidates, joined
from fusion.types import Float32

# BlazeFace's own overlap for candidates of one network.
_SAME_FACE_IOU = 0.3
# Candidates of other networks, tiles and scales may frame a part of a face: one that lies inside
# a better one is the same face, however small their union overlap.
_SAME_FACE_INSIDE = 0.6


def merge(candidates: Candidates) -> Candidates:
    """Weighted non-maximum suppression.

    The best candidate takes in all that overlap it; box and points become their mean, weighted by
    score, over those of about the same size; the score stays the best one's.
    Returns   the merged candidates, best first
    """
    rest = candidates.take(np.argsort(-candidates.scores, kind="stable"))
    merged = []
    while len(rest):
        iou, inside = overlaps(rest.boxes[0], rest.boxes)
        same = (iou > _SAME_FACE_IOU) | (inside > _SAME_FACE_INSIDE)
        same[0] = True
        close = rest.take(same & ((iou > _SAME_FACE_IOU) | (np.arange(len(rest)) == 0)))
        weights = close.scores / close.scores.sum()
        merged.append(
            Candidates(
                np.tensordot(weights, close.boxes, 1)[None].astype(np.float32),
                np.tensordot(weights, close.points, 1)[None].astype(np.float32),
                close.scores[:1],
            )
        )
        rest = rest.take(~same)
    return joined(merged)


def overlaps(box: Float32, boxes: Float32) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Overlap of one box with (N, 4) others: over the union, and over the smaller of the two."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    area, areas = np.prod(box[2:] - box[:2]), np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    tiny = np.float32(1e-6)
    return common / (area + areas - common + tiny), common / (np.minimum(area, areas) + tiny)
