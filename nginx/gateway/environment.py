"""Where the settings come from: the process's environment and, where there is one, a file.

A container's environment is fixed when it starts; a mounted file can be edited and reloaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.dotenv import parse_dotenv
from gateway.faults import Fault, InvalidSettings

FILE = "GATEWAY_ENV_FILE"
# The file is the whole truth about these: one that was taken out of it is no longer set.
_POLICY = re.compile(r"CORS_.*|FUSION_PROFILE")


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the lines of the file that GATEWAY_ENV_FILE names laid over it.

    A file that is not there means no file, and its name is left out then: the image names one that
    may be mounted.
    Raises  InvalidSettings for a line or a file that cannot be read
    """
    alone = {name: value for name, value in environment.items() if name != FILE}
    if not environment.get(FILE):
        return alone
    path = Path(environment[FILE])
    try:
        # as bytes: read as text, a lone \r would end a line
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return alone
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        fix = "mount a readable file with lines such as CORS_MAX_AGE=600"
        raise InvalidSettings([Fault(FILE, str(path), reason, fix)]) from error
    rest = {name: value for name, value in environment.items() if not _POLICY.fullmatch(name)}
    return rest | _parsed(text)


def _parsed(text: str) -> dict[str, str]:
    values, bad = parse_dotenv(text)
    if bad:
        raise InvalidSettings(
            Fault(FILE, line.line, f"line {line.number}: {line.reason}", line.fix) for line in bad
        )
    return values
