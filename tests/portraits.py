"""Where the tests of the service find pictures with one face each."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODELS_DIR = Path(os.environ.get("FUSION_MODELS_DIR") or ROOT / "models")


def portrait_files(count: int) -> list[Path]:
    """The project's own composites; real photos of FUSION_PHOTOS where there are too few."""
    composites = sorted((ROOT / "tests/data/composites").glob("*.jpg"))
    photos = Path(os.environ.get("FUSION_PHOTOS") or ROOT.parent / "shared/data")
    found = composites if len(composites) >= count else sorted((photos / "photos").glob("*.jpg"))
    if len(found) < count:
        pytest.skip("no portraits: neither tests/data/composites nor FUSION_PHOTOS")
    return found[:count]
