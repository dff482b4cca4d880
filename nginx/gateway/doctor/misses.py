"""Origins that are nearly the page's own: what people list by mistake, and what lets in strangers.

Both kinds are found by asking as that origin: a server that answers it gives away its list.
"""

import re
from urllib.parse import urlsplit

from gateway.doctor.fetch import origin_of

try:
    from gateway.suffixes import is_public_suffix
except ImportError:  # the list is a package of its own

    def is_public_suffix(host: str) -> bool:
        return "." not in host and host != "localhost"


# RFC 6761: nobody can ever own a name under it.
STRANGER = "https://gateway-doctor.invalid"
_LABEL = "gateway-doctor"
_LOOPBACK = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}
# where development servers listen: Vite, webpack and Next, uvicorn, ours
_DEVELOPMENT_PORTS = (5173, 3000, 8000, 8080)


def near_misses(origin: str) -> list[tuple[str, str]]:
    """(code of the fault, origin to ask as), most common mistake first."""
    scheme, host, port = _parts(origin)
    other = "http" if scheme == "https" else "https"
    found = [("near_scheme", f"{other}://{host}{port}"), ("near_slash", f"{origin}/")]
    if port:
        found.append(("near_port", f"{scheme}://{host}"))
    else:
        default = 443 if scheme == "https" else 80
        found.append(("near_port", f"{scheme}://{host}:{default}"))
    if host in _LOOPBACK:
        found.append(("near_loopback", f"{scheme}://{_LOOPBACK[host]}{port}"))
        found += [("near_port", f"{scheme}://{host}:{number}") for number in _DEVELOPMENT_PORTS]
    elif _is_name(host):
        # before www: a wildcard that lets www through has let through more than that
        found += [("near_wildcard", f"{scheme}://{text}{port}") for text in _relatives(host)]
        found.append(("near_www", f"{scheme}://{_other_www(host)}{port}"))
        found += [("near_case", f"{scheme}://{text}{port}") for text in _spellings(host)]
    return [(code, text) for code, text in found if text != origin]


def kind_of_miss(origin: str, value: str) -> str | None:
    """The code of the mistake that makes `value` of `origin`; None when they are unrelated."""
    if value.lower() == origin:
        return "near_case"
    if value.lower().rstrip("/") == origin or re.match(re.escape(origin) + "[/?#]", value.lower()):
        return "near_slash"
    try:
        scheme, host, _ = _parts(value.lower().rstrip("/"))
    except ValueError:
        return None
    own_scheme, own_host, _ = _parts(origin)
    if host == own_host:
        return "near_scheme" if scheme != own_scheme else "near_port"
    if host == _other_www(own_host):
        return "near_www"
    return "near_loopback" if _LOOPBACK.get(host) == own_host else None


def holes(origin: str) -> list[str]:
    """Origins of strangers that a careless pattern takes for this one.

    A wildcard over the owner's own domain is none: what is asked always lies outside of it.
    """
    scheme, host, port = _parts(origin)
    found = [f"{scheme}://{host.strip('[]')}.{_LABEL}.invalid{port}"]
    if _is_name(host) and "." in host:
        found.append(f"{scheme}://{_LABEL}{site_of(host)}{port}")
        if host != site_of(host):
            found.append(f"{scheme}://{_undotted(host)}{port}")
    return found


def site_of(host: str) -> str:
    """The registrable domain (HTML, "site"); an address is its own."""
    if not _is_name(host):
        return host
    labels = host.split(".")
    for first in range(len(labels) - 1, -1, -1):
        name = ".".join(labels[first:])
        if not is_public_suffix(name):
            return name
    return host


def is_same_site(one: str, other: str) -> bool:
    """Whether two origins count as one site for cookies, their schemes compared as well."""
    (scheme, host, _), (other_scheme, other_host, _) = _parts(one), _parts(other)
    return scheme == other_scheme and site_of(host) == site_of(other_host)


def _parts(origin: str) -> tuple[str, str, str]:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return parts.scheme, f"[{host}]" if ":" in host else host, port


def _is_name(host: str) -> bool:
    return not host.startswith("[") and not host.rpartition(".")[2].isdigit()


def _other_www(host: str) -> str:
    return host[4:] if host.startswith("www.") else f"www.{host}"


def _spellings(host: str) -> list[str]:
    return [host.upper(), host.title(), host.capitalize()]


def _relatives(host: str) -> list[str]:
    """Names below this one and below each domain above it that is still the same owner's."""
    site, found = site_of(host), [host]
    while found[-1] != site:
        found.append(found[-1].partition(".")[2])
    return [f"{_LABEL}.{name}" for name in found]


def _undotted(host: str) -> str:
    """The dot before the registrable domain as another letter: what an unescaped `.` lets in."""
    site = site_of(host)
    return f"{host[: -len(site) - 1]}x{site}"


def is_origin(value: str) -> bool:
    """Whether a header value has the form of an origin, whoever's it is."""
    try:
        return re.fullmatch(r"https?://[^/?#\s,]+", value) is not None and bool(origin_of(value))
    except ValueError:
        return False
