"""Writes a trained U-Net as ONNX and checks it against PyTorch.

The graph's input is `pair` (N, 12, 224, 224) float32, its outputs `log_gain`, `offset` and `alpha`,
with a free N (see fusion/models/swap/unet.py). PyTorch folds batch normalisation into the
convolutions.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from fusion.models.own import seal
from fusion.models.swap.unet import INPUT_PX
from training.dataset import Samples
from training.network import CHANNELS_IN, FusionUNet, load

_CLOSE = 1e-4
_OPSET = 18
_OUTPUTS = {"log_gain": 3, "offset": 3, "alpha": 1}


class _Shipped(nn.Module):
    """The network as the service calls it: three outputs."""

    def __init__(self, network: FusionUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        said = self.network(pair)
        return said.log_gain, said.offset, said.alpha


def export(network: FusionUNet, pairs: Tensor, path: Path) -> float:
    """Writes the graph and its SHA-256; what stood there stays if the check fails.

    pairs    (N, 12, 224, 224) float32, 0..1, that the check runs on, one by one and all at once
    Returns  the largest difference from PyTorch
    Raises   ValueError where that is above 1e-4 or no number
    """
    shipped = _Shipped(network).eval()
    beside = path.with_suffix(".new")
    torch.onnx.export(
        shipped,
        (torch.rand(2, CHANNELS_IN, INPUT_PX, INPUT_PX),),
        str(beside),
        input_names=["pair"],
        output_names=list(_OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in ("pair", *_OUTPUTS)},
        opset_version=_OPSET,
        dynamo=False,
    )
    _name_shapes(beside)
    worst = _difference(shipped, pairs, beside)
    if not worst <= _CLOSE:
        beside.unlink()
        raise ValueError(f"the exported graph differs from PyTorch by {worst:.1e}")
    beside.rename(path)
    seal(path)
    return worst


def _name_shapes(path: Path) -> None:
    """The exporter cannot tell the outputs' shapes: (batch, C, 224, 224)."""
    model = onnx.load(str(path))
    for output in model.graph.output:
        shape: list[str | int | None] = ["batch", _OUTPUTS[output.name], INPUT_PX, INPUT_PX]
        kind = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, shape)
        output.type.CopyFrom(kind)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _difference(shipped: _Shipped, pairs: Tensor, path: Path) -> float:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    off = []
    for batch in (*pairs.split(1), pairs):
        with torch.no_grad():
            wanted = shipped(batch)
        found = session.run(None, {"pair": batch.numpy()})
        off += [np.abs(a.numpy() - b).max() for a, b in zip(wanted, found, strict=True)]
    return float(np.max(off))  # nan where any is


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="trained.pt of a run")
    parser.add_argument("--held-out", type=Path, required=True, help="samples to check it on")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    args = parser.parse_args()
    pairs = Samples(args.held_out).in_order(0, 3).pair
    worst = export(load(args.trained), pairs, args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, within {worst:.1e} of PyTorch")


if __name__ == "__main__":
    main()
