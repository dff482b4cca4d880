"""Random policies, and origins that try to pass for one of theirs.

All from the generator that is handed in: the same seed gives the same questions.
"""

import random
import string
from collections.abc import Callable

WORDS = ["app", "api", "cdn", "shop", "a", "x1", "my-app", "0", "xn--bcher-kva", "a--b", "www"]
DOMAINS = ["example.com", "example.net", "example.org", "co.example", "deep.er.example", "x.test"]
ADDRESSES = ["127.0.0.1", "10.20.30.40", "192.168.1.254", "203.0.113.9"]
ADDRESSES_6 = ["[::1]", "[2001:db8::1]", "[fe80::a:b]", "[2001:db8:1:2:3:4:5:6]"]
PORTS = [1, 8, 80, 81, 443, 444, 3000, 4430, 5173, 8000, 8080, 8443, 9999, 10000, 65535]
# All that HTTP and nginx let into a value, controls and bytes beyond ASCII among them.
BYTES = [chr(code) for code in range(1, 256) if chr(code) not in "\r\n"]
ODD = ["\t", " ", ".", ":", "/", "@", "\\", "?", "#", "%", "*", "[", "]", "$", "^", "|", "\x7f"]
ODD += ["%00", "%2e", "\xe4", "\xff", "\u00e2\u0080\u00a8", "\x01", "\x0b", "\x1f", "\x85", "\xa0"]
BEFORE = ["evil", "evil-", "evil.", "evil.example/", "evil.example?", "evil.example#", "a.b."]
BEFORE += ["evil.example\\", "user@", "user:secret@", "evil.example:80.", "-", "_.", "*.", "."]
NEVER = ["null", "NULL", "Null", "nul", "null ", "*", "file://", "about:blank", "data:", "blob:"]
NEVER += ["undefined", "none", "https://", "http://", "://", "https", "~.*", "^.*$", "default"]


def policy(rng: random.Random) -> list[str]:
    """Entries that the documentation calls good ones."""
    return list(dict.fromkeys(_entry(rng) for _ in range(rng.randint(1, 8))))


def question(rng: random.Random, entries: list[str], others: list[str]) -> str:
    """An origin: an allowed one, one of another policy, or either of them changed."""
    entry = rng.choice(others if rng.random() < 0.1 else entries)
    origin = _member(rng, entry)
    for _ in range(rng.choice([0, 0, 1, 1, 1, 1, 2, 3])):
        origin = rng.choice(MUTATIONS)(rng, origin)
    if rng.random() < 0.01:
        origin = rng.choice(NEVER)
    # nginx takes the spaces around a value away: they are no part of it
    return origin.strip(" ")


def long_question(rng: random.Random, entries: list[str], longest: int) -> str:
    """An origin of up to `longest` characters around one that is allowed."""
    origin = _member(rng, rng.choice(entries))
    filler = rng.choice(["a", "a.", "0", "-", ".", "\xff", "a" * 63 + "."])
    filler *= rng.randint(30, longest - len(origin)) // len(filler)
    scheme, _, rest = origin.partition("://")
    return rng.choice([origin + filler, f"{scheme}://{filler}{rest}", filler + origin])


def _entry(rng: random.Random) -> str:
    scheme = rng.choice(["http", "https", "https"])
    kind = rng.random()
    if kind < 0.1:
        host = rng.choice(ADDRESSES)
    elif kind < 0.2:
        host = rng.choice(ADDRESSES_6)
    elif kind < 0.3:
        host = "localhost"
    else:
        labels = [rng.choice(WORDS) for _ in range(rng.choice([0, 1, 1, 2]))]
        host = ".".join([*labels, rng.choice(DOMAINS)])
        if rng.random() < 0.45:
            host = f"*.{host}"
    return f"{scheme}://{host}{_written_port(rng, scheme)}"


def _written_port(rng: random.Random, scheme: str) -> str:
    kind = rng.random()
    if kind < 0.55:
        return ""
    return ":*" if kind < 0.75 else _some_port(rng, scheme)


def _some_port(rng: random.Random, scheme: str) -> str:
    own = {"http": 80, "https": 443}[scheme]
    port = rng.choice([*PORTS, rng.randint(1, 65535)])
    return "" if port == own else f":{port}"


def _member(rng: random.Random, entry: str) -> str:
    """An origin that the entry means."""
    scheme, _, rest = entry.partition("://")
    if rest.endswith(":*"):
        rest = rest[:-2] + _some_port(rng, scheme)
    if rest.startswith("*."):
        depth = rng.choice([1, 1, 1, 2, 3, 8])
        rest = ".".join(_label(rng) for _ in range(depth)) + rest[1:]
    return f"{scheme}://{rest}"


def _label(rng: random.Random) -> str:
    if rng.random() < 0.7:
        return rng.choice(WORDS)
    length = rng.choice([1, 2, 3, 8, 62, 63, 64])
    return "".join(rng.choices(string.ascii_lowercase + string.digits + "-_", k=length))


def _insert(rng: random.Random, origin: str, text: str) -> str:
    place = rng.randint(0, len(origin))
    return origin[:place] + text + origin[place:]


def _drop(rng: random.Random, origin: str) -> str:
    place = rng.randrange(len(origin)) if origin else 0
    return origin[:place] + origin[place + 1 :]


def _swap(rng: random.Random, origin: str) -> str:
    place = rng.randrange(len(origin)) if origin else 0
    return origin[:place] + rng.choice(BYTES) + origin[place + 1 :]


def _dot_to_letter(rng: random.Random, origin: str) -> str:
    places = [place for place, character in enumerate(origin) if character == "."]
    if not places:
        return origin
    place = rng.choice(places)
    return origin[:place] + rng.choice(["x", "-", "_", "..", "", "%2e", "0"]) + origin[place + 1 :]


def _suffix(rng: random.Random, origin: str) -> str:
    stranger = rng.choice(["evil.example", "example.com", "com", "x", "0"])
    return origin + rng.choice([".", "-", "", "@", ":", "/", "?", "#", "\\", " ", ","]) + stranger


def _prefix(rng: random.Random, origin: str) -> str:
    scheme, separator, rest = origin.partition("://")
    many = ["a" * 63 + ".", "a" * 64 + ".", "a." * rng.randint(1, 140)]
    before = rng.choice([*BEFORE, *many])
    return scheme + separator + before + rest


def _around(rng: random.Random, origin: str) -> str:
    other = rng.choice(["https://evil.example", "null", origin])
    between = rng.choice([" ", ",", ", ", "\t", ";", "|"])
    return origin + between + other if rng.random() < 0.5 else other + between + origin


def _port_of(rng: random.Random, origin: str) -> str:
    head, colon, tail = origin.rpartition(":")
    bare = head if colon and tail.isdigit() else origin
    port = rng.choice(["", "0", "80", "443", "080", "00", "65535", "65536", "99999", "123456"])
    if rng.random() < 0.4:
        port = str(rng.choice(PORTS))
    extra = rng.choice(["", "", "", "x", " ", "/", ":1", "*", "\t", "+", "-"])
    return f"{bare}{rng.choice([':', ':', ':', '::', ''])}{port}{extra}"


def _scheme(rng: random.Random, origin: str) -> str:
    _, _, rest = origin.partition("://")
    schemes = [
        "http",
        "https",
        "ftp",
        "ws",
        "wss",
        "file",
        "HTTPS",
        "Http",
        "",
        "x-https",
        "httpss",
    ]
    return rng.choice(schemes) + rng.choice(["://", "://", "://", ":", ":/", ":///", "//"]) + rest


def _upper(rng: random.Random, origin: str) -> str:
    place = rng.randint(0, len(origin))
    end = len(origin) if rng.random() < 0.3 else place + 1
    part = origin[place:end].encode("latin-1").upper()  # of bytes: changes ASCII only
    return origin[:place] + part.decode("latin-1") + origin[place + len(part) :]


def _tail(rng: random.Random, origin: str) -> str:
    return origin + rng.choice([".", "/", "/path", "?", "#", ":", "\t", "\\", "%", "$"])


def _address(rng: random.Random, origin: str) -> str:
    scheme, _, _ = origin.partition("://")
    hosts = ["127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01", "127.0.0.1.", "127.0.0.256"]
    hosts += ["[0:0:0:0:0:0:0:1]", "[::1", "::1", "[::1]]", "[::1%25lo]", "[::2]", "[::0001]"]
    hosts += ["[2001:DB8::1]", "[2001:db8:0::1]", "[]", "10.20.30.4", "10.20.30.400"]
    return f"{scheme}://{rng.choice(hosts)}"


def _parent(rng: random.Random, origin: str) -> str:
    scheme, separator, rest = origin.partition("://")
    return scheme + separator + rest.partition(".")[2]


MUTATIONS: list[Callable[[random.Random, str], str]] = [
    lambda rng, origin: _insert(rng, origin, rng.choice(ODD)),
    lambda rng, origin: _insert(rng, origin, rng.choice(BYTES)),
    lambda rng, origin: _insert(rng, origin, rng.choice(string.ascii_letters + "0-_")),
    _drop,
    _swap,
    _dot_to_letter,
    _suffix,
    _prefix,
    _prefix,
    _around,
    _port_of,
    _port_of,
    _scheme,
    _upper,
    _tail,
    _parent,
    _address,
]
