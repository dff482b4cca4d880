"""scripts/fuse: files in, files out, one plain line for everything that goes wrong."""

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from portraits import MODELS_DIR, ROOT, portrait_files

from fusion import cli

SCRIPT = [sys.executable, "-m", "fusion.cli"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(
        filter(None, [str(ROOT / "services/inference"), os.environ.get("PYTHONPATH")])
    ),
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a.jpg, b.png and c.jpg, 400 px portraits, and notes.txt."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path, name in zip(portrait_files(3), ("a.jpg", "b.png", "c.jpg"), strict=True):
        image = cv2.resize(cv2.imread(str(path)), (400, 400), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / name), image)
    (folder / "notes.txt").write_text("no picture")
    return folder


def fuse(*arguments: object) -> int:
    return cli.main([str(argument) for argument in (*arguments, "--models-dir", MODELS_DIR)])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def wrong(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that wrong usage gives."""
    with pytest.raises(SystemExit) as ended:
        fuse(*arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_target_and_a_source_make_a_result(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert fuse(photos / "a.jpg", photos / "c.jpg", "-o", out, "--ratio", "0.8") == 0
    result, target = cv2.imread(str(out)), cv2.imread(str(photos / "a.jpg"))
    assert result.shape == target.shape
    assert (result != target).any()


def test_ratio_0_as_png_is_the_target(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert fuse(photos / "b.png", photos / "c.jpg", "-o", out, "--ratio", "0") == 0
    np.testing.assert_array_equal(cv2.imread(str(out)), cv2.imread(str(photos / "b.png")))


@pytest.mark.parametrize(
    ("name", "kind"), [("o.jpg", "JPEG"), ("o.webp", "WEBP"), ("o.png", "PNG")]
)
def test_the_ending_of_the_result_is_its_format(photos, tmp_path, name, kind) -> None:
    assert fuse(photos / "a.jpg", photos / "c.jpg", "-o", tmp_path / name) == 0
    assert Image.open(tmp_path / name).format == kind


def test_a_result_has_ordinary_permissions_and_leaves_nothing_beside_it(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results" / "out.jpg"
    mask = os.umask(0o027)
    try:
        assert fuse(photos / "a.jpg", photos / "c.jpg", "-o", out) == 0
    finally:
        os.umask(mask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert names(out.parent) == ["out.jpg"]


def test_several_targets_fill_a_folder(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert fuse(photos / "a.jpg", photos / "b.png", photos / "c.jpg", "-o", out) == 0
    assert names(out) == ["a.jpg", "b.png"]


def test_a_folder_of_targets_is_read_without_its_other_files(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = shutil.move(photos / "c.jpg", tmp_path / "source.jpg")
    assert fuse(photos, source, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["a.jpg", "b.png"]
    assert "2 of 2 written" in capsys.readouterr().err


def test_one_bad_file_does_not_stop_the_others(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "broken.jpg").write_bytes((photos / "a.jpg").read_bytes()[:2000])
    missing = photos / "missing.jpg"
    out = tmp_path / "out"
    targets = [photos / "a.jpg", photos / "broken.jpg", missing, photos / "b.png"]
    assert fuse(*targets, photos / "c.jpg", "-o", out) == 1
    assert names(out) == ["a.jpg", "b.png"]
    lines = capsys.readouterr().err.splitlines()
    assert any("broken.jpg" in line and "IMAGE_DECODE_FAILED" in line for line in lines)
    assert any("missing.jpg" in line and "No such file" in line for line in lines)
    assert "2 of 4 written" in lines[-1]


def test_results_of_equal_names_do_not_overwrite_each_other(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "b.png", other / "a.png")
    out = tmp_path / "out"
    targets = [photos / "a.jpg", other / "a.png"]
    assert fuse(*targets, photos / "c.jpg", "-o", out, "--format", "jpeg") == 0
    assert names(out) == ["a-2.jpg", "a.jpg"]


def test_an_input_is_never_overwritten(photos: Path, tmp_path: Path, capsys) -> None:
    before = {path: path.read_bytes() for path in photos.iterdir()}
    link = tmp_path / "link.jpg"
    link.symlink_to(photos / "a.jpg")
    for out in (photos / "a.jpg", photos / "c.jpg", link, photos / ".." / "photos" / "a.jpg"):
        assert "choose another" in wrong(capsys, photos / "a.jpg", photos / "c.jpg", "-o", out)
    assert "choose another" in wrong(capsys, photos, photos / "c.jpg", "-o", photos)
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


def test_a_failed_fusion_leaves_the_old_result_alone(photos: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.jpg"
    out.write_bytes(b"an older result")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 300, 3), 130, np.uint8))
    assert fuse(tmp_path / "wall.png", photos / "c.jpg", "-o", out) == 1
    assert "NO_FACE" in capsys.readouterr().err
    assert out.read_bytes() == b"an older result"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give TARGET, SOURCE and -o OUT"),
        (["a.jpg"], "give TARGET"),
        (["a.jpg", "c.jpg"], "-o OUT"),
        (["a.jpg", "nobody.jpg", "-o", "x.jpg"], "source nobody.jpg is no file"),
        (["nobody.jpg", "c.jpg", "-o", "x.jpg"], "target nobody.jpg is no file"),
        (["a.jpg", "c.jpg", "-o", "x.gif"], "must end in .jpg"),
        (["a.jpg", "c.jpg", "-o", "x.png", "--format", "jpeg"], "says png, but --format says jpeg"),
        (["a.jpg", "c.jpg", "-o", "x.jpg", "--ratio", "2"], "ratio must be a number from 0 to 1"),
        (["a.jpg", "c.jpg", "-o", "x.jpg", "--model", "nobody"], "--model must be one of mesh"),
        (["a.jpg", "c.jpg", "-o", "x.jpg", "--wrong"], "--wrong"),
        (["a.jpg", "b.png", "c.jpg", "-o", "notes.txt"], "need a folder"),
        (["--faces", "a.jpg", "c.jpg"], "--faces takes one picture"),
        (["--faces", "nobody.jpg"], "is no file"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(photos, monkeypatch, capsys, arguments, says) -> None:
    monkeypatch.chdir(photos)
    assert says in wrong(capsys, *arguments)
    assert names(photos) == ["a.jpg", "b.png", "c.jpg", "notes.txt"]


def test_faces_are_listed_as_json(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuse("--faces", photos / "a.jpg") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["width"], found["height"], len(found["faces"])) == (400, 400, 1)


def test_missing_models_say_how_to_get_them(photos: Path, tmp_path: Path, capsys) -> None:
    arguments = [photos / "a.jpg", photos / "c.jpg", "-o", tmp_path / "x.jpg"]
    empty = ["--models-dir", str(tmp_path)]
    assert cli.main([*(str(argument) for argument in arguments), *empty]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "scripts/fetch-models" in line


def test_a_terminal_gets_a_progress_bar_and_a_pipe_does_not(photos: Path, tmp_path: Path) -> None:
    command = [*SCRIPT, "a.jpg", "b.png", "c.jpg", "-o", str(tmp_path / "out"),
               "--models-dir", str(MODELS_DIR.resolve())]  # fmt: skip
    piped = subprocess.run(command, cwd=photos, env=ENVIRONMENT, capture_output=True, check=True)
    assert piped.stdout == b""
    assert b"[" not in piped.stderr
    controller, terminal = pty.openpty()
    subprocess.run(command, cwd=photos, env=ENVIRONMENT, stderr=terminal, check=True)
    os.close(terminal)
    shown = os.read(controller, 65536)
    assert b"0/2 a.jpg" in shown
    assert b"1/2 b.png" in shown
