"""Reads prepared samples and makes batches of them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from training.geometry import mirrored
from training.samples import WILD


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples (see training.samples.Sample), float32, RGB, 0..1.

    pair      (N, 12, H, W): target, texture, lit texture; mask, skin, eyes
    truth     (N, 3, H, W)
    counts    (N, 1, H, W)
    identity  (N, 128)
    chip      (N, 2, 3)
    kind      (N,) int64
    """

    pair: Tensor
    truth: Tensor
    counts: Tensor
    identity: Tensor
    chip: Tensor
    kind: Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


class Samples:
    """All shards of a folder, read as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._shards = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))]
        if not self._shards:
            raise FileNotFoundError(f"{folder} holds no samples: run training.prepare first")
        self._ends = np.cumsum([len(shard) for shard in self._shards])
        kinds = np.concatenate([shard["kind"] for shard in self._shards])
        self._wild, self._rest = np.nonzero(kinds == WILD)[0], np.nonzero(kinds != WILD)[0]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def mean_identity(self) -> Tensor:
        """(128,) of all samples: what all faces have in common."""
        means = [np.mean(shard["identity"], axis=0) for shard in self._shards]
        return torch.from_numpy(np.mean(means, axis=0))

    def batch(self, rng: Generator, size: int, wild: int) -> Batch:
        """Random samples, so many of them WILD; half mirrored left to right."""
        chosen = [*rng.choice(self._wild, wild), *rng.choice(self._rest, size - wild)]
        return _batch([self._mirrored(index, rng.random() < 0.5) for index in chosen])

    def in_order(self, first: int, size: int) -> Batch:
        """Samples first .. first + size, as they are."""
        return _batch(
            [self._mirrored(k, False) for k in range(first, min(first + size, len(self)))]
        )

    def _mirrored(self, index: int, mirror: bool) -> dict[str, Any]:
        shard = int(np.searchsorted(self._ends, index, side="right"))
        row = self._shards[shard][index - self._ends[shard]]  # counted from the shard's end
        sample = {name: row[name] for name in row.dtype.names}
        if mirror:
            sample["pictures"] = sample["pictures"][:, ::-1]
            sample["maps"] = sample["maps"][:, ::-1]
            sample["chip"] = mirrored(sample["chip"], sample["pictures"].shape[1])
        return sample


def _batch(samples: list[dict[str, Any]]) -> Batch:
    image = _planes([sample["pictures"] for sample in samples])
    other = _planes([sample["maps"] for sample in samples])
    # Stored as BGR: target, texture, lit, truth.
    target, texture, lit, truth = (image[:, 3 * k : 3 * k + 3].flip(1) for k in range(4))
    return Batch(
        pair=torch.cat([target, texture, lit, other[:, :3]], dim=1),
        truth=truth,
        counts=other[:, 3:4],
        identity=torch.from_numpy(np.stack([sample["identity"] for sample in samples])),
        chip=torch.from_numpy(np.stack([sample["chip"] for sample in samples])),
        kind=torch.from_numpy(np.array([sample["kind"] for sample in samples], np.int64)),
    )


def _planes(values: list[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(values)).permute(0, 3, 1, 2).float() / 255
