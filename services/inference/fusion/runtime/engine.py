"""The loaded models, or the reason why there are none yet."""

import asyncio
import logging
from collections.abc import Callable

import numpy as np

from fusion.errors import FusionError, ModelUnavailable
from fusion.models.registry import FaceModels
from fusion.runtime.pool import Pool
from fusion.types import Face

_log = logging.getLogger("fusion.engine")


class Engine:
    """Loads and warms the models once, in the background, so that liveness never waits for them.

    load   gives the models; runs in a thread
    pool   runs everything that uses them
    """

    def __init__(self, load: Callable[[], FaceModels], pool: Pool) -> None:
        self._load, self.pool = load, pool
        self._models: FaceModels | None = None
        self._reason = "The models are being loaded. Try again in a few seconds."
        self._may_change = True

    async def start(self) -> None:
        """Loads and warms; a failure is kept as the reason of `models` and logged."""
        try:
            models = await asyncio.to_thread(self._load)
            await asyncio.to_thread(warm, models)
        except FusionError as error:
            self._fail(error.detail, error)
        # Whatever else happens here must show as "not ready", never as a dead background task.
        except Exception as error:
            self._fail(f"The models could not be loaded ({type(error).__name__}).", error)
        else:
            self._models = models
            _log.info("models ready on %s", models.device)

    async def close(self) -> None:
        self._models, self._reason = None, "The service is shutting down."
        await self.pool.close()

    @property
    def models(self) -> FaceModels:
        """Raises ModelUnavailable, with the reason, until they are loaded and warmed."""
        if self._models is None:
            wait = {"retry_after_s": 5} if self._may_change else {}
            raise ModelUnavailable(self._reason, **wait)
        return self._models

    def _fail(self, reason: str, error: Exception) -> None:
        self._reason, self._may_change = reason, False
        _log.error("models not loaded: %s", reason, exc_info=error)


def warm(models: FaceModels) -> None:
    """Runs every network once: first runs allocate, and a broken device shows here."""
    image = np.full((256, 256, 3), 128, np.uint8)
    points = [(96, 100), (160, 100), (128, 135), (102, 170), (154, 170)]
    face = Face(
        box_xyxy=np.array([64, 56, 192, 208], np.float32),
        kps5=np.array(points, np.float32),
        score=1.0,
    )
    models.detector.detect(image)
    models.identity.embed(image, models.landmarker.locate(image, face))
    models.matte.person(image)
