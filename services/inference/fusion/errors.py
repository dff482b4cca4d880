"""Every error a caller can meet: a stable code, an HTTP status, a message that says what to do.

Raised low, turned into HTTP in one place (`api/problems.py`) and into one line by `scripts/fuse`.
"""

from typing import Any


class FusionError(Exception):
    """Base of all errors that are shown to callers.

    code     stable upper-case name, part of the API
    status   HTTP status
    detail   public sentence: what is wrong and what to do; never a path, never picture data
    extra    JSON-ready members added to the problem document (for example `image`, `parameter`)
    """

    code = "INTERNAL_ERROR"
    status = 500
    title = "Internal error"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class InvalidParameter(FusionError):
    code, status, title = "INVALID_PARAMETER", 422, "Invalid parameter"


class InvalidRequest(FusionError):
    """A body that is no complete multipart form."""

    code, status, title = "INVALID_REQUEST", 400, "The request cannot be read"


class NotAcceptable(FusionError):
    code, status, title = "NOT_ACCEPTABLE", 406, "No acceptable answer format"


class RequestTimeout(FusionError):
    code, status, title = "REQUEST_TIMEOUT", 408, "The request arrived too slowly"


class RequestTooLarge(FusionError):
    code, status, title = "REQUEST_TOO_LARGE", 413, "The request is too large"


class UnsupportedMediaType(FusionError):
    code, status, title = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported content type"


class ImageDecodeFailed(FusionError):
    code, status, title = "IMAGE_DECODE_FAILED", 422, "The image cannot be decoded"


class ImageTooLarge(FusionError):
    code, status, title = "IMAGE_TOO_LARGE", 413, "The image is too large"


class ImageTooSmall(FusionError):
    code, status, title = "IMAGE_TOO_SMALL", 422, "The image is too small"


class UnsupportedFormat(FusionError):
    code, status, title = "UNSUPPORTED_FORMAT", 415, "Unsupported image format"


class ImageNotFound(FusionError):
    code, status, title = "IMAGE_NOT_FOUND", 404, "No such uploaded image"


class NoFace(FusionError):
    code, status, title = "NO_FACE", 422, "No face found"


class FaceTooSmall(FusionError):
    code, status, title = "FACE_TOO_SMALL", 422, "The face is too small"


class FaceIndexOutOfRange(FusionError):
    code, status, title = "FACE_INDEX_OUT_OF_RANGE", 422, "No face with this index"


class PoseTooDifferent(FusionError):
    code, status, title = "POSE_TOO_DIFFERENT", 422, "The heads look in too different directions"


class ModelUnavailable(FusionError):
    code, status, title = "MODEL_UNAVAILABLE", 503, "The model is not available"


class Overloaded(FusionError):
    """Raised when no place is left in the queue; `retry_after_s` becomes the Retry-After header."""

    code, status, title = "OVERLOADED", 503, "The service is busy"

    def __init__(self, detail: str, retry_after_s: int = 1, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class DeadlineExceeded(FusionError):
    code, status, title = "DEADLINE_EXCEEDED", 503, "The request took too long"


class GeometryError(FusionError):
    """Landmarks that span no area: a face that cannot be aligned."""

    code, status, title = "FACE_GEOMETRY", 422, "The face cannot be aligned"
