"""ONNX nodes collected while the operators of one TFLite graph are walked in order."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from conversion.errors import DamagedModel
from conversion.tflite_reader import Graph

Layout = Literal["channels_first", "as_stored"]


class GraphBuilder:
    """Collects ONNX nodes while the operators of one TFLite graph are walked in order."""

    def __init__(self, graph: Graph, open_batch: bool) -> None:
        self.graph = graph
        self.open_batch = open_batch
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.constants: dict[int, NDArray[Any]] = dict(graph.constants)
        self._values: dict[tuple[int, Layout], str] = {}
        self._layouts: dict[int, Layout] = {}
        self._count = 0

    def fresh(self, hint: str) -> str:
        self._count += 1
        return f"{hint}_{self._count}"

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Append a node with one output and return that output's name."""
        output = self.fresh(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], output, **attributes))
        return output

    def constant(self, values: NDArray[Any], hint: str = "const") -> str:
        name = self.fresh(hint)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def put(self, tensor: int, name: str, layout: Layout) -> None:
        self._values[tensor, layout] = name
        self._layouts[tensor] = layout

    def alias(self, tensor: int, source: int) -> None:
        self.put(tensor, self.get(source, self.layout(source)), self.layout(source))

    def layout(self, tensor: int) -> Layout:
        """The layout a tensor was made in; a constant is as stored."""
        return self._layouts.get(tensor, "as_stored")

    def is_constant(self, tensor: int) -> bool:
        return tensor in self.constants

    def get(self, tensor: int, layout: Layout) -> str:
        """Name of a tensor's value in a layout; a Transpose is added where it is missing."""
        if (tensor, layout) in self._values:
            return self._values[tensor, layout]
        if tensor in self.constants:
            name = self.constant(self._stored(tensor, layout))
        else:
            other: Layout = "as_stored" if layout == "channels_first" else "channels_first"
            if (tensor, other) not in self._values:
                raise DamagedModel(f"tensor {tensor} is read before it is computed")
            perm = [0, 3, 1, 2] if layout == "channels_first" else [0, 2, 3, 1]
            name = self.node("Transpose", [self._values[tensor, other]], perm=perm)
        self._values[tensor, layout] = name
        return name

    def _stored(self, tensor: int, layout: Layout) -> NDArray[Any]:
        values = self.constants[tensor]
        if layout == "as_stored" or values.ndim == 0:
            return values
        # Broadcasting aligns trailing axes, so a (C,) constant must first become (1, 1, 1, C).
        padded = values.reshape((1,) * (4 - values.ndim) + values.shape)
        return padded.transpose(0, 3, 1, 2)
