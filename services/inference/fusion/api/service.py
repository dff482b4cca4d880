"""What the routes share: the engine, the uploaded images, the limits."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from fusion.api.multipart import Form, FormLimits, read_form
from fusion.errors import DeadlineExceeded, RequestTimeout
from fusion.runtime.engine import Engine
from fusion.runtime.images import ImageStore

Result = TypeVar("Result")

# Room for all options, and then some, beside the pictures.
_TEXT_PARTS = 32


@dataclass(frozen=True)
class Limits:
    """Of one request; sizes in bytes and pixels, times in seconds."""

    file_bytes: int
    body_bytes: int
    sources: int
    pixels: int
    deadline_s: float
    body_timeout_s: float


@dataclass(frozen=True)
class Service:
    engine: Engine
    images: ImageStore
    limits: Limits


def service_of(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


@asynccontextmanager
async def admitted(request: Request) -> AsyncIterator[Service]:
    """A place in the queue and the clock of the deadline: entered before the body is read.

    Raises   ModelUnavailable, Overloaded at once; DeadlineExceeded when the time is over
    """
    service = service_of(request)
    _ = service.engine.models
    pool, limit_s = service.engine.pool, service.limits.deadline_s
    with pool.place():
        try:
            async with asyncio.timeout(limit_s):
                yield service
        except TimeoutError:
            raise DeadlineExceeded(
                f"The answer was not ready within {limit_s:g} seconds. Try again after the time "
                "in Retry-After, perhaps with smaller pictures.",
                retry_after_s=pool.retry_after_s,
            ) from None


async def received(request: Request, service: Service, files: frozenset[str]) -> Form:
    """The form of a request; files are the names of its pictures.

    Raises   RequestTimeout when it arrives too slowly, and what read_form() raises
    """
    limits = service.limits
    form_limits = FormLimits(
        files=files,
        parts=limits.sources + len(files) + _TEXT_PARTS,
        file_bytes=limits.file_bytes,
        body_bytes=limits.body_bytes,
    )
    reading = asyncio.timeout(limits.body_timeout_s)
    try:
        async with reading:
            return await read_form(request, form_limits)
    except TimeoutError:
        raise RequestTimeout(
            f"The request body did not arrive within {limits.body_timeout_s:g} seconds."
        ) from None


async def while_connected(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Awaits the work, but gives it up when the caller goes away. The body must be read.

    Raises   ClientDisconnect after the work was cancelled; whatever the work raises
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
