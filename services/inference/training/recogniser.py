"""The identity network of the loss: the service's own, run by PyTorch so that gradients pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from fusion.models.identity.dlib_resnet import CHIP_PX

_Settings = dict[str, Any]


class Recogniser(nn.Module):
    """Who a face is, as 128 numbers; compare by the cosine of what differs from their mean."""

    def __init__(self, graph: Path) -> None:
        """graph  the converted network, dlib_face_resnet.onnx."""
        super().__init__()
        model = onnx.load(str(graph)).graph
        self._nodes = [
            (node.op_type, list(node.input), node.output[0], _settings(node)) for node in model.node
        ]
        self._input, self._output = model.input[0].name, model.output[0].name
        for constant in model.initializer:
            values = np.array(onnx.numpy_helper.to_array(constant))
            self.register_buffer(constant.name, torch.from_numpy(values))
        self.requires_grad_(False)

    def forward(self, chip: Tensor) -> Tensor:
        """chip (N, 3, 150, 150) RGB 0..1 -> (N, 128)."""
        values = {self._input: chip * 255, **dict(self.named_buffers())}
        for kind, inputs, output, settings in self._nodes:
            values[output] = _RUN[kind]([values[name] for name in inputs], settings)
        return values[self._output]


def chips(pictures: Tensor, chip: Tensor) -> Tensor:
    """The faces as the recogniser sees them: (N, 3, H, W) -> (N, 3, 150, 150).

    chip  (N, 2, 3) pixels of the chip -> pixels of the picture
    """
    steps = torch.arange(CHIP_PX, dtype=chip.dtype, device=chip.device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    grid = torch.stack([x, y, torch.ones_like(x)], dim=-1) @ chip.transpose(1, 2)[:, None]
    span = torch.tensor([pictures.shape[3] - 1, pictures.shape[2] - 1], device=chip.device)
    return functional.grid_sample(
        pictures, grid * (2 / span) - 1, padding_mode="border", align_corners=True
    )


def _settings(node: onnx.NodeProto) -> _Settings:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}


def _convolved(inputs: list[Tensor], settings: _Settings) -> Tensor:
    pads, strides = settings["pads"], settings["strides"]
    return functional.conv2d(*inputs, stride=strides, padding=pads[:2])


def _padded(inputs: list[Tensor], _: _Settings) -> Tensor:
    counts = inputs[
        1
    ].tolist()  # before each axis, then after each; PyTorch wants the last axis first
    before, after = counts[: len(counts) // 2], counts[len(counts) // 2 :]
    pairs = zip(reversed(before), reversed(after), strict=True)
    return functional.pad(inputs[0], [count for pair in pairs for count in pair])


_RUN: dict[str, Callable[[list[Tensor], _Settings], Tensor]] = {
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "MatMul": lambda inputs, _: inputs[0] @ inputs[1],
    "Relu": lambda inputs, _: functional.relu(inputs[0]),
    "Identity": lambda inputs, _: inputs[0],
    "Flatten": lambda inputs, _: inputs[0].flatten(1),
    "Conv": _convolved,
    "Pad": _padded,
    "MaxPool": lambda inputs, how: functional.max_pool2d(
        inputs[0], how["kernel_shape"], how["strides"]
    ),
    "AveragePool": lambda inputs, how: functional.avg_pool2d(
        inputs[0], how["kernel_shape"], how["strides"]
    ),
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean(dim=(2, 3), keepdim=True),
}
