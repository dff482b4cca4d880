"""Results as documents: what the JSON answers and scripts/fuse --faces show."""

import base64

from fusion.api.schemas import (
    FaceModel,
    FacesModel,
    FusionModel,
    ImageModel,
    PairModel,
    WarningModel,
)
from fusion.runtime.jobs import FoundFaces, FusedFile
from fusion.types import Face


def faces_document(found: FoundFaces) -> FacesModel:
    return FacesModel(
        width=found.width,
        height=found.height,
        faces=[_face(index, face) for index, face in enumerate(found.faces)],
    )


def _face(index: int, face: Face) -> FaceModel:
    x0, y0, x1, y1 = (round(float(value), 1) for value in face.box_xyxy)
    return FaceModel(
        index=index,
        box=(x0, y0, x1, y1),
        points=[(round(float(x), 1), round(float(y), 1)) for x, y in face.kps5],
        score=round(face.score, 3),
        size=round(face.size_px, 1),
    )


def fusion_document(fused: FusedFile, request_id: str) -> FusionModel:
    return FusionModel(
        image=ImageModel(
            media_type=fused.media_type,
            width=fused.width,
            height=fused.height,
            data=base64.b64encode(fused.data).decode(),
        ),
        pairs=[
            PairModel(
                source_face=pair.source_face,
                target_face=pair.target_face,
                yaw_difference_deg=round(pair.yaw_difference_deg, 1),
            )
            for pair in fused.pairs
        ],
        warnings=[
            WarningModel(code=row.code, message=row.message, target_face=row.target_face)
            for row in fused.warnings
        ],
        timings_ms={stage: round(took, 1) for stage, took in fused.timings_ms.items()},
        request_id=request_id,
    )
