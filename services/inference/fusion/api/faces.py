"""POST /api/v1/faces: the faces of a picture, for choosing among them."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fusion.api import openapi
from fusion.api.documents import faces_document
from fusion.api.parameters import FACE_THRESHOLD, in_address, parse_fields, refuse
from fusion.api.pictures import pictures_of
from fusion.api.service import admitted, received, while_connected
from fusion.api.timing import server_timing
from fusion.runtime.jobs import FoundFaces, faces_of, header_of
from fusion.runtime.pool import Check

router = APIRouter(prefix="/api/v1", tags=["faces"])
PICTURES = frozenset({"image"})


@router.post("/faces", **openapi.FACES)
async def list_faces(request: Request) -> Response:
    """Lists the faces of a picture, left to right."""
    async with admitted(request) as service:
        form = await received(request, service, PICTURES)
        values, errors = parse_fields([FACE_THRESHOLD], form.texts(without=PICTURES))
        images, image_errors = pictures_of(form, "image", service.images)
        refuse([*image_errors, *errors, *in_address(request.query_params.multi_items())])
        header = header_of(images[0], service.limits.pixels)
        models = service.engine.models

        def work(check: Check) -> FoundFaces:
            threshold: float = values["face_threshold"]
            return faces_of(models, images[0], threshold, service.limits.pixels, check)

        running = service.engine.pool.run(work, header.pixels)
        found = await while_connected(request.receive, running)
    headers = {"Cache-Control": "no-store", "Server-Timing": server_timing(found.timings_ms)}
    return JSONResponse(faces_document(found).model_dump(), headers=headers)
