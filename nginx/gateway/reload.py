"""New settings or templates for a running gateway, without dropping a request.

Everything is made and tested beside the running configuration, swapped in by renames, and nginx is
told to load it; workers that are busy end with the old one. What does not work leaves the old one
in force, on disk as well.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway import tls
from gateway.addresses import Address
from gateway.environment import FILE
from gateway.faults import Fault, InvalidSettings
from gateway.folder import RUN, exchange
from gateway.health import pulse
from gateway.policy import ORIGINS, CorsPolicy
from gateway.render import REVISION, Logs, RenderError, addresses_of, render
from gateway.settings import GatewaySettings

OLD_STAYS = "The old configuration stays in force."
_PATIENCE_S = 10.0
_WHEN = re.compile(r"^[0-9/]+ [0-9:]+ (?=\[)")  # date and time at the start of a line of the log
_LEFTOVERS = (".kept-*", ".new-*", ".old-*")  # of a reload that was killed


def reload(out: Path, environment: Mapping[str, str], templates: Path, nginx: str) -> str:
    """Renders, validates, tests, swaps and reloads; the new configuration's revision.

    out      the folder that the running nginx was started from
    Raises   InvalidSettings, RenderError; then the old configuration is still in force
    """
    out = out.resolve()
    try:
        return _reload(out, environment, templates, nginx)
    except OSError as error:  # a full disk, a folder of somebody else, a gateway that just ended
        raise RenderError(f"{out}: {error}; mend that and reload again") from error


def _reload(out: Path, environment: Mapping[str, str], templates: Path, nginx: str) -> str:
    master = master_of(out)
    logs, addresses, file = _run_of(out)
    settings = GatewaySettings.from_env({**environment, **addresses})
    if file and not settings.file:
        reason = "it is gone, and what is in force came from it"
        fix = "put it back; to go on without it, restart the gateway"
        raise InvalidSettings([Fault(FILE, file, reason, fix)])
    error_log = out / logs.error
    if not error_log.is_file():
        error_log = Path(f"/proc/{master}/fd/2").resolve()
    told = error_log.stat().st_size if error_log.is_file() else 0
    with _alone(out), _kept(out) as old:
        revision = render(settings, out, templates, logs, nginx)
        os.kill(master, signal.SIGHUP)
        if _in_force(settings.listen, revision):
            return revision
        exchange(old, out)
        os.kill(master, signal.SIGHUP)
    raise RenderError(f"nginx did not take it, so the old one is back: {_why(error_log, told)}")


def _why(error_log: Path, told: int) -> str:
    """What nginx has said since then about a configuration that it does not load."""
    if not error_log.is_file():  # a terminal, or the log of a container
        return "its log says why (in Docker: docker compose logs nginx)"
    with error_log.open(errors="replace") as log:
        log.seek(told)
        found = [line.strip() for line in log if "[emerg]" in line]
    # nginx tries a port that is taken several times
    said = list(dict.fromkeys(_WHEN.sub("", line) for line in found))
    return "\n".join([*said, f"(from its log, {error_log})"])


def _run_of(out: Path) -> tuple[Logs, dict[str, str], str]:
    """What belongs to the run and not to the edit: its logs, the settings of its addresses; and the
    settings file of what is in force.
    """
    try:
        document = json.loads((out / RUN).read_text(encoding="utf-8"))
        addresses = document["addresses"]
        if not document["https"]:  # its port may still be chosen
            del addresses[tls.LISTEN]
        return Logs(**document["logs"]), addresses, document["file"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RenderError(f"{out / RUN} cannot be read; was this folder rendered here?") from error


def kept_addresses(
    out: Path, settings: GatewaySettings, environment: Mapping[str, str]
) -> list[Fault]:
    """A warning for each address that the settings name and the running gateway does not have."""
    try:
        started = _run_of(out)[1]
    except RenderError:
        return []  # the reload itself says what is wrong
    found = []
    for name, address in addresses_of(settings).items():
        has = started.get(name, str(address))
        if environment.get(name) and has != str(address):
            reason = f"the gateway was started with {has}, and a reload keeps that"
            fix = "start the gateway again to change it"
            found.append(Fault(name, str(address), reason, fix, severity="warning"))
    return found


def policy_in_force(out: Path) -> dict[str, str]:
    """What the settings said when the configuration that runs from this folder was made."""
    try:
        return dict(json.loads((out / RUN).read_text(encoding="utf-8"))["policy"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}  # the reload itself says what is wrong


def changes(before: Mapping[str, str], cors: CorsPolicy) -> Iterator[str]:
    """What a policy changes of the one before, in words; who is let in is told anyway.

    before  as `policy_in_force` gives it
    """
    now = cors.texts
    gone = [text for text in before.get(ORIGINS, "").split() if text not in now[ORIGINS].split()]
    if gone:
        yield f"not any more: {', '.join(gone)}"
    for variable, text in now.items():
        if variable != ORIGINS and text != before.get(variable, text):
            yield f'{variable}="{text}", before "{before[variable]}"'


def revision_in_force(out: Path) -> str:
    """Of the configuration that runs from this folder; "" where none does."""
    try:
        return (out / REVISION).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def is_running(out: Path) -> bool:
    """Whether a gateway runs from this folder."""
    try:
        return master_of(out.resolve()) > 0
    except RenderError:
        return False


def master_of(out: Path) -> int:
    """The process of the gateway that runs from this folder; raises RenderError where none does."""
    try:
        pid = int((out / "nginx.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        command = b""
    if not command.startswith(b"nginx: master process"):
        raise RenderError(
            f"no gateway runs from {out}; start one, or name its folder with --out. "
            "One in Docker: docker compose exec nginx gateway reload"
        )
    return pid


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One reload at a time: two would swap each other's files."""
    with (out / ".reload.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in (path for pattern in _LEFTOVERS for path in out.glob(pattern)):
            shutil.rmtree(leftover)
        yield


@contextmanager
def _kept(out: Path) -> Iterator[Path]:
    """A copy of the configuration that runs."""
    with tempfile.TemporaryDirectory(prefix=".kept-", dir=out) as folder:
        old = Path(folder)
        try:
            shutil.copytree(out / "conf", old / "conf")
            for name in ("nginx.conf", REVISION, RUN):
                shutil.copy2(out / name, old)
        except OSError as error:  # also of copytree: shutil.Error is one
            reason = f"{error}, so nothing could be put back; restart the gateway"
            raise RenderError(f"{out} is not whole: {reason}") from error
        yield old


def _in_force(listen: Address, revision: str) -> bool:
    """Waits until new connections are answered by the new configuration, each time."""
    give_up, seen = time.monotonic() + _PATIENCE_S, 0
    while time.monotonic() < give_up:
        seen = seen + 1 if pulse(listen) == revision else 0
        # Workers of the old one may still accept for a moment, beside the new ones.
        if seen == 5:
            return True
        time.sleep(0.02)
    return False
