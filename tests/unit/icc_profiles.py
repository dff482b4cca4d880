"""Small ICC profiles built from numbers, so that the tests need none of anybody else's.

Source  ICC.1:2010 (profile version 4.3): header, tag table, curv, XYZ, mft1 (lut8) types.
"""

import itertools
import struct

# Colour space signature, then tags. XYZ values are D50-adapted.
_D50 = (0.9642, 1.0, 0.8249)
_P3_COLORANTS = {
    "rXYZ": (0.5151, 0.2412, -0.0011),
    "gXYZ": (0.2919, 0.6922, 0.0419),
    "bXYZ": (0.1572, 0.0666, 0.7841),
}


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(value * 256))


def _text(value: str) -> bytes:
    encoded = value.encode("utf-16-be")
    return (
        b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
    )


def _profile(space: str, connection: str, kind: str, tags: dict[str, bytes]) -> bytes:
    tags = {"desc": _text("test"), "cprt": _text("none"), "wtpt": _xyz(_D50), **tags}
    table, body = b"", b""
    offset = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), offset + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    size = offset + len(body)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4sQI3i48x",
        size, b"\0" * 4, 0x04300000, kind.encode(), space.encode(), connection.encode(),
        struct.pack(">6H", 2026, 1, 1, 0, 0, 0), b"acsp", b"\0" * 4, 0, b"\0" * 4, b"\0" * 4,
        0, 0, *(round(v * 65536) for v in _D50),
    )  # fmt: skip
    return header + struct.pack(">I", len(tags)) + table + body


def wide_rgb() -> bytes:
    """The primaries of Display P3 with gamma 2.2: clearly wider than sRGB."""
    curves = {name: _gamma(2.2) for name in ("rTRC", "gTRC", "bTRC")}
    colorants = {name: _xyz(values) for name, values in _P3_COLORANTS.items()}
    return _profile("RGB ", "XYZ ", "mntr", {**colorants, **curves})


def dark_grey() -> bytes:
    """Grey with gamma 1.0: mid-grey 128 is shown as sRGB 188."""
    return _profile("GRAY", "XYZ ", "mntr", {"kTRC": _gamma(1.0)})


def cmyk_all_ink_is_grey() -> bytes:
    """CMYK where every ink only darkens and none has a hue: telling it from the plain formula."""
    lightness = [1 - sum(inks) / 4 for inks in itertools.product((0, 1), repeat=4)]
    return _profile("CMYK", "Lab ", "prtr", {"A2B0": _grey_table(4, lightness)})


def read_only_rgb() -> bytes:
    """RGB with a table to read it and none to write it; full red is L* = 50, everything is grey."""
    lightness = [
        (2 * red + green + blue) / 4 for red, green, blue in itertools.product((0, 1), repeat=3)
    ]
    return _profile("RGB ", "Lab ", "scnr", {"A2B0": _grey_table(3, lightness)})


def _grey_table(channels: int, lightness: list[float]) -> bytes:
    """lut8 with two grid points a channel: corner of the cube -> L*, a and b zero."""
    points = [value for corner in lightness for value in (round(255 * corner), 128, 128)]
    straight = bytes(range(256))
    lut = b"mft1\0\0\0\0" + struct.pack(">4B", channels, 3, 2, 0)
    lut += struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    return lut + straight * channels + bytes(points) + straight * 3
