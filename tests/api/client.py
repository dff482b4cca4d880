"""A blocking client that calls the application itself: httpx over ASGI, on a loop in a thread."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx
from fastapi import FastAPI


class Client:
    """httpx's requests against one application; its lifespan runs while the client is open."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stack = contextlib.AsyncExitStack()

    def __enter__(self) -> "Client":
        self._thread.start()
        self._wait(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        body = options.get("content")
        if body is not None and not isinstance(body, bytes):
            options["content"] = _asynchronous(body)
        return self._wait(self._http.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def becomes(self, path: str, status: int, text: str = "") -> httpx.Response:
        """The first answer with this status and text: the models load in the background."""
        give_up = time.monotonic() + 120
        while True:
            answer = self.get(path)
            if answer.status_code == status and text in answer.text:
                return answer
            assert time.monotonic() < give_up, answer.text
            time.sleep(0.02)

    async def _open(self) -> None:
        await self._stack.enter_async_context(self.app.router.lifespan_context(self.app))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://service", timeout=None)
        )

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _asynchronous(chunks: Iterable[bytes] | Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
