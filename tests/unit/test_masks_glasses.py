"""Glasses are found where they are worn: on portraits of nobody, bare and with painted frames."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from portraits import MODELS_DIR, ROOT

from fusion.imaging.face_points import BROWS, EYE_CORNERS, EYES, OVAL
from fusion.imaging.mesh import polygon_mask
from fusion.imaging.view import region_around
from fusion.masks.face import face_width
from fusion.masks.glasses import glasses_over_face
from fusion.models.registry import load_models
from fusion.pipeline import fuse
from fusion.types import Float32, FusionOptions, ImageBGR, Mask

# What the pipeline looks at.
MARGIN, SIDE_PX = 0.12, 224
NOBODY = sorted((ROOT / "tests/data/composites").glob("nobody_*.jpg"))
# BGR, and the width as a share of the face's.
DARK_THICK = ((30, 28, 25), 0.035)
DARK_WIRE = ((60, 57, 55), 0.014)
LIGHT_WIRE = ((120, 130, 140), 0.012)


@dataclass(frozen=True, eq=False)
class Portrait:
    """A portrait of nobody and its landmarks in it."""

    image_bgr: ImageBGR
    points: Float32


@pytest.fixture(scope="module")
def portraits() -> list[Portrait]:
    models = load_models(MODELS_DIR)
    found = []
    for path in NOBODY:
        image = cv2.imread(str(path))
        (face,) = models.detector.detect(image, 0.5)
        located = models.landmarker.locate(image, face)
        assert located.landmarks is not None
        found.append(Portrait(image, located.landmarks))
    assert len(found) == 8
    return found


def small(portrait: Portrait, side_px: int = SIDE_PX) -> Portrait:
    region = region_around(portrait.points[list(OVAL)], portrait.image_bgr.shape, MARGIN, side_px)
    return Portrait(region.cut(portrait.image_bgr), region.from_picture(portrait.points))


def frame_of(portrait: Portrait, width: float, lift: float = 0.0) -> Mask:
    """Two rims, the bridge between them and the arms to the temples: (H, W) float32 0..1.

    width, lift  as shares of the face's width; lift pushes it up, towards the brows
    """
    points, size = portrait.points[:, :2], face_width(portrait.points)
    drawn = np.zeros(portrait.image_bgr.shape[:2], np.uint8)
    thick = max(1, round(width * size))
    middles = [points[list(corners)].mean(axis=0) for corners in ((33, 133), (362, 263))]
    middles = [middle - (0, lift * size) for middle in middles]
    radius = 0.16 * size
    across = (middles[1] - middles[0]) / np.linalg.norm(middles[1] - middles[0])
    lines = [(middles[0] + radius * across, middles[1] - radius * across)]
    lines += [
        (middles[0] - radius * across, points[127]),
        (middles[1] + radius * across, points[356]),
    ]
    tilt = float(np.degrees(np.arctan2(across[1], across[0])))
    for middle in middles:
        # Lower than wide, as most lenses: their upper rims stay clear of the brows.
        box = (middle.tolist(), (2 * radius, 1.5 * radius), tilt)
        cv2.ellipse(drawn, box, 255, thick, cv2.LINE_AA)
    for ends in lines:
        a, b = (tuple(np.round(end * 16).astype(int).tolist()) for end in ends)
        cv2.line(drawn, a, b, 255, thick, cv2.LINE_AA, 4)
    return np.asarray(drawn, np.float32) / np.float32(255)


def wearing(
    portrait: Portrait, color: tuple[int, int, int], width: float, lift: float = 0.0
) -> Portrait:
    share = frame_of(portrait, width, lift)[..., None]
    painted = portrait.image_bgr * (1 - share) + np.array(color, np.float32) * share
    return Portrait(np.round(painted).astype(np.uint8), portrait.points)


@pytest.mark.parametrize("side_px", [288, 224, 120, 60])
def test_bare_faces_wear_no_glasses(portraits: list[Portrait], side_px: int) -> None:
    for portrait in portraits:
        bare = small(portrait, side_px)
        mask = glasses_over_face(bare.image_bgr, bare.points)
        assert mask.shape == bare.image_bgr.shape[:2] and mask.dtype == np.float32
        assert not mask.any()


@pytest.mark.parametrize("frame", [DARK_THICK, DARK_WIRE], ids=["thick", "wire"])
def test_painted_frames_are_found_and_little_else(
    portraits: list[Portrait], frame: tuple[tuple[int, int, int], float]
) -> None:
    for portrait in portraits:
        worn = small(wearing(portrait, *frame))
        drawn = small(
            Portrait(np.dstack([frame_of(portrait, frame[1]) * 255] * 3), portrait.points)
        )
        painted = drawn.image_bgr[..., 0] > 127
        mask = glasses_over_face(worn.image_bgr, worn.points)
        # Upper rims are lost where they lie on brows, which look alike; 0.75 to 0.97 are found.
        assert mask[painted].mean() > 0.65
        # A feather of 0.01 face widths, and as much for the doubt where a line ends.
        k = 2 * round(0.03 * face_width(worn.points)) + 1
        near = cv2.dilate(painted.astype(np.uint8), np.ones((k, k), np.uint8)) > 0
        assert mask[~near].sum() < 0.1 * mask.sum()


def test_a_rim_is_found_where_its_search_begins_and_ends(portraits: list[Portrait]) -> None:
    for portrait in portraits:
        worn = small(wearing(portrait, *DARK_THICK))
        mask = glasses_over_face(worn.image_bgr, worn.points)
        for eye, outwards in ((0, -1), (1, 1)):
            middle = worn.points[list(EYE_CORNERS[eye]), :2].mean(axis=0)
            for angle in np.radians(np.arange(128, 152)):  # below and towards the nose
                way = np.array([outwards * np.cos(angle), np.sin(angle)])
                reach = np.arange(0.08, 0.22, 0.004) * face_width(worn.points)
                x, y = np.round(middle + reach[:, None] * way).astype(int).T
                assert mask[y, x].max() > 0.97


def test_eyes_behind_glasses_are_left_free(portraits: list[Portrait]) -> None:
    for portrait in portraits:
        worn = small(wearing(portrait, *DARK_THICK))
        mask = glasses_over_face(worn.image_bgr, worn.points)
        for eye in EYES:
            opening = polygon_mask(worn.points[list(eye)], mask.shape) > 0.5
            assert mask[opening].mean() < 0.05


def test_growing_only_adds(portraits: list[Portrait]) -> None:
    worn = small(wearing(portraits[0], *DARK_THICK))
    mask = glasses_over_face(worn.image_bgr, worn.points)
    grown = glasses_over_face(worn.image_bgr, worn.points, 0.02)
    # An eighth of a pixel: polygon corners are rounded to sixteenths.
    assert (grown >= mask - 0.13).all()
    assert grown.sum() > 1.2 * mask.sum()


def test_a_rim_that_is_lost_to_sight_is_left_out_whole(portraits: list[Portrait]) -> None:
    """Half of a lens as clear as the skin behind it: grown, it is covered, and else left alone."""
    found = []
    for portrait in portraits:
        worn = wearing(portrait, *DARK_WIRE)
        corners = portrait.points[[33, 133], :2]
        middle, size = corners.mean(axis=0), face_width(portrait.points)
        rows, columns = (
            slice(round(at + low * size), round(at + high * size))
            for at, low, high in ((middle[1], 0.06, 0.2), (middle[0], -0.12, 0.08))
        )
        worn.image_bgr[rows, columns] = portrait.image_bgr[rows, columns]
        lost = np.zeros(worn.image_bgr.shape[:2], np.float32)
        lost[rows, columns] = frame_of(portrait, 0.014)[rows, columns]
        worn = small(worn)
        region = region_around(portrait.points[list(OVAL)], lost.shape, MARGIN, SIDE_PX)
        inside = region.cut((lost[..., None] * np.full(3, 255)).astype(np.uint8))[..., 0] > 200
        masks = [glasses_over_face(worn.image_bgr, worn.points, grow) for grow in (0.0, 0.035)]
        if masks[0].any():
            found.append([mask[inside].mean() for mask in masks])
    seen, left_out = np.array(found).mean(axis=0)
    assert len(found) > 5
    assert seen < 0.3 and left_out > 0.8, (seen, left_out)


def test_glasses_stay_on_the_target_and_off_a_bare_one(portraits: list[Portrait]) -> None:
    models = load_models(MODELS_DIR)
    bare, other = portraits[0], portraits[1]
    worn = wearing(bare, *DARK_THICK)
    painted = frame_of(bare, DARK_THICK[1]) > 0.5
    full = FusionOptions(ratio=1.0)
    kept = fuse(models, worn.image_bgr, [other.image_bgr], full).image_bgr
    assert np.abs(kept[painted].astype(float) - worn.image_bgr[painted]).mean() < 20
    left_out = fuse(models, other.image_bgr, [worn.image_bgr], full).image_bgr
    theirs = frame_of(other, DARK_THICK[1]) > 0.5
    # The frame is about 130 grey levels darker than skin; brows, lids and hair are dark anyway.
    assert left_out[theirs].mean() > other.image_bgr[theirs].mean() - 25


def test_thin_rims_leave_the_eyes_alone(portraits: list[Portrait]) -> None:
    """Widened frames took corners of eyes along, which were another's in the fused face."""
    found = 0
    for portrait in portraits:
        worn = small(wearing(portrait, *LIGHT_WIRE, lift=-0.03))
        mask = glasses_over_face(worn.image_bgr, worn.points, 0.035)
        found += bool(mask.any())
        for eye in EYES:
            assert mask[polygon_mask(worn.points[list(eye)], mask.shape) > 0.5].mean() < 1e-3
    assert found > 3


def test_brows_are_all_of_one_person(portraits: list[Portrait]) -> None:
    """The target's where a frame touches the source's, the source's where it lies below them."""
    models = load_models(MODELS_DIR)
    for target, source in ((0, 1), (2, 3), (4, 5)):
        bare, other = portraits[target], portraits[source]
        alike = []
        for lift in (0.0, -0.05):
            worn = wearing(other, *DARK_THICK, lift=lift)
            fused = fuse(models, bare.image_bgr, [worn.image_bgr], FusionOptions(ratio=1.0))
            alike.append([_grain_alike(fused.image_bgr, bare, brow) for brow in BROWS])
        assert min(alike[0]) > 0.95
        assert max(alike[1]) < 0.6


def _grain_alike(image_bgr: ImageBGR, portrait: Portrait, brow: tuple[int, ...]) -> float:
    """Correlation of the fine detail in a brow of two pictures, pixel on pixel."""
    inside = polygon_mask(portrait.points[list(brow)], image_bgr.shape[:2]) > 0.5
    grain = []
    for picture in (image_bgr, portrait.image_bgr):
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        grain.append((grey - cv2.GaussianBlur(grey, (0, 0), 4))[inside])
    return float(np.corrcoef(grain)[0, 1])
