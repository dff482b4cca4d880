"""Where the settings come from: the process's environment and, where there is one, a file.

A container's environment is fixed when it starts; a mounted file can be edited and reloaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.dotenv import parse_dotenv
from gateway.faults import Fault, InvalidSettings

FILE = "GATEWAY_ENV_FILE"
# The .env that scripts/gateway has laid below the environment already.
DOTENV = "GATEWAY_DOTENV"
# The file is the whole truth about these: one that was taken out of it is no longer set.
_POLICY = re.compile(r"CORS_.*|FUSION_PROFILE")


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the lines of the file that GATEWAY_ENV_FILE names laid over it.

    A file that is not there means no file, and its name is left out then: the image names one that
    may be mounted.
    Raises  InvalidSettings for a line or a file that cannot be read
    """
    alone = {name: value for name, value in environment.items() if name not in (FILE, DOTENV)}
    path = environment.get(FILE)
    values = _read(FILE, Path(path)) if path else None
    if path is None or values is None:
        return alone
    rest = {name: value for name, value in alone.items() if not _POLICY.fullmatch(name)}
    return {**rest, FILE: path, **values}


class Dotenv:
    """The file that GATEWAY_DOTENV names, for a process that outlives its edits: the watch.

    What the environment has of it is told apart by the value: it is the file's own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Raises  InvalidSettings for a line or a file that cannot be read."""
        self.path = Path(environment[DOTENV]) if environment.get(DOTENV) else None
        known = _read(DOTENV, self.path) if self.path else None
        self._was_there = known is not None
        self._above = {
            name: value
            for name, value in environment.items()
            if name not in (known or {}) or (known or {})[name] != value
        }

    def environment(self) -> dict[str, str]:
        """As if the process had been started now; raises InvalidSettings, as above."""
        values = _read(DOTENV, self.path) if self.path else None
        if values is None and self._was_there:
            fix = "put it back; to go on without it, restart the gateway"
            raise InvalidSettings([Fault(DOTENV, str(self.path), "it is gone", fix)])
        return (values or {}) | self._above


def _read(variable: str, path: Path) -> dict[str, str] | None:
    """The lines of a settings file; None where it is not there."""
    try:
        # as bytes: read as text, a lone \r would end a line
        text = path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        fix = "give it as a readable file with lines such as CORS_MAX_AGE=600"
        raise InvalidSettings([Fault(variable, str(path), reason, fix)]) from error
    values, bad = parse_dotenv(text)
    if bad:
        raise InvalidSettings(
            Fault(variable, line.line, f"line {line.number}: {line.reason}", line.fix)
            for line in bad
        )
    return values
