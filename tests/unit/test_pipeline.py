"""The contracts of fuse(), on portraits of nobody and the real models."""

import itertools
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from fusion import pipeline
from fusion.errors import (
    FaceIndexOutOfRange,
    FaceTooSmall,
    ModelUnavailable,
    NoFace,
)
from fusion.imaging import view
from fusion.imaging.face_points import EYES
from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces, fuse
from fusion.types import FusionOptions, ImageBGR, Mode

FULL = FusionOptions(ratio=1.0)


def embedding(models: FaceModels, image: ImageBGR) -> np.ndarray:
    (face,) = find_faces(models, image)
    return models.identity.embed(image, face)


@pytest.mark.parametrize("mode", ["normal", "blend", "overlay"])
def test_ratio_0_gives_back_the_target(
    models: FaceModels, nobody: list[ImageBGR], mode: Mode
) -> None:
    touched = FusionOptions(ratio=0.0, mode=mode, smooth=1.0, brightness=0.5, shape=1.0)
    result = fuse(models, nobody[0], [nobody[1]], touched)
    assert np.array_equal(result.image_bgr, nobody[0])
    assert not result.changed.any()


@pytest.mark.parametrize("mode", ["normal", "blend", "overlay"])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0])
def test_pixels_outside_the_mask_are_unchanged(
    models: FaceModels, nobody: list[ImageBGR], mode: Mode, ratio: float
) -> None:
    options = FusionOptions(ratio=ratio, mode=mode, smooth=0.7, contrast=0.3, shape=0.5)
    result = fuse(models, nobody[2], [nobody[3]], options)
    outside = ~result.changed
    assert np.array_equal(result.image_bgr[outside], nobody[2][outside])
    # The face fills about a third of these portraits: more would be hair and background.
    assert 0.1 < result.changed.mean() < 0.4


def test_similarity_to_the_source_never_falls_as_the_ratio_rises(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    pairs = list(itertools.permutations(range(len(nobody)), 2))[::2]
    assert len(pairs) >= 20
    known = [embedding(models, image) for image in nobody]
    for target, source in pairs:
        distances = [
            float(np.linalg.norm(known[source] - embedding(models, result.image_bgr)))
            for ratio in (0.0, 0.25, 0.5, 0.75, 1.0)
            for result in [
                fuse(models, nobody[target], [nobody[source]], FusionOptions(ratio=ratio))
            ]
        ]
        # Saving these portraits as JPEG of quality 80 moves their embeddings by 0.02 to 0.04. 2 of
        # all 56 pairs rise between 0.75 and 1: by 0.039 and 0.044 (model mesh: 0.024 and 0.031).
        assert (np.diff(distances) < 0.05).all(), (target, source, distances)
        assert distances[-1] < 0.75 * distances[0], (target, source, distances)


def test_inputs_are_not_modified(models: FaceModels, nobody: list[ImageBGR]) -> None:
    target, source = nobody[0].copy(), nobody[1].copy()
    fuse(models, target, [source], FULL)
    assert np.array_equal(target, nobody[0]) and np.array_equal(source, nobody[1])


def test_a_face_fused_onto_itself_stays_itself(models: FaceModels, nobody: list[ImageBGR]) -> None:
    result = fuse(models, nobody[3], [nobody[3]], FULL)
    error = result.image_bgr.astype(float) - nobody[3]
    psnr = 10 * np.log10(255**2 / (error[result.changed] ** 2).mean())
    assert psnr > 40  # dB; resampling with a sub-pixel map alone costs about 45


def test_the_pose_and_place_of_the_target_stay(models: FaceModels, nobody: list[ImageBGR]) -> None:
    result = fuse(models, nobody[4], [nobody[0]], FULL)
    (before,), (after,) = (find_faces(models, image) for image in (nobody[4], result.image_bgr))
    eyes_px = np.linalg.norm(before.kps5[1] - before.kps5[0])
    drift = np.linalg.norm(after.landmarks[:, :2] - before.landmarks[:, :2], axis=1).mean()
    assert drift / eyes_px < 0.03  # of the eye distance


class TestSeveralFaces:
    @pytest.fixture
    def group(self, nobody: list[ImageBGR]) -> ImageBGR:
        return np.hstack([nobody[0], nobody[1], nobody[2]])

    def test_the_largest_face_is_the_default(
        self, models: FaceModels, nobody: list[ImageBGR]
    ) -> None:
        small = cv2.resize(nobody[0], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        canvas = np.full((640, 960, 3), 128, np.uint8)
        canvas[:320, :320], canvas[:, 320:] = small, nobody[1]
        result = fuse(models, canvas, [nobody[4]], FULL)
        assert [pair.target_face for pair in result.pairs] == [1]
        assert not result.changed[:, :320].any()

    def test_all_changes_every_face(
        self, models: FaceModels, group: ImageBGR, nobody: list[ImageBGR]
    ) -> None:
        result = fuse(models, group, [nobody[4]], replace(FULL, target_face="all"))
        assert [pair.target_face for pair in result.pairs] == [0, 1, 2]
        assert all(result.changed[:, x : x + 640].any() for x in (0, 640, 1280))

    def test_mappings_give_each_target_its_own_source(
        self, models: FaceModels, group: ImageBGR, nobody: list[ImageBGR]
    ) -> None:
        sources = [np.hstack([nobody[5], nobody[6]]), nobody[7]]
        result = fuse(models, group, sources, replace(FULL, mappings=((2, 0), (0, 2))))
        assert not result.changed[:, 640:1280].any()
        for target, source in ((0, 7), (2, 5)):
            tile = result.image_bgr[:, 640 * target : 640 * (target + 1)]
            found = embedding(models, tile)
            distances = [np.linalg.norm(found - embedding(models, image)) for image in nobody]
            assert int(np.argmin(distances)) == source

    def test_an_index_beyond_the_faces_is_an_error(
        self, models: FaceModels, group: ImageBGR, nobody: list[ImageBGR]
    ) -> None:
        with pytest.raises(FaceIndexOutOfRange, match="target has 3 face"):
            fuse(models, group, [nobody[4]], replace(FULL, target_face=3))
        with pytest.raises(FaceIndexOutOfRange, match="source has 1 face"):
            fuse(models, group, [nobody[4]], replace(FULL, mappings=((1, 0),)))


def test_no_face_says_in_which_picture(models: FaceModels, nobody: list[ImageBGR]) -> None:
    blank = np.full((300, 300, 3), 127, np.uint8)
    for target, source, image in ((blank, nobody[0], "target"), (nobody[0], blank, "source")):
        with pytest.raises(NoFace) as error:
            fuse(models, target, [source], FULL)
        assert error.value.extra["image"] == image


def test_a_tiny_face_is_refused(models: FaceModels, nobody: list[ImageBGR]) -> None:
    canvas = np.full((400, 400, 3), 128, np.uint8)
    canvas[180:220, 180:220] = cv2.resize(nobody[0], (40, 40), interpolation=cv2.INTER_AREA)
    with pytest.raises((FaceTooSmall, NoFace)):
        fuse(models, canvas, [nobody[1]], replace(FULL, face_threshold=0.1))


def test_a_source_that_must_be_enlarged_much_is_told(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    small = cv2.resize(nobody[1], None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    codes = [warning.code for warning in fuse(models, nobody[0], [small], FULL).warnings]
    assert codes == ["SOURCE_SMALL"]
    assert not fuse(models, nobody[0], [nobody[1]], FULL).warnings


def test_the_ratio_is_the_share_of_the_fused_face(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    still = replace(FULL, shape=0.0)
    whole = fuse(models, nobody[0], [nobody[1]], still).image_bgr.astype(float)
    for ratio in (0.3, 0.5, 0.9):
        part = fuse(models, nobody[0], [nobody[1]], replace(still, ratio=ratio)).image_bgr
        wanted = nobody[0] + ratio * (whole - nobody[0])
        assert np.abs(part - wanted).max() <= 1


def test_a_source_in_other_light_takes_the_targets(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    dark_red = (nobody[1] * np.array([0.3, 0.35, 0.6])).astype(np.uint8)
    result = fuse(models, nobody[0], [dark_red], FULL)
    skin = result.changed
    off = np.abs(result.image_bgr[skin].mean(axis=0) - nobody[0][skin].mean(axis=0))
    assert off.max() < 8  # grey levels; untouched it would be 60 and more


def test_a_source_in_the_dark_keeps_its_features(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    wanted = fuse(models, nobody[0], [nobody[1]], FULL)
    skin, bright = wanted.changed, wanted.image_bgr.astype(int)
    change = np.abs(bright - nobody[0])[skin].mean()
    for share in (0.25, 0.1):
        dark = (nobody[1] * share + 0.5).astype(np.uint8)
        fused = fuse(models, nobody[0], [dark], FULL).image_bgr
        assert np.abs(fused - bright)[skin].mean() < 0.25 * change, share


def test_eyes_in_the_dark_do_not_shine(models: FaceModels, nobody: list[ImageBGR]) -> None:
    (face,) = find_faces(models, nobody[0])
    eyes = np.zeros(nobody[0].shape[:2], np.uint8)
    for outline in EYES:
        cv2.fillConvexPoly(eyes, face.points[list(outline), :2].astype(np.int32), 1)
    for share in (1.0, 0.4, 0.15):
        dark = (nobody[0] * share).astype(np.uint8)
        fused = fuse(models, dark, [nobody[1]], FULL).image_bgr
        before, after = (image[eyes > 0].mean() for image in (dark, fused))
        assert 0.6 < after / before < 1.5, share


def test_the_slip_that_is_measured_is_taken_out(
    models: FaceModels, nobody: list[ImageBGR], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nose_x(image: ImageBGR) -> float:
        return float(find_faces(models, image)[0].points[1, 0])

    still = nose_x(fuse(models, nobody[0], [nobody[1]], FULL).image_bgr)
    monkeypatch.setattr(pipeline, "_slip", lambda *_: np.array([[1.0, 0, 5], [0, 1, 0]]))
    moved = nose_x(fuse(models, nobody[0], [nobody[1]], FULL).image_bgr)
    assert still - moved > 5  # five pixels of the small face, which is smaller than the picture's


@pytest.mark.parametrize("touched", [{"mode": "blend"}, {"smooth": 1.0}])
def test_large_faces_are_blended_in_bands_as_at_once(
    models: FaceModels,
    nobody: list[ImageBGR],
    touched: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = cv2.resize(nobody[0], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    banded = fuse(models, large, [nobody[1]], replace(FULL, **touched)).image_bgr
    monkeypatch.setattr(view, "_BAND_ROWS", 10_000)
    at_once = fuse(models, large, [nobody[1]], replace(FULL, **touched)).image_bgr
    assert np.abs(banded.astype(int) - at_once).max() <= 2


def test_a_grey_target_stays_grey(models: FaceModels, nobody: list[ImageBGR]) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(nobody[0], cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    result = fuse(models, grey, [nobody[1]], FULL)
    assert np.ptp(result.image_bgr, axis=2).max() <= 2
    assert np.abs(result.image_bgr.astype(int) - grey)[result.changed].mean() > 2


def test_an_unknown_model_is_refused_with_the_known_ones(
    models: FaceModels, nobody: list[ImageBGR]
) -> None:
    with pytest.raises(ModelUnavailable, match="mesh"):
        fuse(models, nobody[0], [nobody[1]], replace(FULL, model="nothing"))
