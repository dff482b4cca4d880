"""The errors that nginx makes itself, as rows: what a caller is told about each.

They have the API's shape (RFC 9457 with `code` and `request_id`); errors of the upstreams pass
through untouched. One status cannot be here: nginx ends the connection of a client that is too
slow (408) without an answer.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ProblemDocument:
    """One row.

    detail         public sentence: what is wrong and what to do
    retry_after_s  seconds for Retry-After, None where trying again would not help
    nginx_status   what nginx calls the condition where that is not the HTTP status
    early          nginx may find it before it knows the address; without the headers of the request
                   there can be no CORS headers
    """

    status: int
    code: str
    title: str
    detail: str
    retry_after_s: int | None = None
    nginx_status: int | None = None
    early: bool = False

    @property
    def condition(self) -> str:
        """What stands in `error_page` before the location: `413`, or `494 =431`."""
        return f"{self.nginx_status} ={self.status}" if self.nginx_status else f"{self.status}"


_ROWS = (
    ProblemDocument(
        308,
        "HTTPS_REQUIRED",
        "This address is reached with HTTPS",
        "Send the request to the address that the Location header names.",
    ),
    ProblemDocument(
        400,
        "INVALID_REQUEST",
        "The request cannot be understood",
        "This is no valid HTTP request: its address or its headers are broken.",
        early=True,
    ),
    ProblemDocument(403, "FORBIDDEN", "Forbidden", "This address is not for callers."),
    ProblemDocument(404, "NOT_FOUND", "Not found", "There is nothing at this address."),
    ProblemDocument(
        405, "METHOD_NOT_ALLOWED", "Method not allowed", "This method is not supported."
    ),
    ProblemDocument(
        411, "LENGTH_REQUIRED", "Length required", "Send the length of the request body."
    ),
    ProblemDocument(
        412,
        "PRECONDITION_FAILED",
        "A condition of the request does not hold",
        "Send it without If-Match and If-Unmodified-Since.",
    ),
    ProblemDocument(
        413,
        "REQUEST_TOO_LARGE",
        "The request is too large",
        "The request body may have at most {limit_mb:g} MB. Send smaller pictures.",
    ),
    ProblemDocument(
        414,
        "ADDRESS_TOO_LONG",
        "The address is too long",
        "Send options as form fields and not in the address.",
        early=True,
    ),
    ProblemDocument(
        429,
        "RATE_LIMITED",
        "Too many requests",
        "Wait a moment before the next request.",
        retry_after_s=1,
    ),
    ProblemDocument(
        431,
        "HEADERS_TOO_LARGE",
        "The request headers are too large",
        "Send shorter headers or fewer cookies.",
        nginx_status=494,
    ),
    ProblemDocument(
        500, "INTERNAL_ERROR", "Internal error", "The gateway failed. Try again later.", 5
    ),
    ProblemDocument(
        501, "NOT_IMPLEMENTED", "Not implemented", "This way of transfer is not supported."
    ),
    ProblemDocument(
        502,
        "UPSTREAM_UNAVAILABLE",
        "The service cannot be reached",
        "The service is starting or stopped. Try again in a few seconds.",
        retry_after_s=2,
    ),
    ProblemDocument(
        503,
        "UPSTREAM_UNAVAILABLE",
        "The service is not available",
        "The service takes no requests at the moment. Try again in a few seconds.",
        retry_after_s=2,
    ),
    ProblemDocument(
        504,
        "UPSTREAM_TIMEOUT",
        "The service did not answer in time",
        "It is starting, stopped or busy. Try again soon, perhaps with smaller pictures.",
        retry_after_s=10,
    ),
    ProblemDocument(
        505,
        "HTTP_VERSION_NOT_SUPPORTED",
        "This version of HTTP is not supported",
        "Speak HTTP/1.1, or HTTP/2 where the connection has agreed on it.",
        early=True,
    ),
)


def problem_documents(max_body_bytes: int) -> tuple[ProblemDocument, ...]:
    """All rows; the one about the body names its limit."""
    limit_mb = max_body_bytes / (1 << 20)
    return tuple(replace(row, detail=row.detail.format(limit_mb=limit_mb)) for row in _ROWS)
