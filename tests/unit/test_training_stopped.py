"""Ctrl-C while samples are made: a line that says how to go on, and no process left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
from portraits import MODELS_DIR
from unit.embedded import portrait

INFERENCE = Path(__file__).parents[2] / "services/inference"


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    cv2.imwrite(str(tmp_path / "faces/0.png"), portrait())
    rows = []
    for number in range(40):
        if number:
            (tmp_path / f"faces/{number}.png").hardlink_to(tmp_path / "faces/0.png")
        rows.append(f"{number}.png,london,{number}")
    (tmp_path / "faces/index.csv").write_text("\n".join(["file,set,identity", *rows]))
    folders = ["--data", tmp_path, "--models-dir", MODELS_DIR, "--out", tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training.prepare", *map(str, folders), "--shards", "3"],
        env=os.environ | {"PYTHONPATH": str(INFERENCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal's job has
    )
    assert process.stdout is not None
    assert "finding the faces" in process.stdout.readline()
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)  # ends only when the workers have ended
    assert process.returncode == 130
    assert said == "out: stopped, 0 of 3 files are kept; the same command makes the others\n"
