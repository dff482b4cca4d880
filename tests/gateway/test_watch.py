"""The watch: every edit is taken or told, from before its first look on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from tests.gateway.lab import Gateway, wait_until
from tests.gateway.reloading import NEW, OLD, allowed
from tests.gateway.test_settings import PACKAGE_ROOT

from gateway.render import RenderError
from gateway.watch import state_of, watch


def test_an_edit_before_the_first_look_is_taken(own: Gateway, tmp_path: Path) -> None:
    """The gateway has read the file, the watch has not begun."""
    file = tmp_path / ".env"
    file.write_text(f"CORS_ALLOWED_ORIGINS={NEW}\n")
    taken = {"CORS_ALLOWED_ORIGINS": OLD, "DOTENV_TAKEN": f"CORS_ALLOWED_ORIGINS={OLD}\n"}
    with watching(own, tmp_path, GATEWAY_DOTENV=str(file), **taken):
        assert wait_until(lambda: allowed(own, NEW) and not allowed(own, OLD), 20)


def test_the_watch_outlives_what_goes_wrong(tmp_path: Path) -> None:
    """A full disk, a file that cannot be read: told, and the next edit is waited for."""
    said: list[str] = []

    file = tmp_path / "a.j2"
    file.write_text("0")

    def act() -> str:
        said.append("tried")
        file.write_text("1" + "0" * len(said))  # the next edit
        if len(said) == 1:
            raise OSError(28, "No space left on device")
        if len(said) == 2:
            raise RenderError("there is no room for temporary files")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch([file], act, lambda: True, interval_s=0.01)
    assert len(said) == 3


def test_an_edit_of_dotenv_is_seen_by_the_watch(own: Gateway, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    with watching(own, tmp_path, GATEWAY_DOTENV=str(file)) as process:
        # `.env` may be made after the start
        file.write_text(f"CORS_ALLOWED_ORIGINS={NEW}\n")
        assert wait_until(lambda: allowed(own, NEW), 20)
        assert process.poll() is None


@contextmanager
def watching(own: Gateway, folder: Path, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """A watch that has looked once: before, an edit would be part of what it found."""
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT)}
    command = [sys.executable, "-m", "gateway", "watch", "--out", str(own.folder)]
    command += ["--templates", str(folder / "templates")]
    with subprocess.Popen(
        command, env=known | environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert wait_until(lambda: _is_watching(process.pid), 20)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def test_an_edit_is_seen_by_the_watch(own: Gateway, tmp_path: Path) -> None:
    settings = tmp_path / "gateway.env"
    settings.write_text(f"CORS_ALLOWED_ORIGINS={OLD}\n")
    with watching(own, tmp_path, GATEWAY_ENV_FILE=str(settings)) as process:
        settings.write_text(f"CORS_ALLOWED_ORIGINS={NEW}\n")
        assert wait_until(lambda: allowed(own, NEW), 20)
        assert process.stderr is not None
        template = tmp_path / "templates" / "conf" / "cors.conf.j2"
        good = template.read_text()
        template.write_text(good + '{% include "conf/cors.conf.j2" %}\n')
        assert "the edit is not taken" in process.stderr.readline()
        assert "conf/cors.conf.j2" in process.stderr.readline()
        assert "The old configuration stays in force." in process.stderr.readline()
        template.write_text(good)
        settings.write_text(f"CORS_ALLOWED_ORIGINS={OLD}/\n")
        assert "the edit is not taken" in process.stderr.readline()
        assert allowed(own, NEW)


def _is_watching(pid: int) -> bool:
    """It sleeps between two looks, and nothing else in it does."""
    return "nanosleep" in Path(f"/proc/{pid}/wchan").read_text()


def test_the_state_shows_edits_new_files_and_removals(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    file = tmp_path / "conf" / "a.j2"
    states = [state_of([tmp_path])]
    for change in (lambda: file.write_text("1"), lambda: file.write_text("22"), file.unlink):
        change()
        states.append(state_of([tmp_path]))
    assert all(one != other for one, other in pairwise(states))
