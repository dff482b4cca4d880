"""Every error as application/problem+json (RFC 9457): the one place where errors become HTTP."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fusion.api.request_id import request_id_of
from fusion.errors import FusionError, InvalidParameter

MEDIA_TYPE = "application/problem+json"
# nginx's name for it; nobody receives it, it only stands in the log.
CLIENT_CLOSED_REQUEST = 499

_FRAMEWORK = {
    404: ("NOT_FOUND", "Not found", "There is nothing at this address. /api/docs lists what is."),
    405: ("METHOD_NOT_ALLOWED", "Method not allowed", "The Allow header lists what is supported."),
}


def problem(
    status: int, code: str, title: str, detail: str, request_id: str, **extra: Any
) -> Response:
    """A problem document; its type leads to the list of codes in the documentation."""
    document = {
        "type": f"/api/docs#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **extra,
    }
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, status, {"Cache-Control": "no-store"}, media_type=MEDIA_TYPE)


def of_error(error: FusionError, request_id: str) -> Response:
    """A FusionError as an answer; one that knows when to try again gets Retry-After."""
    extra = dict(error.extra)
    wait_s = extra.pop("retry_after_s", getattr(error, "retry_after_s", None))
    response = problem(error.status, error.code, error.title, error.detail, request_id, **extra)
    if wait_s is not None:
        response.headers["Retry-After"] = str(wait_s)
    return response


def internal_error(request_id: str) -> Response:
    """What a caller is told of an exception that nobody foresaw: nothing but the request id."""
    detail = "The service failed. Report the request id if it happens again."
    return problem(500, FusionError.code, FusionError.title, detail, request_id)


async def _fusion_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FusionError)
    return of_error(error, request_id_of(request.scope))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code, title, detail = _FRAMEWORK.get(
        error.status_code, (phrase.upper().replace(" ", "_"), phrase, str(error.detail))
    )
    request_id = request_id_of(request.scope)
    response = problem(error.status_code, code, title, detail, request_id)
    response.headers.update(error.headers or {})
    return response


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"parameter": str(row["loc"][-1]), "value": None, "message": row["msg"]}
        for row in error.errors()
    ]
    named = ", ".join(str(row["parameter"]) for row in errors)
    return of_error(
        InvalidParameter(f"Not usable: {named}.", errors=errors), request_id_of(request.scope)
    )


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def install(app: FastAPI) -> None:
    """Registers the handlers. Unforeseen exceptions are caught by the outermost middleware."""
    app.add_exception_handler(FusionError, _fusion_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
