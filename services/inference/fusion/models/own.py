"""Networks of our own: files of this package, each beside a file that holds its SHA-256."""

import hashlib
from pathlib import Path

from fusion.errors import ModelUnavailable
from fusion.models.rows import OwnModel

WEIGHTS = Path(__file__).parents[1] / "weights"


def own_file(model: OwnModel, folder: Path = WEIGHTS) -> Path:
    """The model's file, whole.

    Raises  ModelUnavailable where it is missing or damaged
    """
    path = folder / model.file
    try:
        good = hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of(model, folder)
    except (OSError, UnicodeDecodeError):
        good = False
    if not good:
        raise ModelUnavailable(
            f"fusion/{folder.name}/{path.name} is missing or does not match {_seal(path).name}; "
            "both are part of the service: install it again (in a clone: git checkout both)"
        )
    return path


def sha256_of(model: OwnModel, folder: Path = WEIGHTS) -> str:
    """What the model's file should have, in hexadecimal digits."""
    return _seal(folder / model.file).read_text().partition(" ")[0]


def seal(path: Path) -> None:
    """Writes the SHA-256 of a file beside it, as `sha256sum -c` reads it."""
    _seal(path).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
