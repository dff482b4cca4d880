"""POST /api/v1/fusions: a target and one or more sources in, a fused picture out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fusion.api import openapi
from fusion.api.documents import fusion_document
from fusion.api.multipart import Form
from fusion.api.negotiation import Wanted, negotiate
from fusion.api.parameters import (
    fusion_parameters,
    in_address,
    options_of,
    output_of,
    parse_fields,
    refuse,
)
from fusion.api.pictures import pictures_of
from fusion.api.request_id import request_id_of
from fusion.api.service import Service, admitted, received, while_connected
from fusion.api.timing import server_timing
from fusion.imaging.codec import OutputFormat
from fusion.runtime.jobs import FusedFile, Output, fuse_files, headers_of, own_format
from fusion.runtime.pool import Check
from fusion.types import FusionOptions

router = APIRouter(prefix="/api/v1", tags=["fusion"])
PICTURES = frozenset({"target", "source"})


@dataclass(frozen=True)
class _Order:
    """What one request asks for, understood and within the limits."""

    target: bytes
    sources: Sequence[bytes]
    options: FusionOptions
    output: Output
    pixels: int


@router.post("/fusions", **openapi.FUSIONS)
async def create_fusion(request: Request) -> Response:
    """Puts a source's face into a target picture."""
    wanted = negotiate(request.headers.get("accept"))
    async with admitted(request) as service:
        form = await received(request, service, PICTURES)
        order = _understand(request, form, wanted, service)
        models = service.engine.models

        def work(check: Check) -> Response:
            fused = fuse_files(
                models,
                order.target,
                order.sources,
                order.options,
                output=order.output,
                max_pixels=service.limits.pixels,
                check=check,
            )
            # Here and not on the event loop: a large picture takes a while to become JSON.
            return _answer(fused, wanted, request_id_of(request.scope))

        running = service.engine.pool.run(work, order.pixels)
        return await while_connected(request.receive, running)


def _understand(request: Request, form: Form, wanted: Wanted, service: Service) -> _Order:
    limits = service.limits
    parameters = fusion_parameters(sorted(service.engine.models.swaps))
    values, errors = parse_fields(parameters, form.texts(without=PICTURES))
    targets, target_errors = pictures_of(form, "target", service.images)
    sources, source_errors = pictures_of(form, "source", service.images, limits.sources)
    queried = in_address(request.query_params.multi_items())
    refuse([*target_errors, *source_errors, *errors, *queried])
    headers = headers_of(targets[0], sources, limits.pixels)
    output = output_of(values)
    output = replace(
        output, format=output.format or _best(own_format(headers[0].format), wanted.formats)
    )
    pixels = sum(header.pixels for header in headers)
    return _Order(targets[0], sources, options_of(values), output, pixels)


def _best(own: OutputFormat, liked: Sequence[OutputFormat]) -> OutputFormat:
    return own if own in liked else liked[0]


def _answer(fused: FusedFile, wanted: Wanted, request_id: str) -> Response:
    headers = {"Cache-Control": "no-store", "Server-Timing": server_timing(fused.timings_ms)}
    if fused.warnings:
        # One code may concern several faces; the header only says which kinds there are.
        codes = dict.fromkeys(warning.code for warning in fused.warnings)
        headers["X-Fusion-Warnings"] = ", ".join(codes)
    if wanted.json:
        return JSONResponse(fusion_document(fused, request_id).model_dump(), headers=headers)
    ending = fused.media_type.removeprefix("image/").replace("jpeg", "jpg")
    headers["Content-Disposition"] = f'inline; filename="fusion.{ending}"'
    return Response(fused.data, headers=headers, media_type=fused.media_type)
