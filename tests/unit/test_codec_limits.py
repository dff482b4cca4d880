"""What the codec refuses, and that refusing costs nothing."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from unit.bombs import black_png, chunk, jpeg_that_claims

from fusion.errors import ImageDecodeFailed, ImageTooLarge, ImageTooSmall, UnsupportedFormat
from fusion.imaging.codec import decode
from fusion.imaging.header import read_header

MEGAPIXELS_50 = 50_000_000
SERVICE = Path(__file__).parents[2] / "services" / "inference"

# Prints the growth of the process's peak memory in kilobytes while the file is refused.
MEASURE = """
import resource, sys
from fusion.imaging.codec import decode
from fusion.errors import ImageTooLarge
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(data, max_pixels=50_000_000)
except ImageTooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def file_of(image: Image.Image, image_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    if image_format == "HEIF":
        pillow_heif.from_pillow(image).save(out, **options)
    else:
        image.save(out, image_format, **options)
    return out.getvalue()


def noise(width: int = 96, height: int = 64) -> Image.Image:
    return Image.effect_noise((width, height), 60).convert("RGB")


def frames(image_format: str) -> bytes:
    return file_of(noise(), image_format, save_all=True, append_images=[noise()])


@pytest.mark.parametrize(
    ("bomb", "largest"),
    [
        pytest.param(lambda: jpeg_that_claims(65000, 65000), 1_000, id="jpeg that claims 4 GP"),
        pytest.param(lambda: black_png(20_000), 1_400_000, id="png of 400 MP in 1.2 MB"),
    ],
)
def test_a_bomb_is_refused_without_memory(bomb, largest):
    data = bomb()
    assert len(data) <= largest
    grown_kb = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=data, capture_output=True, check=True, env={"PYTHONPATH": str(SERVICE)},
    ).stdout  # fmt: skip
    # The decoded pictures would take 12.7 and 1.2 GB; the refusal may take its imports' slack.
    assert int(grown_kb) < 16_000


def test_the_bomb_png_is_a_real_picture():
    assert decode(black_png(300), MEGAPIXELS_50).image_bgr.max() == 0


@pytest.mark.parametrize(("image_format", "position"), [("AVIF", b"ispe"), ("HEIF", b"ispe")])
def test_a_claim_in_a_box_is_refused(image_format, position):
    data = file_of(noise(), image_format)
    at = data.index(position) + 8
    with pytest.raises(ImageTooLarge):
        decode(data[:at] + struct.pack(">II", 65000, 65000) + data[at + 8 :], MEGAPIXELS_50)


def test_a_claim_in_a_webp_canvas_is_refused():
    data = file_of(noise(), "WEBP", lossless=True, exif=b"Exif\0\0MM\0*")
    at = data.index(b"VP8X") + 12
    with pytest.raises(ImageTooLarge):
        decode(data[:at] + b"\xff\x3f\x00" * 2 + data[at + 6 :], MEGAPIXELS_50)


def test_the_limit_counts_pixels_exactly():
    data = file_of(noise(100, 80), "PNG")
    assert decode(data, max_pixels=8000).size == (100, 80)
    with pytest.raises(ImageTooLarge, match="100 x 80"):
        decode(data, max_pixels=7999)


def test_a_very_long_picture_is_refused_below_the_pixel_limit():
    with pytest.raises(ImageTooLarge, match="side"):
        decode(file_of(Image.new("L", (40_000, 40)), "PNG"), MEGAPIXELS_50)


def test_a_tiny_picture_is_refused():
    with pytest.raises(ImageTooSmall, match="31 x 64"):
        decode(file_of(noise(31, 64), "PNG"), MEGAPIXELS_50)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (file_of(noise(), "GIF"), "GIF"),
        (file_of(noise(), "TIFF"), "TIFF"),
        (file_of(noise(), "BMP"), "BMP"),
        (file_of(noise(), "PDF"), "PDF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'\xef\xbb\xbf <?xml version="1.0"?><svg/>', "SVG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(64), "video"),
        (b"not an image at all", "no image format"),
    ],
)
def test_other_formats_are_named_and_refused(data, name):
    with pytest.raises(UnsupportedFormat) as refused:
        decode(data, MEGAPIXELS_50)
    assert name in refused.value.detail
    assert "JPEG, PNG, WebP, AVIF and HEIC" in refused.value.detail


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "AVIF"])
def test_animations_are_refused(image_format):
    with pytest.raises(UnsupportedFormat, match="animation"):
        decode(frames(image_format), MEGAPIXELS_50)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_refused(image_format, kept):
    data = file_of(noise(200, 160), image_format)
    with pytest.raises(ImageDecodeFailed, match="again"):
        decode(data[: int(len(data) * kept)], MEGAPIXELS_50)


def test_an_empty_file_is_refused():
    with pytest.raises(ImageDecodeFailed, match="empty"):
        decode(b"", MEGAPIXELS_50)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_damaged_bytes_never_raise_anything_else(image_format):
    data = bytearray(file_of(noise(), image_format))
    for at in range(0, min(len(data), 700), 3):
        broken = data[:]
        broken[at] ^= 0xFF
        try:
            decode(bytes(broken), max_pixels=1_000_000)
        except (ImageDecodeFailed, ImageTooLarge, ImageTooSmall, UnsupportedFormat):
            continue


def test_a_jpeg_of_endless_scans_is_refused():
    data = file_of(noise(), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    end = data.index(b"\xff", scan + 2)
    while data[end + 1] == 0 or data[end + 1] == 0xFF:
        end = data.index(b"\xff", end + 2)
    with pytest.raises(ImageDecodeFailed, match="scans"):
        decode(data[:end] + data[scan:end] * 200 + data[end:], MEGAPIXELS_50)


def test_a_header_of_endless_chunks_is_refused():
    data = file_of(noise(), "PNG")
    padding = chunk(b"tEXt", b"a\0b") * 5000
    with pytest.raises(ImageDecodeFailed, match="chunks"):
        read_header(data[:33] + padding + data[33:])
