"""The inference service: settings in, an ASGI application out.

    uvicorn --factory fusion.app:app_from_env

One process: uploaded images live in its memory, and its threads already use every core.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import cv2
from fastapi import FastAPI

from fusion.api import docs, faces, fusions, images, log, problems, status
from fusion.api.cors import Cors, Preflights, parse_policy
from fusion.api.head import HeadAsGet
from fusion.api.linger import Linger
from fusion.api.middleware import RequestLog
from fusion.api.service import Limits, Service
from fusion.models.registry import FaceModels, load_models
from fusion.models.session import Device
from fusion.runtime.engine import Engine
from fusion.runtime.images import ImageStore
from fusion.runtime.pool import Pool
from fusion.settings import Settings, SettingsError, misspelt

_ABOUT = "Puts the face of a source photo into a target photo, at a ratio from 0 to 1."


def create_app(settings: Settings) -> FastAPI:
    """Builds the application; models are loaded in its lifespan, in the background."""
    app = FastAPI(
        title="Face fusion",
        version="1.0.0",
        description=_ABOUT,
        # FastAPI's own pages load scripts from other servers; api/docs.py serves its own.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirected preflight is an error to browsers; the right address is one without slash.
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.service = _service(settings)
    for router in (fusions.router, faces.router, images.router, *status.routers):
        app.include_router(router)
    problems.install(app)
    docs.install(app)
    _add_layers(app, settings)
    return app


def app_from_env() -> FastAPI:
    """The factory that uvicorn calls. Ends the process with every setting that is wrong."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        sys.exit(f"The settings cannot be used:\n{error}")
    log.configure(settings.log_level)
    for sentence in misspelt():
        logging.getLogger("fusion.settings").warning(sentence)
    return create_app(settings)


def _add_layers(app: FastAPI, settings: Settings) -> None:
    """What every request passes through; the last one added is the outermost."""
    if settings.cors_policy:
        app.add_middleware(Preflights)
    app.add_middleware(RequestLog, pulse=status.health_router.prefix)
    app.add_middleware(Linger, most_bytes=app.state.service.limits.body_bytes)
    app.add_middleware(HeadAsGet)
    if settings.cors_policy:
        # Outside the last guard against exceptions: its 500s must be readable for pages as well.
        app.add_middleware(Cors, policy=parse_policy(settings.cors_policy))


def _service(settings: Settings) -> Service:
    def load() -> FaceModels:
        # One thread a run and none in OpenCV: the pool's threads are the parallelism.
        return load_models(settings.models_dir, cast(Device, settings.device), threads=1)

    megapixels = 1_000_000
    pool = Pool(settings.workers, settings.queue, round(settings.pixel_budget_mp * megapixels))
    return Service(
        engine=Engine(load, pool),
        images=ImageStore(settings.image_ttl_s, round(settings.image_store_mb * 1e6)),
        limits=Limits(
            file_bytes=round(settings.max_upload_mb * 1e6),
            body_bytes=round(settings.max_request_mb * 1e6),
            sources=settings.max_sources,
            pixels=round(settings.max_megapixels * megapixels),
            deadline_s=settings.deadline_s,
            body_timeout_s=settings.body_timeout_s,
        ),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Process-wide: several pipelines run at once, and OpenCV's pool under each of them would
    # only add threads that compete for the same cores.
    cv2.setNumThreads(1)
    service: Service = app.state.service
    loading = asyncio.create_task(service.engine.start())
    yield
    # The server has answered everything by now; only abandoned jobs may still run.
    await loading
    await service.engine.close()
    service.images.clear()
