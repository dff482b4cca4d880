"""Image files to pixels and back.

Order of defence: magic bytes and claimed size (header.py) -> limits -> decoder -> upright 8-bit
BGR. What comes out of encode() is made from pixels alone, so EXIF, GPS and comments never travel.
"""

import io
from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from fusion.errors import ImageDecodeFailed, ImageTooLarge, ImageTooSmall, UnsupportedFormat
from fusion.imaging.header import Header, ImageFormat, read_header
from fusion.imaging.picture import Picture
from fusion.imaging.profile import array_of, image_of, rgb_of, to_profile
from fusion.types import ImageBGR

__all__ = [
    "MEDIA_TYPES",
    "OutputFormat",
    "Picture",
    "decode",
    "encode",
    "read_header",
    "to_profile",
]

OutputFormat = Literal["jpeg", "png", "webp"]
# In the order in which they are chosen where the caller likes several equally well.
MEDIA_TYPES: dict[OutputFormat, str] = {
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "png": "image/png",
}

# Below this no detector input has a face in it; above it cv2.remap cannot address pixels (int16).
MIN_SIDE_PX, MAX_SIDE_PX = 32, 32_766
WEBP_MAX_SIDE_PX = 16_383  # RFC 9649: 14 bits a side

# The one process-wide limit of Pillow is replaced by check_size(), which each call gives its own.
Image.MAX_IMAGE_PIXELS = None

# The plugin classes are called by name: Image.open() would try every format that Pillow knows.
_OPEN: dict[ImageFormat, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "avif": AvifImageFile,
    "heic": pillow_heif.HeifImageFile,
}


def check_size(header: Header, max_pixels: int) -> None:
    """Raises ImageTooLarge, ImageTooSmall or UnsupportedFormat (animations) for a claimed size."""
    width, height = header.width, header.height
    size = {"width": width, "height": height}
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image is {width} x {height} pixels; at most {max_pixels / 1e6:g} megapixels are "
            "accepted. Send a smaller version.",
            **size,
        )
    if max(width, height) > MAX_SIDE_PX:
        raise ImageTooLarge(
            f"The image is {width} x {height} pixels; a side may be {MAX_SIDE_PX} at most.", **size
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageTooSmall(
            f"The image is {width} x {height} pixels; each side needs at least {MIN_SIDE_PX}.",
            **size,
        )
    if header.animated:
        raise UnsupportedFormat("This is an animation. Save one frame of it and send that.")


_OPAQUE = np.uint8(255)


def decode(data: bytes, max_pixels: int) -> Picture:
    """Decodes a file into upright 8-bit BGR.

    EXIF orientation is applied. RGB profiles are kept with the untouched pixels; CMYK and grey
    become sRGB. 16-bit samples keep their high byte (less than one 8-bit level off).
    HEIC collections give their primary image, animations are refused.

    data         a JPEG, PNG, WebP, AVIF or HEIC file
    max_pixels   refused beyond, before any pixel is decoded
    Raises       UnsupportedFormat, ImageTooLarge, ImageTooSmall, ImageDecodeFailed
    """
    header = read_header(data)
    check_size(header, max_pixels)
    try:
        image = _OPEN[header.format](io.BytesIO(data))
        # A second look at what the decoder itself understood, still without a pixel decoded.
        frames = 1 if header.format == "heic" else getattr(image, "n_frames", 1)
        check_size(Header(header.format, *image.size, animated=frames > 1), max_pixels)
        orientation = _orientation(image)
        if header.format == "png":
            # Decoding alone passes over broken checksums and leaves black rows behind them.
            _OPEN["png"](io.BytesIO(data)).verify()
        image.load()
    except (ImageTooLarge, ImageTooSmall, UnsupportedFormat):
        raise
    # Decoders of hostile bytes raise nearly everything: OSError, SyntaxError, ValueError,
    # struct.error, EOFError, RuntimeError. None of it is more than "cannot be decoded".
    except Exception as error:
        raise ImageDecodeFailed(
            f"The {header.format.upper()} file is cut off or damaged. Export or upload it again."
        ) from error
    rgb, alpha, icc_profile = _to_rgb(image)
    upright_alpha = None if alpha is None or alpha.min() == 255 else _upright(alpha, orientation)
    return Picture(_upright(array_of(rgb), orientation), upright_alpha, icc_profile, header.format)


def encode(picture: Picture, image_format: OutputFormat, quality: int = 90) -> bytes:
    """Encodes pixels, alpha and colour profile; nothing else gets into the file.

    image_format   "jpeg": 4:4:4, because 4:2:0 smears the red of lips; alpha is laid over white.
                   "png": lossless. "webp": lossy, with alpha
    quality        1..100, without effect on PNG
    Raises         ImageTooLarge when WebP cannot hold the size
    """
    width, height = picture.size
    if image_format == "webp" and max(width, height) > WEBP_MAX_SIDE_PX:
        raise ImageTooLarge(
            f"The result is {width} x {height}; a WebP side has {WEBP_MAX_SIDE_PX} pixels at most. "
            "Ask for format jpeg or png, or for a smaller output_size.",
        )
    if picture.alpha is None:
        image = image_of(picture.image_bgr)
    elif image_format == "jpeg":
        image = image_of(_over_white(picture.image_bgr, picture.alpha))
    else:
        bgra = cv2.merge([picture.image_bgr, picture.alpha])
        image = Image.frombuffer("RGBA", (width, height), bgra, "raw", "BGRA", 0, 1)
    settings: dict[OutputFormat, dict[str, Any]] = {
        "jpeg": {"quality": quality, "subsampling": "4:4:4"},
        # Level 6 takes four times as long for a file 13 % smaller (12 MP photo).
        "png": {"compress_level": 1},
        "webp": {"quality": quality, "method": 2, "exact": True},
    }
    out = io.BytesIO()
    image.save(out, image_format.upper(), icc_profile=picture.icc_profile, **settings[image_format])
    return out.getvalue()


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation 1..8; 1 where there is none or it is nonsense. HEIC is upright already."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    # Broken EXIF is common and no reason to refuse a photo; its parser raises many types.
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def _to_rgb(
    image: Image.Image,
) -> tuple[Image.Image, NDArray[np.uint8] | None, bytes | None]:
    """An "RGB" image, its alpha and the RGB profile that its pixels are in (None for sRGB)."""
    icc_profile: bytes | None = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit grey: convert() would clip instead of scale
        samples, clear = np.asarray(image), image.info.get("transparency")
        image = Image.fromarray((samples >> 8).astype(np.uint8))
        if clear is not None:
            image = Image.merge("LA", (image, Image.fromarray(_OPAQUE * (samples != clear))))
    if "transparency" in image.info:
        image = image.convert("RGBA" if image.mode in ("P", "RGB") else "LA")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA"):
        alpha = np.array(image.getchannel("A"))
        image = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("CMYK", "L", "RGB"):
        image = image.convert("RGB")
    rgb, kept = rgb_of(image, icc_profile)
    return rgb, alpha, kept


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undoes EXIF orientation 1..8 (CIPA DC-008, tag 0x0112) on (H, W) or (H, W, 3)."""
    if orientation >= 5:
        pixels = cv2.transpose(pixels).astype(np.uint8, copy=False)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else cv2.flip(pixels, flip).astype(np.uint8, copy=False)


def _over_white(image_bgr: ImageBGR, alpha: NDArray[np.uint8]) -> ImageBGR:
    weight = alpha[..., None].astype(np.uint16)
    # At most 255 * 255 + 127: uint16 holds it.
    return ((image_bgr * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)
