"""How many requests and connections one client may have; what a client is, is in proxies.py."""

from dataclasses import dataclass

from gateway.amounts import whole_number
from gateway.faults import Reader

CONNECTIONS = "GATEWAY_MAX_CONNECTIONS_PER_CLIENT"
RATE = "GATEWAY_RATE_PER_SECOND"
BURST = "GATEWAY_RATE_BURST"

DEFAULTS = {
    # an office behind one address, each browser with its 6; far below worker_connections
    CONNECTIONS: "64",
    # a page asks once a second at most; a slider that is dragged asks a few times
    RATE: "20",
    BURST: "100",
}
HIGHEST = 10_000


@dataclass(frozen=True)
class Limits:
    """Shares of one client; 0 in the first two is no limit.

    connections      at a time; over HTTP/2 each running request counts as one
    rate_per_second  requests to /api/, on average
    burst            requests to /api/ beyond that, at once
    """

    connections: int
    rate_per_second: int
    burst: int


def read_limits(reader: Reader) -> Limits:
    """The limits of the reader's environment; faults land in the reader."""
    none, least = 0, 1

    def number(variable: str, low: int, unit: str) -> int:
        default = DEFAULTS[variable]
        return reader.one(variable, default, whole_number(low, HIGHEST, unit, default))

    return Limits(
        connections=number(CONNECTIONS, none, "connections"),
        rate_per_second=number(RATE, none, "requests"),
        burst=number(BURST, least, "requests"),
    )
