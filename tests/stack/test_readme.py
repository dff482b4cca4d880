"""What README.md tells people to type: its curl examples run, its commands exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from stack.running import ROOT, RunningStack

README = ROOT / "README.md"
# Where examples say the stack is; tests run it on a free port.
ADDRESS = "http://localhost:8080"
# An answer of 4xx or 5xx ends the example; progress bars would hide the message.
PREAMBLE = """set -euo pipefail
curl() { command curl --fail-with-body --silent --show-error --max-time 60 "$@"; }
"""


def bash_blocks(text: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", text, re.M | re.S)


def curl_examples() -> list[str]:
    text = README.read_text() if README.exists() else ""
    return [block for block in bash_blocks(text) if re.search(r"\bcurl\b", block)]


def lay_out_pictures(example: str, folder: Path, composites: tuple[Path, Path]) -> None:
    """Puts a picture wherever the example reads one (`-F name=@path`)."""
    for number, name in enumerate(dict.fromkeys(re.findall(r"@\"?([\w./-]+\.\w+)", example))):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        own = ROOT / name
        place.write_bytes((own if own.exists() else composites[number % 2]).read_bytes())


@pytest.mark.parametrize("example", curl_examples(), ids="number {}".format)
def test_curl_example_of_the_readme_works(
    example: str, native_stack: RunningStack, composites: tuple[Path, Path], tmp_path: Path
) -> None:
    lay_out_pictures(example, tmp_path, composites)
    script = PREAMBLE + example.replace(ADDRESS, native_stack.url)
    result = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{example}\n{result.stdout}\n{result.stderr}"
    for output in re.findall(r"(?:-o|--output) ([\w./-]+)", example):
        assert (tmp_path / output).stat().st_size > 0, output


def gateway_commands() -> list[str]:
    return re.findall(r"^scripts/gateway .*$", README.read_text(), re.M)


@pytest.mark.parametrize("command", gateway_commands())
def test_gateway_command_of_the_readme_works(
    command: str, native_stack: RunningStack, tmp_path: Path
) -> None:
    here = command.replace("https://fusion.example.com", native_stack.url)
    here = here.replace("https://app.example.com", "https://app.example")  # who is let in there
    result = subprocess.run(
        ["bash", "-c", f"{ROOT}/{here}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{here}\n{result.stdout}\n{result.stderr}"


def test_the_readme_shows_check_doctor_and_policy() -> None:
    assert [line.split()[1] for line in gateway_commands()] == ["check", "doctor", "policy"]


def test_page_for_a_cdn_is_built_as_the_readme_says(tmp_path: Path) -> None:
    command = re.search(r"`(scripts/build-page [^`]+)`", README.read_text())
    assert command is not None
    subprocess.run(["bash", "-c", f"{ROOT}/{command[1]}"], cwd=tmp_path, check=True)
    config = json.loads((tmp_path / "dist/config.json").read_text())
    assert config == {"apiBase": "https://fusion.example.com/api"}
    assert (tmp_path / "dist/index.html").exists()


def test_readme_has_curl_examples() -> None:
    assert curl_examples()


def test_scripts_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"(?<![\w/])scripts/([\w-]+(?:\.py)?)", README.read_text()))
    assert named
    for name in named:
        runs = (ROOT / "scripts" / name).stat().st_mode & 0o111
        assert runs or name.endswith(".py"), f"scripts/{name}"


def test_picture_of_the_readme_can_be_made_again(tmp_path: Path) -> None:
    out = tmp_path / "again.jpg"
    script = ROOT / "scripts/readme_picture.py"
    made = subprocess.run(
        [sys.executable, str(script), str(out)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    again, committed = cv2.imread(str(out)), cv2.imread(str(ROOT / "docs/fusion.jpg"))
    assert again.shape == committed.shape
    # Source and target are as they were; the results change whenever the fusion does, and a JPEG
    # block of theirs reaches up to 16 px over the border. 2 levels: another build of the codec.
    inputs = np.s_[:, : again.shape[1] // 2 - 16]
    assert cv2.absdiff(again[inputs], committed[inputs]).max() <= 2
    _, target, half, full = np.hsplit(again, 4)
    assert cv2.absdiff(target, half).mean() > 1 and cv2.absdiff(half, full).mean() > 1
