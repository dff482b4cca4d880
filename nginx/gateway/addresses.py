"""host:port settings: where the gateway listens and where its upstreams are."""

import ipaddress
import re
from dataclasses import dataclass

from gateway.faults import Refused

_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*", re.I | re.A
)

_AS_IN = "write it as in inference:8000, 127.0.0.1:8000 or [::1]:8000"


@dataclass(frozen=True)
class Address:
    """A host and a port; `host` is a name, an IPv4 address, or an IPv6 address without brackets."""

    host: str
    port: int

    @property
    def is_name(self) -> bool:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_upstream(text: str) -> Address:
    """`name:port`, `1.2.3.4:port` or `[::1]:port`; raises Refused."""
    if match := re.fullmatch(r"https?://([^/]*)/?", text):
        raise Refused("it is an address, not a URL", match.group(1))
    host, port = _split(text)
    address = Address(host, port)
    if address.is_name and (not _NAME.fullmatch(host) or re.search(r"(^|\.)[0-9]+$", host)):
        raise Refused(f"{host[:63]} is no host name or IP address", _AS_IN)
    return address


def parse_listen(text: str) -> Address:
    """Like parse_upstream, but only addresses of this machine: IPs, `*` for all, localhost."""
    if re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise Refused("it is a port alone", f"127.0.0.1:{text}")
    host, port = _split(text)
    host = {"*": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host)
    address = Address(host, port)
    if address.is_name:
        reason = "nginx listens on an address, not on a name"
        raise Refused(reason, f"0.0.0.0:{port} (all interfaces) or 127.0.0.1:{port}")
    return address


def _split(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]\s]+)):([1-9][0-9]{0,4})", text)
    if match is None or int(match.group(3)) > 65535:
        raise Refused("it is not host:port with a port from 1 to 65535", _AS_IN)
    v6, other, port = match.groups()
    if v6 is None:
        return other, int(port)
    try:
        return str(ipaddress.IPv6Address(v6)), int(port)
    except ValueError as error:
        raise Refused(f"{v6} is no IPv6 address", _AS_IN) from error
