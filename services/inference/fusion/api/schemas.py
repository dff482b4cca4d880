"""Answers in JSON, as models: they make the documents and the OpenAPI description."""

from typing import Any

from pydantic import BaseModel, Field


class FaceModel(BaseModel):
    """One face, in pixels of the upright picture."""

    index: int = Field(description="Counted from the left; what source_face and target_face take.")
    box: tuple[float, float, float, float] = Field(
        description="x0, y0, x1, y1; may reach outside the picture.",
        examples=[[412.5, 180.0, 655.25, 470.0]],
    )
    points: list[tuple[float, float]] = Field(
        description="Eyes, nose tip, mouth corners; left to right as seen.",
        min_length=5,
        max_length=5,
    )
    score: float = Field(description="The detector's confidence, 0..1.", examples=[0.93])
    size: float = Field(description="Larger side of the box in pixels.", examples=[290.0])


class FacesModel(BaseModel):
    """The faces of a picture, left to right; none is an empty list and no error."""

    width: int = Field(description="Of the upright picture (EXIF orientation applied).")
    height: int
    faces: list[FaceModel]


class PairModel(BaseModel):
    source_face: int
    target_face: int
    yaw_difference_deg: float = Field(description="How far the two heads look apart sideways.")


class WarningModel(BaseModel):
    code: str = Field(examples=["POSE_DIFFERENCE"])
    message: str
    target_face: int


class ImageModel(BaseModel):
    media_type: str = Field(examples=["image/jpeg"])
    width: int
    height: int
    data: str = Field(description="The picture, base64.")


class FusionModel(BaseModel):
    """A fused picture with what is known about it."""

    image: ImageModel
    pairs: list[PairModel] = Field(description="Which face was fused onto which.")
    warnings: list[WarningModel]
    timings_ms: dict[str, float] = Field(description="Milliseconds of each stage, in order.")
    request_id: str


class StoredImageModel(BaseModel):
    """An uploaded image; its id stands for it in target, source and image."""

    id: str = Field(examples=["p0yJfY9wXq5m0k0y3E2sQy2K6tY1a4bC"])
    width: int
    height: int
    expires_in_s: int


class ModelModel(BaseModel):
    name: str = Field(examples=["dlib_face_resnet"])
    role: str = Field(examples=["identity"])
    licence: str = Field(examples=["CC0-1.0"])
    author: str
    source: str = Field(
        description="Package and version that it was taken from, or that it is our own."
    )
    sha256: str = Field(description="Of the original file.")


class ModelsModel(BaseModel):
    """What `model` may be, and every network behind it."""

    device: str = Field(description="Where the networks were really loaded.", examples=["cpu"])
    default: str = Field(examples=["unet"])
    models: list[str] = Field(
        description="Values of the option `model`.", examples=[["mesh", "unet"]]
    )
    networks: list[ModelModel]


class HealthModel(BaseModel):
    status: str = Field(examples=["ready"])


class ParameterProblem(BaseModel):
    parameter: str
    value: str | None
    message: str


class Problem(BaseModel):
    """RFC 9457 problem document. Some codes add members, such as `image` or `errors`."""

    type: str = Field(examples=["/api/docs#NO_FACE"])
    title: str = Field(examples=["No face found"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What is wrong and what to do, in a sentence for people.")
    code: str = Field(description="Stable name of the error.", examples=["NO_FACE"])
    request_id: str
    image: str | None = Field(
        default=None, description="target, source or image: which picture it is about."
    )
    index: int | None = Field(default=None, description="Which of several sources.")
    errors: list[ParameterProblem] | None = Field(
        default=None, description="With INVALID_PARAMETER: every parameter that is wrong."
    )


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A reference into the components of the OpenAPI document."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
