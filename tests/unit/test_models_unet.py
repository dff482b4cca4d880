"""The U-Net family: how its answers change the classical look, and the square it sees."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from unit.embedded import models, portrait

from fusion.errors import ModelUnavailable
from fusion.imaging.color import grey_of
from fusion.models.own import own_file, seal, sha256_of
from fusion.models.rows import FUSION_UNET
from fusion.models.session import OnnxModel
from fusion.models.swap.mesh import MeshSwap
from fusion.models.swap.unet import INPUT_PX, UNetSwap, from_square, to_input, to_square
from fusion.pipeline import find_faces, fuse
from fusion.staging import Staged, stage
from fusion.stopwatch import Stopwatch
from fusion.types import Float32, FusionOptions

WEIGHTS = own_file(FUSION_UNET)


class Saying:
    """Stands in for the graph and says the same everywhere; keeps the pair that it was shown."""

    def __init__(self, log_gain: list[float], offset: list[float], alpha: float) -> None:
        self._values = (log_gain, offset, [alpha])
        self.pair = np.zeros(0, np.float32)

    def run(self, feeds: dict[str, Float32]) -> list[Float32]:
        self.pair, mirrored = feeds["pair"]
        assert self.pair.shape == (12, INPUT_PX, INPUT_PX) and self.pair.dtype == np.float32
        assert self.pair.min() >= 0 and self.pair.max() <= 1
        np.testing.assert_array_equal(mirrored, self.pair[..., ::-1])
        plane = np.ones((2, 1, INPUT_PX, INPUT_PX), np.float32)
        return [plane * np.float32(value).reshape(1, -1, 1, 1) for value in self._values]


NOTHING = [0.0, 0.0, 0.0]


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
    look = look_of(staged, Saying(NOTHING, NOTHING, 1.0))
    small = staged.texture.small_bgr
    mesh = MeshSwap().look(staged.target_bgr, small, staged.mask, staged.zones, staged.face_px)
    np.testing.assert_allclose(look.field.gain, mesh.field.gain)
    np.testing.assert_allclose(look.field.offset, mesh.field.offset)
    np.testing.assert_array_equal(look.mask, mesh.mask)


def test_what_is_said_of_a_pair_and_of_its_mirror_image_counts_alike(staged: Staged) -> None:
    class Slanting(Saying):
        def run(self, feeds: dict[str, Float32]) -> list[Float32]:
            *colour, alpha = super().run(feeds)
            return [*colour, alpha * np.linspace(0, 1, INPUT_PX, dtype=np.float32)]

    plain, slanting = (
        look_of(staged, graph(NOTHING, NOTHING, 1.0)) for graph in (Saying, Slanting)
    )
    np.testing.assert_allclose(slanting.mask, plain.mask / 2, atol=1e-6)


def test_gain_offset_and_alpha_mean_what_they_say(staged: Staged) -> None:
    staged = replace(staged, target_bgr=staged.target_bgr // 2 + 100)  # no dark one
    small = staged.texture.small_bgr
    before = look_of(staged, Saying(NOTHING, NOTHING, 1.0))
    red, green, blue = 0.5, 0.8, 1.25
    gains = [float(np.log(gain)) for gain in (red, green, blue)]
    after = look_of(staged, Saying(gains, [0.1, 0.0, -0.05], 0.25))
    plain = small * before.field.gain + before.field.offset
    changed = small * after.field.gain + after.field.offset
    skin = 1 - staged.zones.eyes[..., None]  # eyeballs stay as they are
    assert skin.min() < 0.5
    gain, offset = np.array([blue, green, red]), 255 * np.array([-0.05, 0.0, 0.1])
    np.testing.assert_allclose(changed, plain * gain**skin + offset * skin, atol=0.01)
    np.testing.assert_allclose(after.mask, before.mask * 0.25, atol=1e-6)


def test_shadows_get_no_far_darker_than_in_the_classical_light(staged: Staged) -> None:
    small, skin = staged.texture.small_bgr, staged.zones.eyes < 0.01
    plain = look_of(staged, Saying(NOTHING, NOTHING, 1.0)).field.over(small).mean(axis=2)[skin]
    for log_gain, least, most in ((-0.2, 0.81, 0.83), (-1.2, 0.74, 0.76)):
        said = Saying([log_gain] * 3, NOTHING, 1.0)
        dark = look_of(staged, said).field.over(small).mean(axis=2)[skin]
        assert least < np.median(dark / np.maximum(plain, 1)) < most


def test_every_plane_of_the_input_is_what_it_is_called(staged: Staged) -> None:
    small, zones, h_w = staged.texture.small_bgr, staged.zones, staged.mask.shape
    lit = np.float32(0.5) * small
    pair = to_input(staged.target_bgr, small, lit, staged.mask, zones)[0]
    seen = [from_square(plane[..., None], h_w) for plane in pair]
    pictures = [image[..., k] for image in (staged.target_bgr, small, lit) for k in (2, 1, 0)]
    wanted = [*(picture / 255 for picture in pictures), staged.mask, zones.skin, zones.eyes]
    for plane, (ours, theirs) in enumerate(zip(seen, wanted, strict=True)):
        assert np.abs(ours[..., :].reshape(h_w) - theirs).mean() < 0.004, plane


def test_a_dark_target_is_shown_brighter_and_what_is_added_gets_dark_again(staged: Staged) -> None:
    dark = replace(staged, target_bgr=(staged.target_bgr * 0.2).astype(np.uint8))
    graph = Saying(NOTHING, [0.1, 0.1, 0.1], 1.0)
    before, after = look_of(dark, Saying(NOTHING, NOTHING, 1.0)), look_of(dark, graph)
    skin = (dark.mask * dark.zones.skin) > 0.9
    h, w = dark.mask.shape
    shown = from_square(graph.pair[:3].transpose(1, 2, 0), (h, w))[skin].mean()
    assert shown == pytest.approx(0.4, abs=0.03)
    exposure = shown * 255 / dark.target_bgr[skin].mean()
    added = (after.field.offset - before.field.offset)[skin].mean()
    assert added == pytest.approx(25.5 / exposure, rel=0.05)


@pytest.mark.parametrize("index", range(3))
def test_a_face_in_the_dark_is_fused_as_in_the_light(index: int) -> None:
    target, source = portrait(index), portrait(index + 3)
    options = FusionOptions(ratio=1.0, model="unet")
    dark = np.rint(target * 0.2).astype(np.uint8)
    plain, darker = (fuse(models(), image, [source], options) for image in (target, dark))
    both = plain.changed & darker.changed
    off = np.abs(darker.image_bgr[both] / 0.2 - plain.image_bgr[both])
    assert off.mean() < 10  # grey levels of the bright picture; shown dark to the network 11 to 22


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


def test_damaged_weights_are_refused_by_name(tmp_path: Path) -> None:
    copy = tmp_path / FUSION_UNET.file
    for missing in (True, False):
        if not missing:
            copy.write_bytes(WEIGHTS.read_bytes())
            seal(copy)
            assert own_file(FUSION_UNET, tmp_path) == copy
            assert sha256_of(FUSION_UNET, tmp_path) == sha256_of(FUSION_UNET)
            copy.write_bytes(b"torn" + copy.read_bytes()[4:])
        with pytest.raises(ModelUnavailable, match=r"fusion_unet\.onnx\.sha256") as refused:
            own_file(FUSION_UNET, tmp_path)
        assert str(tmp_path.parent) not in str(refused.value)
    copy.with_name(f"{copy.name}.sha256").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelUnavailable, match=r"fusion_unet\.onnx\.sha256"):
        own_file(FUSION_UNET, tmp_path)


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
