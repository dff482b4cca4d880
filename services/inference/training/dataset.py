"""Reads prepared samples and makes batches of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """pair (N, 12, H, W), truth (N, 3, H, W), counts (N, 1, H, W) float32 0..1, RGB; kind (N,)."""

    pair: Tensor
    truth: Tensor
    counts: Tensor
    kind: Tensor


class Samples:
    """All shards of a folder, read as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._shards = [_open(path) for path in sorted(folder.glob("*.npy"))]
        if not self._shards:
            raise FileNotFoundError(f"{folder} holds no samples: run training.prepare first")
        self._sizes = [len(shard[2]) for shard in self._shards]

    def __len__(self) -> int:
        return sum(self._sizes)

    def batch(self, rng: Generator, size: int) -> Batch:
        """Random samples, half of them mirrored left to right."""
        chosen = rng.integers(len(self), size=size)
        return self._of(chosen, rng.random(size) < 0.5)

    def in_order(self, first: int, size: int) -> Batch:
        """Samples first .. first + size, as they are."""
        chosen = np.arange(first, min(first + size, len(self)))
        return self._of(chosen, np.zeros(len(chosen), bool))

    def _of(self, chosen: NDArray[np.intp], mirrored: NDArray[np.bool_]) -> Batch:
        pictures, maps, kinds = [], [], []
        ends = np.cumsum(self._sizes)
        for index, mirror in zip(chosen, mirrored, strict=True):
            shard = int(np.searchsorted(ends, index, side="right"))
            inside = int(index - (ends[shard] - self._sizes[shard]))
            step = -1 if mirror else 1
            pictures.append(self._shards[shard][0][inside][:, ::step])
            maps.append(self._shards[shard][1][inside][:, ::step])
            kinds.append(self._shards[shard][2][inside])
        image = _planes(np.stack(pictures))
        other = _planes(np.stack(maps))
        # Stored as BGR: target, texture, lit, truth.
        target, texture, lit, truth = (image[:, 3 * k : 3 * k + 3].flip(1) for k in range(4))
        pair = torch.cat([target, texture, lit, other[:, :3]], dim=1)
        return Batch(pair, truth, other[:, 3:4], torch.from_numpy(np.array(kinds, np.int64)))


def _planes(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).permute(0, 3, 1, 2).float() / 255


def _open(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The three arrays of a shard, mapped rather than read: they follow each other in the file."""
    arrays = []
    with path.open("rb") as file:
        for _ in range(3):
            version = np.lib.format.read_magic(file)
            assert version == (1, 0), f"{path} is no shard of prepared samples"
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            array = np.memmap(path, dtype, "r", file.tell(), shape)
            arrays.append(array)
            file.seek(int(np.prod(shape)) * dtype.itemsize, 1)
    return arrays[0], arrays[1], arrays[2]
