"""Each converted graph against the runtime that its original was made for, on a real photo.

Tolerance 1e-4 of the output's largest value: both sides are float32 and sum the same products in
another order, which was seen to cost 4e-5 at most.
"""

import cv2
import dlib
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from portraits import MODELS_DIR
from unit.embedded import ROWS, located, models, original, portrait

from fusion.models import crops
from fusion.models.expression.blendshapes import Expression
from fusion.models.rows import ModelRow
from fusion.models.session import OnnxModel

TOLERANCE = 1e-4
PICTURE_ROWS = [row for row in ROWS.values() if row.family in ("blazeface", "facemesh", "selfie")]


def picture_for(row: ModelRow, number: int = 0) -> NDArray[np.float32]:
    """What the wrapper of a row would feed: a portrait, or a face for the landmarks."""
    image = portrait(number)
    if row.role == "landmarks":
        x0, y0, x1, y1 = located(number).box_xyxy.astype(int)
        image = image[max(y0 - 60, 0) : y1 + 60, max(x0 - 60, 0) : x1 + 60]
    size = (row.input_size, row.input_size)
    return crops.to_planes(cv2.resize(image, size, interpolation=cv2.INTER_AREA), row.input_range)


def litert(data: bytes, value: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def assert_close(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


@pytest.mark.parametrize("row", PICTURE_ROWS, ids=lambda row: row.name)
def test_a_converted_picture_network_agrees_with_litert(row: ModelRow) -> None:
    planes = picture_for(row)
    ours = OnnxModel(MODELS_DIR / row.file).run({row.inputs[0]: planes})
    theirs = litert(original(row), np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))
    kept = [t for t, name in zip(theirs, row.outputs, strict=True) if name]
    for mine, other in zip(ours, kept, strict=True):
        assert_close(mine, other.transpose(0, 3, 1, 2) if other.ndim == 4 else other)


def test_the_converted_blendshapes_agree_with_litert() -> None:
    row = ROWS["face_blendshapes"]
    points = np.random.default_rng(0).normal(200, 60, (1, 146, 2)).astype(np.float32)
    (ours,) = OnnxModel(MODELS_DIR / row.file).run({"points": points})
    (theirs,) = litert(original(row), points)
    assert_close(ours, theirs)
    assert isinstance(models().expression, Expression)


def test_the_converted_identity_network_agrees_with_dlib(tmp_path) -> None:
    weights = tmp_path / "network.dat"
    weights.write_bytes(original(ROWS["dlib_face_resnet"]))
    landmarks = located().landmarks
    assert landmarks is not None
    chip = models().identity.chip(portrait(), landmarks)
    theirs = dlib.face_recognition_model_v1(str(weights)).compute_face_descriptor(
        np.ascontiguousarray(chip[:, :, ::-1])
    )
    assert_close(models().identity.embed_chip(chip), np.array(theirs, np.float32))


@pytest.mark.parametrize("row", [*PICTURE_ROWS, ROWS["dlib_face_resnet"]], ids=lambda row: row.name)
def test_a_batch_gives_what_its_pictures_give_alone(row: ModelRow) -> None:
    model = OnnxModel(MODELS_DIR / row.file)
    pictures = [picture_for(row, number) for number in range(2)]
    together = model.run({row.inputs[0]: np.concatenate(pictures)})
    for at, planes in enumerate(pictures):
        for batch, alone in zip(together, model.run({row.inputs[0]: planes}), strict=True):
            assert_close(batch[at : at + 1], alone)
