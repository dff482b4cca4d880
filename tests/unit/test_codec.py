"""Every kind of picture comes in right, and goes out with its pixels, alpha and profile only."""

import io
import warnings

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps
from unit.icc_profiles import cmyk_all_ink_is_grey, dark_grey, read_only_rgb, wide_rgb

from fusion.errors import ImageDecodeFailed
from fusion.imaging.codec import Picture, decode, encode

LIMIT = 1_000_000


def colours(width: int = 96, height: int = 64) -> Image.Image:
    """A smooth picture in which every corner has a colour of its own."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    rgb = np.stack([x, y, 255 - (x + y) / 2], axis=-1)
    return Image.fromarray(rgb.astype(np.uint8))


def file_of(image: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    if image_format == "HEIF":
        pillow_heif.from_pillow(image).save(out, **options)
    else:
        image.save(out, image_format, **options)
    return out.getvalue()


def rgb_of(picture: Picture) -> np.ndarray:
    return picture.image_bgr[..., ::-1].astype(np.int16)


@pytest.mark.parametrize(
    ("image_format", "name", "options", "tolerance"),
    [
        ("PNG", "png", {}, 0),
        ("WEBP", "webp", {"lossless": True}, 0),
        # Lossy at high quality on a smooth picture: chroma subsampling rounds by a few levels.
        ("JPEG", "jpeg", {"quality": 95}, 6),
        ("AVIF", "avif", {"quality": 95}, 6),
        ("HEIF", "heic", {"quality": 95}, 6),
    ],
)
def test_the_accepted_formats_decode_to_their_pixels(image_format, name, options, tolerance):
    picture = decode(file_of(colours(), image_format, **options), LIMIT)
    assert picture.format == name
    assert picture.size == (96, 64)
    assert np.abs(rgb_of(picture) - np.asarray(colours())).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_orientation_is_applied(orientation, image_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(colours(), image_format, exif=exif.tobytes())
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(rgb_of(decode(data, LIMIT)), upright)


def test_alpha_turns_with_the_picture():
    image = colours()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode(file_of(image, "PNG", exif=exif.tobytes()), LIMIT)
    np.testing.assert_array_equal(picture.alpha, np.rot90(np.asarray(image)[..., 3], -1))


@pytest.mark.parametrize("exif", [b"Exif\0\0" + b"\xff" * 40, b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_is_no_reason_to_refuse_a_photo(exif):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert decode(file_of(colours(), "JPEG", exif=exif), LIMIT).size == (96, 64)


def test_sixteen_bit_colour_keeps_its_high_byte():
    deep = np.random.default_rng(1).integers(0, 65536, (64, 96, 3), dtype=np.uint16)
    data = cv2.imencode(".png", deep)[1].tobytes()
    np.testing.assert_array_equal(decode(data, LIMIT).image_bgr, deep >> 8)


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    deep = np.linspace(0, 65535, 96 * 64).astype(np.uint16).reshape(64, 96)
    data = cv2.imencode(".png", deep)[1].tobytes()
    expected = np.repeat((deep >> 8)[..., None], 3, axis=2)
    np.testing.assert_array_equal(decode(data, LIMIT).image_bgr, expected)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
def test_every_png_mode_is_shown_as_pillow_shows_it(mode):
    image = colours().convert("RGBA").convert(mode)
    expected = np.asarray(image.convert("RGB"), np.int16)
    np.testing.assert_array_equal(rgb_of(decode(file_of(image, "PNG"), LIMIT)), expected)


def test_a_transparent_palette_colour_becomes_alpha():
    image = Image.new("P", (64, 64), 1)
    image.putpalette([0, 0, 0, 200, 30, 40])
    image.paste(0, (0, 0, 32, 64))
    picture = decode(file_of(image, "PNG", transparency=0), LIMIT)
    assert picture.alpha is not None
    assert set(np.unique(picture.alpha[:, :32])) == {0}
    assert set(np.unique(picture.alpha[:, 32:])) == {255}


def test_a_picture_without_transparent_pixels_has_no_alpha():
    image = colours()
    image.putalpha(255)
    assert decode(file_of(image, "PNG"), LIMIT).alpha is None


def test_cmyk_without_a_profile_is_right_side_up():
    # Adobe writes CMYK JPEGs inverted: reading them naively gives the negative.
    data = file_of(colours().convert("CMYK"), "JPEG", quality=95)
    difference = np.abs(rgb_of(decode(data, LIMIT)) - np.asarray(colours()))
    # Pillow subsamples the CMYK channels like chroma; the negative would be off by 100 on average.
    assert difference.mean() < 3


def test_cmyk_is_read_through_its_own_profile():
    cyan = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    data = file_of(cyan, "JPEG", quality=95, icc_profile=cmyk_all_ink_is_grey())
    picture = decode(data, LIMIT)
    # One ink of four is L* = 75 in that profile, which sRGB writes as 184; 2 levels for the JPEG.
    assert np.abs(rgb_of(picture) - 184).max() <= 2
    assert picture.icc_profile is None


def test_grey_is_read_through_its_own_profile():
    data = file_of(Image.new("L", (64, 64), 128), "PNG", icc_profile=dark_grey())
    picture = decode(data, LIMIT)
    # Linear 128/255 is 188 in sRGB.
    assert set(np.unique(picture.image_bgr)) == {188}
    assert picture.icc_profile is None


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_an_rgb_profile_is_kept_with_untouched_pixels(image_format):
    data = file_of(colours(), "PNG", icc_profile=wide_rgb())
    picture = decode(data, LIMIT)
    assert picture.icc_profile == wide_rgb()
    np.testing.assert_array_equal(rgb_of(picture), np.asarray(colours()))
    written = Image.open(io.BytesIO(encode(picture, image_format)))
    assert written.info["icc_profile"] == wide_rgb()


def damaged(profile: bytes) -> bytes:
    """The tag table points nowhere: readable as a profile, useless as a transform."""
    return profile[:132] + b"\xff" * 48 + profile[180:]


@pytest.mark.parametrize("profile", [b"nonsense", dark_grey(), damaged(wide_rgb()), b"\xff" * 200])
def test_a_profile_that_cannot_be_right_is_dropped(profile):
    data = file_of(colours(), "PNG", icc_profile=profile)
    picture = decode(data, LIMIT)
    assert picture.icc_profile is None
    np.testing.assert_array_equal(rgb_of(picture), np.asarray(colours()))


def test_a_profile_that_can_only_be_read_is_used_up():
    # A profile with tables towards the connection space and none back, as scanners have.
    data = file_of(Image.new("RGB", (64, 64), (255, 0, 0)), "PNG", icc_profile=read_only_rgb())
    picture = decode(data, LIMIT)
    assert picture.icc_profile is None
    # Full red is L* = 50 without hue in that profile; sRGB writes that as 119.
    assert np.abs(rgb_of(picture) - 119).max() <= 1


def test_png_gives_back_the_pixels_and_the_alpha_exactly():
    image = colours()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    picture = decode(file_of(image, "PNG"), LIMIT)
    again = decode(encode(picture, "png"), LIMIT)
    np.testing.assert_array_equal(again.image_bgr, picture.image_bgr)
    np.testing.assert_array_equal(again.alpha, picture.alpha)


def test_jpeg_lays_alpha_over_white():
    image = Image.new("RGBA", (64, 64), (200, 30, 40, 0))
    image.paste((200, 30, 40, 255), (0, 0, 32, 64))
    written = decode(encode(decode(file_of(image, "PNG"), LIMIT), "jpeg", 95), LIMIT)
    # 2 levels: JPEG rounding of flat areas, away from the edge between them.
    assert np.abs(rgb_of(written)[:, 48:] - 255).max() <= 2
    assert np.abs(rgb_of(written)[:, :16] - (200, 30, 40)).max() <= 2


def test_webp_keeps_alpha():
    image = colours()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    written = decode(encode(decode(file_of(image, "PNG"), LIMIT), "webp"), LIMIT)
    np.testing.assert_array_equal(written.alpha, np.asarray(image)[..., 3])


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_exif_and_gps_never_travel(image_format):
    exif = Image.Exif()
    exif[0x010E] = "a private description"
    exif.get_ifd(0x8825)[1] = "N"
    data = file_of(colours(), "JPEG", exif=exif.tobytes(), comment=b"private")
    assert b"private" in data
    written = encode(decode(data, LIMIT), image_format)
    assert b"private" not in written
    assert not Image.open(io.BytesIO(written)).getexif()


def test_jpeg_is_written_without_chroma_subsampling():
    written = Image.open(io.BytesIO(encode(Picture(np.asarray(colours())), "jpeg")))
    assert [sampling[1:3] for sampling in written.layer] == [(1, 1)] * 3


def test_lower_quality_makes_smaller_files():
    picture = Picture(np.asarray(Image.effect_noise((96, 64), 60).convert("RGB")))
    for image_format in ("jpeg", "webp"):
        assert len(encode(picture, image_format, 30)) < len(encode(picture, image_format, 95))


def test_decoding_a_large_picture_warns_of_nothing():
    # 100 MP is over the size from which Pillow warns by default.
    data = file_of(Image.new("1", (10_000, 10_000)), "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data, max_pixels=100_000_000).size == (10_000, 10_000)


def test_pillow_agrees_that_the_embedded_profile_is_readable():
    written = encode(decode(file_of(colours(), "PNG", icc_profile=wide_rgb()), LIMIT), "jpeg")
    profile = Image.open(io.BytesIO(written)).info["icc_profile"]
    assert ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space == "RGB "


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_damaged_png_is_refused(share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    data = bytearray(file_of(Image.fromarray(noise), "PNG"))
    data[int(share * len(data))] ^= 0xFF
    with pytest.raises(ImageDecodeFailed, match="damaged"):
        decode(bytes(data), LIMIT)


def test_16_bit_grey_keeps_its_transparent_level() -> None:
    samples = np.full((32, 32), 40_000, np.uint16)
    samples[:16] = 1234
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "PNG", transparency=1234)
    picture = decode(out.getvalue(), LIMIT)
    assert picture.alpha is not None
    assert (picture.alpha[:16] == 0).all() and (picture.alpha[16:] == 255).all()
    assert (picture.image_bgr[16:] == 40_000 >> 8).all()
