"""Where upstream names are looked up: nginx reads neither /etc/resolv.conf nor /etc/hosts."""

import ipaddress
from pathlib import Path

from gateway.addresses import Address

RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")


def nameservers(resolv_conf: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The machine's name servers as nginx's `resolver` takes them, IPv6 in brackets.

    Inside compose this is Docker's own at 127.0.0.11. Scoped addresses (fe80::1%eth0) are left
    out: nginx cannot use them.
    """
    found = []
    for line in _lines(resolv_conf):
        match line.split():
            case ["nameserver", text, *_]:
                try:
                    address = ipaddress.ip_address(text)
                except ValueError:
                    continue
                if not getattr(address, "scope_id", None):
                    found.append(f"[{address}]" if address.version == 6 else str(address))
    return tuple(dict.fromkeys(found))


def pinned(address: Address, hosts: Path = HOSTS) -> Address:
    """The address with its name replaced by what the hosts file says, IPv4 first; else as it is.

    localhost and Docker's `extra_hosts` exist only in that file; they do not change at run time.
    """
    if not address.is_name:
        return address
    found = []
    for line in _lines(hosts):
        fields = line.split("#")[0].split()
        if address.host.lower() in (name.lower() for name in fields[1:]):
            found.append(Address(fields[0], address.port))
    if not found and address.host.lower() == "localhost":
        return Address("127.0.0.1", address.port)  # RFC 6761: never asked of a name server
    found = [entry for entry in found if not entry.is_name]
    return min(found, key=lambda entry: ":" in entry.host, default=address)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
