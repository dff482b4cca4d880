"""A TFLite flatbuffer as plain Python values: tensors, constants, operators.

Source: the TFLite schema (tensorflow/lite/schema/schema.fbs), read through the `tflite` package.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from conversion.errors import DamagedModel, UnknownLayer

_DTYPES: dict[int, type[np.generic]] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.BOOL: np.bool_,
}
_BUILTIN_NAMES = {
    v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int) and k.isupper()
}
# A custom operator is named by its own code; the schema's builtin number for it is 32.
_CUSTOM = tflite.BuiltinOperator.CUSTOM


@dataclass(frozen=True)
class Op:
    """One operator: tensor numbers in and out, and its options table (None when it has none)."""

    name: str
    inputs: tuple[int, ...]  # -1 marks an optional input that is absent
    outputs: tuple[int, ...]
    options: Any
    custom: bytes = b""


@dataclass(frozen=True)
class Graph:
    """The one subgraph of a model.

    shapes      tensor number -> static shape, channels last as TFLite has them
    constants   tensor number -> values, in the tensor's own dtype
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shapes: dict[int, tuple[int, ...]]
    ops: tuple[Op, ...]
    constants: dict[int, NDArray[Any]] = field(repr=False, default_factory=dict)


def read(data: bytes) -> Graph:
    """Decode a .tflite file.

    Raises    DamagedModel when it is not a TFLite file of one subgraph,
              UnknownLayer when a constant has a type or a sparsity this reader does not know
    """
    if data[4:8] != b"TFL3":
        raise DamagedModel("not a TFLite file: the identifier TFL3 is missing")
    model = tflite.Model.GetRootAsModel(data, 0)
    if model.SubgraphsLength() != 1:
        raise DamagedModel(f"expected one subgraph, found {model.SubgraphsLength()}")
    graph = model.Subgraphs(0)
    shapes: dict[int, tuple[int, ...]] = {}
    constants: dict[int, NDArray[Any]] = {}
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        shape = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        shapes[number] = shape
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            if tensor.Sparsity() is not None:
                raise UnknownLayer(f"tensor {number} is sparse: use the dense variant of the model")
            if tensor.Type() not in _DTYPES:
                raise UnknownLayer(f"tensor {number} has the unknown element type {tensor.Type()}")
            raw = np.frombuffer(buffer.DataAsNumpy().tobytes(), _DTYPES[tensor.Type()])
            constants[number] = raw.reshape(shape)
    ops = tuple(_read_op(model, graph.Operators(n)) for n in range(graph.OperatorsLength()))
    return Graph(
        inputs=tuple(int(n) for n in graph.InputsAsNumpy()),
        outputs=tuple(int(n) for n in graph.OutputsAsNumpy()),
        shapes=shapes,
        ops=ops,
        constants=constants,
    )


def _read_op(model: Any, operator: Any) -> Op:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Files written before schema 3a keep the number in the deprecated byte and 0 in the other.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    custom = b""
    if builtin == _CUSTOM:
        name = code.CustomCode().decode()
        custom = operator.CustomOptionsAsNumpy().tobytes()
    else:
        name = _BUILTIN_NAMES.get(builtin, f"builtin {builtin}")
    return Op(
        name=name,
        inputs=tuple(int(n) for n in operator.InputsAsNumpy()),
        outputs=tuple(int(n) for n in operator.OutputsAsNumpy()),
        options=_options(operator),
        custom=custom,
    )


def _options(operator: Any) -> Any:
    """The operator's options table, cast to its own class; None when the operator has none."""
    table = operator.BuiltinOptions()
    if table is None:
        return None
    kinds = vars(tflite.BuiltinOptions)
    number = operator.BuiltinOptionsType()
    # Python 3.13 puts numbers of its own among a class's attributes (__firstlineno__).
    kind = next((k for k, v in kinds.items() if v == number and not k.startswith("_")), None)
    if kind in (None, "NONE"):
        return None
    options = getattr(tflite, str(kind))()
    options.Init(table.Bytes, table.Pos)
    return options
