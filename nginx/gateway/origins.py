"""Origin patterns: what may stand in CORS_ALLOWED_ORIGINS and which Origin headers it matches.

A pattern is an origin as browsers write it (https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin),
with two extensions: a leading `*.` stands for one or more labels, `:*` for any port or none.
"""

import ipaddress
import re
from dataclasses import dataclass, replace

from gateway.faults import Refused
from gateway.international import check_punycode, to_ascii

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST = 253  # bytes, RFC 1035 with the length octets taken off

# Letters, digits, hyphens (RFC 1123) and the underscore, which browsers accept in host names.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"


@dataclass(frozen=True)
class OriginPattern:
    """One allowed origin.

    host        lower-case name, IPv4, or IPv6 in brackets; what follows `*.` with `subdomains`
    subdomains  one or more labels before `host` are required
    port        None is the scheme's default port, which browsers leave out
    any_port    any port that is not the scheme's default, or none
    """

    scheme: str
    host: str
    subdomains: bool = False
    port: int | None = None
    any_port: bool = False

    def __str__(self) -> str:
        port = ":*" if self.any_port else f":{self.port}" if self.port else ""
        return f"{self.scheme}://{'*.' if self.subdomains else ''}{self.host}{port}"

    @property
    def is_loopback(self) -> bool:
        """Whether browsers count it as the visitor's own machine (Secure Contexts, 3.1)."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def secured(self) -> "OriginPattern":
        """The same over https, its port left out where it is that scheme's own."""
        port = None if self.port == DEFAULT_PORTS["https"] else self.port
        return replace(self, scheme="https", port=port)

    def covers(self, other: "OriginPattern") -> bool:
        """Whether every origin that the other one matches is matched by this one, too."""
        same_port = self.port == other.port and not other.any_port
        port = self.any_port or same_port
        if self.scheme != other.scheme or not port:
            return False
        if not self.subdomains:
            return self.host == other.host and not other.subdomains
        below = other.host.endswith(f".{self.host}")
        return below or (other.subdomains and other.host == self.host)

    @property
    def regex(self) -> str:
        """An anchored expression, the same in PCRE and in Python's re.fullmatch.

        Bounded in length where it has a wildcard, so that an 8 KB Origin cannot pass.
        """
        # all that a validated host holds and an expression would read otherwise
        host = re.sub(r"([.\[\]])", r"\\\1", self.host)
        bound = f"(?=[^:]{{1,{MAX_HOST}}}(?::|$))" if self.subdomains else ""
        labels = f"(?:{_LABEL}\\.)+" if self.subdomains else ""
        port = f":{self.port}" if self.port else ""
        if self.any_port:
            port = f"(?::(?!{DEFAULT_PORTS[self.scheme]}$){_PORT})?"
        return f"^{self.scheme}://{bound}{labels}{host}{port}$"


def parse_origin(text: str) -> OriginPattern:
    """Reads one pattern; raises Refused with the reason and the text to write instead."""
    _refuse_odd_writing(text)
    scheme, _, rest = text.partition("://")
    if scheme not in DEFAULT_PORTS:
        raise Refused("only http and https pages are supported", "use an https:// origin")
    if "@" in rest:
        meant = f"{scheme}://{rest.rpartition('@')[2]}"
        raise Refused("an origin has no user name", f"if {meant} is meant, write that")
    if end := re.search(r"[/?]", rest):
        reason = "an origin ends after host and port: no slash, path or query"
        raise Refused(reason, f"{scheme}://{rest[: end.start()]}")
    host, any_port, port = _split_port(scheme, rest)
    subdomains = host.startswith("*.")
    if subdomains:
        host = host[2:]
    try:
        _check_host(host, subdomains)
    except _Misspelt as error:
        raise Refused(error.reason, f"{scheme}://{rest.replace(host, error.fix, 1)}") from None
    return OriginPattern(scheme, host, subdomains, port, any_port)


class _Misspelt(Refused):
    """Its fix is the host alone."""


def _refuse_odd_writing(text: str) -> None:
    if text == "null":
        reason = "sandboxed frames, local files and redirects of anybody send it"
        raise Refused(reason, "serve the page from an http(s) address and list that")
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise Refused("an origin starts with its scheme", _with_scheme(text))
    wildcard, host, end = re.findall(r"(?s)^(\*\.)?([^:/?#@]*)(.*)", rest)[0]
    if not host.isascii():
        meant = f"{scheme}{separator}{wildcard}{to_ascii(host)}{end}"
        raise Refused("browsers send international names in Punycode", meant)
    if text != text.lower():
        raise Refused("browsers send origins in lower case only", text.lower())


def _with_scheme(text: str) -> str:
    """What was most likely meant, or advice: a bare word may be anything."""
    scheme, rest = re.findall(r"(?s)^(?:(https?):)?/*(.*)", text)[0]
    host = re.findall(r"^(\[[^\]]*\]|[^:/?#@]*)", rest)[0]
    if OriginPattern("http", host).is_loopback:
        return f"{scheme or 'http'}://{rest}"  # a development server
    if "." not in host:
        return "write it as in https://app.example.com"
    return f"{scheme or 'https'}://{rest}"


def _split_port(scheme: str, rest: str) -> tuple[str, bool, int | None]:
    match = re.fullmatch(r"((?:\*\.)?\[[^\[\]]*\]|[^:\[\]]*)(?::([^:]*))?", rest)
    if match is None:
        raise Refused("it is not host or host:port", f"write IPv6 in brackets: {scheme}://[::1]")
    host, port = match.group(1), match.group(2)
    if port is None:
        return host, False, None
    if port == "*":
        return host, True, None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        meant = re.fullmatch(r"0+([1-9][0-9]{0,4})", port)
        fix = (
            f"{scheme}://{host}:{meant[1]}" if meant else "write the port's number, or leave it out"
        )
        raise Refused("a port is 1 to 65535 without leading zeros, or *", fix)
    if int(port) == DEFAULT_PORTS[scheme]:
        reason = f"browsers leave out {port}, the default port of {scheme}"
        raise Refused(reason, f"{scheme}://{host}")
    return host, False, int(port)


def _check_host(host: str, subdomains: bool) -> None:
    if not host:
        raise Refused("the host is missing", "write it after ://, as in https://app.example.com")
    if "*" in host:
        reason = "`*` is only a whole first label (https://*.example.com) or a whole port"
        raise Refused(reason, "list the hosts, or use one leading `*.`")
    last = host.rpartition(".")[2]
    if host.startswith("[") or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        if subdomains:
            raise Refused("an IP address has no subdomains", "remove the `*.`")
        _check_address(host)
        return
    if len(host) > MAX_HOST:
        raise Refused(f"a host name is at most {MAX_HOST} bytes", "check for a paste error")
    labels = host.split(".")
    if "" in labels:
        reason = "the host has an empty label (two dots, or one at an end)"
        raise _Misspelt(reason, ".".join(label for label in labels if label))
    for label in labels:
        if not re.fullmatch(_LABEL, label):
            reason = f"{label[:63]} is no host label (a-z, 0-9, _ and inner -; at most 63 bytes)"
            raise Refused(reason, "check the spelling of the host")
        if label.startswith("xn--"):
            check_punycode(label)


def _check_address(host: str) -> None:
    """WHATWG URL: a host whose last label is a number is an IPv4 address or nothing."""
    bracketed = host.startswith("[")
    try:
        if bracketed:
            address = ipaddress.IPv6Address(host[1:-1])
            if address.ipv4_mapped is not None or address.scope_id is not None:
                raise ValueError(host)
            canonical = f"[{address}]"
        else:
            canonical = str(ipaddress.IPv4Address(host))
    except ValueError as error:
        kind = "IPv6 address (no zone, no embedded IPv4)" if bracketed else "IPv4 dotted quad"
        raise Refused(f"it is not a valid {kind}", "write the address as browsers do") from error
    if canonical != host:
        raise _Misspelt("browsers write this address in its shortest form", canonical)
