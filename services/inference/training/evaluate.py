"""What a U-Net is worth on held-out people: in figures, and as a sheet to look at.

Training does this now and then; for trained weights: python -m training.evaluate (--help).
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from training.dataset import Batch, Samples
from training.losses import Likeness, inside_error
from training.network import FusionUNet, compose, load
from training.recogniser import Recogniser
from training.samples import OWN, WILD

_CHECKED = 256  # held-out samples
_SHOWN = 12
_FIGURES = ("classical error", "learned error", "classical cosine", "learned cosine")


@torch.no_grad()
def evaluate(network: FusionUNet, held_out: Samples, likeness: Likeness) -> dict[str, float]:
    """Of the classical and the learned: mean error inside the face, mean cosine to the source."""
    found: dict[str, list[float]] = {name: [] for name in _FIGURES}
    for first in range(0, min(_CHECKED, len(held_out)), 16):
        batch = held_out.in_order(first, 16).to(_device(network))
        weight = batch.counts * batch.pair[:, 9:10]
        pictures = _classical(batch), compose(batch.pair, network.eval()(batch.pair))
        for name, fused in zip(("classical", "learned"), pictures, strict=True):
            error = inside_error(fused, batch.truth, weight)[batch.kind == OWN]
            like = 1 - likeness.distance(fused, batch.chip, batch.identity)
            found[f"{name} error"] += error.tolist()
            found[f"{name} cosine"] += like[batch.kind == WILD].tolist()
    return {name: float(np.mean(values)) for name, values in found.items()}


def told(found: dict[str, float]) -> str:
    """What evaluate found, as a line."""
    return (
        f"held-out error {found['learned error']:.4f} (classical {found['classical error']:.4f}), "
        f"cosine {found['learned cosine']:.3f} ({found['classical cosine']:.3f})"
    )


@torch.no_grad()
def draw_sheet(network: FusionUNet, held_out: Samples, path: Path) -> None:
    """Held-out samples: target, texture, classical, learned, truth and the mask times alpha."""
    batch = held_out.in_order(0, _SHOWN).to(_device(network))
    said = network.eval()(batch.pair)
    target, texture = batch.pair[:, :3], batch.pair[:, 3:6]
    columns = [target, texture, _classical(batch), compose(batch.pair, said), batch.truth]
    columns.append((said.alpha * batch.pair[:, 9:10]).expand(-1, 3, -1, -1))
    strip = torch.cat(columns, dim=3).cpu()
    rows = torch.cat(list(strip), dim=1).permute(1, 2, 0).numpy()[..., ::-1]
    cv2.imwrite(str(path), np.clip(rows * 255, 0, 255).astype(np.uint8))


def _classical(batch: Batch) -> Tensor:
    target, lit, mask = batch.pair[:, :3], batch.pair[:, 6:9], batch.pair[:, 9:10]
    return target + (lit - target) * mask


def _device(network: FusionUNet) -> torch.device:
    return next(network.parameters()).device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, required=True, help="trained.pt of a run")
    parser.add_argument("--samples", type=Path, required=True, help="that it was trained on")
    parser.add_argument("--held-out", type=Path, required=True, help="samples to judge it by")
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, required=True, help="the JPEG to write")
    args = parser.parse_args()
    network, held_out = load(args.trained), Samples(args.held_out)
    recogniser = Recogniser(args.models_dir / "dlib_face_resnet.onnx")
    likeness = Likeness(recogniser, Samples(args.samples).mean_identity())
    print(f"{args.trained}: {told(evaluate(network, held_out, likeness))}")
    draw_sheet(network, held_out, args.sheet)
    print(f"{args.sheet}: what it makes of {_SHOWN} held-out samples")


if __name__ == "__main__":
    main()
