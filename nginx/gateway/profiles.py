"""FUSION_PROFILE: what may stand in a policy at all, by where the stack runs. One row a profile."""

from dataclasses import dataclass

from gateway.faults import Refused
from gateway.origins import OriginPattern, parse_origin

PROFILE = "FUSION_PROFILE"
DEFAULT = "prod"


@dataclass(frozen=True)
class Profile:
    """One row.

    origins    allowed beside those that are listed
    wildcards  whether `*.` and `:*` may stand in CORS_ALLOWED_ORIGINS
    stars      whether methods and headers may be `*`
    listed     whether at least one origin must be listed
    """

    name: str
    origins: tuple[OriginPattern, ...] = ()
    wildcards: bool = True
    stars: bool = False
    listed: bool = False


_LOOPBACK = tuple(
    parse_origin(f"{scheme}://{host}:*")
    for scheme in ("http", "https")
    for host in ("localhost", "127.0.0.1", "[::1]")
)
PROFILES = {
    profile.name: profile
    for profile in (
        # A front end's development server takes whatever port is free.
        Profile("dev", origins=_LOOPBACK, stars=True),
        # The same answer on every run: a fixed list, written out.
        Profile("test", wildcards=False, listed=True),
        # Nothing but what is listed; methods and headers by name.
        Profile("prod"),
    )
}


_WORDS = {"dev": "development", "test": "testing", "prod": "production"}


def parse_profile(text: str) -> Profile:
    try:
        return PROFILES[text]
    except KeyError:
        known = ", ".join(PROFILES)
        meant = (name for name, word in _WORDS.items() if word.startswith(text.lower()))
        fix = next(meant, DEFAULT)
        raise Refused(f"there is no such profile; known are {known}", fix) from None
