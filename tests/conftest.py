"""Where tests find real photos, if this machine has any."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photos_dir() -> Path:
    """A folder with `photos/` and `faces/`: FUSION_PHOTOS, or shared/data beside the repository."""
    beside = Path(__file__).parents[2] / "shared/data"
    folder = Path(os.environ.get("FUSION_PHOTOS") or beside)
    if not (folder / "photos").is_dir():
        pytest.skip("no real photos: set FUSION_PHOTOS to a folder with photos/ and faces/")
    return folder
