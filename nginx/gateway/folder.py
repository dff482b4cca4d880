"""The folder that nginx runs from: what is written into it, and how a new rendering replaces it."""

import os
import tempfile
from pathlib import Path

RUN = Path("run.json")  # what a later reload must keep: the logs and the addresses
# Folders that nginx writes into while it runs; a new rendering leaves them alone.
RUNTIME_FOLDERS = ("temp", "logs")
_REPLACED = ("nginx.conf", "conf", "tls")


def foreign(out: Path) -> list[str]:
    """What a rendering would replace in `out` though it was not rendered there."""
    return [] if (out / RUN).exists() else [name for name in _REPLACED if (out / name).exists()]


def write(texts: dict[Path, str], folder: Path) -> None:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for name in RUNTIME_FOLDERS:
        (folder / name).mkdir()


def exchange(new: Path, out: Path) -> None:
    """Old for new, by renames; nginx.conf last, so that a half-done exchange does not start.

    run.json is there whenever anything else is: it says that the folder is ours.
    """
    tops = sorted({entry.name for entry in new.iterdir()} - {*RUNTIME_FOLDERS, "nginx.pid"})
    tops.sort(key=lambda name: (name == "nginx.conf", name != str(RUN)))
    with tempfile.TemporaryDirectory(prefix=".old-", dir=out) as folder:
        old = Path(folder)
        moves = [(out / name, old / name) for name in reversed(tops) if (out / name).exists()]
        moves += [(new / name, out / name) for name in tops]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                source.rename(target)
                done.append((source, target))
        except OSError:
            for source, target in reversed(done):
                target.rename(source)
            raise
    for name in RUNTIME_FOLDERS:
        (out / name).mkdir(exist_ok=True)


def worker_user(out: Path) -> str | None:
    """`root` when root renders into a place that nginx's unprivileged workers cannot enter.

    They must reach temp/ to store an upload; a folder below a private home is closed to them.
    """
    if os.geteuid() != 0:
        return None
    closed = any(not path.stat().st_mode & 0o001 for path in (out, *out.parents))
    return "root" if closed else None
