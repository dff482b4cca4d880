"""The pictures of a form: files, or ids of uploaded images."""

from fusion.api.multipart import Form
from fusion.api.parameters import ParameterError, wrong
from fusion.errors import ImageNotFound
from fusion.runtime.images import ImageStore


def pictures_of(
    form: Form, name: str, images: ImageStore, most: int = 1
) -> tuple[list[bytes], list[ParameterError]]:
    """The pictures of one name in order, or what is wrong with their number.

    most     how many may be given; one must be
    Raises   ImageNotFound, naming the part, for an id without an image
    """
    given = form.pictures(name)
    if not given:
        return [], [wrong(name, None, "is missing: send a picture file or an uploaded image's id")]
    if len(given) > most:
        allowed = "once" if most == 1 else f"{most} times at most"
        return [], [wrong(name, None, f"is given {len(given)} times; it can be given {allowed}")]
    return [_bytes_of(item, name, images) for item in given], []


def _bytes_of(item: bytes | str, name: str, images: ImageStore) -> bytes:
    if isinstance(item, bytes):
        return item
    try:
        return images.get(item.strip())
    except ImageNotFound as error:
        error.extra["image"] = name
        raise
