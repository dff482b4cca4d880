"""The stack as a person starts it: scripts/run natively, and what tests of Docker need."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import missing
from stack.running import RunningStack, free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine with compose that answers."""
    if shutil.which("docker") is None:
        missing("the docker command")
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if result.returncode != 0:
            missing(f"an engine that answers `{' '.join(command)}` ({result.stderr.strip()[:200]})")


@pytest.fixture(scope="session")
def composites() -> tuple[Path, Path]:
    """Two faces of nobody from the repository: target, source."""
    pictures = sorted((ROOT / "tests/data/composites").glob("*.jpg"))
    assert len(pictures) >= 2, "tests/data/composites holds no pictures"
    return pictures[0], pictures[1]


@pytest.fixture(scope="session")
def native_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One running `scripts/run --native` that lets pages of two other origins in."""
    folder = tmp_path_factory.mktemp("native")
    origins = "https://app.example https://*.cdn.example.net"
    with RunningStack("native", free_port(), folder, CORS_ALLOWED_ORIGINS=origins) as stack:
        stack.wait_until_ready()
        yield stack
