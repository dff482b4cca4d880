"""Who stands before this gateway and may say where a request came from: a CDN, a load balancer."""

import ipaddress
from dataclasses import dataclass

from gateway.faults import Reader, Refused

TRUSTED = "GATEWAY_TRUSTED_PROXIES"
HEADER = "GATEWAY_CLIENT_ADDRESS_HEADER"

DEFAULTS = {TRUSTED: "", HEADER: "X-Forwarded-For"}
# As their vendors document them; any other header would be one that callers can set unnoticed.
HEADERS = (
    "X-Forwarded-For",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Azure-ClientIP",
)
# Wider ones are no single owner's, and two halves of the internet are all of it.
_SHORTEST_PREFIX = {4: 8, 6: 16}
# From here on a slip of the pen trusts no whole continent.
_ONE_OWNERS_PREFIX = {4: 16, 6: 32}
_LONGER = "write where the network begins, or the longer prefix that is meant"
_PRIVATE = ipaddress.ip_network("fc00::/7")
# All of IPv4 once more, as 6to4 and NAT64 write it.
_TRANSLATED = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("64:ff9b::/96"))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Proxies:
    """Whose word is taken, and which one.

    trusted  networks in CIDR notation; empty: nobody's
    header   where they write the client's address
    """

    trusted: tuple[str, ...]
    header: str


def read_proxies(reader: Reader) -> Proxies:
    """The proxies of the reader's environment; faults land in the reader."""
    return Proxies(
        trusted=reader.many(TRUSTED, DEFAULTS[TRUSTED], parse_network),
        header=reader.one(HEADER, DEFAULTS[HEADER], parse_header),
    )


def parse_network(text: str) -> str:
    """`10.0.0.0/8`, `2001:db8::/32` or one address, in canonical form; raises Refused."""
    try:
        # without a zone (fe80::1%eth0): nginx knows none
        network = ipaddress.ip_network(text.replace("%", "?"), strict=False)
    except ValueError:
        reason = "it is no IP address or network"
        raise Refused(reason, "write it as in 10.0.0.0/8 or 2001:db8::/32") from None
    wide = network.prefixlen < _SHORTEST_PREFIX[network.version] and network != _PRIVATE
    if wide or any(_holds(network, other) for other in _TRANSLATED):
        reason = "it is far more than one owner's: any caller could then choose its address"
        raise Refused(reason, "list the networks of your proxies")
    if mapped := _mapped(network):
        raise Refused("clients over IPv4 have IPv4 addresses here", str(mapped))
    written = ipaddress.ip_interface(text)
    if "/" in text and written.ip != network.network_address:
        reason = f"{written.ip} is inside of that network, not its beginning"
        raise Refused(reason, str(network) if _may_be_one_owners(network) else _LONGER)
    return str(network)


def _may_be_one_owners(network: Network) -> bool:
    return network.is_private or network.prefixlen >= _ONE_OWNERS_PREFIX[network.version]


def _mapped(network: Network) -> ipaddress.IPv4Network | None:
    """The IPv4 network that ::ffff:0:0/96 writes another way."""
    first = network.network_address
    if isinstance(first, ipaddress.IPv4Address) or not first.ipv4_mapped:
        return None
    return ipaddress.IPv4Network((first.ipv4_mapped, max(network.prefixlen - 96, 0)))


def _holds(network: Network, other: ipaddress.IPv6Network) -> bool:
    return isinstance(network, ipaddress.IPv6Network) and other.subnet_of(network)


def parse_header(text: str) -> str:
    known = {name.lower(): name for name in HEADERS}
    if text.lower() not in known:
        reason = f"the known ones are {', '.join(HEADERS)}"
        raise Refused(reason, DEFAULTS[HEADER])
    return known[text.lower()]
