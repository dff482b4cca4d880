"""Format and size of an image file from its first bytes, before any decoder sees it.

A 631-byte JPEG can claim 65000 x 65000 pixels, and a decoder that believes it takes gigabytes. So
the claim is read here, in a bounded number of steps, without a library and without memory.

Sources  JPEG ITU-T T.81 annex B; PNG W3C third edition; WebP RFC 9649; AVIF and HEIC
         ISO/IEC 14496-12 boxes and the `ispe` property of ISO/IEC 23008-12.
"""

import re
import struct
from dataclasses import dataclass
from typing import Literal, NoReturn

from fusion.errors import ImageDecodeFailed, UnsupportedFormat

ImageFormat = Literal["jpeg", "png", "webp", "avif", "heic"]
ACCEPTED = "JPEG, PNG, WebP, AVIF and HEIC"

# Real files have tens of segments; a file of millions of empty ones only burns time.
_MAX_STEPS = 2000
# Progressive encoders write about ten scans; each one costs a pass over the whole picture.
_MAX_SCANS = 100

_REFUSED = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"II+\0": "a TIFF",
    b"%PDF": "a PDF",
    b"BM": "a BMP",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\0\0\1\0": "an icon file",
    b"PK\3\4": "a ZIP archive",
    b"\x1a\x45\xdf\xa3": "a Matroska or WebM video",
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_HEIC_SEQUENCE = {b"hevc", b"hevx", b"hevm", b"hevs"}
# A fixed two-byte pattern: with `+` for fill bytes the same search is 18 times slower.
_JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
# Start-of-frame markers; C4, C8 and CC in that range mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Header:
    """What a file says of itself. width and height are in pixels, before EXIF orientation."""

    format: ImageFormat
    width: int
    height: int
    animated: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


def read_header(data: bytes) -> Header:
    """Reads format and claimed size.

    data      the whole file; only its structure is walked, no pixel is decoded
    Raises    UnsupportedFormat for anything but JPEG, PNG, WebP, AVIF and HEIC,
              ImageDecodeFailed when the file is empty or ends inside its header
    """
    if not data:
        raise ImageDecodeFailed("The file is empty. Choose a photo and send it again.")
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[4:8] == b"ftyp":
            return _heif(data)
    except (struct.error, IndexError):
        _broken()
    _refuse(data)


def _broken() -> NoReturn:
    raise ImageDecodeFailed(
        "The file ends before its picture begins: it is cut off or damaged. "
        "Export or upload it again."
    )


def _refuse(data: bytes) -> NoReturn:
    kind = next((name for magic, name in _REFUSED.items() if data.startswith(magic)), None)
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if kind is None and head.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html")):
        kind = "an SVG" if b"<svg" in data[:4096].lower() else "an HTML or XML document"
    what = f"This is {kind}" if kind else "This is no image format that is known here"
    raise UnsupportedFormat(f"{what}; accepted are {ACCEPTED}.", accepted=ACCEPTED)


def _jpeg(data: bytes) -> Header:
    at, size, scans = 2, None, 0
    for _ in range(_MAX_STEPS):
        found = _JPEG_MARKER.search(data, at)
        marker = found[1][0] if found else 0xD9
        if found is None or marker == 0xD9:
            break
        length = struct.unpack_from(">H", data, found.end())[0]
        if marker in _JPEG_FRAMES and size is None:
            size = struct.unpack_from(">HH", data, found.end() + 3)
        scans += marker == 0xDA
        if scans > _MAX_SCANS:
            raise ImageDecodeFailed(
                f"The JPEG has more than {_MAX_SCANS} scans. Save it again as an ordinary JPEG."
            )
        at = found.end() + length
    else:
        raise ImageDecodeFailed(
            f"The JPEG has more than {_MAX_STEPS} segments. Save it again as an ordinary JPEG."
        )
    if size is None or not scans:
        _broken()
    return Header("jpeg", width=size[1], height=size[0])


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    at, animated = 8, False
    for _ in range(_MAX_STEPS):
        length, kind = struct.unpack_from(">I4s", data, at)
        animated = animated or kind == b"acTL"
        if kind == b"IDAT":
            return Header("png", width, height, animated)
        at += 12 + length
    raise ImageDecodeFailed(f"The PNG has more than {_MAX_STEPS} chunks before its pixels.")


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8X":
        flags, *canvas = struct.unpack_from("<B3xHBHB", data, 20)
        width = canvas[0] + (canvas[1] << 16) + 1
        height = canvas[2] + (canvas[3] << 16) + 1
        return Header("webp", width, height, animated=bool(flags & 2))
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("webp", width & 0x3FFF, height & 0x3FFF)
    _broken()


def _boxes(data: bytes, start: int, end: int) -> dict[bytes, list[tuple[int, int]]]:
    """Child boxes of data[start:end]: type -> [(start, end) of its content]."""
    found: dict[bytes, list[tuple[int, int]]] = {}
    for _ in range(_MAX_STEPS):
        if start + 8 > end:
            return found
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = end if size == 0 else start + size
        if size != 0 and size < head:
            _broken()
        found.setdefault(kind, []).append((start + head, min(stop, end)))
        start = stop
    raise ImageDecodeFailed(f"The file has more than {_MAX_STEPS} boxes.")


def _heif(data: bytes) -> Header:
    (start, end), *_ = _boxes(data, 0, min(len(data), 4096))[b"ftyp"]
    brands = {data[start : start + 4]}
    brands |= {data[i : i + 4] for i in range(start + 8, min(end, start + 400), 4)}
    if brands & {b"avif", b"avis"}:
        image_format: ImageFormat = "avif"
    elif brands & (_HEIC_BRANDS | _HEIC_SEQUENCE):
        image_format = "heic"
    else:
        raise UnsupportedFormat(
            f"This is a video or an unknown kind of ISO media file; accepted are {ACCEPTED}.",
            accepted=ACCEPTED,
        )
    animated = data[start : start + 4] in {b"avis"} | _HEIC_SEQUENCE
    try:
        ((start, end),) = _boxes(data, 0, len(data))[b"meta"]
        ((start, end),) = _boxes(data, start + 4, end)[b"iprp"]
        ((start, end),) = _boxes(data, start, end)[b"ipco"]
        extents = _boxes(data, start, end)[b"ispe"]
    except (KeyError, ValueError):
        _broken()
    # The largest of all items bounds whatever the decoder will choose to open.
    sizes = (struct.unpack_from(">II", data, at + 4) for at, _ in extents)
    width, height = max(sizes, key=lambda size: int(size[0]) * int(size[1]))
    return Header(image_format, width, height, animated)
