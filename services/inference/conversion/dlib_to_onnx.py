"""dlib's face recognition ResNet -> ONNX, with the pixel normalisation and the folded affines.

Source: D. E. King's network (dlib/dnn, examples/dnn_metric_learning_on_images_ex.cpp); residual
blocks after He et al. 2016, with shortcuts padded by zeros where the sizes differ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from conversion.dlib_reader import Layer, read
from conversion.errors import UnknownLayer
from conversion.tflite_to_onnx import IR_VERSION, OPSET

# A residual branch is con, affine, relu, con, affine; the file names the layers but not the
# points that shortcuts start from, so a shortcut starts this many layers before its addition.
_BRANCH = ("con", "affine", "relu", "con", "affine")
Value = tuple[str, tuple[int, int, int]]  # name in the graph, (channels, height, width)


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        name = f"const_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(self, value: Value, layer: Layer, affine: Layer) -> Value:
        name, (channels, height, width) = value
        s = layer.settings
        filters, kernel = s["filters"], (s["rows"], s["columns"])
        weights = layer.params[:-filters].reshape(filters, channels, *kernel)
        bias = layer.params[-filters:]
        gamma, beta = affine.params.reshape(2, filters)
        inputs = [name, self.constant(weights * gamma[:, None, None, None])]
        inputs.append(self.constant(bias * gamma + beta))
        geometry = _geometry(s)
        output = self.node("Conv", inputs, **geometry)
        return output, (filters, *_pooled((height, width), geometry))

    def pool(self, kind: str, value: Value, layer: Layer) -> Value:
        name, (channels, height, width) = value
        if layer.settings["rows"] == 0:  # dlib's way to say: over everything
            return self.node("GlobalAveragePool", [name]), (channels, 1, 1)
        geometry = _geometry(layer.settings)
        size = _pooled((height, width), geometry)
        return self.node(kind, [name], **geometry), (channels, *size)

    def padded(self, value: Value, shape: tuple[int, int, int]) -> str:
        """Append zero channels, rows and columns up to a shape."""
        name, own = value
        missing = [want - have for want, have in zip(shape, own, strict=True)]
        if not any(missing):
            return name
        pads = np.array([0, 0, 0, 0, 0, *missing], np.int64)
        return self.node("Pad", [name, self.constant(pads)])

    def add(self, a: Value, b: Value) -> Value:
        channels, height, width = (max(pair) for pair in zip(a[1], b[1], strict=True))
        shape = (channels, height, width)
        return self.node("Add", [self.padded(a, shape), self.padded(b, shape)]), shape


def _geometry(settings: dict[str, int]) -> dict[str, list[int]]:
    pads = [settings["padding_y"], settings["padding_x"]] * 2
    return {
        "kernel_shape": [settings["rows"], settings["columns"]],
        "strides": [settings["stride_y"], settings["stride_x"]],
        "pads": pads,
    }


def _pooled(size: tuple[int, int], geometry: dict[str, list[int]]) -> tuple[int, int]:
    height, width = (
        (length + 2 * pad - kernel) // stride + 1
        for length, pad, kernel, stride in zip(
            size, geometry["pads"], geometry["kernel_shape"], geometry["strides"], strict=False
        )
    )
    return height, width


def convert(data: bytes) -> onnx.ModelProto:
    """Convert a dlib face recognition network.

    data      bytes of dlib_face_recognition_resnet_model_v1.dat
    Returns   a graph "image" (N, 3, 150, 150) float32 RGB 0..255 -> "embedding" (N, 128) float32
    Raises    UnknownLayer when the chain of layers is not this family's, DamagedModel
    """
    network = read(data)
    b = _Builder()
    mean = b.constant(np.array(network.mean_rgb, np.float32).reshape(1, 3, 1, 1))
    scale = b.constant(np.array(1 / 256, np.float32))
    centred = b.node("Mul", [b.node("Sub", ["image", mean]), scale])
    current: Value = (centred, (3, network.size_px, network.size_px))
    before: list[Value] = []  # the value that each layer read
    tags = [layer.tag for layer in network.layers]
    for at, layer in enumerate(network.layers):
        before.append(current)
        current = _emit(b, network.layers, tags, at, before)
        if layer.tag == "fc" and at != len(tags) - 1:
            raise UnknownLayer("a fully connected layer before the end")
    inputs = [
        helper.make_tensor_value_info(
            "image", TensorProto.FLOAT, ["N", 3, network.size_px, network.size_px]
        )
    ]
    b.nodes.append(helper.make_node("Identity", [current[0]], ["embedding"], "embedding"))
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", current[1][0]])]
    graph = helper.make_graph(b.nodes, "model", inputs, outputs, b.initializers)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="conversion",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _emit(
    b: _Builder, layers: tuple[Layer, ...], tags: list[str], at: int, before: list[Value]
) -> Value:
    layer, current = layers[at], before[at]
    if layer.tag == "con":
        if tags[at + 1 : at + 2] != ["affine"]:
            raise UnknownLayer("a convolution without its affine layer")
        return b.convolution(current, layer, layers[at + 1])
    # An affine layer is inside its convolution; an average pool before an addition shrinks the
    # shortcut, and the addition does that.
    if layer.tag == "affine" or tags[at : at + 2] == ["avg_pool", "add_prev"]:
        return current
    if layer.tag == "relu":
        return b.node("Relu", [current[0]]), current[1]
    if layer.tag in ("max_pool", "avg_pool"):
        return b.pool("MaxPool" if layer.tag == "max_pool" else "AveragePool", current, layer)
    if layer.tag == "add_prev":
        return _residual(b, layers, tags, at, before)
    weights = layer.params.reshape(layer.settings["inputs"], layer.settings["outputs"])
    flat = b.node("Flatten", [current[0]])
    return b.node("MatMul", [flat, b.constant(weights)]), (layer.settings["outputs"], 1, 1)


def _residual(
    b: _Builder, layers: tuple[Layer, ...], tags: list[str], at: int, before: list[Value]
) -> Value:
    shrinks = tags[at - 1] == "avg_pool"
    end = at - shrinks
    start = end - len(_BRANCH)
    if start < 0 or tuple(tags[start:end]) != _BRANCH:
        raise UnknownLayer(f"an addition after {tags[max(start, 0) : end]}, not after {_BRANCH}")
    shortcut = before[start]
    if shrinks:
        shortcut = b.pool("AveragePool", shortcut, layers[at - 1])
    return b.add(before[at], shortcut)
