"""Who may show the page inside a page of its own (an iframe)."""

from dataclasses import dataclass

from gateway.faults import Reader, Refused
from gateway.origins import OriginPattern, parse_origin
from gateway.suffixes import strangers

FRAME_ANCESTORS = "GATEWAY_FRAME_ANCESTORS"

DEFAULTS = {FRAME_ANCESTORS: "none"}
LONGEST_LIST = 2_000  # characters; nginx takes a parameter of at most 4096


@dataclass(frozen=True)
class Frames:
    """What `frame-ancestors` names; neither own nor origins: nobody.

    own  pages of the gateway's own origin
    """

    own: bool
    origins: tuple[OriginPattern, ...]

    @property
    def legacy(self) -> str:
        """The same for browsers that know only X-Frame-Options; empty where it has no word."""
        if self.origins:
            return ""
        return "SAMEORIGIN" if self.own else "DENY"


def read_frames(reader: Reader) -> Frames:
    """The setting of the reader's environment; faults land in the reader."""
    default = DEFAULTS[FRAME_ANCESTORS]
    entries = reader.many(FRAME_ANCESTORS, default, _parse_entry)
    origins = tuple(entry for entry in entries if isinstance(entry, OriginPattern))
    if "none" in entries and len(entries) > 1:
        reason = "`none` contradicts the other entries"
        reader.refuse(FRAME_ANCESTORS, "none", reason, "remove it, or the others")
    if len(" ".join(str(origin) for origin in origins)) > LONGEST_LIST:
        reason = f"the list is longer than {LONGEST_LIST} characters"
        reader.refuse(FRAME_ANCESTORS, " ".join(map(str, origins)), reason, "use a wildcard")
    return Frames("self" in entries, origins)


def _parse_entry(text: str) -> OriginPattern | str:
    if text in {"none", "self"}:
        return text
    if text == "*":
        reason = "any page could then show this one and lead its visitors' clicks"
        raise Refused(reason, "list the origins, or write self or none")
    if "[" in text:
        raise Refused("frame-ancestors cannot name IPv6 addresses", "use a host name")
    origin = parse_origin(text)
    if origin.subdomains and (reason := strangers(origin.host)):
        raise Refused(reason, f"name the domain too (*.example.{origin.host})")
    return origin
