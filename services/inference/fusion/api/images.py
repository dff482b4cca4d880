"""POST and DELETE /api/v1/images: upload a picture once, use it in several requests."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fusion.api import openapi
from fusion.api.parameters import in_address, parse_fields, refuse, wrong
from fusion.api.pictures import pictures_of
from fusion.api.schemas import StoredImageModel
from fusion.api.service import admitted, received, service_of, while_connected
from fusion.runtime.jobs import header_of, size_of
from fusion.runtime.pool import Check

router = APIRouter(prefix="/api/v1", tags=["images"])
PICTURES = frozenset({"image"})


@router.post("/images", status_code=201, **openapi.IMAGES)
async def upload_image(request: Request) -> Response:
    """Keeps a picture in memory for a while; its id stands for it in the other requests."""
    async with admitted(request) as service:
        form = await received(request, service, PICTURES)
        _, errors = parse_fields([], form.texts(without=PICTURES))
        if any(isinstance(item, str) for item in form.pictures("image")):
            errors.append(wrong("image", None, "must be a picture file"))
            refuse(errors)
        images, image_errors = pictures_of(form, "image", service.images)
        refuse([*image_errors, *errors, *in_address(request.query_params.multi_items())])
        data, limits = images[0], service.limits
        header = header_of(data, limits.pixels)

        def work(_: Check) -> tuple[int, int]:
            return size_of(data, limits.pixels)

        running = service.engine.pool.run(work, header.pixels)
        width, height = await while_connected(request.receive, running)
        image_id = service.images.put(data)
    stored = StoredImageModel(
        id=image_id, width=width, height=height, expires_in_s=int(service.images.ttl_s)
    )
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(stored.model_dump(), status_code=201, headers=headers)


@router.delete("/images/{image_id}", status_code=204, **openapi.DELETE_IMAGE)
async def delete_image(request: Request, image_id: str) -> Response:
    """Forgets an uploaded picture at once."""
    service_of(request).images.delete(image_id)
    return Response(status_code=204)
