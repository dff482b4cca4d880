"""Public suffixes: names under which anybody can have a subdomain (co.uk, github.io).

Source: Mozilla's Public Suffix List, publicsuffix.org, in the package publicsuffixlist.
"""

from functools import cache, cached_property

from publicsuffixlist import PublicSuffixList


class _Suffixes(PublicSuffixList):
    @cached_property
    def below(self) -> dict[str, str]:
        """Each name above a public suffix -> the one of fewest letters below it."""
        rules = (rule.removeprefix("!").removeprefix("*.") for rule in self._publicsuffix)
        found: dict[str, str] = {}
        for suffix in sorted(rules, key=lambda rule: (len(rule), rule)):
            above = suffix.partition(".")[2]
            while above:
                found.setdefault(above, suffix)
                above = above.partition(".")[2]
        return found


@cache
def _known() -> _Suffixes:
    return _Suffixes()


def is_public_suffix(host: str) -> bool:
    """Whether strangers can register names directly under this host; unknown top levels count.

    host  lower-case ASCII
    """
    return host != "localhost" and _known().publicsuffix(host) == host


def strangers(host: str) -> str:
    """Why `*.host` takes in strangers, in words; empty when it does not.

    `*.` stands for any depth, so a public suffix below the host counts as well.
    host  lower-case ASCII
    """
    if is_public_suffix(host):
        kind = "public suffix" if "." in host else "top-level domain"
        return f"anybody can have a name under .{host}: it is a {kind}"
    if suffix := _known().below.get(host):
        return f"anybody can have a name under .{suffix}, which it covers"
    return ""
