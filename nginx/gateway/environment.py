"""Where the settings come from: the process's environment and, where there is one, a file.

A container's environment is fixed when it starts; a mounted file can be edited and reloaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.faults import Fault, InvalidSettings

FILE = "GATEWAY_ENV_FILE"
_LINE = re.compile(r"(?:export )?([A-Z][A-Z0-9_]*)=(.*)")
# The file is the whole truth about these: one that was taken out of it is no longer set.
_POLICY = re.compile(r"CORS_.*|FUSION_PROFILE")


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the lines of the file that GATEWAY_ENV_FILE names laid over it.

    A file that is not there means no file: the image names one that may be mounted.
    Raises  InvalidSettings for a line that cannot be read
    """
    path = Path(environment.get(FILE, ""))
    if not environment.get(FILE) or not path.exists():
        return dict(environment)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        fix = "mount a readable file with lines such as CORS_MAX_AGE=600"
        raise InvalidSettings([Fault(FILE, str(path), reason, fix)]) from error
    rest = {name: value for name, value in environment.items() if not _POLICY.fullmatch(name)}
    return rest | _parsed(text)


def _parsed(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    faults = []
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            reason = f"line {number} is not NAME=value"
            faults.append(Fault(FILE, line, reason, 'write it as in CORS_MAX_AGE="600"'))
            continue
        value = match[2].strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[match[1]] = value
    if faults:
        raise InvalidSettings(faults)
    return values
