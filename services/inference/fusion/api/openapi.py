"""The OpenAPI description of what FastAPI cannot see: streamed forms, binary answers, problems."""

from typing import Any

from fusion.api.parameters import FACE_THRESHOLD, Parameter, fusion_parameters
from fusion.api.problems import MEDIA_TYPE as PROBLEM
from fusion.api.schemas import (
    FacesModel,
    FusionModel,
    HealthModel,
    ModelsModel,
    Problem,
    StoredImageModel,
    schema_of,
)
from fusion.errors import (
    DeadlineExceeded,
    FaceIndexOutOfRange,
    FaceTooSmall,
    FusionError,
    GeometryError,
    ImageDecodeFailed,
    ImageNotFound,
    ImageTooLarge,
    ImageTooSmall,
    InvalidParameter,
    InvalidRequest,
    ModelUnavailable,
    NoFace,
    NotAcceptable,
    Overloaded,
    PoseTooDifferent,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedFormat,
    UnsupportedMediaType,
)
from fusion.imaging.codec import MEDIA_TYPES

Extra = dict[str, Any]

# Error -> when it happens: the rows of the documentation's list of codes.
ERRORS: dict[type[FusionError], str] = {
    InvalidRequest: "The body is no complete multipart form, or has too many or too long parts.",
    InvalidParameter: "An option is unknown, out of range or given twice; `errors` lists them all.",
    NotAcceptable: "Accept allows neither a picture nor JSON.",
    RequestTimeout: "The body arrived too slowly.",
    RequestTooLarge: "The whole body is over its limit.",
    UnsupportedMediaType: "The body is not multipart/form-data.",
    UnsupportedFormat: "A picture is not JPEG, PNG, WebP, AVIF or HEIC, or it is an animation.",
    ImageDecodeFailed: "A picture is empty, cut off or damaged.",
    ImageTooLarge: "A picture has too many bytes or pixels, or all of them together have.",
    ImageTooSmall: "A picture is too small to hold a face.",
    ImageNotFound: "There is no uploaded image with this id, or not any more.",
    NoFace: "No face was found; `image` says in which picture.",
    FaceTooSmall: "A face has too few pixels.",
    FaceIndexOutOfRange: "source_face, target_face or mappings name a face that is not there.",
    PoseTooDifferent: "The two heads look in directions too far apart.",
    GeometryError: "A face's landmarks span no area.",
    ModelUnavailable: "The models are not loaded yet, or could not be.",
    Overloaded: "All places are taken; Retry-After says when to try again.",
    DeadlineExceeded: "The answer was not ready in time.",
    FusionError: "The service failed; report the request id.",
}
_FORM = (InvalidRequest, InvalidParameter, RequestTimeout, RequestTooLarge, UnsupportedMediaType)
_PICTURE = (UnsupportedFormat, ImageDecodeFailed, ImageTooLarge, ImageTooSmall)
_FUSING = (NoFace, FaceTooSmall, FaceIndexOutOfRange, PoseTooDifferent, GeometryError)
_RUNNING = (ModelUnavailable, Overloaded, DeadlineExceeded, FusionError)

_REQUEST_ID = {
    "X-Request-ID": {
        "description": "Names this request in the service's log; a sane one of yours is kept.",
        "schema": {"type": "string"},
    }
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_TIMING = {
    "Server-Timing": {
        "description": "Milliseconds of each stage.",
        "schema": {"type": "string"},
        "example": "decode;dur=12.3, detect;dur=41.0, encode;dur=9.8",
    }
}
_FUSION_HEADERS = {
    **_REQUEST_ID,
    **_TIMING,
    "X-Fusion-Warnings": {
        "description": "Codes of the warnings, comma-separated; absent when there are none.",
        "schema": {"type": "string"},
        "example": "POSE_DIFFERENCE",
    },
    "Content-Disposition": {"description": "A file name.", "schema": {"type": "string"}},
}
_PICTURE_SCHEMA = {
    "oneOf": [
        {"type": "string", "format": "binary", "description": "A JPEG, PNG, WebP, AVIF or HEIC."},
        {"type": "string", "title": "id", "description": "The id of an uploaded image."},
    ]
}


def problems(*errors: type[FusionError]) -> Extra:
    """Responses of these errors, those with one status together."""
    responses: Extra = {}
    for error in errors:
        response = responses.setdefault(
            str(error.status),
            {
                "description": "",
                "headers": _REQUEST_ID | (_RETRY_AFTER if error.status == 503 else {}),
                "content": {PROBLEM: {"schema": schema_of(Problem), "examples": {}}},
            },
        )
        joint = "\n" if response["description"] else ""
        response["description"] += f"{joint}- `{error.code}`: {ERRORS[error]}"
        response["content"][PROBLEM]["examples"][error.code] = {"value": _example(error)}
    return responses


def _example(error: type[FusionError]) -> Extra:
    return {
        "type": f"/api/docs#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": ERRORS[error],
        "code": error.code,
        "request_id": "0f0b6a1c52e54c1b9d3a7b0c7d1a2e3f",
    }


def _answer(model: Any, description: str, headers: Extra = _REQUEST_ID) -> Extra:
    content = {"application/json": {"schema": schema_of(model)}}
    return {"description": description, "headers": headers, "content": content}


def _form(pictures: Extra, parameters: tuple[Parameter, ...]) -> Extra:
    properties = dict(pictures)
    for row in parameters:
        default = {} if row.default in (None, ()) else {"default": row.default}
        properties[row.name] = {**default, **row.schema, "description": row.about}
    schema = {
        "type": "object",
        "required": list(pictures),
        "properties": properties,
        "additionalProperties": False,
    }
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


_FUSED: Extra = {
    "description": "The fused picture; with `Accept: application/json` a document that holds it. "
    "Without the field `format` an Accept header that names picture types chooses among them.",
    "headers": _FUSION_HEADERS,
    "content": {
        **{
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
        },
        "application/json": {"schema": schema_of(FusionModel)},
    },
}
_SOURCES = {
    "type": "array",
    "minItems": 1,
    "items": _PICTURE_SCHEMA,
    "description": "Who gives the face. Repeat the part for several pictures.",
}
_TARGET = {**_PICTURE_SCHEMA, "description": "The picture that changes."}
_IMAGE = {**_PICTURE_SCHEMA, "description": "The picture."}

FUSIONS: Extra = {
    "responses": {
        200: _FUSED,
        **problems(*_FORM, NotAcceptable, *_PICTURE, ImageNotFound, *_FUSING, *_RUNNING),
    },
    "openapi_extra": _form({"target": _TARGET, "source": _SOURCES}, fusion_parameters()),
}
FACES: Extra = {
    "responses": {
        200: _answer(FacesModel, "The faces, left to right.", _REQUEST_ID | _TIMING),
        **problems(*_FORM, *_PICTURE, ImageNotFound, *_RUNNING),
    },
    "openapi_extra": _form({"image": _IMAGE}, (FACE_THRESHOLD,)),
}
IMAGES: Extra = {
    "responses": {
        201: _answer(StoredImageModel, "Kept, in memory only."),
        **problems(*_FORM, *_PICTURE, *_RUNNING),
    },
    "openapi_extra": _form({"image": {"type": "string", "format": "binary"}}, ()),
}
DELETE_IMAGE: Extra = {
    "responses": {
        204: {"description": "Forgotten.", "headers": _REQUEST_ID},
        **problems(ImageNotFound),
    }
}
MODELS: Extra = {
    "responses": {
        200: _answer(ModelsModel, "What is loaded."),
        **problems(ModelUnavailable),
    }
}
LIVE: Extra = {"responses": {200: _answer(HealthModel, "The process answers.")}}
READY: Extra = {
    "responses": {
        200: _answer(HealthModel, "Requests will be served."),
        **problems(ModelUnavailable),
    }
}
