"""Writes a trained U-Net as ONNX and checks it against PyTorch.

The graph's input is `pair` (N, 12, 224, 224) float32, its outputs `log_gain`, `offset` and `alpha`,
with a free N (see fusion/models/swap/unet.py). Batch normalisation is folded into the convolutions
by ONNX Runtime when it loads the graph.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from fusion.models.swap.unet import INPUT_PX
from training.network import CHANNELS_IN, FusionUNet

_CLOSE = 1e-4
_OPSET = 18


class _Shipped(nn.Module):
    """The network as the service calls it: three outputs."""

    def __init__(self, network: FusionUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        said = self.network(pair)
        return said.log_gain, said.offset, said.alpha


def load_average(state: Path) -> FusionUNet:
    """The averaged weights of a training run's state.pt, ready to use."""
    saved = torch.load(state, map_location="cpu", weights_only=True)["average"]
    network = FusionUNet()
    prefix = "module."
    network.load_state_dict(
        {name[len(prefix) :]: value for name, value in saved.items() if name.startswith(prefix)}
    )
    network.eval()
    return network


def export(network: FusionUNet, path: Path) -> float:
    """Writes the graph; returns the largest difference from PyTorch, at batch sizes 1 and 3.

    Raises  ValueError where that is above 1e-4
    """
    shipped = _Shipped(network).eval()
    example = torch.rand(2, CHANNELS_IN, INPUT_PX, INPUT_PX)
    names = ["log_gain", "offset", "alpha"]
    torch.onnx.export(
        shipped,
        (example,),
        str(path),
        input_names=["pair"],
        output_names=names,
        dynamic_axes={name: {0: "batch"} for name in ("pair", *names)},
        opset_version=_OPSET,
        dynamo=False,
    )
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in (1, 3):
        pair = torch.rand(count, CHANNELS_IN, INPUT_PX, INPUT_PX)
        with torch.no_grad():
            wanted = shipped(pair)
        found = session.run(None, {"pair": pair.numpy()})
        worst = max(
            worst,
            *(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, found, strict=True)),
        )
    if worst > _CLOSE:
        raise ValueError(f"the exported graph differs from PyTorch by {worst:.1e}")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="state.pt of a run")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    args = parser.parse_args()
    worst = export(load_average(args.state), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, within {worst:.1e} of PyTorch")


if __name__ == "__main__":
    main()
