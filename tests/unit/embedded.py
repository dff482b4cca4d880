"""The embedded models, their originals and portraits, for the tests of conversion and models."""

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from portraits import MODELS_DIR, portrait_files

from conversion.fetch import default_cache
from conversion.packages import obtain
from fusion.errors import ModelUnavailable
from fusion.models.registry import FaceModels, load_models
from fusion.models.rows import EMBEDDED, ModelRow
from fusion.types import Face, ImageBGR

ROWS = {row.name: row for row in EMBEDDED}


@cache
def models() -> FaceModels:
    """The loaded models folder; a test run that has none has failed, not skipped."""
    try:
        return load_models(MODELS_DIR)
    except ModelUnavailable as error:
        raise AssertionError(f"{MODELS_DIR}: {error}") from error


@cache
def original(row: ModelRow) -> bytes:
    """The file that a model was converted from; downloaded again when the cache lost it."""
    return obtain([row.source], default_cache())[row.source.sha256]


@cache
def portrait(number: int = 0, size_px: int = 1024) -> ImageBGR:
    """One face, head and shoulders, (size, size, 3) uint8 BGR; treat it as read-only."""
    image = cv2.imread(str(portrait_files(number + 1)[number]))
    assert image is not None
    image = cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_AREA)
    image.flags.writeable = False
    return image


@cache
def located(number: int = 0) -> Face:
    """The face of a portrait, with landmarks."""
    (face,) = models().detector.detect(portrait(number))
    return models().landmarker.locate(portrait(number), face)


def eye_distance(face: Face) -> float:
    return float(np.linalg.norm(face.kps5[1] - face.kps5[0]))


def faces_folder() -> Path | None:
    """The folder of labelled faces (index.csv), where there is one."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("FUSION_PHOTOS") or root.parent / "shared/data") / "faces"
    return folder if (folder / "index.csv").is_file() else None
