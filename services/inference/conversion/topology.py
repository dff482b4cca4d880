"""The 468-point canonical face from MediaPipe's geometry metadata, as plain arrays.

The file is a protobuf message; only the fields below are read, straight from the wire format.
Source: mediapipe/tasks/cc/vision/face_geometry/proto (face_geometry, mesh_3d) and
https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion.errors import DamagedModel

_POINTS, _TRIANGLES = 468, 898
# GeometryPipelineMetadata: canonical_mesh = 1, procrustes_landmark_basis = 2 (repeated)
# Mesh3d: vertex_type = 1, primitive_type = 2, vertex_buffer = 3, index_buffer = 4
# WeightedLandmarkRef: landmark_id = 1, weight = 2


def decode(data: bytes) -> dict[str, NDArray[Any]]:
    """Decode geometry_pipeline_metadata_landmarks.binarypb.

    Returns   vertices   (468, 3) float32 canonical model in centimetres, x right, y up, z to the
                         camera
              uv         (468, 2) float32, 0..1, origin as stored
              triangles  (898, 3) int32
              weights    (468,) float32, weight of each point in a Procrustes fit, 0 for most
    Raises    DamagedModel
    """
    vertex_buffer: list[float] = []
    index_buffer: list[int] = []
    weights = np.zeros(_POINTS, np.float32)
    for field, value in _fields(data):
        if field == 1:
            for mesh_field, mesh_value in _fields(_message(value)):
                if mesh_field == 3:
                    vertex_buffer.extend(_floats(mesh_value))
                elif mesh_field == 4:
                    index_buffer.extend(_integers(mesh_value))
        elif field == 2:
            reference = dict(_fields(_message(value)))
            weights[_index(reference.get(1, 0))] = _floats(reference[2])[0]
    if len(vertex_buffer) != _POINTS * 5 or len(index_buffer) != _TRIANGLES * 3:
        raise DamagedModel(
            f"the face geometry has {len(vertex_buffer)} vertex values and "
            f"{len(index_buffer)} indices, expected {_POINTS * 5} and {_TRIANGLES * 3}"
        )
    vertices = np.array(vertex_buffer, np.float32).reshape(_POINTS, 5)
    triangles = np.array(index_buffer, np.int32).reshape(_TRIANGLES, 3)
    if triangles.min() < 0 or triangles.max() >= _POINTS:
        raise DamagedModel("a triangle of the face geometry names a point that does not exist")
    return {
        "vertices": vertices[:, :3].copy(),
        "uv": vertices[:, 3:].copy(),
        "triangles": triangles,
        "weights": weights,
    }


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field number and raw value of every field of one message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 2, 5):
            size, at = _varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at : at + size], at + size
        else:
            raise DamagedModel(f"unknown protobuf wire type {kind}")
        if at > len(data):
            raise DamagedModel("the face geometry ends too early")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at
    raise DamagedModel("the face geometry ends inside a number")


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise DamagedModel("expected a message, found a number")
    return value


def _floats(value: int | bytes) -> list[float]:
    return [float(v) for v in np.frombuffer(_message(value), "<f4")]


def _integers(value: int | bytes) -> list[int]:
    """A repeated integer: one value, or several packed together."""
    if isinstance(value, int):
        return [value]
    values, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        values.append(number)
    return values


def _index(value: int | bytes) -> int:
    if not isinstance(value, int) or value >= _POINTS:
        raise DamagedModel("a weight of the face geometry names a point that does not exist")
    return value
