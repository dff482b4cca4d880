"""A network runs where it was asked to, or not at all."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from portraits import MODELS_DIR
from unit.embedded import ROWS

from fusion.errors import ModelUnavailable
from fusion.models.registry import check_files, load_models
from fusion.models.session import OnnxModel

ROW = ROWS["selfie_segmentation"]
FILE = MODELS_DIR / ROW.file
NO_CUDA = "CUDAExecutionProvider" not in ort.get_available_providers()


def copy_of_models(folder: Path) -> Path:
    for path in MODELS_DIR.iterdir():
        if not path.name.startswith("."):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_the_cpu_is_used_when_asked_for() -> None:
    model = OnnxModel(FILE, "cpu")
    assert (model.device, model.input_names, model.output_names) == (
        "cpu",
        ROW.inputs,
        ROW.outputs,
    )
    (person,) = model.run({"image": np.zeros((2, 3, 256, 256), np.float32)})
    assert person.shape == (2, 1, 256, 256)


@pytest.mark.skipif(not NO_CUDA, reason="this ONNX Runtime has CUDA")
def test_asking_for_cuda_without_it_is_an_error_not_the_cpu() -> None:
    with pytest.raises(ModelUnavailable, match=r"CUDAExecutionProvider is not part"):
        OnnxModel(FILE, "cuda")


@pytest.mark.skipif(not NO_CUDA, reason="this ONNX Runtime has CUDA")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_silent_fall_back_to_the_cpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # A GPU build on a host without a GPU: CUDA is listed, fails to start, and the CPU steps in.
    # The CPU build does the same when it is told that it has CUDA.
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(ort, "get_available_providers", lambda: both)
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    with pytest.raises(ModelUnavailable, match="was loaded with CPUExecutionProvider"):
        OnnxModel(FILE, "cuda")


def test_an_unknown_device_is_an_error() -> None:
    with pytest.raises(ModelUnavailable, match="cpu or cuda"):
        OnnxModel(FILE, "tpu")  # type: ignore[arg-type]


def test_a_missing_or_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    damaged = tmp_path / "network.onnx"
    with pytest.raises(ModelUnavailable, match="scripts/fetch-models"):
        OnnxModel(damaged)
    damaged.write_bytes(FILE.read_bytes()[:5000])
    with pytest.raises(ModelUnavailable, match=r"no network that .* reads; put both back"):
        OnnxModel(damaged)


def test_an_empty_models_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"manifest\.json: run scripts/fetch-models"):
        load_models(tmp_path)


def test_every_wrong_file_is_named(tmp_path: Path) -> None:
    folder = copy_of_models(tmp_path)
    check_files(folder)
    (folder / "blazeface_back.onnx").unlink()
    (folder / "face_mesh.npz").write_bytes(b"other")
    with pytest.raises(ModelUnavailable, match=r"files: blazeface_back\.onnx, face_mesh\.npz;"):
        load_models(folder)


def test_the_bundle_tells_its_device() -> None:
    models = load_models(MODELS_DIR, "cpu")
    assert models.device == "cpu" and set(models.swaps) == {"mesh", "unet"}
