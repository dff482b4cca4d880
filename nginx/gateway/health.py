"""Asks the running gateway for its pulse, for the container's HEALTHCHECK and after a reload."""

import http.client

from gateway.addresses import Address

PATH = "/healthz"
TIMEOUT_S = 3.0


def is_alive(listen: Address) -> bool:
    """Whether the gateway that listens there answers; says nothing about the services behind."""
    return pulse(listen) is not None


def pulse(listen: Address) -> str | None:
    """The revision of the configuration in force there, None when nothing answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)
    connection = http.client.HTTPConnection(host, listen.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PATH)
        answer = connection.getresponse()
        words = answer.read(100).decode("ascii", "replace").split()
        return words[-1] if answer.status == http.client.OK and words else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
