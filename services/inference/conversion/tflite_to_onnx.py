"""TFLite -> ONNX for small float networks, NHWC inside the file to NCHW in the graph.

Every 4-D activation lives in NCHW; operators that speak of axes in TFLite's order get it back
through a Transpose. Weights stored as fp16 become fp32. The batch dimension is left open.

A converter of our own because none that is kept up fits: tf2onnx needs all of TensorFlow, and
tflite2onnx (last release 2022) fails on fp16 weights, HARD_SWISH and MediaPipe's own operator.
"""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from conversion.errors import UnknownLayer
from conversion.graph_builder import GraphBuilder
from conversion.tflite_ops import EMITTERS
from conversion.tflite_reader import read

OPSET = 17
# Read by every ONNX Runtime since 1.12; the onnx package would write its own newest otherwise.
IR_VERSION = 8


def convert(
    data: bytes,
    input_names: Sequence[str],
    output_names: Sequence[str],
    open_batch: bool = True,
) -> onnx.ModelProto:
    """Convert a .tflite file.

    data           bytes of the file
    input_names    names for the graph's inputs, in the file's order; 4-D inputs become NCHW
    output_names   names for the outputs, in the file's order; "" drops one; 4-D outputs are NCHW
    open_batch     the first dimension of inputs and outputs is free ("N"), not 1
    Raises         UnknownLayer for an operator or an option outside the known list, DamagedModel
    """
    graph = read(data)
    unknown = sorted({op.name for op in graph.ops} - EMITTERS.keys())
    if unknown:
        raise UnknownLayer(f"no rule for: {', '.join(unknown)}; known: {', '.join(EMITTERS)}")
    builder = GraphBuilder(graph, open_batch)
    inputs = [
        _declare_input(builder, tensor, name)
        for tensor, name in zip(graph.inputs, input_names, strict=True)
    ]
    for op in graph.ops:
        EMITTERS[op.name](builder, op)
    outputs = [
        _declare_output(builder, tensor, name)
        for tensor, name in zip(graph.outputs, output_names, strict=True)
        if name
    ]
    proto = helper.make_graph(
        _needed_nodes(builder.nodes, [o.name for o in outputs]), "model", inputs, outputs
    )
    used = {name for node in proto.node for name in node.input}
    proto.initializer.extend(t for t in builder.initializers if t.name in used)
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="conversion",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _public_shape(builder: GraphBuilder, tensor: int) -> list[int | str]:
    shape: list[int | str] = list(builder.graph.shapes[tensor])
    if len(shape) == 4:
        shape = [shape[0], shape[3], shape[1], shape[2]]
    if builder.open_batch:
        shape[0] = "N"
    return shape


def _declare_input(builder: GraphBuilder, tensor: int, name: str) -> onnx.ValueInfoProto:
    four = len(builder.graph.shapes[tensor]) == 4
    builder.put(tensor, name, "channels_first" if four else "as_stored")
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, _public_shape(builder, tensor))


def _declare_output(builder: GraphBuilder, tensor: int, name: str) -> onnx.ValueInfoProto:
    four = len(builder.graph.shapes[tensor]) == 4
    value = builder.get(tensor, "channels_first" if four else "as_stored")
    builder.nodes.append(helper.make_node("Identity", [value], [name], name))
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, _public_shape(builder, tensor))


def _needed_nodes(nodes: list[onnx.NodeProto], outputs: list[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in order."""
    needed = set(outputs)
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]
