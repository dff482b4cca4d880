"""One BlazeFace network over some views of a picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusion.models import crops
from fusion.models.detect import anchors
from fusion.models.detect.anchors import Candidates
from fusion.models.detect.views import View
from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel

# Lowest score that is looked at. No higher than any threshold a caller may ask for, so that what
# is found does not depend on the threshold, only what is shown.
_FLOOR = 0.1
_BATCH = 8  # views in one run; bounds the memory of a closer look
# A box this near to a border that cuts the picture, relative to the square, may be cut by it.
_BORDER = 0.01


class Network:
    """One BlazeFace network with its anchors."""

    def __init__(self, model: OnnxModel, row: ModelRow) -> None:
        self._model = model
        self._row = row
        self.size_px = row.input_size
        self._centres = anchors.anchor_centres(row.name, row.input_size)

    def find(self, views: Sequence[View]) -> Candidates:
        """Candidates of several views, in picture pixels."""
        found = []
        for start in range(0, len(views), _BATCH):
            part = views[start : start + _BATCH]
            planes = np.concatenate(
                [crops.to_planes(v.square_bgr, self._row.input_range) for v in part]
            )
            boxes, logits = self._model.run({self._row.inputs[0]: planes})
            for view, raw, logit in zip(part, boxes, logits, strict=True):
                inside = anchors.decode(raw, logit, self._centres, _FLOOR)
                whole = _whole(inside, view, self.size_px)
                found.append(inside.take(whole).placed(view.scale, (view.x0, view.y0)))
        return anchors.joined(found)


def _whole(found: Candidates, view: View, size_px: int) -> NDArray[np.bool_]:
    """Which candidates of a view are not cut by a side that goes on in the picture."""
    margin = _BORDER * size_px
    x0, y0, x1, y1 = found.boxes.T
    left, top, right, bottom = view.cut
    whole: NDArray[np.bool_] = (
        ((x0 > margin) | (not left))
        & ((y0 > margin) | (not top))
        & ((x1 < size_px - margin) | (not right))
        & ((y1 < size_px - margin) | (not bottom))
    )
    return whole
