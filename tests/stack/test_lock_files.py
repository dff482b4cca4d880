"""The lock files: compiled from their .in files, hashed, and free of any machine's index."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE = "services/inference"
# Lock file -> what it is compiled from, as in scripts/lock.
LOCKS = {
    "scripts/requirements.txt": ["scripts/requirements.in"],
    "tests/requirements.txt": ["tests/requirements.in"],
    f"{SERVICE}/requirements-cpu.txt": [
        f"{SERVICE}/requirements.in",
        f"{SERVICE}/requirements-cpu.in",
    ],
    f"{SERVICE}/requirements-gpu.txt": [
        f"{SERVICE}/requirements.in",
        f"{SERVICE}/requirements-gpu.in",
    ],
    f"{SERVICE}/requirements-conversion.txt": [f"{SERVICE}/requirements-conversion.in"],
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, str]:
    """Package -> version of every `name[extra]==version` line; `-r` lines are followed."""
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        if line.startswith("-r "):
            found |= pins((path.parent / line[3:]).resolve())
        elif match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", line):
            found[normal(match[1])] = match[2]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_holds_what_its_sources_pin(lock: str) -> None:
    wanted: dict[str, str] = {}
    for source in LOCKS[lock]:
        wanted |= pins(ROOT / source)
    assert wanted
    locked = pins(ROOT / lock)
    assert {name: locked.get(name) for name in wanted} == wanted, "run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())[1:]
    assert entries
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_index_or_address_is_in_a_lock_file(lock: str) -> None:
    assert not re.search(
        r"https?:|file:|index-url|find-links|trusted-host", (ROOT / lock).read_text()
    )


def test_lock_files_agree_on_what_they_share() -> None:
    first = pins(ROOT / "scripts/requirements.txt")
    for lock in LOCKS:
        for name, version in pins(ROOT / lock).items():
            assert first.get(name, version) == version, f"{name} in {lock}"


def test_cpu_and_gpu_runtime_are_of_one_version() -> None:
    cpu = pins(ROOT / f"{SERVICE}/requirements-cpu.txt")["onnxruntime"]
    gpu = pins(ROOT / f"{SERVICE}/requirements-gpu.txt")["onnxruntime-gpu"]
    assert cpu == gpu
