"""The one ONNX Runtime wrapper of the service, and the only import of onnxruntime."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

# Official builds of ONNX Runtime report to their maker and keep a device id in the home folder
# unless this is set before they are imported (its Privacy.md).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from fusion.errors import ModelUnavailable
from fusion.types import Float32

Device = Literal["cpu", "cuda"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# HEURISTIC: an exhaustive search of convolution algorithms runs again for every new batch size.
# kSameAsRequested: the arena otherwise grows in powers of two and holds up to twice its need.
# TF32 rounds to 10 bits, which would break the agreement with the CPU that the tests promise.
_CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
    "use_tf32": "0",
}


class OnnxModel:
    """A loaded graph. `run` may be called from several threads at once.

    path       an ONNX file
    device     where it must run; nothing falls back to another device
    threads    threads inside one run; 1 is best where several runs share the cores
    Raises     ModelUnavailable when the file or the device cannot be loaded
    """

    def __init__(self, path: Path, device: Device = "cpu", threads: int = 1) -> None:
        if device not in _PROVIDERS:
            raise ModelUnavailable(f"unknown device {device!r}: choose cpu or cuda")
        provider = _PROVIDERS[device]
        if not path.is_file():
            raise ModelUnavailable(
                f"the model file {path.name} is missing: run scripts/fetch-models"
            )
        if provider not in ort.get_available_providers():
            raise ModelUnavailable(
                f"{provider} is not part of the installed ONNX Runtime: install "
                "requirements-gpu.in on a machine with an NVIDIA driver, or set the device to cpu"
            )
        self.name = path.stem
        self.device: Device = device
        self._session = _open(path, provider, threads)
        # ONNX Runtime only warns when a provider fails to start and then uses the CPU.
        loaded = self._session.get_providers()[0]
        if loaded != provider:
            raise ModelUnavailable(
                f"asked for {provider}, but {path.stem} was loaded with {loaded}: check the "
                "driver and the CUDA libraries, or set the device to cpu"
            )
        self.input_names = tuple(node.name for node in self._session.get_inputs())
        self.output_names = tuple(node.name for node in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Float32]) -> list[Float32]:
        """Run the graph: input name -> float32 array; gives the outputs in the graph's order."""
        outputs: list[Float32] = self._session.run(None, dict(feeds))
        return outputs


def _open(path: Path, provider: str, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # failures come as exceptions, with a message of our own
    providers: list[Any] = [provider]
    if provider == _PROVIDERS["cuda"]:
        ort.preload_dlls()  # the CUDA and cuDNN packages are in no library path
        providers = [(provider, _CUDA_OPTIONS), _PROVIDERS["cpu"]]
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions share no public base class
        raise ModelUnavailable(
            f"the model {path.stem} cannot be loaded ({type(error).__name__}): its file is no "
            "network that the installed ONNX Runtime reads; put both back as they came"
        ) from error
