"""Answers that come before the request's body has: send them, then let the body run out.

A server that closes its connection while the other side still sends makes the kernel reset it,
and the answer is lost: a gateway in between then reports 502 instead of the 503 that was sent.
So the answer goes out whole, and only its end waits until the body was received and thrown away.
"""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LONGEST_S = 5.0  # like nginx's lingering_timeout: long enough for a body that is on its way


class Linger:
    """most_bytes: no more of a body is received, however fast it comes."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        arrived = False

        async def watched_receive() -> Message:
            nonlocal arrived
            message = await receive()
            arrived = message["type"] == "http.disconnect" or not message.get("more_body", False)
            return message

        async def drain() -> None:
            left = self._most_bytes
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_S):
                    while not arrived and left > 0:
                        left -= len((await watched_receive()).get("body", b""))

        async def lingering_send(message: Message) -> None:
            ends = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not ends or arrived:
                await send(message)
                return
            await send({**message, "more_body": True})
            await drain()
            await send({"type": "http.response.body", "body": b""})

        await self._app(scope, watched_receive, lingering_send)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
