"""`python -m conversion.fetch`: fill a models folder, converting what is missing or damaged.

Safe to interrupt and to run twice at once: files appear whole or not at all, one run at a time
works on a folder. What was made, from what and by which converter is in manifest.json.
"""

import argparse
import fcntl
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conversion.errors import ConversionError
from conversion.packages import obtain, sha256_of, write_atomically
from fusion.models.rows import EMBEDDED, ModelRow

Entry = dict[str, Any]


def converter_version() -> str:
    """Digest of this package's own sources: changed code makes the files again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def convert_row(row: ModelRow, data: bytes) -> bytes:
    """Turn a source file into the bytes of the models folder's file."""
    # Imported here so that a run with nothing to do needs none of the conversion's packages.
    if row.family == "canonical":
        import numpy as np  # noqa: PLC0415

        from conversion import topology  # noqa: PLC0415

        buffer = io.BytesIO()
        arrays: dict[str, Any] = topology.decode(data)
        np.savez(buffer, **arrays)
        return buffer.getvalue()
    if row.family == "dlib_resnet":
        from conversion import dlib_to_onnx  # noqa: PLC0415

        return bytes(dlib_to_onnx.convert(data).SerializeToString())
    from conversion import tflite_to_onnx  # noqa: PLC0415

    model = tflite_to_onnx.convert(data, row.inputs, row.outputs, row.open_batch)
    return bytes(model.SerializeToString())


def fetch(models_dir: Path, cache_dir: Path, rows: Sequence[ModelRow] = EMBEDDED) -> list[str]:
    """Bring a models folder up to date.

    Returns   names of the files that were made, none when the folder was complete
    Raises    ConversionError
    """
    version = converter_version()
    if all(_entry_if_good(models_dir, row, version) for row in rows):
        return []  # before the lock: a complete folder may be read-only
    models_dir.mkdir(parents=True, exist_ok=True)
    with _locked(models_dir):
        for leftover in models_dir.glob(".*.tmp"):
            leftover.unlink()
        entries = {r.name: e for r in rows if (e := _entry_if_good(models_dir, r, version))}
        stale = [row for row in rows if row.name not in entries]
        sources = obtain([row.source for row in stale], cache_dir)
        for row in stale:
            data = convert_row(row, sources[row.source.sha256])
            write_atomically(models_dir / row.file, data)
            entries[row.name] = _entry(row, data, version)
            done = [entries[r.name] for r in rows if r.name in entries]
            manifest = json.dumps({"models": done}, indent=2) + "\n"
            write_atomically(models_dir / "manifest.json", manifest.encode())
            print(f"made {row.file} ({len(data) / 1e6:.1f} MB)", flush=True)
        return [row.file for row in stale]


def _entry(row: ModelRow, data: bytes, version: str) -> Entry:
    return {
        "name": row.name,
        "file": row.file,
        "sha256": sha256_of(data),
        "source_package": f"{row.source.package}=={row.source.version}",
        "source_path": list(row.source.path),
        "source_sha256": row.source.sha256,
        "licence": row.licence,
        "author": row.author,
        "inputs": list(row.inputs),
        "outputs": list(row.outputs),
        "converter": version,
    }


def _entry_if_good(models_dir: Path, row: ModelRow, version: str) -> Entry | None:
    """The manifest's entry of a row when its file is whole and made from the same things."""
    try:
        manifest = json.loads((models_dir / "manifest.json").read_bytes())
        entry: Entry = next(e for e in manifest["models"] if e["name"] == row.name)
        data = (models_dir / row.file).read_bytes()
        same = entry == _entry(row, data, version)
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        return None
    return entry if same else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def default_cache() -> Path:
    """Where downloaded originals are kept when nothing else is asked for."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "face-fusion" / "models"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="fetch-models", description="Fetch the embedded models and convert them to ONNX."
    )
    parser.add_argument("--models-dir", type=Path, default=Path("models"), metavar="DIR")
    parser.add_argument("--cache-dir", type=Path, default=default_cache(), metavar="DIR")
    parser.add_argument("--quiet", action="store_true", help="say nothing when all is there")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        made = fetch(options.models_dir, options.cache_dir)
    except ConversionError as error:
        print(f"fetch-models: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"fetch-models: {error}; run `pip install -r services/inference/"
            "requirements-conversion.txt` first",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"fetch-models: cannot write: {error}", file=sys.stderr)
        return 1
    took = time.perf_counter() - start
    state = f"{len(made)} of {len(EMBEDDED)} made" if made else "complete, nothing to do"
    if made or not options.quiet:
        print(f"models in {options.models_dir}: {state} ({took:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
