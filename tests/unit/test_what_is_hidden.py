"""What hides a face, in the target or in the source: hair, whatever stands before, the edge."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from unit.embedded import portrait

from fusion.imaging.color import ColorField, Zones
from fusion.imaging.tone import tone_where_hidden, tone_where_mirrored
from fusion.models.registry import FaceModels
from fusion.models.swap.look import Look
from fusion.pipeline import find_faces, fuse
from fusion.types import Float32, FusionOptions, ImageBGR, Mask

FULL = FusionOptions(ratio=1.0)


class TestToneWhereHidden:
    def setup_method(self) -> None:
        self.target = portrait(1, 256)
        self.slope = np.linspace(0.7, 1.3, 256, dtype=np.float32)[None, :, None]
        self.gap = np.zeros((256, 256), np.float32)
        self.gap[100:140, 60:200] = 1
        self.fused = self.target + self.slope * 30
        self.brow = np.zeros_like(self.gap)  # no skin

    def tone(self, gap: Mask, skin: Mask, brows: float = 0.0) -> Float32 | None:
        gone = np.full_like(gap, brows) * (1 - skin)
        return tone_where_hidden(self.target, self.fused, 1 - gap, gap, skin, gone, 180.0)

    def test_the_gap_takes_on_the_tone_around_it(self) -> None:
        tone = self.tone(self.gap, self.brow)
        assert tone is not None
        assert np.abs(tone - 30 * self.slope)[self.gap > 0].mean() < 1.5
        assert not tone[self.gap == 0].any()

    def test_what_is_not_shown_has_no_say(self) -> None:
        self.fused[self.gap > 0] = 0
        tone = self.tone(self.gap, self.brow)
        assert tone is not None and tone[self.gap > 0].min() > 10

    def test_where_nothing_is_hidden_nothing_changes(self) -> None:
        nothing = np.full((256, 256), 0.03, np.float32)
        assert self.tone(nothing, 1 - nothing) is None

    @pytest.mark.parametrize("contrast", [0.3, 1.0, 2.0])
    def test_skin_there_has_no_more_contrast_than_the_fused_face(self, contrast: float) -> None:
        noise = np.random.default_rng(1).normal(0, 1, (256, 256, 1)).astype(np.float32)
        noise = np.repeat(cv2.GaussianBlur(noise, (0, 0), 2)[..., None] * 240, 3, axis=2)
        self.target = np.clip(120 + noise, 0, 255).astype(np.uint8)
        self.fused = 120 + contrast * noise
        skin = np.ones_like(self.gap)
        tone, brow = self.tone(self.gap, skin), self.tone(self.gap, self.brow)
        assert tone is not None and brow is not None
        gap = self.gap > 0
        was, left = (float((self.target + add)[gap].std()) for add in (brow, tone))
        assert left == pytest.approx(was * min(1.0, contrast), rel=0.2)

    def test_a_piece_of_brow_gives_way_to_skin(self) -> None:
        self.target = np.full((256, 256, 3), 120, np.uint8)
        self.target[110:130, 100:160] = 40
        self.fused = np.full((256, 256, 3), 150, np.float32)
        skin = (self.target[..., 0] == 120).astype(np.float32)
        kept, gone = self.tone(self.gap, skin), self.tone(self.gap, skin, brows=1.0)
        assert kept is not None and gone is not None
        brow = skin == 0
        assert (self.target + kept)[brow].max() < 100
        assert np.abs(self.target + gone - 150)[brow].mean() < 8


def test_what_is_mirrored_takes_on_the_targets_light() -> None:
    """A shadow that the mirror put on the lit side goes; a brow within it stays as dark."""
    target = portrait(1, 256).astype(np.float32)
    mirrored, plain = np.zeros((2, 256, 256), np.float32)
    mirrored[:, :128], plain[:] = 1, 1
    plain[60:80, 30:90] = 0
    fused = target - 50 * mirrored[..., None]
    fused[plain == 0] -= 40
    lit = fused + tone_where_mirrored(target.astype(np.uint8), fused, plain, mirrored, 180.0)
    lit[plain == 0] += 40
    assert np.abs(lit - target)[mirrored > 0].max() < 13  # that much may be the person's own
    assert np.array_equal(lit[mirrored == 0], fused[mirrored == 0])


class LighterButForAGap:
    """A swap model that shows the target, 30 grey levels lighter, and leaves a gap."""

    def look(
        self, target_bgr: ImageBGR, texture_bgr: ImageBGR, mask: Mask, zones: Zones, face_px: float
    ) -> Look:
        h, w = mask.shape
        shown = mask.copy()
        shown[h // 2 : h // 2 + h // 12, w // 4 : 3 * w // 4] = 0
        lighter = target_bgr.astype(np.float32) + 30
        return Look(ColorField(np.zeros_like(lighter), lighter), shown)


def _made_lighter(
    models: FaceModels, nobody: list[ImageBGR], source: ImageBGR, ratio: float
) -> Float32:
    """How much lighter each row of the picture is, 20 pixels to both sides of the nose."""
    models = replace(models, swaps={"lighter": LighterButForAGap()})
    options = FusionOptions(ratio=ratio, model="lighter")
    result = fuse(models, nobody[0], [source], options)
    x = round(find_faces(models, nobody[0])[0].points[1, 0])
    change = result.image_bgr.astype(np.float32) - nobody[0]
    return np.asarray(change[:, x - 20 : x + 20].mean(axis=(1, 2)))


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_what_the_source_hides_takes_on_the_fused_tone(
    models: FaceModels, nobody: list[ImageBGR], ratio: float
) -> None:
    (source,), (target,) = (find_faces(models, image) for image in nobody[1::-1])
    cut = nobody[1][: round((source.points[17, 1] + source.points[152, 1]) / 2)]
    lip, chin = (target.points[i, 1] for i in (17, 152))
    low = slice(round(chin - 0.35 * (chin - lip)), round(chin - 0.15 * (chin - lip)))
    lighter = _made_lighter(models, nobody, cut, ratio)[low]
    assert np.abs(lighter - 30 * ratio).max() < 3


def test_what_the_model_leaves_of_the_target_stays(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    """Most often it stands before the target's face, and has a tone of its own."""
    lighter = _made_lighter(models, nobody, nobody[1], 1.0)
    top, bottom = (round(find_faces(models, nobody[0])[0].points[i, 1]) for i in (10, 152))
    height = bottom - top
    inside = lighter[top + height // 4 : bottom - height // 4]
    assert (inside == 0).sum() > height // 20
    assert (inside > 25).sum() > height // 4


def test_a_fringe_stays_with_its_owner(models: FaceModels, nobody: list[ImageBGR]) -> None:
    (face,) = find_faces(models, nobody[0])
    left, right = face.points[54, 0], face.points[284, 0]
    low = (face.points[10, 1] + face.points[9, 1]) / 2
    fringed = nobody[0].copy()
    cv2.rectangle(fringed, (round(left), 0), (round(right), round(low)), (25, 30, 40), -1)
    forehead = np.s_[
        round(face.points[10, 1]) + 4 : round(low) - 8, round(left) + 40 : round(right) - 40
    ]
    kept = fuse(models, fringed, [nobody[1]], FULL).image_bgr
    assert np.abs(kept[forehead].astype(int) - fringed[forehead]).mean() < 3
    left_out = fuse(models, nobody[1], [fringed], FULL).image_bgr
    assert np.quantile(left_out[forehead], 0.05) > 0.8 * np.quantile(nobody[1][forehead], 0.05)


def test_what_stands_before_the_face_stays(models: FaceModels, nobody: list[ImageBGR]) -> None:
    (face,) = find_faces(models, nobody[0])
    left, top, right, bottom = (
        round(face.points[i, k]) for i, k in ((1, 0), (10, 1), (454, 0), (152, 1))
    )
    wall = left + (right - left) // 2
    hidden = nobody[0].copy()
    hidden[:, wall:] = (90, 120, 60)
    fused = fuse(models, hidden, [nobody[1]], FULL).image_bgr
    over = np.s_[top:bottom, wall + 12 : right - 10]  # beside the matte's soft edge
    assert np.array_equal(fused[over], hidden[over])
    assert np.abs(fused.astype(int) - hidden)[top:bottom, left - 50 : wall - 50].mean() > 2


def test_what_the_source_picture_cuts_off_stays_the_targets(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    (source,), (target,) = (find_faces(models, image) for image in nobody[1::-1])
    cut = nobody[1][: round((source.points[17, 1] + source.points[152, 1]) / 2)]
    result = fuse(models, nobody[0], [cut], FULL)
    fused = result.image_bgr
    chin, lip = target.points[152], target.points[17]
    low = np.s_[
        round(chin[1] - 0.25 * (chin[1] - lip[1])) : round(chin[1]),
        round(chin[0]) - 30 : round(chin[0]) + 30,
    ]
    change = fused[low].astype(np.float32) - nobody[0][low]  # of tone, not of detail
    assert np.abs(change - cv2.GaussianBlur(change, (0, 0), 3)).max() < 2
    assert np.abs(change).mean() < 15
