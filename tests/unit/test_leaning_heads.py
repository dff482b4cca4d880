"""A head that leans, however far, is fused as if it were upright."""

import cv2
import numpy as np
import pytest

from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces, fuse
from fusion.types import Float32, FusionOptions, ImageBGR

PAIRS = ((0, 5), (2, 3), (4, 7))  # target, source


def leaning(image: ImageBGR, degrees: float) -> ImageBGR:
    """The picture turned clockwise, on a ground that holds all of it."""
    h, w = image.shape[:2]
    M = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 1.0)
    width, height = np.abs(M[:, :2]) @ (w, h)
    M[:, 2] += (width / 2 - w / 2, height / 2 - h / 2)
    size = (int(width), int(height))
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, M, size, flags=cv2.INTER_CUBIC, borderMode=border)


def embedding(models: FaceModels, image: ImageBGR) -> Float32:
    (face,) = find_faces(models, image)
    return models.identity.embed(image, face)


@pytest.mark.parametrize("degrees", [25, -60, 90])
@pytest.mark.parametrize("model", ["mesh", "unet"])
def test_as_much_of_the_source_shows(
    models: FaceModels, nobody: list[ImageBGR], model: str, degrees: float
) -> None:
    """Seen upright, the network let the targets' faces through: it has learnt from upright ones."""
    options = FusionOptions(ratio=1.0, model=model)
    for target, source in PAIRS:
        who = embedding(models, nobody[source])
        distances = [
            np.linalg.norm(
                who - embedding(models, fuse(models, t, [nobody[source]], options).image_bgr)
            )
            for t in (nobody[target], leaning(nobody[target], degrees))
        ]
        assert distances[1] < distances[0] + 0.05


@pytest.mark.parametrize("turned", ["target", "both"])
def test_a_picture_on_its_side_gives_the_same_on_its_side(
    models: FaceModels, nobody: list[ImageBGR], turned: str
) -> None:
    for target, source in PAIRS:
        options = FusionOptions(ratio=1.0)
        t, s = (np.ascontiguousarray(np.rot90(nobody[k])) for k in (target, source))
        result = fuse(models, t, [s if turned == "both" else nobody[source]], options)
        upright = fuse(models, nobody[target], [nobody[source]], options)
        back = np.rot90(result.image_bgr, -1).astype(float)
        inside = upright.changed
        moved = np.abs(upright.image_bgr.astype(float) - nobody[target])[inside].mean()
        # What is left is where the landmarks of the two pictures differ.
        assert np.abs(back - upright.image_bgr)[inside].mean() < 0.25 * moved
        assert np.array_equal(result.image_bgr[~result.changed], t[~result.changed])
