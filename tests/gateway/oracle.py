"""Who may read an answer, decided a second time: by taking origins apart, not by expressions.

Written from the standards and from what the README promises, without a look at the gateway's own
matching, so that the two can be held against each other.

    https://fetch.spec.whatwg.org/#cors-protocol                       Access-Control-Allow-Origin
    https://fetch.spec.whatwg.org/#byte-serializing-a-request-origin   null, or an origin in ASCII
    https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin     scheme://host[:port]
    https://url.spec.whatwg.org/#host-serializing                      host, and ports left out
"""

import ipaddress
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65_535
LONGEST_HOST = 253  # RFC 1035, 2.3.4, written as text
LONGEST_LABEL = 63
# RFC 1123, 2.1, and the underscore, which the URL standard and name servers let through
LABEL_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_")


@dataclass(frozen=True)
class Origin:
    """What a browser sends, taken apart; port None: the scheme's own."""

    scheme: str
    host: str
    port: int | None


@dataclass(frozen=True)
class Entry:
    """One entry of CORS_ALLOWED_ORIGINS: `*.` stands before the host, `:*` for the port."""

    scheme: str
    host: str
    port: int | None
    subdomains: bool
    any_port: bool

    def covers(self, origin: Origin) -> bool:
        if origin.scheme != self.scheme:
            return False
        if not self.any_port and origin.port != self.port:
            return False
        if self.subdomains:
            return _is_below(origin.host, self.host)
        return origin.host == self.host


def parse_origin(value: str) -> Origin | None:
    """The parts of a byte-serialised tuple origin; None for `null` and all that is none.

    value  one character a byte, as it came behind `Origin: `
    """
    scheme, colon, rest = value.partition("://")
    if not colon or scheme not in DEFAULT_PORTS:
        return None
    if rest.startswith("["):
        literal, bracket, tail = rest[1:].partition("]")
        if not bracket or not _is_serialised_ipv6(literal):
            return None
        host = f"[{literal}]"
    else:
        end = rest.find(":")
        host, tail = (rest, "") if end < 0 else (rest[:end], rest[end:])
        if not _is_serialised_ipv4(host) and not _is_domain(host):
            return None
    if not tail:
        return Origin(scheme, host, None)
    port = _port(tail[1:]) if tail.startswith(":") else None
    if port is None or port == DEFAULT_PORTS[scheme]:
        return None
    return Origin(scheme, host, port)


def parse_policy(setting: str) -> list[Entry]:
    """The entries of the setting; raises ValueError when the README knows none like it."""
    return [_entry(text) for text in words(setting)]


def words(setting: str) -> list[str]:
    """What is separated by spaces or commas, and by nothing else."""
    return [text for text in setting.replace(",", " ").split(" ") if text]


def decide(policy: Sequence[Entry], value: str) -> bool:
    """Whether a page of this origin may read answers."""
    origin = parse_origin(value)
    return origin is not None and any(entry.covers(origin) for entry in policy)


def allow_origin(environment: Mapping[str, str], value: str) -> str | None:
    """What Access-Control-Allow-Origin must say to this Origin; None: it must not be there."""
    setting = environment.get("CORS_ALLOWED_ORIGINS", "")
    if set(words(setting)) == {"*"}:
        return "*"
    return value if decide(parse_policy(setting), value) else None


def _entry(text: str) -> Entry:
    any_port = text.endswith(":*")
    if any_port:
        text = text[:-2]
    scheme, _, host = text.partition("://")
    subdomains = host.startswith("*.")
    origin = parse_origin(f"{scheme}://{host[2:] if subdomains else host}")
    if origin is None:
        raise ValueError(f"{text!r} is no entry of a policy")
    return Entry(origin.scheme, origin.host, origin.port, subdomains, any_port)


def _is_below(host: str, domain: str) -> bool:
    labels, own = host.split("."), domain.split(".")
    return len(labels) > len(own) and labels[-len(own) :] == own


def _is_domain(host: str) -> bool:
    labels = host.split(".")
    # a host that ends in a number is an IPv4 address, or no host at all
    ends_in_a_number = all(character in string.digits for character in labels[-1])
    return len(host) <= LONGEST_HOST and not ends_in_a_number and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= LONGEST_LABEL
        and set(label) <= LABEL_CHARACTERS
        and not label.startswith("-")
        and not label.endswith("-")
    )


def _is_serialised_ipv4(host: str) -> bool:
    """Four decimal numbers without leading zeros: what the URL standard writes back."""
    numbers = host.split(".")
    return len(numbers) == 4 and all(
        _is_decimal(number) and len(number) <= 3 and int(number) <= 255 for number in numbers
    )


def _is_serialised_ipv6(literal: str) -> bool:
    """Compressed, in lower case, without a zone, as RFC 5952 and the URL standard write it."""
    try:
        address = ipaddress.IPv6Address(literal)
    except ValueError:
        return False
    return address.scope_id is None and str(address) == literal


def _port(digits: str) -> int | None:
    if not _is_decimal(digits) or len(digits) > 5:
        return None
    return int(digits) if 1 <= int(digits) <= HIGHEST_PORT else None


def _is_decimal(text: str) -> bool:
    """Digits of ASCII only, and no zero in front."""
    digits = bool(text) and all(character in string.digits for character in text)
    return digits and (text == "0" or not text.startswith("0"))
