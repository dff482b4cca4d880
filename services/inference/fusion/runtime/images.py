"""Uploaded images: encoded bytes in memory, for a while, known only to who has the id."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from fusion.errors import ImageNotFound, Overloaded


@dataclass(frozen=True)
class _Stored:
    data: bytes
    expires_at: float


class ImageStore:
    """Images that callers uploaded once to use several times.

    Nothing is evicted for a newcomer, so nobody can push out the images of others.

    ttl_s    seconds that an image is kept
    budget   bytes of all images together
    """

    def __init__(
        self, ttl_s: float, budget: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.ttl_s, self._budget, self._clock = ttl_s, budget, clock
        self._images: dict[str, _Stored] = {}

    def put(self, data: bytes) -> str:
        """Keeps the bytes and gives their id, 192 random bits.

        Raises   Overloaded when the budget is spent, until the oldest image expires
        """
        now = self._drop_expired()
        held = sum(len(image.data) for image in self._images.values())
        if held + len(data) > self._budget:
            oldest = min((image.expires_at for image in self._images.values()), default=now)
            raise Overloaded(
                "There is no room for more uploaded images. Send the image with the request "
                "itself, or try again after the time in Retry-After.",
                retry_after_s=max(1, math.ceil(oldest - now)),
            )
        image_id = secrets.token_urlsafe(24)
        self._images[image_id] = _Stored(data, now + self.ttl_s)
        return image_id

    def get(self, image_id: str) -> bytes:
        """Raises ImageNotFound for an id that never was, was deleted or has expired."""
        self._drop_expired()
        if image_id not in self._images:
            raise _not_found()
        return self._images[image_id].data

    def delete(self, image_id: str) -> None:
        """Raises ImageNotFound like get()."""
        self._drop_expired()
        if self._images.pop(image_id, None) is None:
            raise _not_found()

    def clear(self) -> None:
        self._images.clear()

    def _drop_expired(self) -> float:
        now = self._clock()
        self._images = {key: image for key, image in self._images.items() if image.expires_at > now}
        return now


def _not_found() -> ImageNotFound:
    return ImageNotFound(
        "There is no uploaded image with this id: it was deleted, has expired, or never was. "
        "Upload it again. If a file was meant, send it as one (curl: -F target=@photo.jpg)."
    )
