"""What the three modes and the four adjustments promise, on pictures drawn from a fixed seed."""

import cv2
import numpy as np
import pytest

from fusion.imaging.adjust import adjust
from fusion.imaging.blend import Filling, blend
from fusion.types import Float32, FusionOptions, ImageBGR, Mask, Mode

SIDE = 200
FACE_PX = 120.0
MODES: tuple[Mode, ...] = ("normal", "blend", "overlay")
LUMA = np.array([0.114, 0.587, 0.299])


def picture(seed: int) -> ImageBGR:
    """Soft shapes and noise, every grey level from 0 to 255."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(-40, 295, (8, 8, 3)).astype(np.float32)
    shapes = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(shapes + random.normal(0, 6, shapes.shape), 0, 255).astype(np.uint8)


def disc(feather_px: float = 20.0) -> Mask:
    """1 in the middle, 0 from 70 px on, a soft edge between."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    distance = np.hypot(x - SIDE / 2, y - SIDE / 2)
    return np.clip((70 - distance) / feather_px, 0, 1).astype(np.float32)


def flat(level: float) -> Float32:
    return np.full((SIDE, SIDE, 3), level, np.float32)


TARGET, FUSED, MASK = picture(1), picture(2).astype(np.float32), disc()


@pytest.mark.parametrize("mode", MODES)
class TestEveryMode:
    def test_ratio_0_gives_back_the_target(self, mode: Mode) -> None:
        assert np.array_equal(blend(TARGET, FUSED, MASK, 0.0, mode), TARGET)

    def test_pixels_where_the_mask_is_0_are_unchanged(self, mode: Mode) -> None:
        out = blend(TARGET, FUSED, MASK, 1.0, mode)
        assert np.array_equal(out[MASK == 0], TARGET[MASK == 0])
        # Overlay leaves what is 0 or 255 as it is: a tenth of this picture.
        assert (out[MASK > 0.5] != TARGET[MASK > 0.5]).mean() > 0.8

    def test_the_change_grows_with_the_ratio(self, mode: Mode) -> None:
        steps = [blend(TARGET, FUSED, MASK, ratio, mode).astype(int) for ratio in (0.25, 0.5, 1)]
        quarter, half, whole = (np.abs(step - TARGET).mean() for step in steps)
        assert quarter == pytest.approx(whole / 4, rel=0.05)
        assert half == pytest.approx(whole / 2, rel=0.05)

    def test_inputs_are_not_modified(self, mode: Mode) -> None:
        target, fused, mask = TARGET.copy(), FUSED.copy(), MASK.copy()
        blend(target, fused, mask, 0.7, mode)
        assert np.array_equal(target, TARGET)
        assert np.array_equal(fused, FUSED) and np.array_equal(mask, MASK)

    def test_a_part_of_a_picture_is_taken_as_it_lies(self, mode: Mode) -> None:
        part = (slice(30, 170), slice(20, 150))
        of_views = blend(TARGET[part], FUSED[part], MASK[part], 0.8, mode)
        copies = (np.ascontiguousarray(values[part]) for values in (TARGET, FUSED, MASK))
        assert np.array_equal(of_views, blend(*copies, 0.8, mode))


@pytest.mark.parametrize("mode", MODES)
def test_a_tone_shows_where_the_face_does_not_and_grows_with_the_ratio(mode: Mode) -> None:
    tone, grey = flat(-20), flat(128).astype(np.uint8)
    for ratio, wanted in ((0.0, 128), (0.5, 118), (1.0, 108)):
        mixed = blend(grey, flat(90), MASK, ratio, mode, Filling(tone, np.ones_like(MASK)))
        assert (mixed[MASK == 0] == wanted).all()


def test_what_is_hidden_within_the_face_is_no_hole_in_blend() -> None:
    """Its edges were softened, but not the tone's beside them: a box around hidden hair."""
    whole, grey = disc(feather_px=20), flat(128).astype(np.uint8)
    hidden = np.zeros_like(whole)
    hidden[90:110, 90:110] = 1
    tone = flat(-40) * hidden[..., None]
    mixed = blend(grey, flat(88), whole * (1 - hidden), 1.0, "blend", Filling(tone, whole))
    assert (np.abs(mixed[85:115, 85:115].astype(int) - 88) <= 1).all()


def test_normal_is_the_weighted_mean() -> None:
    out = blend(TARGET, FUSED, MASK, 0.6, "normal")
    share = 0.6 * MASK[..., None].astype(float)
    # 0.51: half a grey level of rounding, and float32.
    assert np.abs(out - (TARGET * (1 - share) + FUSED * share)).max() < 0.51


@pytest.mark.parametrize("level, layer", [(40, 200), (220, 60), (100, 128), (180, 127)])
def test_overlay_follows_the_editors_formula(level: int, layer: int) -> None:
    b, t = level / 255, layer / 255
    wanted = 2 * b * t if b < 0.5 else 1 - 2 * (1 - b) * (1 - t)
    out = blend(flat(level).astype(np.uint8), flat(layer), MASK, 1.0, "overlay")
    assert abs(int(out[100, 100, 0]) - 255 * wanted) < 0.51


def test_overlay_keeps_the_hue_of_skin() -> None:
    skin = flat(0) + np.array([114, 145, 210], np.float32)  # B, G, R
    out = blend(skin.astype(np.uint8), skin, MASK, 1.0, "overlay")[100, 100].astype(float)
    assert np.abs(out / out.mean() - skin[0, 0] / skin[0, 0].mean()).max() < 0.02
    assert out.mean() > skin.mean() + 5


def test_a_hard_mask_edge_shows_as_a_step_in_normal_and_as_a_slope_in_blend() -> None:
    target, layer, mask = flat(0).astype(np.uint8), flat(255), disc(feather_px=1)
    rows = {mode: blend(target, layer, mask, 1.0, mode)[100, :, 0] for mode in MODES[:2]}
    steps = {mode: np.abs(np.diff(row.astype(int))).max() for mode, row in rows.items()}
    # What is left of the step in blend lies where the mask ends: beyond, nothing may change.
    assert steps["normal"] > 200
    assert steps["blend"] < 0.75 * steps["normal"]
    for row in rows.values():
        assert row[100] > 250 and not row[mask[100] == 0].any()


def test_blend_keeps_fine_structure_sharp_up_to_the_edge() -> None:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    stripes = (128 + 40 * ((x // 2) % 2))[..., None].repeat(3, axis=2).astype(np.float32)
    out = blend(flat(128).astype(np.uint8), stripes, disc(feather_px=1), 1.0, "blend").astype(int)
    inside = np.hypot(x - SIDE / 2, y - SIDE / 2) < 64  # 6 px off the edge at 70
    swing = np.abs(np.diff(out[..., 0], axis=1))[:, 1::2]
    assert swing[inside[:, 1:-1:2]].mean() > 35  # of 40


def test_the_modes_differ_from_each_other() -> None:
    outs = [blend(TARGET, FUSED, MASK, 1.0, mode).astype(int) for mode in MODES]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(outs[a] - outs[b])[MASK > 0].mean() > 1.0


def test_a_face_alike_changes_nothing_in_normal_and_blend() -> None:
    for mode in ("normal", "blend"):
        assert np.array_equal(blend(TARGET, TARGET.astype(np.float32), MASK, 1.0, mode), TARGET)


def adjusted(image: Float32, **how: float) -> Float32:
    return adjust(image, FusionOptions(**how), FACE_PX)  # type: ignore[arg-type]


def test_neutral_adjustments_are_the_identity() -> None:
    assert adjusted(FUSED) is FUSED


@pytest.mark.parametrize("name", ["smooth", "brightness", "contrast", "saturation"])
def test_an_adjustment_stays_in_range_and_leaves_its_input_alone(name: str) -> None:
    before = FUSED.copy()
    for strength in (-0.5, 0.5) if name != "smooth" else (0.3, 1.0):
        out = adjusted(FUSED, **{name: strength})
        assert out.dtype == np.float32 and out.min() >= 0 and out.max() <= 255
        assert np.abs(out - FUSED).mean() > 0.5
    assert np.array_equal(FUSED, before)


@pytest.mark.parametrize("strength", [-0.5, -0.1, 0.1, 0.5])
def test_brightness_scales_every_channel(strength: float) -> None:
    wanted = np.clip(FUSED * (1 + strength), 0, 255)
    assert np.abs(adjusted(FUSED, brightness=strength) - wanted).max() < 0.01


@pytest.mark.parametrize("strength", [-0.5, -0.1, 0.1, 0.5])
def test_contrast_turns_around_middle_grey(strength: float) -> None:
    wanted = np.clip(128 + (FUSED - 128) * (1 + strength), 0, 255)
    assert np.abs(adjusted(FUSED, contrast=strength) - wanted).max() < 0.01
    assert np.abs(adjusted(flat(128), contrast=strength) - 128).max() < 0.01


@pytest.mark.parametrize("strength", [-0.5, -0.1, 0.1, 0.5])
def test_saturation_moves_colours_from_grey_and_keeps_their_luma(strength: float) -> None:
    mild = (FUSED * 0.3 + 90).astype(np.float32)  # far from 0 and 255: nothing is clipped
    out = adjusted(mild, saturation=strength)
    assert np.abs(out @ LUMA - mild @ LUMA).max() < 0.01
    spread = (np.ptp(values, axis=2).mean() for values in (out, mild))
    assert next(spread) / next(spread) == pytest.approx(1 + strength, abs=0.01)
    assert np.abs(adjusted(flat(77), saturation=strength) - 77).max() < 0.01


def test_the_adjustments_follow_each_other_in_their_order() -> None:
    mild = (FUSED * 0.2 + 90).astype(np.float32)
    together = adjusted(mild, brightness=0.1, contrast=0.2, saturation=-0.3)
    one = adjusted(adjusted(adjusted(mild, brightness=0.1), contrast=0.2), saturation=-0.3)
    assert np.abs(together - one).max() < 0.01


def test_smoothing_takes_pores_and_keeps_edges() -> None:
    x = np.mgrid[0:SIDE, 0:SIDE][1]
    noise = np.random.default_rng(3).normal(0, 6, (SIDE, SIDE, 1)).astype(np.float32)
    skin = (np.where(x < 100, 60, 200)[..., None] + noise).repeat(3, axis=2).astype(np.float32)
    spreads = [adjusted(skin, smooth=s)[:, 20:80].std() for s in (0.01, 0.3, 1.0)]
    assert spreads[0] > 5 and spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] < 2.5  # of 6 grey levels
    out = adjusted(skin, smooth=1.0)
    assert out[:, 102:106].mean() - out[:, 94:98].mean() > 120  # of 140 grey levels
