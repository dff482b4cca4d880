"""Notices a mounted settings file that was replaced outside of the container.

A mount of one file holds on to that file. Most editors write a new one and give it the old name:
the container then reads the old one for ever.
"""

import os
import re
from pathlib import Path

from gateway.faults import Fault, InvalidSettings

MOUNTINFO = Path("/proc/self/mountinfo")
_FIX = (
    "docker compose up -d --force-recreate nginx takes the new file over;"
    " to edit it while it runs, mount its folder at /etc/gateway/settings"
)
# What the kernel writes behind the name of a file that is gone, and what editors write behind the
# name of the file that they replace and keep.
_REPLACED = re.compile(r".*(?://deleted|~|\.bak)")


def refuse_replaced(variable: str, path: Path, mountinfo: Path = MOUNTINFO) -> None:
    """Raises InvalidSettings when the file that the variable names is not the host's any more."""
    try:
        gone = path.stat().st_nlink == 0
    except OSError:
        return
    root = _root_of(path, mountinfo)
    if gone or (root is not None and _REPLACED.fullmatch(root)):
        reason = "an editor has put a new file in its place, and the mount still holds the old one"
        raise InvalidSettings([Fault(variable, str(path), reason, _FIX)])


def _root_of(path: Path, mountinfo: Path) -> str | None:
    """What the host now calls the file that is mounted there; None when it is no mount."""
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    point, found = os.path.realpath(path), None
    for line in lines:
        _, _, _, root, place, *_ = line.split(" ")  # proc(5)
        if _unescaped(place) == point:
            found = _unescaped(root)  # the last one lies on top
    return found


def _unescaped(text: str) -> str:
    """A blank is written \\040 there."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
