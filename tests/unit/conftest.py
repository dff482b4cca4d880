"""The real models and portraits of nobody, for the tests of whole fusions."""

import cv2
import pytest
from portraits import portrait_files
from unit import embedded

from fusion.models.registry import FaceModels
from fusion.types import ImageBGR


@pytest.fixture(scope="session")
def models() -> FaceModels:
    return embedded.models()


@pytest.fixture(scope="session")
def nobody() -> list[ImageBGR]:
    return [cv2.imread(str(path)) for path in portrait_files(8)]
