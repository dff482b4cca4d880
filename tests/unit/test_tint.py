"""Toned photos keep their one tone; natural ones are none."""

import cv2
import numpy as np
import pytest
from unit.embedded import located, models, portrait

from fusion import pipeline
from fusion.imaging.color import grey_of
from fusion.imaging.tint import tint_of
from fusion.pipeline import fuse
from fusion.types import Float32, FusionOptions, ImageBGR

SEPIA, CYAN = np.array([1.28, 1.05, 0.82]), np.array([0.8, 0.9, 1.25])  # powers of B, G, R


def curve(powers: Float32) -> Float32:
    return 255 * (np.arange(256)[:, None] / 255) ** powers


def toned(image_bgr: ImageBGR, powers: Float32, quality: int = 85) -> ImageBGR:
    colored = curve(powers)[grey_of(image_bgr)[..., 0]].astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", colored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


@pytest.mark.parametrize("powers", [SEPIA, CYAN], ids=["sepia", "cyan"])
@pytest.mark.parametrize("quality", [60, 95])
def test_a_toned_photos_curve_is_found(powers: Float32, quality: int) -> None:
    for index in range(4):
        image, box = toned(portrait(index), powers, quality), located(index).box_xyxy
        tint = tint_of(image, box)
        assert tint is not None
        x0, y0, x1, y1 = box.astype(int)
        used = np.unique(grey_of(image)[y0:y1:8, x0:x1:8])
        assert np.abs(tint[used] - curve_of_levels(powers)[used]).mean() < 3


def curve_of_levels(powers: Float32) -> Float32:
    """By the level that a toned pixel has itself."""
    colors = curve(powers)
    levels = grey_of(colors.astype(np.uint8)[None])[0, :, 0]
    return np.stack([np.interp(np.arange(256), levels, colors[:, k]) for k in range(3)], axis=1)


def test_natural_photos_are_not_toned() -> None:
    for index in range(8):
        assert tint_of(portrait(index), located(index).box_xyxy) is None


@pytest.mark.parametrize("page", [255, 128], ids=["white", "grey"])
@pytest.mark.parametrize("size_px", [48, 256])
def test_a_small_photo_on_a_page_without_colour_is_not_toned(page: int, size_px: int) -> None:
    for index in range(8):
        image = np.full((1024, 1024, 3), page, np.uint8)
        image[400 : 400 + size_px, 300 : 300 + size_px] = portrait(index, size_px)
        box = located(index).box_xyxy * (size_px / 1024) + np.array([300, 400] * 2)
        assert tint_of(image, box) is None


def test_each_photo_of_a_page_keeps_its_own_tone() -> None:
    target = np.hstack([toned(portrait(0), SEPIA), portrait(2)])
    result = fuse(models(), target, [portrait(1)], FusionOptions(ratio=1.0, target_face="all"))
    (sepia, changed), (natural, both) = (
        (result.image_bgr[:, half], result.changed[:, half])
        for half in (slice(0, 1024), slice(1024, 2048))
    )
    wanted = curve_of_levels(SEPIA)[grey_of(sepia)[..., 0]]
    assert changed.any() and np.abs(sepia - wanted)[changed].mean() < 3
    alone = fuse(models(), portrait(2), [portrait(1)], FusionOptions(ratio=1.0)).image_bgr
    assert both.any() and np.abs(natural.astype(int) - alone).mean() < 0.5


@pytest.mark.parametrize("noise", [0, 2, 4])
def test_a_target_without_colour_stays_without(noise: int) -> None:
    rng = np.random.default_rng(1)
    target = grey_of(portrait(0)).astype(int)
    target += rng.integers(-noise, noise + 1, target.shape)
    target = np.clip(target, 0, 255).astype(np.uint8)
    result = fuse(models(), target, [portrait(1)], FusionOptions(ratio=1.0))
    fused = result.image_bgr[result.changed].astype(int)
    assert fused.size and np.ptp(fused, axis=1).max() <= 2 * noise


@pytest.mark.parametrize("model", ["mesh", "unet"])
def test_a_toned_target_keeps_its_tone(model: str) -> None:
    target = toned(portrait(0), SEPIA)
    for ratio in (0.5, 1.0):
        result = fuse(models(), target, [portrait(1)], FusionOptions(ratio=ratio, model=model))
        image, changed = result.image_bgr, result.changed
        assert np.array_equal(image[~changed], target[~changed])
        assert np.abs(image.astype(int) - target)[changed].mean() > 5 * ratio
        wanted = curve_of_levels(SEPIA)[grey_of(image)[..., 0]]
        assert np.abs(image - wanted)[changed].mean() < 3


def test_a_colored_spot_in_a_grey_photo_does_not_color_the_face() -> None:
    target = grey_of(portrait(0))
    y, x = target.shape[0] // 2, target.shape[1] // 2
    target[y : y + 5, x : x + 5] = (0, 0, 255)
    result = fuse(models(), target, [portrait(1)], FusionOptions(ratio=1.0))
    colored = np.ptp(result.image_bgr, axis=2) > 4
    colored[y - 12 : y + 17, x - 12 : x + 17] = False
    assert result.changed.any() and not colored.any()


def test_a_toned_target_of_which_nothing_changes_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "_fuse_face", lambda *_: None)
    target = toned(portrait(2), CYAN)
    fused = fuse(models(), target, [portrait(3)], FusionOptions(ratio=1.0))
    assert np.array_equal(fused.image_bgr, target) and not fused.changed.any()


def test_ratio_0_gives_a_toned_target_back() -> None:
    target = toned(portrait(2), CYAN)
    assert np.array_equal(
        fuse(models(), target, [portrait(3)], FusionOptions(ratio=0)).image_bgr, target
    )
