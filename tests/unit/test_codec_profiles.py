"""A source in one colour space is brought into the target's, and only when it differs."""

import numpy as np
from unit.icc_profiles import wide_rgb

from fusion.imaging.codec import Picture, to_profile
from fusion.imaging.profile import _SRGB

RED_BGR = np.full((64, 64, 3), (40, 30, 200), np.uint8)


def test_wide_colours_become_stronger_numbers_in_srgb():
    converted = to_profile(Picture(RED_BGR, icc_profile=wide_rgb()), None)
    # A red of the wide space lies nearer to sRGB's edge: more red, less green.
    assert converted.image_bgr[0, 0, 2] > 210
    assert converted.image_bgr[0, 0, 1] < 10
    assert converted.icc_profile is None


def test_there_and_back_again_is_the_same_picture():
    picture = Picture(np.full((64, 64, 3), (110, 130, 160), np.uint8))
    wide = to_profile(picture, wide_rgb())
    assert wide.icc_profile == wide_rgb()
    back = to_profile(wide, None)
    # Rounded to 8 bits twice.
    assert np.abs(back.image_bgr.astype(int) - picture.image_bgr).max() <= 1


def test_equal_spaces_leave_the_pixels_alone():
    plain = Picture(RED_BGR)
    assert to_profile(plain, None).image_bgr is RED_BGR
    assert to_profile(plain, _SRGB).image_bgr is RED_BGR
    assert to_profile(Picture(RED_BGR, icc_profile=wide_rgb()), wide_rgb()).image_bgr is RED_BGR


def test_the_input_is_not_modified():
    before = RED_BGR.copy()
    to_profile(Picture(RED_BGR, icc_profile=wide_rgb()), None)
    np.testing.assert_array_equal(RED_BGR, before)
