"""Deployments that do not answer a browser at all."""

from contextlib import nullcontext

from tests.gateway.doctor.kinds import (
    ADD,
    JSON,
    OPTIONS,
    Broken,
    always,
)
from tests.gateway.doctor.servers import (
    nginx,
    raw,
    waiting,
)

LONG = "x" * 9000
REACH = (
    Broken("nobody listens", "refused", lambda folder: nullcontext("http://127.0.0.1:1/")),
    Broken(
        "no such name",
        "name_not_resolved",
        lambda folder: nullcontext("http://doctor.invalid/"),
        (),
        "http://localhost:3000",
    ),
    Broken("mixed content", "mixed_content", lambda folder: nullcontext("http://api.example.com/")),
    Broken("no answer in time", "timeout", waiting(b""), ("--timeout", "0.3")),
    Broken("closes at once", "closed", raw(b"")),
    Broken("another protocol", "not_http", raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Broken("another protocol, and goes on", "not_http", waiting(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Broken("a TLS alert", "http_to_https_port", raw(b"\x15\x03\x01\0\2\2\x28")),
    Broken("a TLS alert, and goes on", "http_to_https_port", waiting(b"\x15\x03\x03\0\2\2\x0a")),
    Broken(
        "Go's plain request at a TLS port",
        "http_to_https_port",
        raw(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"),
    ),
    Broken("https on a plain port", "tls_not_spoken", nginx("", scheme="https")),
    Broken("a very long address", "uri_too_long", nginx(f"{ADD} always;", path=f"/api?{LONG}")),
    Broken(
        "very long headers",
        "headers_too_large",
        nginx(OPTIONS.replace("Content-Type", "X-Long")),
        ("--header", f"X-Long: {LONG}"),
    ),
    Broken("431", "headers_too_large", always(431), JSON),
    Broken("a wrong path", "url_not_found", always(404), ("--method", "DELETE")),
)
