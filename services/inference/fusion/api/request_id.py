"""The id that names a request in its answer, in error documents and in the log."""

import re
import uuid

from starlette.datastructures import Headers
from starlette.types import Scope

_KEY = "fusion.request_id"
# The gateway's rule as well: harmless in headers and logs.
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def give_request_id(scope: Scope) -> str:
    """Keeps a sane X-Request-ID of the caller, makes one otherwise, and remembers it."""
    asked = Headers(scope=scope).get("x-request-id", "")
    request_id = asked if _SANE.fullmatch(asked) else uuid.uuid4().hex
    scope[_KEY] = request_id
    return request_id


def request_id_of(scope: Scope) -> str:
    return str(scope[_KEY])
