"""A small map read at full resolution, in parts."""

import cv2
import numpy as np
import pytest

from fusion.imaging.view import Region

REGION = Region(37, 11, 937, 1311, 0.2)


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
    "region", [REGION, Region(5, 8, 605, 808, 1.0)], ids=["shrunk", "own size"]
)
def test_strips_cover_what_the_mask_touches_once_and_little_else(region: Region) -> None:
    y, x = np.mgrid[0 : region.shape[0], 0 : region.shape[1]]
    off = (x / region.shape[1] - 0.6) ** 2 + (y / region.shape[0] - 0.5) ** 2
    mask = np.clip((0.12 - off) * 20, 0, 1).astype(np.float32)
    height, width = region.y1 - region.y0, region.x1 - region.x0
    wide = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    seen = np.zeros((region.y1, region.x1), int)
    for strip in region.strips(mask):
        seen[strip.box] += 1
    assert seen.max() == 1
    assert not seen[: region.y0].any() and not seen[:, : region.x0].any()
    assert seen[region.y0 :, region.x0 :][wide > 0].all()
    assert seen.sum() < 1.15 * (wide > 0).sum()


def test_an_empty_mask_has_no_strips() -> None:
    assert not list(REGION.strips(np.zeros(REGION.shape, np.float32)))


def test_a_mask_up_to_the_borders_is_covered_in_full() -> None:
    strips = list(REGION.strips(np.ones(REGION.shape, np.float32)))
    assert sum((s.x1 - s.x0) * (s.y1 - s.y0) for s in strips) == 900 * 1300
