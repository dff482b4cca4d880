"""The U-Net family: how its answers change the classical look, and the square it sees."""

from pathlib import Path

import numpy as np
import pytest
from unit.embedded import models, portrait

from fusion.imaging.color import grey_of
from fusion.models.rows import FUSION_UNET
from fusion.models.session import OnnxModel
from fusion.models.swap.mesh import MeshSwap
from fusion.models.swap.unet import INPUT_PX, UNetSwap, from_square, to_input, to_square
from fusion.pipeline import find_faces, fuse
from fusion.staging import Staged, stage
from fusion.stopwatch import Stopwatch
from fusion.types import Float32, FusionOptions

WEIGHTS = Path(__file__).parents[2] / "services/inference/fusion/weights" / FUSION_UNET.file


class Saying:
    """Stands in for the graph and says the same everywhere."""

    def __init__(self, log_gain: float, offset: float, alpha: float) -> None:
        self._values = ((log_gain, 3), (offset, 3), (alpha, 1))

    def run(self, feeds: dict[str, Float32]) -> list[Float32]:
        pair = feeds["pair"]
        assert pair.shape == (1, 12, INPUT_PX, INPUT_PX) and pair.dtype == np.float32
        assert pair.min() >= 0 and pair.max() <= 1
        plane = (1, INPUT_PX, INPUT_PX)
        return [np.full((1, n, *plane[1:]), value, np.float32) for value, n in self._values]


@pytest.fixture(scope="module")
def staged() -> Staged:
    target, source = portrait(0), portrait(1)
    (face_t,), (face_s,) = (find_faces(models(), image) for image in (target, source))
    return stage(models(), target, face_t.points, source, face_s.points, 0.0, Stopwatch())


def look_of(staged: Staged, graph: Saying):
    swap = UNetSwap(graph)  # type: ignore[arg-type]
    small = staged.texture.small_bgr
    return swap.look(staged.target_bgr, small, staged.mask, staged.zones, staged.face_px)


def test_a_network_that_corrects_nothing_gives_the_classical_look(staged: Staged) -> None:
    look = look_of(staged, Saying(0.0, 0.0, 1.0))
    small = staged.texture.small_bgr
    mesh = MeshSwap().look(staged.target_bgr, small, staged.mask, staged.zones, staged.face_px)
    np.testing.assert_allclose(look.field.gain, mesh.field.gain)
    np.testing.assert_allclose(look.field.offset, mesh.field.offset)
    np.testing.assert_array_equal(look.mask, mesh.mask)


def test_gain_offset_and_alpha_mean_what_they_say(staged: Staged) -> None:
    small = staged.texture.small_bgr
    before = look_of(staged, Saying(0.0, 0.0, 1.0))
    after = look_of(staged, Saying(float(np.log(0.5)), 0.1, 0.25))
    plain = small * before.field.gain + before.field.offset
    changed = small * after.field.gain + after.field.offset
    skin = 1 - staged.zones.eyes[..., None]  # eyeballs stay as they are
    assert skin.min() < 0.5
    np.testing.assert_allclose(changed, plain * 0.5**skin + 25.5 * skin, atol=0.01)
    np.testing.assert_allclose(after.mask, before.mask * 0.25, atol=1e-6)


@pytest.mark.parametrize("shape", [(224, 180), (180, 224), (100, 81), (33, 50), (224, 224)])
def test_the_square_gives_back_what_it_was_given(shape: tuple[int, int]) -> None:
    gy, gx = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    values = np.stack([gx, gy, gx + gy, 2 * gx, gy / 2], axis=2)
    square = to_square(values)
    assert square.shape == (INPUT_PX, INPUT_PX, 5)
    back = from_square(square, shape)
    inner = (slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(back[inner], values[inner], atol=0.6)


def test_the_square_is_filled_by_the_longer_side_and_zero_beyond() -> None:
    square = to_square(np.ones((50, 100, 3), np.float32))
    assert square[:112].min() == 1 and square[112:].max() == 0


def shipped() -> OnnxModel:
    return OnnxModel(WEIGHTS)


def test_the_shipped_graph_takes_any_number_of_pairs(staged: Staged) -> None:
    small = staged.texture.small_bgr
    lit = small.astype(np.float32)
    pair = to_input(staged.target_bgr, small, lit, staged.mask, staged.zones)
    one = shipped().run({"pair": pair})
    three = shipped().run({"pair": np.concatenate([pair, pair[..., ::-1], pair])})
    for alone, together in zip(one, three, strict=True):
        np.testing.assert_allclose(together[2], alone[0], atol=1e-4)
    log_gain, offset, alpha = one
    assert log_gain.shape == offset.shape == (1, 3, INPUT_PX, INPUT_PX)
    assert alpha.min() >= 0 and alpha.max() <= 1
    assert WEIGHTS.stat().st_size < 20_000_000


def test_a_grey_target_is_given_no_colour(staged: Staged) -> None:
    grey = grey_of(staged.target_bgr)
    texture = grey_of(staged.texture.small_bgr)
    look = UNetSwap(shipped()).look(grey, texture, staged.mask, staged.zones, staged.face_px)
    assert np.ptp(look.field.over(texture), axis=2).max() < 0.5


@pytest.mark.parametrize("index", range(4))
def test_a_face_in_other_light_gets_its_own_light_back(index: int) -> None:
    image = portrait(index)
    gx = np.linspace(0.5, 1.1, image.shape[1])[None, :, None]
    other = (image * gx * np.array([0.8, 0.95, 1.05])).clip(0, 255).astype(np.uint8)
    result = fuse(models(), image, [other], FusionOptions(ratio=1.0, model="unet"))
    off = (result.image_bgr.astype(float) - image)[result.changed]
    disguise = (other.astype(float) - image)[result.changed]
    assert 10 * np.log10(255**2 / (off**2).mean()) > 33
    assert np.abs(off).mean() < 0.2 * np.abs(disguise).mean()
