"""The real application with the real models, and pictures with faces in them."""

import io
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from api.client import Client
from fastapi import FastAPI
from PIL import Image
from portraits import MODELS_DIR, portrait_files

from fusion.app import create_app
from fusion.settings import Settings

SETTINGS = Settings(
    models_dir=MODELS_DIR,
    workers=2,
    # Small limits, so that reaching them needs no large files.
    max_upload_mb=2.0,
    max_request_mb=6.0,
    max_sources=3,
    max_megapixels=6.0,
    pixel_budget_mp=14.0,
    image_store_mb=4.0,
)


def ready_client(app: FastAPI) -> Iterator[Client]:
    with Client(app) as client:
        client.becomes("/api/health/ready", 200)
        yield client


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    yield from ready_client(create_app(SETTINGS))


@pytest.fixture
def small_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """An application of its own; parametrize it with the settings that differ."""
    yield from ready_client(create_app(replace(SETTINGS, **request.param)))


@pytest.fixture(scope="session")
def portraits() -> list[np.ndarray]:
    """Three portraits, (512, 512, 3) uint8 BGR, one face each."""
    read = [cv2.imread(str(path)) for path in portrait_files(3)]
    return [cv2.resize(image, (512, 512), interpolation=cv2.INTER_AREA) for image in read]


@pytest.fixture(scope="session")
def target(portraits: list[np.ndarray]) -> bytes:
    return jpeg(portraits[0])


@pytest.fixture(scope="session")
def source(portraits: list[np.ndarray]) -> bytes:
    return jpeg(portraits[1])


@pytest.fixture(scope="session")
def pair(portraits: list[np.ndarray]) -> bytes:
    """Two faces side by side."""
    return jpeg(np.hstack(portraits[:2]))


@pytest.fixture(scope="session")
def no_face() -> bytes:
    return jpeg(np.full((300, 400, 3), 120, np.uint8))


def jpeg(image_bgr: np.ndarray) -> bytes:
    return file_of(image_bgr, "JPEG", quality=92)


def file_of(image_bgr: np.ndarray, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    order = cv2.COLOR_BGR2RGB if image_bgr.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    Image.fromarray(cv2.cvtColor(image_bgr, order)).save(out, image_format, **options)
    return out.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
