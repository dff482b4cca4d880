"""The Server-Timing header (W3C Server Timing): where the milliseconds went."""

import re
from collections.abc import Mapping

_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")


def server_timing(timings_ms: Mapping[str, float]) -> str:
    """`decode;dur=12.3, detect;dur=40.0`, in the order of the stages."""
    return ", ".join(
        f"{_NO_TOKEN.sub('_', stage)};dur={took:.1f}" for stage, took in timings_ms.items()
    )
