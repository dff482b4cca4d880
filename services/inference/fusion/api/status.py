"""GET /api/v1/models and /api/health/*: what is loaded, and whether it may be used."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fusion.api import openapi
from fusion.api.schemas import HealthModel, ModelModel, ModelsModel
from fusion.api.service import service_of
from fusion.models.own import sha256_of
from fusion.models.rows import EMBEDDED, FUSION_UNET, ModelRow, OwnModel
from fusion.types import FusionOptions

models_router = APIRouter(prefix="/api/v1", tags=["models"])
health_router = APIRouter(prefix="/api/health", tags=["health"])


@models_router.get("/models", **openapi.MODELS)
async def list_models(request: Request) -> Response:
    """Lists the swap models and the networks behind them, with licences."""
    models = service_of(request).engine.models
    document = ModelsModel(
        device=models.device,
        default=FusionOptions().model,
        models=sorted(models.swaps),
        networks=[*map(_network, EMBEDDED), _network(FUSION_UNET)],
    )
    return JSONResponse(document.model_dump())


def _network(row: ModelRow | OwnModel) -> ModelModel:
    if isinstance(row, OwnModel):
        source, sha256 = "trained for this project", sha256_of(row)
    else:
        source, sha256 = f"{row.source.package} {row.source.version}", row.source.sha256
    return ModelModel(
        name=row.name,
        role=row.role,
        licence=row.licence,
        author=row.author,
        source=source,
        sha256=sha256,
    )


@health_router.get("/live", **openapi.LIVE)
async def live() -> Response:
    """The process answers."""
    return _status("live")


@health_router.get("/ready", **openapi.READY)
async def ready(request: Request) -> Response:
    """The models are loaded and warmed on the device that was asked for."""
    _ = service_of(request).engine.models
    return _status("ready")


def _status(status: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(HealthModel(status=status).model_dump(), headers=headers)


routers = (models_router, health_router)
