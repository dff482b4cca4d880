"""A small map read at full resolution, in parts."""

import cv2
import numpy as np
import pytest

from fusion.imaging.view import Region, region_around

REGION = Region(37, 11, 937, 1311, 0.2)
CORNERS = np.array([(300, 350), (820, 420), (700, 1150), (230, 1080)], np.float32)
LEANING = region_around(CORNERS, (1500, 1200), 0.1, 224, lean_rad=0.6)
CUT_OFF = region_around(CORNERS, (900, 700), 0.1, 224, lean_rad=-1.9)


def small_map(*channels: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 900, (*REGION.shape, *channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_parts_of_an_enlarged_map_are_the_whole_enlarged(channels: tuple[int, ...]) -> None:
    values = small_map(*channels)
    whole = cv2.resize(values, (900, 1300), interpolation=cv2.INTER_LINEAR)
    parts = ((37, 11, 937, 1311), (37, 11, 40, 12), (500, 601, 733, 617), (900, 1300, 937, 1311))
    for x0, y0, x1, y1 in parts:
        part = REGION.enlarged(values, Region(x0, y0, x1, y1, 1.0))
        wanted = whole[y0 - 11 : y1 - 11, x0 - 37 : x1 - 37]
        # Neighbours lie up to 900 apart: a place rounded to 1/32 px would be off by 20, the
        # rounding of float32 places is off by 0.02.
        assert np.abs(part - wanted).max() < 0.05


@pytest.mark.parametrize(
    "region",
    [REGION, Region(5, 8, 605, 808, 1.0), LEANING, CUT_OFF],
    ids=["shrunk", "own size", "leaning", "cut off"],
)
def test_strips_cover_what_the_mask_touches_once_and_little_else(region: Region) -> None:
    y, x = np.mgrid[0 : region.shape[0], 0 : region.shape[1]]
    off = (x / region.shape[1] - 0.6) ** 2 + (y / region.shape[0] - 0.5) ** 2
    mask = np.clip((0.12 - off) * 20, 0, 1).astype(np.float32)
    wide = region.enlarged(mask, Region(region.x0, region.y0, region.x1, region.y1, 1.0))
    seen = np.zeros((region.y1, region.x1), int)
    for strip in region.strips(mask):
        seen[strip.box] += 1
    assert seen.max() == 1
    assert not seen[: region.y0].any() and not seen[:, : region.x0].any()
    assert seen[region.y0 :, region.x0 :][wide > 0].all()
    assert seen.sum() < 1.15 * (wide > 0).sum()


@pytest.mark.parametrize("region", [REGION, LEANING, CUT_OFF], ids=["level", "leaning", "cut off"])
def test_a_region_knows_where_its_pixels_lie(region: Region) -> None:
    h, w = region.shape
    places = region.places()
    assert np.abs(region.from_picture(places)[h // 3, w // 4] - (w // 4, h // 3)).max() < 1e-3
    box = Region(region.x0, region.y0, region.x1, region.y1, 1.0)
    rows, columns = np.mgrid[region.box]
    for plane, seen in zip((columns, rows), np.moveaxis(places, 2, 0), strict=True):
        at = region.enlarged(np.ascontiguousarray(seen), box)
        inside = region.enlarged(np.pad(np.ones((h - 2, w - 2), np.float32), 1), box) > 0.99
        assert np.abs(at - plane)[inside].max() < 0.1


def test_a_leaning_cut_shows_the_picture_upright() -> None:
    rows, columns = np.mgrid[0:1500, 0:1200].astype(np.float32)
    ramps = np.stack([columns / 8, rows / 8, 0 * rows + 60], axis=2).astype(np.uint8)
    h, w = LEANING.shape
    cut, places = LEANING.cut(ramps).astype(float), LEANING.places()
    assert w < h == 224
    low, high = (LEANING.x0, LEANING.y0), (LEANING.x1 - 1, LEANING.y1 - 1)
    assert np.abs(cut[..., :2] * 8 - np.clip(places, low, high)).max() < 12
    assert (cut[..., 2] == 60).all()


def test_an_empty_mask_has_no_strips() -> None:
    assert not list(REGION.strips(np.zeros(REGION.shape, np.float32)))


def test_a_mask_up_to_the_borders_is_covered_in_full() -> None:
    strips = list(REGION.strips(np.ones(REGION.shape, np.float32)))
    assert sum((s.x1 - s.x0) * (s.y1 - s.y0) for s in strips) == 900 * 1300
