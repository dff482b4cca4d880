"""Why no answer came: the exceptions of sockets, TLS and the answer's reader as one word each."""

import socket
import ssl
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "name_not_resolved",
    "refused",
    "unreachable",
    "timeout",
    "closed",
    "not_http",
    "status_line_broken",
    "headers_cut",
    "answer_headers_too_large",
    "nul_in_headers",
    "header_twice",
    "http_to_https_port",
    "tls_not_spoken",
    "tls_self_signed",
    "tls_expired",
    "tls_wrong_name",
    "tls_untrusted",
    "tls_failed",
]

# OpenSSL's X509_V_ERR_* (x509_vfy.h)
_CERTIFICATE: dict[int, Kind] = {
    9: "tls_expired",  # not yet valid: a clock or a date, too
    10: "tls_expired",
    18: "tls_self_signed",
    19: "tls_untrusted",  # a private authority at the end of the chain
    20: "tls_untrusted",
    21: "tls_untrusted",
    62: "tls_wrong_name",
    64: "tls_wrong_name",
}
_PLAIN_TEXT = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_KINDS: tuple[tuple[type[Exception], Kind], ...] = (
    (socket.gaierror, "name_not_resolved"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "closed"),
    (OSError, "unreachable"),
)


class BrokenAnswer(Exception):
    """What came is no answer, or one that browsers refuse as a whole."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@dataclass(frozen=True)
class Failure:
    """No answer.

    detail  the system's own words, for the evidence
    """

    kind: Kind
    detail: str


def failure_of(error: OSError | BrokenAnswer) -> Failure:
    return Failure(_kind(error), str(error) or type(error).__name__)


def _kind(error: OSError | BrokenAnswer) -> Kind:
    if isinstance(error, BrokenAnswer):
        return error.kind
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "tls_failed")
    if isinstance(error, ssl.SSLError):
        return "tls_not_spoken" if error.reason in _PLAIN_TEXT else "tls_failed"
    return next(kind for types, kind in _KINDS if isinstance(error, types))
