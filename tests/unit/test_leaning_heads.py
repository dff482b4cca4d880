"""A head that leans, however far, is fused as if it were upright."""

import numpy as np
import pytest
from benchmarks.scenes import turned

from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces, fuse
from fusion.types import Float32, FusionOptions, ImageBGR

PAIRS = ((0, 5), (2, 3), (4, 7))  # target, source


def embedding(models: FaceModels, image: ImageBGR) -> Float32:
    (face,) = find_faces(models, image)
    return models.identity.embed(image, face)


@pytest.mark.parametrize("degrees", [25, -60, 90])
@pytest.mark.parametrize("model", ["mesh", "unet"])
def test_as_much_of_the_source_shows(
    models: FaceModels, nobody: list[ImageBGR], model: str, degrees: float
) -> None:
    """Seen by the network as they lay, targets showed through: it has learnt from upright ones."""
    options = FusionOptions(ratio=1.0, model=model)
    for target, source in PAIRS:
        who = embedding(models, nobody[source])
        distances = [
            np.linalg.norm(
                who - embedding(models, fuse(models, t, [nobody[source]], options).image_bgr)
            )
            for t in (nobody[target], turned(nobody[target], degrees))
        ]
        assert distances[1] < distances[0] + 0.05


@pytest.mark.parametrize("on_side", ["target", "both"])
def test_a_picture_on_its_side_gives_the_same_on_its_side(
    models: FaceModels, nobody: list[ImageBGR], on_side: str
) -> None:
    for target, source in PAIRS:
        options = FusionOptions(ratio=1.0)
        t, s = (np.ascontiguousarray(np.rot90(nobody[k])) for k in (target, source))
        result = fuse(models, t, [s if on_side == "both" else nobody[source]], options)
        upright = fuse(models, nobody[target], [nobody[source]], options)
        back = np.rot90(result.image_bgr, -1).astype(float)
        inside = upright.changed
        moved = np.abs(upright.image_bgr.astype(float) - nobody[target])[inside].mean()
        # What is left is where the landmarks of the two pictures differ.
        assert np.abs(back - upright.image_bgr)[inside].mean() < 0.25 * moved
        assert np.array_equal(result.image_bgr[~result.changed], t[~result.changed])
