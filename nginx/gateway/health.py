"""Asks the running gateway for its pulse, for the container's HEALTHCHECK."""

import http.client

from gateway.addresses import Address

PATH = "/healthz"
TIMEOUT_S = 3.0


def is_alive(listen: Address) -> bool:
    """Whether the gateway that listens there answers; says nothing about the services behind."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)
    connection = http.client.HTTPConnection(host, listen.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
