"""The layers of a serialised dlib network, read without dlib.

A file is one flat stream: the loss layer, one version number for each nested layer from the
outermost to the input, the input layer, then every layer's details from the input outwards.
Integers are stored with a control byte (low nibble: byte count, high bit: sign), doubles as an
integer mantissa and exponent, tensors as raw little-endian float32.

Source: dlib's own serialisation (dlib/serialize.h, dlib/dnn/layers.h), as of dlib 19.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from conversion.errors import DamagedModel, UnknownLayer

_INPUT_TAG = b"input_rgb_image_sized"
_LAYER_VERSIONS = (1, 2, 3)


@dataclass(frozen=True)
class Layer:
    """One layer: its tag, its integer settings and its learned values."""

    tag: str
    settings: dict[str, int] = field(default_factory=dict)
    params: NDArray[np.float32] = field(repr=False, default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True)
class Network:
    """A chain of layers, input first.

    mean_rgb    (3,) means that the input layer subtracts before it divides by 256
    size_px     side of the square input
    """

    mean_rgb: tuple[float, float, float]
    size_px: int
    layers: tuple[Layer, ...]


class _Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        chunk = self.data[self.at : self.at + count]
        if len(chunk) != count:
            raise DamagedModel("the dlib file ends too early")
        self.at += count
        return chunk

    def integer(self) -> int:
        control = self.take(1)[0]
        count = control & 0x0F
        if not 1 <= count <= 8:
            raise DamagedModel(f"no integer at byte {self.at - 1} of the dlib file")
        value = int.from_bytes(self.take(count), "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def real(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa) * 2.0**exponent

    def text(self) -> str:
        return self.take(self.integer()).decode("ascii", errors="replace")

    def tensor(self) -> NDArray[np.float32]:
        version, *shape = self.integers(5)
        if version != 2:
            raise DamagedModel(f"unknown tensor version {version}")
        count = int(np.prod(shape))
        return np.frombuffer(self.take(4 * count), "<f4").copy()

    def alias(self) -> None:
        """Skip the shape of a view into the tensor before it: the layer's type implies it."""
        self.integers(5)


def _convolution(s: _Stream) -> Layer:
    params = s.tensor()
    names = ("filters", "rows", "columns", "stride_y", "stride_x", "padding_y", "padding_x")
    settings = dict(zip(names, s.integers(7), strict=True))
    _skip_training_settings(s)
    return Layer("con", settings, params)


def _fully_connected(s: _Stream) -> Layer:
    outputs, inputs = s.integers(2)
    params = s.tensor()
    s.alias()
    s.alias()
    s.integer()  # whether there is a bias; the number of values tells as well
    for _ in range(4):
        s.real()
    return Layer("fc", {"outputs": outputs, "inputs": inputs}, params)


def _skip_training_settings(s: _Stream) -> None:
    s.alias()
    s.alias()
    for _ in range(4):  # learning rate and weight decay of the weights and of the bias
        s.real()


def _affine(s: _Stream) -> Layer:
    params = s.tensor()
    s.alias()
    s.alias()
    s.integer()  # per channel or per value: always per channel after a convolution
    return Layer("affine", {}, params)


def _pool(tag: str) -> Callable[[_Stream], Layer]:
    names = ("rows", "columns", "stride_y", "stride_x", "padding_y", "padding_x")
    return lambda s: Layer(tag, dict(zip(names, s.integers(6), strict=True)))


_READERS: dict[str, Callable[[_Stream], Layer]] = {
    "con_4": _convolution,
    "affine_": _affine,
    "relu_": lambda s: Layer("relu"),
    "max_pool_2": _pool("max_pool"),
    "avg_pool_2": _pool("avg_pool"),
    "add_prev_": lambda s: Layer("add_prev"),
    "fc_2": _fully_connected,
}


def read(data: bytes) -> Network:
    """Decode a metric-learning network.

    Raises    UnknownLayer for a layer outside the known list, DamagedModel
    """
    s = _Stream(data)
    s.integer()  # version of the loss layer
    loss = s.text()
    if loss != "loss_metric_2":
        raise UnknownLayer(f"expected a metric-learning network, found {loss!r}")
    s.real()  # margin and distance threshold of the training
    s.real()
    _skip_versions(s)
    mean = (s.real(), s.real(), s.real())
    size_px, columns = s.integers(2)
    if size_px != columns:
        raise UnknownLayer("the network's input is not square")
    layers = []
    while s.at < len(data):
        tag = s.text()
        if tag not in _READERS:
            raise UnknownLayer(f"no rule for layer {tag!r}; known: {', '.join(_READERS)}")
        layers.append(_READERS[tag](s))
        s.take(3)  # three flags of the training, then buffers that a saved network leaves empty
        for _ in range(3):
            s.tensor()
        if len(layers) == 1:
            s.integer()  # how many inputs one sample becomes; kept beside the first layer alone
    return Network(mean, size_px, tuple(layers))


def _skip_versions(s: _Stream) -> None:
    while True:
        value = s.integer()
        if value == len(_INPUT_TAG) and s.data.startswith(_INPUT_TAG, s.at):
            s.take(value)
            return
        if value not in _LAYER_VERSIONS:
            raise DamagedModel(f"unknown layer version {value} at byte {s.at}")
