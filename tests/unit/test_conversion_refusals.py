"""Files that the converters do not know are refused by name, never converted wrongly."""

import numpy as np
import pytest
from unit.embedded import ROWS, original

from conversion import dlib_to_onnx, tflite_to_onnx, topology
from conversion.errors import DamagedModel, UnknownLayer
from conversion.tflite_ops import EMITTERS

LANDMARKS, RESNET = ROWS["face_landmarks"], ROWS["dlib_face_resnet"]


def test_an_unknown_operator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(EMITTERS, "PRELU")
    with pytest.raises(UnknownLayer, match="no rule for: PRELU; known: ADD"):
        tflite_to_onnx.convert(original(LANDMARKS), LANDMARKS.inputs, LANDMARKS.outputs)


def test_a_file_of_another_format_is_no_tflite_file() -> None:
    with pytest.raises(DamagedModel, match="TFL3"):
        tflite_to_onnx.convert(original(RESNET), ("image",), ("embedding",))


def test_a_dlib_file_cut_short_is_damaged() -> None:
    with pytest.raises(DamagedModel, match="ends too early"):
        dlib_to_onnx.convert(original(RESNET)[:-1000])


def test_an_unknown_dlib_layer_is_named() -> None:
    data = original(RESNET).replace(b"\x0amax_pool_2", b"\x0amax_pool_9", 1)
    with pytest.raises(UnknownLayer, match="no rule for layer 'max_pool_9'"):
        dlib_to_onnx.convert(data)


def test_a_dlib_network_of_another_kind_is_refused() -> None:
    data = original(RESNET).replace(b"loss_metric_2", b"loss_binary_2", 1)
    with pytest.raises(UnknownLayer, match="metric-learning"):
        dlib_to_onnx.convert(data)


def test_a_face_geometry_cut_short_is_damaged() -> None:
    data = original(ROWS["face_mesh"])
    for length in np.linspace(1, len(data) - 1, 20).astype(int):
        with pytest.raises(DamagedModel):
            topology.decode(data[:length])
