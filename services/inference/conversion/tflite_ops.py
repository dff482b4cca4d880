"""One emitter for each TFLite operator that the embedded models use.

Source of each operator's meaning: tensorflow/lite/kernels and the ONNX operator reference.
"""

from typing import Any

import numpy as np

from conversion.errors import UnknownLayer
from conversion.graph_builder import GraphBuilder, Layout
from conversion.tflite_image_ops import (
    Emitter,
    clip,
    convolution,
    finish,
    pad,
    pool,
    prelu,
    resize_bilinear,
    transpose_convolution_bias,
)
from conversion.tflite_reader import Op


def _common_layout(b: GraphBuilder, op: Op) -> Layout:
    variables = [t for t in op.inputs if not b.is_constant(t)]
    if any(len(b.graph.shapes[t]) != 4 for t in variables):
        return "as_stored"
    channels_first = any(b.layout(t) == "channels_first" for t in variables)
    return "channels_first" if channels_first else "as_stored"


def _elementwise(kind: str) -> Emitter:
    def emit(b: GraphBuilder, op: Op) -> None:
        layout = _common_layout(b, op)
        finish(b, op, b.node(kind, [b.get(t, layout) for t in op.inputs]), layout)

    return emit


def _squared_difference(b: GraphBuilder, op: Op) -> None:
    layout = _common_layout(b, op)
    difference = b.node("Sub", [b.get(t, layout) for t in op.inputs])
    b.put(op.outputs[0], b.node("Mul", [difference, difference]), layout)


def _reciprocal_root(b: GraphBuilder, op: Op) -> None:
    layout = _common_layout(b, op)
    root = b.node("Sqrt", [b.get(op.inputs[0], layout)])
    b.put(op.outputs[0], b.node("Reciprocal", [root]), layout)


def _relu6(b: GraphBuilder, op: Op) -> None:
    layout = _common_layout(b, op)
    b.put(op.outputs[0], clip(b, b.get(op.inputs[0], layout), 0.0, 6.0), layout)


def _hard_swish(b: GraphBuilder, op: Op) -> None:
    layout = _common_layout(b, op)
    value = b.get(op.inputs[0], layout)
    gate = b.node("HardSigmoid", [value], alpha=1 / 6, beta=0.5)
    b.put(op.outputs[0], b.node("Mul", [value, gate]), layout)


def _dequantize(b: GraphBuilder, op: Op) -> None:
    if op.inputs[0] not in b.constants:
        raise UnknownLayer("DEQUANTIZE of an activation: only fp16 weights are known")
    b.constants[op.outputs[0]] = b.constants[op.inputs[0]].astype(np.float32)


def _concatenation(b: GraphBuilder, op: Op) -> None:
    layout = _common_layout(b, op)
    axis = op.options.Axis() % len(b.graph.shapes[op.outputs[0]])
    if layout == "channels_first":
        axis = (0, 2, 3, 1)[axis]
    finish(b, op, b.node("Concat", [b.get(t, layout) for t in op.inputs], axis=axis), layout)


def _reshape(b: GraphBuilder, op: Op) -> None:
    shape = np.array(b.graph.shapes[op.outputs[0]], np.int64)
    if b.open_batch and shape.size and shape[0] == 1:
        shape[0] = -1
    value = b.get(op.inputs[0], "as_stored")
    b.put(op.outputs[0], b.node("Reshape", [value, b.constant(shape, "shape")]), "as_stored")


def _transpose(b: GraphBuilder, op: Op) -> None:
    perm = [int(n) for n in b.constants[op.inputs[1]]]
    b.put(
        op.outputs[0],
        b.node("Transpose", [b.get(op.inputs[0], "as_stored")], perm=perm),
        "as_stored",
    )


def _mean(b: GraphBuilder, op: Op) -> None:
    axes = [int(n) for n in b.constants[op.inputs[1]].reshape(-1)]
    name = b.node(
        "ReduceMean",
        [b.get(op.inputs[0], "as_stored")],
        axes=axes,
        keepdims=int(op.options.KeepDims()),
    )
    b.put(op.outputs[0], name, "as_stored")


def _sum(b: GraphBuilder, op: Op) -> None:
    axes = b.constant(b.constants[op.inputs[1]].astype(np.int64).reshape(-1), "axes")
    value = b.get(op.inputs[0], "as_stored")
    name = b.node("ReduceSum", [value, axes], keepdims=int(op.options.KeepDims()))
    b.put(op.outputs[0], name, "as_stored")


def _strided_slice(b: GraphBuilder, op: Op) -> None:
    begin, end, strides = (b.constants[t].astype(np.int64).copy() for t in op.inputs[1:4])
    options: Any = op.options
    if options.EllipsisMask() or options.NewAxisMask() or (strides < 0).any():
        raise UnknownLayer("STRIDED_SLICE with an ellipsis, a new axis or a negative stride")
    shape = b.graph.shapes[op.inputs[0]]
    dropped = []
    for axis in range(begin.size):
        if options.BeginMask() >> axis & 1:
            begin[axis] = 0
        if options.ShrinkAxisMask() >> axis & 1:
            begin[axis] %= shape[axis]
            end[axis] = begin[axis] + 1
            dropped.append(axis)
        elif options.EndMask() >> axis & 1:
            end[axis] = shape[axis]
    axes = np.arange(begin.size, dtype=np.int64)
    parameters = [b.constant(v, "slice") for v in (begin, end, axes, strides)]
    name = b.node("Slice", [b.get(op.inputs[0], "as_stored"), *parameters])
    if dropped:
        name = b.node("Squeeze", [name, b.constant(np.array(dropped, np.int64), "axes")])
    b.put(op.outputs[0], name, "as_stored")


EMITTERS: dict[str, Emitter] = {
    "ADD": _elementwise("Add"),
    "AVERAGE_POOL_2D": pool("AveragePool"),
    "CONCATENATION": _concatenation,
    "CONV_2D": lambda b, op: convolution(b, op, depthwise=False),
    "Convolution2DTransposeBias": transpose_convolution_bias,
    "DEPTHWISE_CONV_2D": lambda b, op: convolution(b, op, depthwise=True),
    "DEQUANTIZE": _dequantize,
    "DIV": _elementwise("Div"),
    "HARD_SWISH": _hard_swish,
    "LOGISTIC": _elementwise("Sigmoid"),
    "MAX_POOL_2D": pool("MaxPool"),
    "MEAN": _mean,
    "MUL": _elementwise("Mul"),
    "NEG": _elementwise("Neg"),
    "PAD": pad,
    "PRELU": prelu,
    "RELU": _elementwise("Relu"),
    "RELU6": _relu6,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": resize_bilinear,
    "RSQRT": _reciprocal_root,
    "SQRT": _elementwise("Sqrt"),
    "SQUARED_DIFFERENCE": _squared_difference,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _elementwise("Sub"),
    "SUM": _sum,
    "TRANSPOSE": _transpose,
}
