"""Public suffixes: names under which anybody can have a subdomain (co.uk, github.io).

Source: Mozilla's Public Suffix List, publicsuffix.org, in the package publicsuffixlist.
"""

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def _known() -> PublicSuffixList:
    return PublicSuffixList()


def is_public_suffix(host: str) -> bool:
    """Whether strangers can register names directly under this host; unknown top levels count.

    host  lower-case ASCII
    """
    return host != "localhost" and _known().publicsuffix(host) == host
