"""International host names: the Punycode that browsers send for them.

Source: UTS 46, non-transitional and strict as in IDNA 2008, in the package idna. Python's own codec
is of 2003: it makes fass.de of faß.de, which is somebody else's.
"""

import idna

from gateway.faults import Refused


def to_ascii(host: str) -> str:
    """The form that browsers send; raises Refused where the name has none, or another structure."""
    try:
        encoded = idna.encode(host, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError as error:
        reason = "browsers send international names in Punycode, and this one has no such form"
        raise Refused(reason, "check the spelling of the host") from error
    if encoded.count(".") != host.count("."):
        # a full stop of another script looks like part of a label
        reason = "browsers send international names in Punycode, and read another dot into this one"
        raise Refused(reason, "write the xn-- form of the name")
    return encoded


def check_punycode(label: str) -> None:
    """Raises Refused for an xn-- label that browsers never make: it would match nobody."""
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError as error:
        raise Refused(f"{label} is not valid Punycode", "check the spelling") from error
    again = f"xn--{text.encode('punycode').decode('ascii')}"
    try:
        # more than idna.encode takes: browsers take emoji, too
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
    except idna.IDNAError:
        mapped = ""
    if text.isascii() or text != mapped or again != label:
        raise Refused(f"{label} is no label that a browser can produce", "check the spelling")
