"""Emitters for the TFLite operators on pictures: what slides a window, pads or resizes.

Source of each operator's meaning: tensorflow/lite/kernels and the ONNX operator reference.
"""

import struct
from collections.abc import Callable

import numpy as np
import tflite

from conversion.errors import UnknownLayer
from conversion.graph_builder import GraphBuilder, Layout
from conversion.tflite_reader import Op

Emitter = Callable[[GraphBuilder, Op], None]


def activation(b: GraphBuilder, name: str, kind: int) -> str:
    """Add the activation that TFLite fuses into the operator before it."""
    if kind == tflite.ActivationFunctionType.NONE:
        return name
    if kind == tflite.ActivationFunctionType.RELU:
        return b.node("Relu", [name])
    if kind == tflite.ActivationFunctionType.RELU6:
        return clip(b, name, 0.0, 6.0)
    raise UnknownLayer(f"fused activation {kind}")


def clip(b: GraphBuilder, name: str, low: float, high: float) -> str:
    limits = [b.constant(np.array(v, np.float32), "limit") for v in (low, high)]
    return b.node("Clip", [name, *limits])


def _same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TFLite's SAME: the odd pixel goes to the end (ONNX SAME_UPPER, made explicit)."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _pads(b: GraphBuilder, op: Op, kernel: tuple[int, int], dilation: tuple[int, int]) -> list[int]:
    if op.options.Padding() == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    _, height, width, _ = b.graph.shapes[op.inputs[0]]
    top, bottom = _same_pads(height, kernel[0], op.options.StrideH(), dilation[0])
    left, right = _same_pads(width, kernel[1], op.options.StrideW(), dilation[1])
    return [top, left, bottom, right]


def finish(b: GraphBuilder, op: Op, name: str, layout: Layout) -> None:
    kind = getattr(op.options, "FusedActivationFunction", lambda: 0)()
    b.put(op.outputs[0], activation(b, name, kind), layout)


def convolution(b: GraphBuilder, op: Op, depthwise: bool) -> None:
    weights = b.constants[op.inputs[1]]
    # (O, H, W, I) -> (O, I, H, W); depthwise (1, H, W, C) -> (C, 1, H, W)
    weights = weights.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    kernel = (weights.shape[2], weights.shape[3])
    dilation = (op.options.DilationHFactor(), op.options.DilationWFactor())
    inputs = [b.get(op.inputs[0], "channels_first"), b.constant(weights, "weight")]
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        inputs.append(b.get(op.inputs[2], "as_stored"))
    channels = b.graph.shapes[op.inputs[0]][3]
    name = b.node(
        "Conv",
        inputs,
        kernel_shape=kernel,
        strides=[op.options.StrideH(), op.options.StrideW()],
        dilations=dilation,
        pads=_pads(b, op, kernel, dilation),
        group=channels if depthwise else channels // weights.shape[1],
    )
    finish(b, op, name, "channels_first")


def transpose_convolution_bias(b: GraphBuilder, op: Op) -> None:
    """MediaPipe's custom operator; options: padding, stride width, stride height as int32."""
    padding, stride_w, stride_h = struct.unpack_from("<3i", op.custom)
    weights = b.constants[op.inputs[1]].transpose(3, 0, 1, 2)  # (O, H, W, I) -> (I, O, H, W)
    kernel = [weights.shape[2], weights.shape[3]]
    if kernel != [stride_h, stride_w]:
        raise UnknownLayer(f"transposed convolution with kernel {kernel} wider than its stride")
    del padding  # without overlap SAME and VALID are the same
    name = b.node(
        "ConvTranspose",
        [
            b.get(op.inputs[0], "channels_first"),
            b.constant(weights, "weight"),
            b.get(op.inputs[2], "as_stored"),
        ],
        kernel_shape=kernel,
        strides=[stride_h, stride_w],
    )
    b.put(op.outputs[0], name, "channels_first")


def pool(kind: str) -> Emitter:
    def emit(b: GraphBuilder, op: Op) -> None:
        kernel = (op.options.FilterHeight(), op.options.FilterWidth())
        name = b.node(
            kind,
            [b.get(op.inputs[0], "channels_first")],
            kernel_shape=kernel,
            strides=[op.options.StrideH(), op.options.StrideW()],
            pads=_pads(b, op, kernel, (1, 1)),
        )
        finish(b, op, name, "channels_first")

    return emit


def prelu(b: GraphBuilder, op: Op) -> None:
    """slope x + (1 - slope) relu(x), both products as 1 x 1 depthwise convolutions.

    ONNX Runtime's own PRelu leaves the blocked layout of its convolutions and took two thirds of
    the landmark network's time (14.0 ms against 5.6 ms on one CPU thread).
    """
    slope = b.constants[op.inputs[1]].reshape(-1, 1, 1, 1)  # (1, 1, C) -> (C, 1, 1, 1)
    value = b.get(op.inputs[0], "channels_first")
    scaled = [
        b.node("Conv", [source, b.constant(factor, "slope")], group=len(slope))
        for source, factor in ((value, slope), (b.node("Relu", [value]), 1 - slope))
    ]
    b.put(op.outputs[0], b.node("Add", scaled), "channels_first")


def pad(b: GraphBuilder, op: Op) -> None:
    amounts = b.constants[op.inputs[1]].astype(np.int64)[[0, 3, 1, 2]]
    pads = b.constant(amounts.T.reshape(-1), "pads")
    b.put(
        op.outputs[0],
        b.node("Pad", [b.get(op.inputs[0], "channels_first"), pads]),
        "channels_first",
    )


def resize_bilinear(b: GraphBuilder, op: Op) -> None:
    if op.options.AlignCorners():
        mode = "align_corners"
    else:
        mode = "half_pixel" if op.options.HalfPixelCenters() else "asymmetric"
    _, height, width, _ = b.graph.shapes[op.outputs[0]]
    _, in_height, in_width, _ = b.graph.shapes[op.inputs[0]]
    scales = b.constant(np.array([1, 1, height / in_height, width / in_width], np.float32))
    name = b.node(
        "Resize",
        [b.get(op.inputs[0], "channels_first"), "", scales],
        mode="linear",
        coordinate_transformation_mode=mode,
    )
    b.put(op.outputs[0], name, "channels_first")
