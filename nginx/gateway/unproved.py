"""Edits that open the API in a way that no list of questions could find.

What decides about CORS can hang on anything that a request has: its address, a header, its address
on the network, the time. So nothing is taken there but what the settings say, as the shipped
templates put it, and what only says no.

A header that opens is `add_header Access-Control-Allow-*` (or -Expose-). Its value may be one of
our variables or a list that the settings cover; our variables may be made by the maps of `_rows`
alone; and what a service says about CORS must be hidden.
"""

import re
from collections.abc import Iterator

from gateway.configuration import Directive, names_in
from gateway.policy import CorsPolicy

_OPENS = re.compile(r"access-control-(allow|expose)-[a-z-]+", re.I)
_OUR_VALUES = {
    "access-control-allow-origin": "$cors_allow_origin",
    "access-control-allow-credentials": "$cors_allow_credentials",
    "access-control-expose-headers": "$cors_expose_headers",
}
_BREAK = re.compile(r"[\r\n]")
_HEADERS = ("add_header", "add_trailer")
_NO = ("", "0")
_VOLATILE = ("volatile",)  # in a map, and no row of it
_PASS = re.compile(r"(proxy|fastcgi|scgi|uwsgi|grpc)_pass")
_CAPTURE = re.compile(r"\(\?P?[<'](\w+)[>']")
# Languages in which a header can be made without its name standing there.
_SCRIPTS = re.compile(r"js_\w+|perl\w*|\w+_by_lua\w*|more_\w+_headers")
# What a service must not say for itself.
_HIDDEN = tuple(
    f"access-control-{name}"
    for name in (
        "allow-origin",
        "allow-credentials",
        "allow-methods",
        "allow-headers",
        "expose-headers",
        "max-age",
        "allow-private-network",
        "allow-local-network",
    )
)
_IGNORED = "x-accel-redirect"  # a service would choose an internal location by it
_Rows = dict[tuple[str, str], set[tuple[str, ...]]]


def unproved(policy: CorsPolicy, whole: Directive) -> list[str]:
    """The directives that decide about CORS beyond the settings, as written.

    whole  the rendered configuration, of the settings that it will run with
    """
    everything = list(whole.all())
    deciding, rows, told = _deciding(everything), _rows(policy), _told_by_callers(everything)
    doubtful = [
        directive
        for directive in everything
        if _opens(directive, policy)
        or _defines(directive, deciding, rows)
        or _passes_on(directive)
        or _breaks_lines(directive, rows)
        or _lets_callers_write(directive, told)
    ]
    return list(dict.fromkeys(map(str, doubtful)))


def unread(whole: Directive) -> list[str]:
    """The includes of what could not be read: nobody knows what they open."""
    found = (str(directive) for directive in whole.all() if directive.name == "include")
    return list(dict.fromkeys(found))


def silent_errors(whole: Directive) -> list[str]:
    """Errors of the API that pages cannot read: the location that answers one sends no origin."""
    everything = list(whole.all())
    locations = {d.words[-1]: d for d in everything if d.name == "location"}
    found = []
    for directive in everything:
        answers = locations.get(directive.words[-1])
        if directive.name == "error_page" and answers and _is_of_api(directive):
            names = {d.words[1].lower() for d in answers.inside if d.name == "add_header"}
            if names and "access-control-allow-origin" not in names:
                found.append(str(directive))
    return list(dict.fromkeys(found))


def _is_of_api(directive: Directive) -> bool:
    """Whether the API can be in the block that it stands in: a server, or a location that may."""
    block = directive.around
    if block is None or block.name != "location":
        return True
    path = block.words[-1]
    return "api" in path or (block.words[1] in ("~", "~*") and not path.startswith("^/"))


def _opens(directive: Directive, policy: CorsPolicy) -> bool:
    """Whether it sends a header that opens, with a value beyond the settings."""
    name, *rest = directive.words
    if _SCRIPTS.fullmatch(name):
        return True
    if name == "add_header" and rest and _OPENS.fullmatch(rest[0]):
        return not _covered(rest[0].lower(), rest[1] if len(rest) > 1 else "", policy)
    hides = name.endswith("_hide_header")
    return not hides and any(_OPENS.search(word) for word in directive.words)


def _covered(header: str, value: str, policy: CorsPolicy) -> bool:
    if value == _OUR_VALUES.get(header):
        return True
    lists = {
        "access-control-allow-methods": policy.methods,
        "access-control-allow-headers": policy.headers,
        "access-control-expose-headers": policy.exposed_headers,
    }
    if header in lists:
        meant = {name.lower() for name in lists[header]}
        return {name.strip().lower() for name in value.split(",") if name.strip()} <= meant
    return header == "access-control-allow-credentials" and value == "true" and policy.credentials


def _rows(policy: CorsPolicy) -> _Rows:
    """(source, variable) of each map that may decide -> its rows that do not say no."""
    any_origin = policy.any_origin
    origins: set[tuple[str, ...]] = {(f"~{origin.regex}", "1") for origin in policy.origins}
    granted: set[tuple[str, ...]] = {("11", "1")}
    credentials: set[tuple[str, ...]] = set()
    if any_origin:
        origins.add(("default", "1"))
        granted.add(("1", "1"))
    if policy.credentials:
        credentials.add(("1", "true"))
    return {
        ("$uri", "$cors_path"): {
            ("~^/api(?:/|(?!\n)$)", "1"),  # a line break: nginx itself reads \n so
            (r"~^/\.problem/[0-9]+$", "$cors_asked_path"),
        },
        ("$request_uri", "$cors_asked_path"): {("~^/api(?:[/?]|$)", "1")},
        ("$http_origin", "$cors_origin_allowed"): origins,
        ("$cors_path$cors_origin_allowed", "$cors_granted"): granted,
        ("$cors_granted", "$cors_allow_origin"): {("1", "*" if any_origin else "$http_origin")},
        ("$cors_granted", "$cors_allow_credentials"): credentials,
        ("$cors_granted", "$cors_expose_headers"): {("1", ", ".join(policy.exposed_headers))},
    }


def _defines(directive: Directive, deciding: set[str], rows: _Rows) -> bool:
    """Whether it gives a variable that decides a value beyond the settings."""
    words, block = directive.words, directive.around
    if any(name in deciding for word in words for name in _CAPTURE.findall(word)):
        return True
    if block is not None and _made_by(block) & deciding:
        if block.name != "map":
            return True
        says_no = len(words) == 2 and words[1] in _NO
        taken = rows.get((block.words[1], block.words[2]), set())
        return not (says_no or words in taken or words == _VOLATILE)
    # Inside a map its rows are looked at.
    return directive.name != "map" and bool(_made_by(directive) & deciding)


def _made_by(directive: Directive) -> set[str]:
    """The variable that it sets: the last word of a map's head, the first behind any other."""
    words = directive.words
    if len(words) < 2:
        return set()
    if words[0] in ("map", "geo", "split_clients"):
        return names_in(words[-1])
    if words[0] == "set" or words[0].endswith("_set"):
        return names_in(words[1])
    return set()


def _deciding(everything: list[Directive]) -> set[str]:
    """Variables that the values of headers that open are made of, and all those hang on."""
    found: set[str] = set()
    for directive in everything:
        if directive.name == "add_header" and _OPENS.fullmatch("".join(directive.words[1:2])):
            found |= directive.variables
    while grown := set(_read_by(everything, found)) - found:
        found |= grown
    return found


def _read_by(everything: list[Directive], deciding: set[str]) -> Iterator[str]:
    for directive in everything:
        if _made_by(directive) & deciding:
            yield from directive.variables
            for row in directive.inside:
                yield from row.variables


def _breaks_lines(directive: Directive, rows: _Rows) -> bool:
    """Whether a value has a line break, behind which a header of any name could follow."""
    words = directive.words
    is_body = words[0] == "return" and re.fullmatch(r"[245][0-9][0-9]", "".join(words[1:2]))
    if is_body or words[0] == "log_format" or any(words in taken for taken in rows.values()):
        return False
    return any(_BREAK.search(word) for word in words)


def _lets_callers_write(directive: Directive, told: set[str]) -> bool:
    """Whether a header's value can have the line breaks of an address (%0d%0a)."""
    words = directive.words
    redirects = words[0] == "return" and not re.match(r"[245]", "".join(words[1:2]))
    return (redirects or words[0] in _HEADERS) and bool(directive.variables & told)


def _told_by_callers(everything: list[Directive]) -> set[str]:
    """Variables with a part of the address as nginx has decoded it."""
    found = {"uri", "document_uri", *"123456789"}
    for directive in everything:
        if directive.name in ("location", "rewrite", "if"):
            found.update(name for word in directive.words for name in _CAPTURE.findall(word))
    while grown := set(_made_from(everything, found)) - found:
        found |= grown
    return found


def _made_from(everything: list[Directive], names: set[str]) -> Iterator[str]:
    for directive in everything:
        values = [row.words[-1] for row in directive.inside] or list(directive.words[2:])
        if names & names_in(" ".join(values)):
            yield from _made_by(directive)


def _passes_on(directive: Directive) -> bool:
    """Whether a service behind it can speak about CORS for itself."""
    kind = _PASS.fullmatch(directive.name)
    if kind is None:
        return False
    hidden = _in_force(directive, f"{kind[1]}_hide_header")
    ignored = _in_force(directive, f"{kind[1]}_ignore_headers")
    return _IGNORED not in ignored or not hidden.issuperset(_HIDDEN)


def _in_force(directive: Directive, name: str) -> set[str]:
    """The words of that directive where this one stands: of the innermost level that has any."""
    for block in directive.levels():
        found = [item.words[1:] for item in block.inside if item.name == name]
        if found:
            return {word.lower() for words in found for word in words}
    return set()
