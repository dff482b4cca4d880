"""`scripts/run` as a child process that a test can watch, signal and look behind."""

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Packages, models and image layers are there already; a rebuilt image may take a while.
READY_WITHIN_S = 600
# Tests that run in the background of a script ignore Ctrl-C, and their children would as well.
HEEDING = ("env", "--default-signal=INT")
STOPPED_WITHIN_S = 40  # with nothing begun it takes a second


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def descendants(pid: int) -> set[int]:
    """Every process below one, through the kernel's own lists."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {int(child) for child in children}.union(*(descendants(int(c)) for c in children))


def command_of(pid: int) -> str:
    """Command line of a process; empty when it is gone or only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


class RunningStack:
    """A running scripts/run.

    kind      native or docker
    port      of the gateway
    folder    becomes its TMPDIR, so that a test sees what it leaves behind
    settings  further environment variables
    """

    def __init__(self, kind: str, port: int, folder: Path, **settings: str) -> None:
        self.port = port
        self.folder = folder
        self.output: list[str] = []
        self._ready = threading.Event()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CORS_", "GATEWAY_"))}
        self.process = subprocess.Popen(
            [*HEEDING, str(ROOT / "scripts/run"), f"--{kind}", "--port", str(port)],
            env={**clean, "TMPDIR": str(folder), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            if line.startswith("ready: "):
                self._ready.set()
        self._ready.set()  # ended: nobody needs to wait any longer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return "\n".join(self.output)

    def wait_until_ready(self) -> None:
        assert self._ready.wait(READY_WITHIN_S), f"not ready; it said:\n{self.text}"
        assert f"ready: http://localhost:{self.port}" in self.output, self.text

    def wait_until_stopped(self) -> int:
        status = self.process.wait(STOPPED_WITHIN_S)
        self._reader.join(5)
        return status

    def child(self, word: str) -> int:
        """The one process of the stack, not a helper of another, whose command has this word."""
        found = [pid for pid in descendants(self.process.pid) if word in command_of(pid)]
        assert found, f"no {word} among {[command_of(p) for p in descendants(self.process.pid)]}"
        return min(found)

    def __enter__(self) -> "RunningStack":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing keeps running after a test, however it ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOPPED_WITHIN_S)
            finally:
                self.process.kill()
