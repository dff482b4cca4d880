"""The set-up of scripts/lib.sh: one .env for all, a .venv that survives interruption."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bash(script: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; . {root}/scripts/lib.sh; {script}"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_gateway_check_reads_the_same_dotenv_as_the_stack(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("gateway", "lib.sh", "requirements.txt"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    for name in (".venv", "nginx"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".env").write_text("CORS_ALLOWED_ORIGINS=https://a.example/path\n")

    def check(**environment: str) -> subprocess.CompletedProcess[str]:
        return bash(f"{tmp_path}/scripts/gateway check", ROOT, **environment)

    refused = check()
    assert refused.returncode == 1 and "https://a.example/path" in refused.stderr
    accepted = check(CORS_ALLOWED_ORIGINS="https://b.example")
    assert accepted.returncode == 0 and "https://b.example" in accepted.stdout


@pytest.fixture
def small_repo(tmp_path: Path) -> Path:
    """The set-up with lock files that name nothing, so that it needs no network."""
    for folder in ("scripts", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "requirements.txt").write_text("# nothing\n")
    shutil.copy(ROOT / "scripts/lib.sh", tmp_path / "scripts/lib.sh")
    return tmp_path


def test_venv_is_made_once_and_again_only_for_a_reason(small_repo: Path) -> None:
    def said(level: str) -> str:
        result = bash(f"ensure_venv {level}", small_repo)
        assert result.returncode == 0, result.stderr
        return result.stderr

    assert "making the virtual environment" in said("run")
    assert said("run") == ""
    marker = small_repo / ".venv/marker"
    marker.touch()

    first = said("tests")
    assert "tests/requirements.txt" in first and "scripts/requirements.txt" not in first
    assert said("tests") == said("run") == ""

    (small_repo / "scripts/requirements.txt").write_text("# still nothing\n")
    assert "scripts/requirements.txt" in said("run")
    assert marker.exists(), "a new lock file is no reason to begin from nothing"

    (small_repo / ".venv/.installing").touch()  # what an interrupted installation leaves
    assert "making the virtual environment" in said("run")
    assert not marker.exists()
    assert said("run") == ""


def test_venv_is_made_from_the_python_below_an_active_one(
    small_repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Active means first in PATH: another project's, and our own while it is remade."""
    other = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)

    def made_with(active: Path) -> str:
        result = bash("ensure_venv run", small_repo, PATH=f"{active}/bin:/usr/bin:/bin")
        assert result.returncode == 0, result.stderr
        said = re.search(r"making the virtual environment .* \((.*)\)", result.stderr)
        assert said is not None, result.stderr
        return said[1]

    own = small_repo / ".venv"
    base = made_with(other)
    assert not Path(base).is_relative_to(other)
    (own / ".installing").touch()
    assert made_with(own) == base


def test_interrupted_installation_leaves_its_mark(small_repo: Path) -> None:
    (small_repo / "scripts/requirements.txt").write_text("nonsense ==\n")
    failed = bash("ensure_venv run", small_repo)
    assert failed.returncode != 0
    assert "error: pip could not install scripts/requirements.txt" in failed.stderr
    (small_repo / "scripts/requirements.txt").write_text("# nothing\n")
    assert bash("ensure_venv run", small_repo).returncode == 0


def test_missing_package_that_cannot_be_installed_is_explained(small_repo: Path) -> None:
    # An empty PATH entry for sudo and an id that is not root: nothing can be installed.
    script = """
    id() { echo 1000; }
    sudo() { return 1; }
    ensure_packages venv= no-such-command=some-package
    """
    result = bash(script, small_repo)
    assert result.returncode == 1
    assert "could not install: some-package" in result.stderr
    assert "apt-get install --no-install-recommends some-package" in result.stderr
