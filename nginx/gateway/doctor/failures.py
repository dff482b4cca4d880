"""Why no answer came: the exceptions of sockets, TLS and http.client as one word each."""

import http.client
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
# RFC 8446 5.1: a record of type alert, version 3.x, as repr() writes it
_ALERT = r"\x15\x03"
_KINDS: tuple[tuple[type[Exception], Kind], ...] = (
    (socket.gaierror, "name_not_resolved"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "closed"),  # RemoteDisconnected is one, though a BadStatusLine as well
    (http.client.HTTPException, "not_http"),
    (OSError, "unreachable"),
)


@dataclass(frozen=True)
class Failure:
    """No answer.

    detail  the system's own words, for the evidence
    """

    kind: Kind
    detail: str


def failure_of(error: OSError | http.client.HTTPException) -> Failure:
    return Failure(_kind(error), str(error) or type(error).__name__)


def _kind(error: OSError | http.client.HTTPException) -> Kind:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "tls_failed")
    if isinstance(error, ssl.SSLError):
        return "tls_not_spoken" if error.reason in _PLAIN_TEXT else "tls_failed"
    # the status line that could not be read is its only argument
    if isinstance(error, http.client.BadStatusLine) and str(error).strip("'").startswith(_ALERT):
        return "http_to_https_port"
    return next(kind for types, kind in _KINDS if isinstance(error, types))
