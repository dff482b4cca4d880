"""Files that are small and claim, or hold, far too many pixels. Made here, in milliseconds."""

import io
import struct
import zlib

from PIL import Image


def jpeg_that_claims(width: int, height: int) -> bytes:
    """A valid 16 x 16 JPEG whose frame header says otherwise."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 120, 150)).save(out, "JPEG", quality=75)
    data = out.getvalue()
    frame = data.index(b"\xff\xc0") + 5
    return data[:frame] + struct.pack(">HH", height, width) + data[frame + 4 :]


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def black_png(side: int) -> bytes:
    """A correct RGB PNG of side x side black pixels; one deflate block is made and repeated."""
    total = side * (side * 3 + 1)
    block = 1 << 20
    # Full flush: the block ends on a byte and refers to nothing before it.
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    repeated = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = last.compress(bytes(total % block)) + last.flush()
    # Adler-32 of n zero bytes: a stays 1, b counts them.
    adler = struct.pack(">HH", total % 65521, 1)
    pixels = b"\x78\xda" + repeated * (total // block) + tail + adler
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
