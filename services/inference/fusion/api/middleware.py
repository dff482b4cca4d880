"""The outermost layer: request id, one log line a request, and no exception gets past it.

Plain ASGI: BaseHTTPMiddleware would hide http.disconnect from the endpoints.
"""

import logging
import time
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fusion.api.problems import internal_error
from fusion.api.request_id import give_request_id

_access = logging.getLogger("fusion.access")
_log = logging.getLogger("fusion.error")


class RequestLog:
    """Names, logs and guards every request. The log has no address, no file name, no picture.

    pulse   routes below this one are asked every few seconds: their 200s are logged at debug only
    """

    def __init__(self, app: ASGIApp, pulse: str) -> None:
        self._app, self._pulse = app, f"{pulse}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started, status = give_request_id(scope), time.perf_counter(), 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        # The last guard: whatever it is must be logged with its request and answered.
        except Exception:
            _log.exception("unhandled exception", extra={"request_id": request_id})
            if status:
                raise  # too late for an answer: the server must cut the connection
            await internal_error(request_id)(scope, receive, send_named)
        finally:
            route = _route_of(scope)
            quiet = status == HTTPStatus.OK and route.startswith(self._pulse)
            _access.log(
                logging.DEBUG if quiet else logging.INFO,
                "request",
                extra={
                    "request_id": request_id,
                    "method": scope["method"],
                    "path": route,
                    "status": status,
                    "duration_ms": round((time.perf_counter() - started) * 1e3, 1),
                },
            )


def _route_of(scope: Scope) -> str:
    # The template and not the path: the id of an uploaded image opens it to whoever reads the log.
    route = scope.get("route")
    return str(getattr(route, "path", "unknown"))
