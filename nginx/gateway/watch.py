"""Reloads the running gateway whenever a template or the settings file was edited."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.faults import InvalidSettings
from gateway.reload import OLD_STAYS
from gateway.render import RenderError, is_template

INTERVAL_S = 1.0
State = dict[Path, tuple[int, int, int]]


def state_of(paths: Iterable[Path]) -> State:
    """What changes when a file is edited, replaced, added or taken away below these paths."""
    found: State = {}
    for path in paths:
        try:
            files = _below(path) if path.is_dir() else [path]
        except OSError:
            continue  # an editor is just replacing a folder
        for file in files:
            try:
                status = file.stat()
            except OSError:
                continue
            # ctime and not mtime: it also changes when a mounted file gets another name, or none
            found[file] = (status.st_ctime_ns, status.st_size, status.st_ino)
    return found


def _below(templates: Path) -> list[Path]:
    found = templates.rglob("*")
    return [path for path in found if is_template(path.relative_to(templates).as_posix())]


def start_watching(out: Path, templates: Path) -> None:
    """Starts the watch of the gateway that this process is about to become."""
    command = [sys.executable, "-m", "gateway", "watch", "--while", str(os.getpid())]
    subprocess.Popen([*command, "--out", str(out), "--templates", str(templates)])


def watch(
    paths: Iterable[Path],
    act: Callable[[], str],
    ready: Callable[[], bool],
    master: int | None = None,
    interval_s: float = INTERVAL_S,
) -> None:
    """Runs for ever, or while its parent is `master`. An edit must stand still for one interval.

    The first look counts as an edit: there may have been one since the gateway read its settings.
    act    reloads and says what is in force, or "" where there is nothing to say; what it raises is
           told, and the next edit waited for
    ready  whether there is a gateway to reload by now
    """
    paths = tuple(paths)
    known, seen = None, state_of(paths)
    while master in (None, os.getppid()):
        time.sleep(interval_s)
        now = state_of(paths)
        if now != known and now == seen and ready():
            known = now
            try:
                if said := act():
                    print(f"gateway: reloaded, {said}", flush=True)
            except (InvalidSettings, RenderError, OSError) as error:
                said = f"gateway: the edit is not taken:\n{error}\n{OLD_STAYS}"
                print(said, file=sys.stderr, flush=True)
        seen = now
