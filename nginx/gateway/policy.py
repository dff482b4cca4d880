"""The CORS policy: one frozen object, validated as a whole, or every reason why not."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway import profiles
from gateway.faults import Reader, Refused
from gateway.names import parse_exposed_header, parse_method, parse_request_header, unique
from gateway.origins import OriginPattern, parse_origin
from gateway.profiles import PROFILE, Profile, parse_profile
from gateway.suffixes import strangers

ORIGINS = "CORS_ALLOWED_ORIGINS"
METHODS = "CORS_ALLOWED_METHODS"
HEADERS = "CORS_ALLOWED_HEADERS"
EXPOSED = "CORS_EXPOSED_HEADERS"
CREDENTIALS = "CORS_ALLOW_CREDENTIALS"
MAX_AGE = "CORS_MAX_AGE"
ANY_ORIGIN = "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN"
PUBLIC_SUFFIXES = "CORS_DANGEROUSLY_ALLOW_PUBLIC_SUFFIXES"

# Variable -> default. The methods and headers are what the fusion API takes and gives.
DEFAULTS = {
    PROFILE: profiles.DEFAULT,
    ORIGINS: "",
    METHODS: "GET HEAD POST DELETE",
    HEADERS: "Content-Type X-Request-ID",
    EXPOSED: "X-Request-ID Server-Timing X-Fusion-Warnings Retry-After Content-Disposition",
    CREDENTIALS: "false",
    MAX_AGE: "7200",  # the most that Chromium honours; Firefox 86400, WebKit 600
    ANY_ORIGIN: "0",
    PUBLIC_SUFFIXES: "0",
}
LONGEST_MAX_AGE_S = 86_400  # Firefox's cap, the highest of any browser
NONE = "none"  # no method and no header has this name
LONGEST_LIST = 2_000  # characters; nginx takes a parameter of at most 4096


@dataclass(frozen=True)
class CorsPolicy:
    """Who may call the API from another origin, and how.

    profile      dev, test or prod
    origins      those listed and the profile's; empty: nobody but pages of the same origin, which
                 need no entry
    any_origin   `*`: everybody, then `origins` is empty and `credentials` False
    methods, headers, exposed_headers   names in the order written, or ("*",)
    max_age_s    seconds a browser may keep a preflight's answer; None sends no header
    """

    profile: Profile
    origins: tuple[OriginPattern, ...]
    any_origin: bool
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    credentials: bool
    max_age_s: int | None

    @property
    def varies_by_origin(self) -> bool:
        """Whether the same URL answers differently to different origins."""
        return bool(self.origins)

    @property
    def lists(self) -> dict[str, tuple[str, ...]]:
        """Variable -> its names, for what holds for all three lists."""
        return {METHODS: self.methods, HEADERS: self.headers, EXPOSED: self.exposed_headers}

    @property
    def texts(self) -> dict[str, str]:
        """Variable -> its value as a setting, for what tells two policies apart."""
        origins = ("*",) if self.any_origin else map(str, self.origins)
        return {
            ORIGINS: " ".join(origins),
            **{variable: " ".join(names) or NONE for variable, names in self.lists.items()},
            CREDENTIALS: "true" if self.credentials else "false",
            MAX_AGE: "off" if self.max_age_s is None else str(self.max_age_s),
        }


def read_policy(reader: Reader) -> CorsPolicy:
    """The policy of the reader's environment; its faults land in the reader."""
    profile = reader.one(PROFILE, DEFAULTS[PROFILE], parse_profile)
    entries = reader.many(ORIGINS, DEFAULTS[ORIGINS], _origin_or_star)
    any_origin = "*" in entries
    listed = tuple(entry for entry in entries if isinstance(entry, OriginPattern))
    policy = CorsPolicy(
        profile=profile,
        # `*` covers the profile's own, too
        origins=tuple(dict.fromkeys((*listed, *(() if any_origin else profile.origins)))),
        any_origin=any_origin,
        methods=unique(_read_names(reader, METHODS, parse_method), key=str),
        headers=unique(_read_names(reader, HEADERS, parse_request_header)),
        exposed_headers=unique(_read_names(reader, EXPOSED, parse_exposed_header)),
        credentials=reader.one(CREDENTIALS, DEFAULTS[CREDENTIALS], parse_switch),
        max_age_s=reader.one(MAX_AGE, DEFAULTS[MAX_AGE], _max_age),
    )
    _check_any_origin(reader, policy, listed)
    _check_wildcards(reader, policy, listed)
    if profile.listed and not entries:
        reason = f"{PROFILE}={profile.name} wants a fixed list, and there is none"
        reader.refuse(ORIGINS, "", reason, "list the origins of the tests")
    _check_stars(reader, policy)
    if policy.credentials:
        _check_credentials(reader, policy)
    return policy


def _read_names(reader: Reader, variable: str, parse: Callable[[str], str]) -> tuple[str, ...]:
    """A list in which `none` stands for an empty one: an empty variable means the default."""
    names = reader.many(variable, DEFAULTS[variable], parse)
    if NONE in names and len(names) > 1:
        reader.refuse(variable, NONE, "`none` contradicts the other names", "remove it, or them")
    return tuple(name for name in names if name != NONE)


def parse_switch(text: str) -> bool:
    switches = {"1": True, "true": True, "yes": True, "on": True}
    switches |= {"0": False, "false": False, "no": False, "off": False}
    try:
        return switches[text.lower()]
    except KeyError:
        reason = "it is neither true (or 1, yes, on) nor false (or 0, no, off)"
        raise Refused(reason, "false") from None


def _origin_or_star(text: str) -> OriginPattern | str:
    return text if text == "*" else parse_origin(text)


def _max_age(text: str) -> int | None:
    if text.lower() == "off":
        return None
    if not re.fullmatch(r"0|[1-9][0-9]{0,5}", text) or int(text) > LONGEST_MAX_AGE_S:
        reason = f"it is not a number of seconds from 0 to {LONGEST_MAX_AGE_S}, or off"
        raise Refused(reason, DEFAULTS[MAX_AGE])
    return int(text)


def _check_any_origin(
    reader: Reader, policy: CorsPolicy, listed: tuple[OriginPattern, ...]
) -> None:
    meant = reader.one(ANY_ORIGIN, DEFAULTS[ANY_ORIGIN], parse_switch)
    if policy.any_origin and not meant:
        reason = "every page on the internet could use this API from its visitors' browsers"
        fix = f"list the origins, or set {ANY_ORIGIN}=1 if that is meant"
        reader.refuse(ORIGINS, "*", reason, fix)
    if policy.any_origin and listed:
        reader.refuse(ORIGINS, "*", "`*` makes the other entries meaningless", "keep one or other")


def _check_wildcards(reader: Reader, policy: CorsPolicy, listed: Iterable[OriginPattern]) -> None:
    meant = reader.one(PUBLIC_SUFFIXES, DEFAULTS[PUBLIC_SUFFIXES], parse_switch)
    wildcards = ["*"] if policy.any_origin else []
    wildcards += [str(origin) for origin in listed if origin.subdomains or origin.any_port]
    for text in () if policy.profile.wildcards else wildcards:
        reason = f"{PROFILE}={policy.profile.name} takes a fixed list only, without wildcards"
        reader.refuse(ORIGINS, text, reason, "write out the origins")
    for origin in listed if policy.profile.wildcards else ():
        if origin.subdomains and not meant and (reason := strangers(origin.host)):
            fix = f"name the domain too (*.example.{origin.host}), or set {PUBLIC_SUFFIXES}=1"
            reader.refuse(ORIGINS, str(origin), reason, fix)


def _check_stars(reader: Reader, policy: CorsPolicy) -> None:
    for variable, names in policy.lists.items():
        if "*" in names and not policy.profile.stars:
            reason = f"{PROFILE}={policy.profile.name} wants the names written out"
            reader.refuse(variable, "*", reason, "list what pages need")
        elif "*" in names and not policy.credentials:  # with them it is the star that has to go
            _check_lone_star(reader, variable, names)
        if len(", ".join(names)) > LONGEST_LIST:
            reason = f"the list is longer than {LONGEST_LIST} characters"
            reader.refuse(variable, " ".join(names), reason, "list only what pages need")


def _check_lone_star(reader: Reader, variable: str, names: tuple[str, ...]) -> None:
    # `*` leaves out Authorization, which therefore may stand beside it (Fetch, 4.8)
    besides = {"*", "authorization"} if variable == HEADERS else {"*"}
    for name in names:
        if name.lower() not in besides:
            reason = "`*` covers the other names already"
            reader.refuse(variable, name, reason, "remove it, or the `*`")


def _check_credentials(reader: Reader, policy: CorsPolicy) -> None:
    stars = {ORIGINS: ("*",) if policy.any_origin else (), **policy.lists}
    for variable, names in stars.items():
        if "*" in names:
            reason = f"with {CREDENTIALS}=true browsers take `*` literally, it allows nothing"
            reader.refuse(variable, "*", reason, "list the names")
    for origin in policy.origins:
        if origin.scheme == "http" and not origin.is_loopback:
            reason = f"with {CREDENTIALS}=true anybody on the network path could act for the user"
            secured = str(origin.secured)
            reader.refuse(ORIGINS, str(origin), reason, secured, secured)
