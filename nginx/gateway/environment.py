"""Where the settings come from: the process's environment and, where there is one, a file.

A container's environment is fixed when it starts; a mounted file can be edited and reloaded.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.dotenv import parse_dotenv, repeated
from gateway.faults import Fault, InvalidSettings

FILE = "GATEWAY_ENV_FILE"
# The .env that scripts/gateway has laid below the environment already.
DOTENV = "GATEWAY_DOTENV"
TAKEN = "DOTENV_TAKEN"  # its lines that were laid there
# Natively, the ports that scripts/run is told are those that the gateway listens on.
_PORTS = {
    "GATEWAY_LISTEN": ("GATEWAY_PORT", "8080"),
    "GATEWAY_TLS_LISTEN": ("GATEWAY_TLS_PORT", "8443"),
}
_BIND, _THIS_MACHINE = "GATEWAY_BIND", "127.0.0.1"
# The file is the whole truth about these: one that was taken out of it is no longer set.
_POLICY = re.compile(r"CORS_.*|FUSION_PROFILE")


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the lines of the file that GATEWAY_ENV_FILE names laid over it.

    The image names a link to a file that may be mounted: one that leads nowhere means no file, and
    its name is left out then.
    Raises  InvalidSettings for a line or a file that cannot be read
    """
    beside = (FILE, DOTENV, TAKEN)
    alone = {name: value for name, value in environment.items() if name not in beside}
    path = environment.get(FILE)
    natively = bool(environment.get(DOTENV))
    values = _read(FILE, Path(path), may_be_missing=not natively) if path else None
    if path is not None and values is not None:
        rest = {name: value for name, value in alone.items() if not _POLICY.fullmatch(name)}
        alone = {**rest, FILE: path, **values}
    return _with_addresses(alone) if natively else alone


def written_twice(environment: Mapping[str, str]) -> list[Fault]:
    """A warning for each of the gateway's settings that more than one line of a file sets."""
    found = []
    for file in filter(None, map(environment.get, (FILE, DOTENV))):
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            continue  # whoever needs it says so
        for name, number in repeated(text).items():
            if name.startswith(("CORS_", "GATEWAY_")) or name == "FUSION_PROFILE":
                value = parse_dotenv(text)[0].get(name, "")
                reason = f"{number} lines of {file} set it, and the last one counts"
                fix = "keep one line; lists go into one, separated by spaces"
                found.append(Fault(name, value, reason, fix, severity="warning"))
    return found


def _with_addresses(environment: dict[str, str]) -> dict[str, str]:
    """With the addresses of scripts/run and scripts/gateway, where something is said of them."""
    found, faults = dict(environment), []
    host = environment.get(_BIND) or _THIS_MACHINE
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    for listen, (port, usual) in _PORTS.items():
        number = environment.get(port) or usual
        if not re.fullmatch(r"[1-9][0-9]{0,4}", number, re.A) or int(number) > 65535:
            reason = "it is not a port from 1 to 65535"
            faults.append(Fault(port, number, reason, usual, f'{port}="{usual}"'))
        elif (port in environment or _BIND in environment) and not environment.get(listen):
            found[listen] = f"{host}:{number}"
    if faults:
        raise InvalidSettings(faults)
    return found


class Dotenv:
    """The file that GATEWAY_DOTENV names, for a process that outlives its edits: the watch."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.path = Path(environment[DOTENV]) if environment.get(DOTENV) else None
        lines = environment.get(TAKEN, "").split("\n")
        self._taken = dict(line.split("=", 1) for line in lines if line)
        # What a script has set to something else since then is no longer the file's.
        self._above = {
            name: value for name, value in environment.items() if self._taken.get(name) != value
        }

    def environment(self) -> dict[str, str]:
        """As if the process had been started now.

        Raises  InvalidSettings for a line or a file that cannot be read
        """
        if self.path and self.path.exists():
            return (_read(DOTENV, self.path) or {}) | self._above
        if self._taken:
            fix = "put it back; to go on without it, restart the gateway"
            raise InvalidSettings([Fault(DOTENV, str(self.path), "it is gone", fix)])
        return dict(self._above)


def _read(variable: str, path: Path, may_be_missing: bool = False) -> dict[str, str] | None:
    """The lines of a settings file; None for a link that leads nowhere, where that may be."""
    try:
        # as bytes: read as text, a lone \r would end a line
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        if missing and may_be_missing and path.is_symlink():
            return None
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
